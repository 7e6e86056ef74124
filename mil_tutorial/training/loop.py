"""Training: one loop for every pooling, watched on validation bags, never on test bags.

Read from top to bottom: ``fit`` runs epochs; an epoch puts the bags in order, cuts them into steps,
takes each step (forward, loss, backward, update), validates and adds a record to the history.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from dataclasses import asdict, replace
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from tqdm.auto import tqdm

from mil_tutorial.bags.augmentation import Augmentation
from mil_tutorial.bags.batches import BagBatch
from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.loading import Step, instances_of_a_part, load_batches, plan_steps
from mil_tutorial.bags.sampling import InstanceSampler, random_generator
from mil_tutorial.bags.splits import check_classes, check_groups
from mil_tutorial.metrics.attention import entropy_term
from mil_tutorial.models.chunks import check_chunkable, forward_in_chunks, normalises_over_batch
from mil_tutorial.models.mil import MIL
from mil_tutorial.system.distributed import this_process
from mil_tutorial.system.numbers import check_kind
from mil_tutorial.training.checkpoints import (
    identify,
    load_checkpoint,
    readable_checkpoint,
    save_checkpoint,
)
from mil_tutorial.training.config import TrainingConfig
from mil_tutorial.training.history import EpochRecord, History, measure
from mil_tutorial.training.prediction import predict_together


def fit(
    model: MIL,
    train: MedicalBagDataset,
    val: MedicalBagDataset | None,
    config: TrainingConfig | None = None,
    *,
    augment: Augmentation | None = None,
    checkpoint: Path | str | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    progress: bool = True,
) -> History:
    """Train a model; leave it with the weights of the epoch with the lowest validation loss.

    The validation loss picks the epoch, not recall or accuracy: it moves smoothly, and it does not
    reward a model that calls everything positive. With ``keep`` "last" the last epoch is kept.

    Processes of a launcher (``system.distributed``) train together, each on its share of every
    batch, and end with the same weights: those of one process to within rounding, unless dropout,
    augmentation or batch normalisation is used, of which each process has its own.

    Parameters
    ----------
    model : MIL
        Trained in place, on the device it is on.
    train, val : MedicalBagDataset
        Must not share a group, and each must hold both classes. ``val`` may be None where
        ``config.keep`` is "last": nothing is chosen by it then.
    config : TrainingConfig, optional
    augment : callable, optional
        Changes the instances (N, …) of bags with sizes (B,) in training, anew in every epoch; see
        ``mil_tutorial.bags.augmentation``.
    checkpoint : path, optional
        Written after every epoch. If it exists, training resumes from it, with the same result as
        if it had never stopped.
    on_epoch : callable, optional
        Called with each new ``EpochRecord``, for live figures.
    progress : bool
        Show a bar.

    Raises
    ------
    ValueError
        For a leak, a split of one class, a checkpoint of another run, a loss that is not finite, an
        entropy weight without learned attention, or no ``val`` where it picks the epoch.
    """
    config = TrainingConfig() if config is None else config
    check_kind(nn.Module, model=model)
    check_kind(TrainingConfig, config=config)
    if val is None and config.keep == "best":
        raise ValueError(
            "val is None, but keep 'best' picks the epoch by the validation loss; give "
            "validation bags, or set keep to 'last' and patience to None"
        )
    parts = {"train": train} | ({} if val is None else {"val": val})
    check_groups(**parts)
    check_classes(**parts)
    run = TrainingRun(model, train, val, config, augment)
    path = Path(checkpoint) if checkpoint is not None else None
    if path is not None and path.exists():
        run.restore(path)
    try:
        with tqdm(
            total=config.epochs,
            initial=len(run.history.epochs),
            disable=None if progress and run.processes.is_main else True,
            unit="epoch",
            leave=False,
        ) as bar:
            while not run.history.finished(config):
                record = run.epoch()
                if path is not None and run.processes.is_main:
                    save_checkpoint(path, run.state(), run.identity)
                if on_epoch is not None:
                    on_epoch(record)
                bar.update()
                bar.set_postfix(val_loss=f"{record.val_loss:.3f}", val_auc=f"{record.val_auc:.3f}")
    finally:  # the weights to keep so far, also when the learner presses stop
        model.load_state_dict(run.best_weights)
        model.eval()
    return run.history


class TrainingRun:
    """The state of a training between two epochs; ``epoch`` takes it one further.

    Gradients add up over the parts of a step and over processes, each part's loss divided by the
    bags of the whole step: the step is that of all its bags at once, to within rounding.
    """

    def __init__(
        self,
        model: MIL,
        train: MedicalBagDataset,
        val: MedicalBagDataset | None,
        config: TrainingConfig,
        augment: Augmentation | None = None,
    ) -> None:
        if config.instances_at_once is not None:
            check_chunkable(model.train())
        self.model, self.train, self.val, self.config = model, train, val, config
        self.augment, self.processes = augment, this_process()
        self.device = next(model.parameters()).device
        self.optimizer = torch.optim.Adam(
            model.parameters(),
            lr=config.learning_rate,
            weight_decay=config.weight_decay,
            fused=self.device.type in ("cpu", "cuda"),
        )
        negatives, positives = torch.bincount(train.labels.long(), minlength=2).tolist()
        weighted = config.class_balance == "loss"
        self.pos_weight = torch.tensor(negatives / positives if weighted else 1.0)
        # Gradients of half precision are scaled, or the small ones would round to 0.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=config.precision == "float16")
        self.scaler.scale(torch.zeros((), device=self.device))  # ready, also for an empty share
        self.scheduler = self._scheduler(epochs_done=0)
        self.processes.check_alike(self.device, lambda: self.identity)
        self.processes.copy_from_main(model)
        self.history = History(keep=config.keep)
        self.best_weights = deepcopy(model.state_dict())

    def epoch(self) -> EpochRecord:
        """Train one epoch, validate, and add a record to the history."""
        number, start = len(self.history.epochs), time.perf_counter()
        # Order, instances and dropout depend on (seed, epoch) alone: that is what makes a resumed
        # run equal to one that never stopped. Each process has its own dropout.
        seed, rank = self.config.seed, self.processes.rank
        key = (seed, number, 2, rank) if rank else (seed, number, 2)
        total = 0.0
        self.model.train()
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(random_generator(*key).initial_seed())
            steps, batches = self._steps(number)
            sizes = self.train.sizes
            for step in steps:
                total += self._step(islice(batches, len(step.parts)), sizes[step.bags])
        self.processes.average_buffers(self.model)
        train_loss = sum(self.processes.gather(total)) / len(self.train)
        predictions, val_loss = None, math.nan
        if self.val is not None:
            predictions = predict_together(self.model, self.val, self.config.batch_size)
            logits, labels = map(torch.from_numpy, (predictions.logits, predictions.labels))
            val_loss = float(self.loss(logits, labels))
        if not np.isfinite(train_loss if self.val is None else train_loss + val_loss):
            raise ValueError(
                f"the loss is not finite in epoch {number} (training {train_loss}, validation "
                f"{val_loss}); lower learning_rate (now {self.config.learning_rate}), scale the "
                f"features, or take precision float32 (now {self.config.precision})"
            )
        known = measure(predictions) | {"seconds": time.perf_counter() - start}
        record = EpochRecord(number, train_loss, val_loss, **known)
        if self.history.add(record):
            self.best_weights = deepcopy(self.model.state_dict())
        return record

    def _order(self, number: int) -> list[int]:
        """Return the bags of an epoch in their order; with the sampler rare classes come often."""
        generator = random_generator(self.config.seed, number, 1)
        if self.config.class_balance == "sampler":
            labels = self.train.labels.long()
            weights = (1 / torch.bincount(labels)[labels]).double()
            return weights.multinomial(len(labels), replacement=True, generator=generator).tolist()
        return torch.randperm(len(self.train), generator=generator).tolist()

    def _steps(self, number: int) -> tuple[list[Step], Iterator[BagBatch]]:
        """Return the steps of an epoch, and the batches of all their parts."""
        config = self.config
        dataset: MedicalBagDataset | InstanceSampler = self.train
        if config.instances_per_bag is not None:
            dataset = InstanceSampler(self.train, config.instances_per_bag, config.seed)
            dataset.set_epoch(number)
        at_once = config.instances_at_once
        if at_once is None and self.device.type == "cpu" and not normalises_over_batch(self.model):
            at_once = instances_of_a_part(dataset.instance_shape)
        order, sizes, own = self._order(number), dataset.sizes.tolist(), self.processes
        planned = plan_steps(
            order, sizes, config.batch_size, at_once=at_once, rank=own.rank, number=own.number
        )
        steps = list(planned)
        parts = [part for step in steps for part in step.parts]
        return steps, load_batches(dataset, parts, workers=config.workers)

    def _step(self, parts: Iterable[BagBatch], sizes: Tensor) -> float:
        """Take a step of bags with ``sizes`` (B,), the own ones in ``parts``; return their loss."""
        self.optimizer.zero_grad()
        total = 0.0
        for batch in parts:
            batch = batch.to(self.device)
            if self.augment is not None:
                batch = replace(batch, instances=self.augment(batch.instances, batch.sizes))
            logits, attention = self._forward(batch)
            loss = self.loss(logits, batch.labels, reduction="sum")
            objective = loss / len(sizes)
            if weight := self.config.entropy_weight:
                several = int((sizes > 1).sum())
                objective = objective + weight * entropy_term(attention, batch.sizes, several)
            self.scaler.scale(objective).backward()
            total += loss.item()
            del batch, logits, attention, loss, objective  # not kept while the next bags are read
        self.processes.sum_gradients(self.model.parameters())
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.scheduler is not None:
            self.scheduler.step()
        return total

    def _forward(self, batch: BagBatch) -> tuple[Tensor, Tensor]:
        at_once, precision = self.config.instances_at_once, self.config.precision
        dtype = None if precision == "float32" else getattr(torch, precision)
        with torch.autocast(self.device.type, dtype, enabled=dtype is not None):
            if at_once is None or len(batch.instances) <= at_once:
                return self.model.forward_packed(batch.instances, batch.sizes)
            return forward_in_chunks(self.model, batch.instances, batch.sizes, at_once)[:2]

    def loss(self, logits: Tensor, labels: Tensor, reduction: str = "mean") -> Tensor:
        """Weighted cross-entropy of logits (B,) and labels (B,)."""
        return F.binary_cross_entropy_with_logits(
            logits, labels, pos_weight=self.pos_weight.to(logits.device), reduction=reduction
        )

    def _scheduler(self, epochs_done: int) -> torch.optim.lr_scheduler.OneCycleLR | None:
        """Return the schedule of the learning rate, at the step where the run is."""
        if self.config.schedule == "constant":
            return None
        steps = math.ceil(len(self.train) / self.config.batch_size)  # of an epoch
        return torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            self.config.learning_rate,
            total_steps=steps * self.config.epochs + 1,  # stepped once more, after the last
            last_epoch=steps * epochs_done - 1,
        )

    @cached_property
    def identity(self) -> dict[str, str]:
        """What must be equal for a checkpoint to resume, by name."""
        return identify(self.model, self.train, self.val, self.config, self.augment)

    def state(self) -> dict[str, Any]:
        """Return what ``restore`` needs to resume from here."""
        parts = {"optimizer": self.optimizer.state_dict(), "scaler": self.scaler.state_dict()}
        return {
            "model": self.model.state_dict(),
            "best": self.best_weights,
            "optimisation": parts,
            "epochs": [asdict(record) for record in self.history.epochs],
        }

    def restore(self, path: Path) -> None:
        """Resume from a checkpoint, after checking that it is of this run."""
        state = load_checkpoint(path, self.identity, self.config.epochs, self.device)
        with readable_checkpoint(path):
            self.model.load_state_dict(state["best"])
            self.model.load_state_dict(state["model"])
            self.best_weights = state["best"]
            for record in state["epochs"]:
                self.history.add(EpochRecord(**record))
            self.optimizer.load_state_dict(state["optimisation"]["optimizer"])
            self.scaler.load_state_dict(state["optimisation"]["scaler"])
        self.scheduler = self._scheduler(len(self.history.epochs))
