"""A training run: its state between two epochs, and the step from one to the next."""

import math
import time
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, WeightedRandomSampler

from mil_tutorial.attention_metrics import entropy_term
from mil_tutorial.augmentation import Augmentation
from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.batches import BagBatch, collate_packed
from mil_tutorial.checkpoints import TrainingState, load_checkpoint, save_checkpoint
from mil_tutorial.config import TrainingConfig
from mil_tutorial.history import EpochRecord, History, measure
from mil_tutorial.models import MIL
from mil_tutorial.prediction import Predictions, predict
from mil_tutorial.sampling import InstanceSampler, random_generator


class TrainingRun:
    """What ``fit`` drives: make it, call ``epoch`` until it is ``finished``."""

    def __init__(
        self,
        model: MIL,
        train: MedicalBagDataset,
        val: MedicalBagDataset | None,
        config: TrainingConfig,
        augment: Augmentation | None = None,
    ) -> None:
        if val is None and config.keep == "best":
            raise ValueError(
                "val is None, but keep 'best' picks the epoch by the validation loss; give "
                "validation bags, or set keep to 'last' and patience to None"
            )
        self.model, self.train, self.val, self.config = model, train, val, config
        self.augment = augment
        self.device = next(model.parameters()).device
        self.optimizer = torch.optim.Adam(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        negatives, positives = torch.bincount(train.labels.long(), minlength=2).tolist()
        weighted = config.class_balance == "loss"
        self.pos_weight = torch.tensor(negatives / positives if weighted else 1.0)
        self.history = History(keep=config.keep)
        self.best_weights = _copy(model)
        self.scheduler = self._scheduler()

    @cached_property
    def identity(self) -> dict[str, str]:
        """Tell what must be equal for a checkpoint to be continued."""
        shapes = [list(value.shape) for value in self.model.state_dict().values()]
        return {
            "model": f"{self.model!r} {shapes}",
            "config": self._config_identity(),
            "augmentation": _name(self.augment),
            "train": self.train.checksum(),
            "val": "none" if self.val is None else self.val.checksum(),
        }

    def _config_identity(self) -> str:
        if self.config.schedule == "one_cycle":
            return self.config.to_json()
        # A run may be continued for more epochs: until then it is the same run.
        return replace(self.config, epochs=1).to_json()

    def _scheduler(self) -> torch.optim.lr_scheduler.OneCycleLR | None:
        """Make the schedule of the learning rate, at the step where the run is."""
        if self.config.schedule == "constant":
            return None
        steps = math.ceil(len(self.train) / self.config.batch_size)
        return torch.optim.lr_scheduler.OneCycleLR(
            self.optimizer,
            self.config.learning_rate,
            total_steps=steps * self.config.epochs + 1,  # it is stepped once more, after the last
            last_epoch=steps * len(self.history.epochs) - 1,
        )

    @property
    def finished(self) -> bool:
        """Tell whether the last epoch is done, or patience is at its end."""
        done, patience = len(self.history.epochs), self.config.patience
        since_best = done - 1 - self.history.best_epoch
        return done >= self.config.epochs or (patience is not None and since_best >= patience)

    def epoch(self) -> EpochRecord:
        """Train one epoch, then look at the validation bags."""
        number, start = len(self.history.epochs), time.perf_counter()
        train_loss = self._train_epoch(number)
        found = None if self.val is None else predict(self.model, self.val, self.config.batch_size)
        val_loss = math.nan if found is None else self._validation_loss(found)
        if not np.isfinite(train_loss if found is None else train_loss + val_loss):
            raise ValueError(
                f"the loss is not finite in epoch {number} (training {train_loss}, validation "
                f"{val_loss}); lower learning_rate (now {self.config.learning_rate})"
            )
        measured = measure(found)
        seconds = time.perf_counter() - start
        record = EpochRecord(number, train_loss, val_loss, seconds=seconds, **measured)
        if self.history.add(record):
            self.best_weights = _copy(self.model)
        return record

    def _train_epoch(self, number: int) -> float:
        # Order, instances and dropout depend on (seed, epoch) alone: that is what makes a resumed
        # run equal to one that never stopped.
        seed = self.config.seed
        total = 0.0
        self.model.train()
        gpus = [self.device] if self.device.type == "cuda" else []
        with torch.random.fork_rng(devices=gpus):
            torch.manual_seed(random_generator(seed, number, 2).initial_seed())
            for batch in self._loader(number):
                batch = batch.to(self.device)
                if self.augment is not None:
                    changed = self.augment(batch.instances, batch.sizes)
                    batch = BagBatch(changed, batch.sizes, batch.labels)
                logits, attention = self.model.forward_packed(batch.instances, batch.sizes)
                loss = self._loss(logits, batch.labels)
                total += loss.item() * len(batch)  # without the entropy term, as in validation
                if weight := self.config.entropy_weight:
                    loss = loss + weight * entropy_term(attention, batch.sizes)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
                if self.scheduler is not None:
                    self.scheduler.step()
                del batch, logits, attention, loss  # not kept while the next bags are read
        return total / len(self.train)

    def _loader(self, number: int) -> DataLoader:
        seed, n = self.config.seed, self.config.instances_per_bag
        dataset = self.train if n is None else InstanceSampler(self.train, n, seed)
        if isinstance(dataset, InstanceSampler):
            dataset.set_epoch(number)
        generator = random_generator(seed, number, 1)
        if self.config.class_balance == "sampler":
            counts = torch.bincount(self.train.labels.long())
            weights = 1 / counts[self.train.labels.long()]
            order = list(WeightedRandomSampler(weights.tolist(), len(dataset), generator=generator))
        else:
            order = torch.randperm(len(dataset), generator=generator).tolist()
        return DataLoader(dataset, self.config.batch_size, sampler=order, collate_fn=collate_packed)

    def _loss(self, logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return F.binary_cross_entropy_with_logits(
            logits, labels, pos_weight=self.pos_weight.to(logits.device)
        )

    def _validation_loss(self, found: Predictions) -> float:
        logits, labels = torch.from_numpy(found.logits), torch.from_numpy(found.labels)
        return float(self._loss(logits, labels))

    def save(self, path: Path) -> None:
        """Write the state, so that ``restore`` can go on from here."""
        state = TrainingState(
            model=self.model.state_dict(),
            best=self.best_weights,
            optimizer=self.optimizer.state_dict(),
            epochs=[asdict(record) for record in self.history.epochs],
        )
        save_checkpoint(path, state, self.identity)

    def restore(self, path: Path) -> None:
        """Take the state from a file, after checking that it is of this run."""
        state = load_checkpoint(path, self.identity, self.device)
        self.model.load_state_dict(state.model)
        self.optimizer.load_state_dict(state.optimizer)
        self.best_weights = state.best
        for record in state.epochs:
            self.history.add(EpochRecord(**record))
        self.scheduler = self._scheduler()


def _name(augment: Augmentation | None) -> str:
    """Name an augmentation; the repr of a function is another one in every process."""
    name = getattr(augment, "__qualname__", None)
    if name is None and type(augment).__repr__ is object.__repr__:
        name = type(augment).__qualname__
    return repr(augment) if name is None else f"{augment.__module__}.{name}"


def _copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
