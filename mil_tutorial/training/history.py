"""What was measured in each epoch of a training run."""

import math
from dataclasses import dataclass, field

import numpy as np
import torch

from mil_tutorial.metrics.attention import attention_entropy, effective_instances
from mil_tutorial.metrics.decisions import auc
from mil_tutorial.training.config import TrainingConfig
from mil_tutorial.training.prediction import Predictions


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch showed; ``val_…`` was measured on the validation bags, NaN without any.

    Attributes
    ----------
    epoch : int
        From 0.
    train_loss, val_loss : float
        Mean over bags, both without the entropy term, so that they can be compared.
    val_auc : float
    val_attention_entropy : float
        Mean normalised entropy of the attention, 0 to 1, over bags of two or more instances.
    seconds : float
        Time of training and validation.
    val_effective_instances : float
        Mean over bags of exp(entropy), in instances.
    val_entropy_positive, val_entropy_negative : float
        As ``val_attention_entropy``, over the positive and over the negative bags.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_auc: float
    val_attention_entropy: float
    seconds: float
    val_effective_instances: float = math.nan
    val_entropy_positive: float = math.nan
    val_entropy_negative: float = math.nan


@dataclass
class History:
    """The epochs of a run, and the kept one: by ``keep``, as in ``TrainingConfig``."""

    epochs: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = -1
    keep: str = "best"

    @property
    def best(self) -> EpochRecord:
        """The kept epoch, whose weights the model now has."""
        return self.epochs[self.best_epoch]

    def column(self, name: str) -> np.ndarray:
        """Return one value of every epoch, such as ``"val_loss"``."""
        return np.array([getattr(record, name) for record in self.epochs])

    def add(self, record: EpochRecord) -> bool:
        """Append an epoch; return True if it is the one to keep so far."""
        first = not self.epochs or self.keep == "last"
        improved = first or record.val_loss < self.best.val_loss
        self.epochs.append(record)
        if improved:
            self.best_epoch = record.epoch
        return improved

    def finished(self, config: TrainingConfig) -> bool:
        """Return True if the last epoch is done, or patience is at its end."""
        done = len(self.epochs)
        impatient = config.patience is not None and done - 1 - self.best_epoch >= config.patience
        return done >= config.epochs or impatient


def measure(predictions: Predictions | None) -> dict[str, float]:
    """Return the columns of a record beside the losses; NaN without validation bags."""
    if predictions is None:
        return dict.fromkeys(("val_auc", "val_attention_entropy"), math.nan)
    labels, sizes = torch.from_numpy(predictions.labels), torch.from_numpy(predictions.sizes)
    entropy = attention_entropy(predictions.attention, sizes=sizes)
    several = sizes > 1  # the entropy of a bag of one says nothing
    instances = effective_instances(predictions.attention, sizes=sizes)
    return {
        "val_auc": auc(predictions.labels, predictions.probabilities),
        "val_attention_entropy": _mean(entropy[several]),
        "val_effective_instances": _mean(instances),
        "val_entropy_positive": _mean(entropy[several & (labels == 1)]),
        "val_entropy_negative": _mean(entropy[several & (labels == 0)]),
    }


def _mean(values: torch.Tensor) -> float:
    return float(values.double().mean())  # NaN when there are none
