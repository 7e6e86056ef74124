"""Training: one loop for every pooling, watched on validation bags, never on test bags."""

import time
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, WeightedRandomSampler
from tqdm.auto import tqdm

from mil_tutorial.attention_metrics import entropy_term
from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.batches import collate_packed
from mil_tutorial.checkpoints import TrainingState, load_checkpoint, save_checkpoint
from mil_tutorial.config import TrainingConfig
from mil_tutorial.history import EpochRecord, History, measure
from mil_tutorial.models import MIL
from mil_tutorial.prediction import Predictions, predict
from mil_tutorial.sampling import InstanceSampler, random_generator
from mil_tutorial.splits import check_classes, check_groups


def fit(
    model: MIL,
    train: MedicalBagDataset,
    val: MedicalBagDataset,
    config: TrainingConfig | None = None,
    *,
    checkpoint: Path | str | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    progress: bool = True,
) -> History:
    """Train a model; leave it with the weights of the epoch with the lowest validation loss.

    The validation loss, not recall or accuracy, picks the epoch: it moves smoothly, and it does not
    reward a model that calls everything positive.

    Parameters
    ----------
    model : MIL
        Trained in place, on the device it is on.
    train, val : MedicalBagDataset
        Must not share a group, and each must hold both classes.
    config : TrainingConfig, optional
    checkpoint : path, optional
        Written after every epoch. If it exists, training goes on from it, with the same result as
        if it had never stopped.
    on_epoch : callable, optional
        Called with each new ``EpochRecord``, for live figures.
    progress : bool
        Show a bar.

    Raises
    ------
    ValueError
        For a leak, a split of one class, a checkpoint of another run, a loss that is not finite, or
        an entropy weight where the attention is not learnt.
    """
    config = config or TrainingConfig()
    check_groups(train=train, val=val)
    check_classes(train=train, val=val)
    run = _Run(model, train, val, config)
    path = Path(checkpoint) if checkpoint is not None else None
    if path is not None and path.exists():
        run.restore(path)
    bar = tqdm(
        total=config.epochs,
        initial=len(run.history.epochs),
        disable=None if progress else True,
        unit="epoch",
        leave=False,
    )
    try:
        with bar:
            while not run.finished:
                record = run.epoch()
                if path is not None:
                    run.save(path)
                if on_epoch is not None:
                    on_epoch(record)
                bar.update()
                bar.set_postfix(val_loss=f"{record.val_loss:.3f}", val_auc=f"{record.val_auc:.3f}")
    finally:  # the best weights so far, also when the learner presses stop
        model.load_state_dict(run.best_weights)
        model.eval()
    return run.history


class _Run:
    """The state of a training run between two epochs, and the step from one to the next."""

    def __init__(
        self, model: MIL, train: MedicalBagDataset, val: MedicalBagDataset, config: TrainingConfig
    ) -> None:
        self.model, self.train, self.val, self.config = model, train, val, config
        self.device = next(model.parameters()).device
        self.optimizer = torch.optim.Adam(
            model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )
        negatives, positives = torch.bincount(train.labels.long(), minlength=2).tolist()
        weighted = config.class_balance == "loss"
        self.pos_weight = torch.tensor(negatives / positives if weighted else 1.0)
        self.history = History()
        self.best_weights = _copy(model)

    @cached_property
    def identity(self) -> dict[str, str]:
        """Tell what must be equal for a checkpoint to be continued."""
        shapes = [list(value.shape) for value in self.model.state_dict().values()]
        return {
            "model": f"{self.model!r} {shapes}",
            # A run may be continued for more epochs: until then it is the same run.
            "config": replace(self.config, epochs=1).to_json(),
            "train": self.train.checksum(),
            "val": self.val.checksum(),
        }

    @property
    def finished(self) -> bool:
        done, patience = len(self.history.epochs), self.config.patience
        since_best = done - 1 - self.history.best_epoch
        return done >= self.config.epochs or (patience is not None and since_best >= patience)

    def epoch(self) -> EpochRecord:
        number, start = len(self.history.epochs), time.perf_counter()
        train_loss = self._train_epoch(number)
        found = predict(self.model, self.val, self.config.batch_size)
        val_loss = self._validation_loss(found)
        if not np.isfinite(train_loss + val_loss):
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
                logits, attention = self.model.forward_packed(batch.instances, batch.sizes)
                loss = self._loss(logits, batch.labels)
                total += loss.item() * len(batch)  # without the entropy term, as in validation
                if weight := self.config.entropy_weight:
                    loss = loss + weight * entropy_term(attention, batch.sizes)
                self.optimizer.zero_grad()
                loss.backward()
                self.optimizer.step()
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
        state = TrainingState(
            model=self.model.state_dict(),
            best=self.best_weights,
            optimizer=self.optimizer.state_dict(),
            epochs=[asdict(record) for record in self.history.epochs],
        )
        save_checkpoint(path, state, self.identity)

    def restore(self, path: Path) -> None:
        state = load_checkpoint(path, self.identity, self.device)
        self.model.load_state_dict(state.model)
        self.optimizer.load_state_dict(state.optimizer)
        self.best_weights = state.best
        for record in state.epochs:
            self.history.add(EpochRecord(**record))


def _copy(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}
