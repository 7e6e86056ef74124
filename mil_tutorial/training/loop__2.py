"""Optimisation: from the bags of a step to new weights, by one process or several."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mil_tutorial.attention_metrics import entropy_term
from mil_tutorial.augmentation import Augmentation
from mil_tutorial.batches import BagBatch
from mil_tutorial.chunks import check_chunkable, forward_in_chunks
from mil_tutorial.config import TrainingConfig
from mil_tutorial.models import MIL
from mil_tutorial.processes import Processes


class Optimisation:
    """Adam, the loss, mixed precision and the learning rate of one run.

    Gradients add up over the parts of a step and over processes, each part's loss divided by the
    bags of the whole step: the step is that of all its bags at once, to within rounding.

    Parameters
    ----------
    model : MIL
    config : TrainingConfig
    labels : Tensor, shape (B,)
        Of all training bags.
    processes : Processes
    augment : callable, optional
    """

    def __init__(
        self,
        model: MIL,
        config: TrainingConfig,
        labels: Tensor,
        processes: Processes,
        augment: Augmentation | None = None,
    ) -> None:
        self.model, self.config, self.processes = model, config, processes
        self.augment = augment
        self.device = next(model.parameters()).device
        if config.instances_at_once is not None:
            check_chunkable(model.train())
        self.optimizer = torch.optim.Adam(
            model.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=self.device.type in ("cpu", "cuda"),
        )
        negatives, positives = torch.bincount(labels.long(), minlength=2).tolist()
        weighted = config.class_balance == "loss"
        self.pos_weight = torch.tensor(negatives / positives if weighted else 1.0)
        # Gradients of half precision are scaled, or the small ones would round to 0.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.precision == "float16")
        if self.scaler.is_enabled():  # it is ready, also where this process's first share is empty
            self.scaler.scale(torch.zeros((), device=self.device))
        self.steps = math.ceil(len(labels) / config.batch_size)  # of an epoch
        self.scheduler = self._scheduler(epochs_done=0)

    def loss(self, logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """Weighted cross-entropy of logits (B,) and labels (B,)."""
        return F.binary_cross_entropy_with_logits(
            logits, labels, pos_weight=self.pos_weight.to(logits.device), reduction=reduction
        )

    def step(self, parts: Iterable[BagBatch], sizes: Tensor) -> float:
        """Take one step.

        Parameters
        ----------
        parts : iterable of BagBatch
            This process's bags.
        sizes : Tensor, shape (B,)
            Of the step's bags, those of the other processes included.

        Returns
        -------
        float
            Sum over this process's bags of the loss without the entropy term.
        """
        self.optimizer.zero_grad()
        total = 0.0
        for batch in parts:
            total += self._accumulate(batch, sizes)
            del batch  # not kept while the next bags are read
        self.processes.sum_gradients(self.model.parameters())
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.scheduler is not None:
            self.scheduler.step()
        return total

    def _accumulate(self, batch: BagBatch, sizes: Tensor) -> float:
        """Add the gradient of a part to what is there."""
        batch = batch.to(self.device)
        if self.augment is not None:
            changed = self.augment(batch.instances, batch.sizes)
            batch = BagBatch(changed, batch.sizes, batch.labels)
        logits, attention = self._forward(batch)
        loss = self.loss(logits, batch.labels, reduction="sum")
        objective = loss / len(sizes)
        if weight := self.config.entropy_weight:
            several = int((sizes > 1).sum())
            objective = objective + weight * entropy_term(attention, batch.sizes, several)
        self.scaler.scale(objective).backward()
        return loss.item()

    def _forward(self, batch: BagBatch) -> tuple[Tensor, Tensor]:
        half = self.config.precision != "float32"
        dtype = getattr(torch, self.config.precision) if half else None
        with torch.autocast(self.device.type, dtype=dtype, enabled=half):
            at_once = self.config.instances_at_once
            if at_once is not None and len(batch.instances) > at_once:
                out = forward_in_chunks(self.model, batch.instances, batch.sizes, at_once)
                return out.logits, out.attention
            return self.model.forward_packed(batch.instances, batch.sizes)

    def _scheduler(self, epochs_done: int) -> torch.optim.lr_scheduler.OneCycleLR | None:
        """Make the schedule of the learning rate, at the step where the run is."""
        if self.config.schedule == "constant":
            return None
        return torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            self.config.learning_rate,
            total_steps=self.steps * self.config.epochs + 1,  # stepped once more, after the last
            last_epoch=self.steps * epochs_done - 1,
        )

    def state(self) -> dict[str, Any]:
        """Return what a run needs to go on."""
        return {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}

    def restore(self, state: dict[str, Any], epochs_done: int) -> None:
        """Go on from what ``state`` returned after so many epochs."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.scheduler = self._scheduler(epochs_done)
