"""What was measured in each epoch of a training run."""

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch showed; losses are means over bags, the AUC and entropy are validation's."""

    epoch: int
    train_loss: float
    val_loss: float
    val_auc: float
    val_attention_entropy: float
    seconds: float


@dataclass
class History:
    """The epochs of a run and which of them was kept."""

    epochs: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = -1

    @property
    def best(self) -> EpochRecord:
        """The epoch with the lowest validation loss, whose weights the model now has."""
        return self.epochs[self.best_epoch]

    def column(self, name: str) -> np.ndarray:
        """Return one value of every epoch, such as ``"val_loss"``."""
        return np.array([getattr(record, name) for record in self.epochs])

    def add(self, record: EpochRecord) -> bool:
        """Append an epoch; return whether it is the best so far."""
        improved = not self.epochs or record.val_loss < self.best.val_loss
        self.epochs.append(record)
        if improved:
            self.best_epoch = record.epoch
        return improved
