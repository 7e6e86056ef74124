"""A training run: its state between two epochs, and the step from one to the next."""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import WeightedRandomSampler

from mil_tutorial.augmentation import Augmentation
from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.batches import BagBatch
from mil_tutorial.checkpoints import TrainingState, load_checkpoint, save_checkpoint
from mil_tutorial.chunks import normalises_over_batch
from mil_tutorial.config import TrainingConfig
from mil_tutorial.history import EpochRecord, History, measure
from mil_tutorial.loading import load_batches
from mil_tutorial.models import MIL
from mil_tutorial.optimisation import Optimisation
from mil_tutorial.prediction import Predictions
from mil_tutorial.processes import this_process
from mil_tutorial.sampling import InstanceSampler, random_generator
from mil_tutorial.shared_prediction import predict_together
from mil_tutorial.steps import Step, instances_of_a_part, plan_steps


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
        self.processes = this_process()
        self.optimisation = Optimisation(model, config, train.labels, self.processes, augment)
        self._check_together()
        self.processes.copy_from_main(model)
        self.history = History(keep=config.keep)
        self.best_weights = _copy(model)

    @cached_property
    def identity(self) -> dict[str, str]:
        """Tell what must be equal for a checkpoint to be continued."""
        shapes = [list(value.shape) for value in self.model.state_dict().values()]
        return {
            "model": f"{self.model!r} {shapes}",
            "augmentation": _name(self.optimisation.augment),
            "training set": self.train.checksum(),
            "validation set": "none" if self.val is None else self.val.checksum(),
        } | {name: repr(value) for name, value in asdict(self._settings_that_count()).items()}

    def _check_together(self) -> None:
        """Refuse processes that would train on other bags, or where they cannot exchange weights.

        Raises
        ------
        ValueError
            On every process.
        """
        if self.processes.number == 1:
            return
        wanted, got = torch.device(self.processes.device).type, self.optimisation.device.type
        if wanted != got:
            raise ValueError(
                f"the model is on {got}, but the launched processes work on {wanted}; move it: "
                "model.to(this_process().device)"
            )
        first, *others = self.processes.gather(self.identity)
        names = [name for name in first if any(other[name] != first[name] for other in others)]
        if names:
            raise ValueError(
                f"the processes were given a different {' and '.join(names)}; take the same seeds, "
                "and draw nothing before fit that depends on the process"
            )

    def _settings_that_count(self) -> TrainingConfig:
        config = replace(self.config, workers=0)  # who reads the bags changes nothing
        if config.schedule == "one_cycle":
            return config
        # A run may be continued for more epochs: until then it is the same run.
        return replace(config, epochs=1)

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
        found = None
        if self.val is not None:
            found = predict_together(self.model, self.val, self.config.batch_size)
        val_loss = math.nan if found is None else self._validation_loss(found)
        if not np.isfinite(train_loss if found is None else train_loss + val_loss):
            raise ValueError(
                f"the loss is not finite in epoch {number} (training {train_loss}, validation "
                f"{val_loss}); lower learning_rate (now {self.config.learning_rate}), scale the "
                f"features, or take precision float32 (now {self.config.precision})"
            )
        measured = measure(found)
        seconds = time.perf_counter() - start
        record = EpochRecord(number, train_loss, val_loss, seconds=seconds, **measured)
        if self.history.add(record):
            self.best_weights = _copy(self.model)
        return record

    def _train_epoch(self, number: int) -> float:
        # Order, instances and dropout depend on (seed, epoch) alone: that is what makes a resumed
        # run equal to one that never stopped. Each process has its own dropout.
        seed, rank = self.config.seed, self.processes.rank
        key = (seed, number, 2, rank) if rank else (seed, number, 2)
        device = self.optimisation.device
        total = 0.0
        self.model.train()
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            torch.manual_seed(random_generator(*key).initial_seed())
            steps, batches = self._steps(number)
            sizes = self.train.sizes
            for step in steps:
                own = islice(batches, len(step.parts))
                total += self.optimisation.step(own, sizes[step.bags])
        self.processes.average_buffers(self.model)
        return sum(self.processes.gather(total)) / len(self.train)

    def _steps(self, number: int) -> tuple[list[Step], Iterator[BagBatch]]:
        """Return the steps of an epoch, and the batches of all their parts."""
        config, n = self.config, self.config.instances_per_bag
        dataset = self.train if n is None else InstanceSampler(self.train, n, config.seed)
        if isinstance(dataset, InstanceSampler):
            dataset.set_epoch(number)
        steps = list(
            plan_steps(
                self._order(number),
                dataset.sizes.tolist(),
                config.batch_size,
                at_once=self._instances_of_a_part(dataset),
                rank=self.processes.rank,
                number=self.processes.number,
            )
        )
        parts = [part for step in steps for part in step.parts]
        return steps, load_batches(dataset, parts, workers=config.workers)

    def _instances_of_a_part(self, dataset: MedicalBagDataset | InstanceSampler) -> int | None:
        if self.config.instances_at_once is not None:
            return self.config.instances_at_once
        if self.optimisation.device.type != "cpu" or normalises_over_batch(self.model):
            return None  # all at once
        return instances_of_a_part(dataset.instance_shape)

    def _order(self, number: int) -> list[int]:
        """Return the bags of an epoch."""
        generator = random_generator(self.config.seed, number, 1)
        if self.config.class_balance == "sampler":
            counts = torch.bincount(self.train.labels.long())
            weights = (1 / counts[self.train.labels.long()]).tolist()
            return list(WeightedRandomSampler(weights, len(self.train), generator=generator))
        return torch.randperm(len(self.train), generator=generator).tolist()

    def _validation_loss(self, found: Predictions) -> float:
        logits, labels = torch.from_numpy(found.logits), torch.from_numpy(found.labels)
        return float(self.optimisation.loss(logits, labels))

    def save(self, path: Path) -> None:
        """Write the state, so that ``restore`` can go on from here; the main process does it."""
        if not self.processes.is_main:
            return
        state = TrainingState(
            model=self.model.state_dict(),
            best=self.best_weights,
            optimisation=self.optimisation.state(),
            epochs=[asdict(record) for record in self.history.epochs],
        )
        save_checkpoint(path, state, self.identity)

    def restore(self, path: Path) -> None:
        """Take the state from a file, after checking that it is of this run."""
        state = load_checkpoint(path, self.identity, self.optimisation.device)
        if len(state.epochs) > self.config.epochs:
            raise ValueError(
                f"{path} is of a run of {len(state.epochs)} epochs, this one has "
                f"{self.config.epochs}; take as many, or name another file"
            )
        self.model.load_state_dict(state.model)
        self.best_weights = state.best
        for record in state.epochs:
            self.history.add(EpochRecord(**record))
        self.optimisation.restore(state.optimisation, len(self.history.epochs))


def _name(augment: Augmentation | None) -> str:
    """Name an augmentation; the repr of a function is another one in every process."""
    name = getattr(augment, "__qualname__", None)
    if name is None and type(augment).__repr__ is object.__repr__:
        name = type(augment).__qualname__
    return repr(augment) if name is None else f"{augment.__module__}.{name}"


def _copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
