"""A benchmark: bags, the splits to train and test on, and the network that suits them."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import numpy as np
from torch import nn

from mil_tutorial.bags.augmentation import Augmentation
from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.splits import (
    balanced_folds,
    group_folds,
    group_numbers,
    rotate,
    scale_together,
)
from mil_tutorial.training.config import TrainingConfig


@dataclass(frozen=True)
class Split:
    """Disjoint data sets; ``test_rows`` are the test bags' places in ``Benchmark.test``.

    ``val`` is None where nothing is chosen by validation, so that all other bags train. ``kept`` is
    the group of each bag by its name, where a leak is allowed between these data sets: what is
    divided later does not tear it.
    """

    train: MedicalBagDataset
    val: MedicalBagDataset | None
    test: MedicalBagDataset
    test_rows: np.ndarray
    kept: Mapping[str, Hashable] | None = None

    def parts(self) -> dict[str, MedicalBagDataset]:
        """Return the data sets by name, without ``val`` where there is none."""
        named = {"train": self.train, "val": self.val, "test": self.test}
        return {name: part for name, part in named.items() if part is not None}

    def not_tested(self) -> MedicalBagDataset:
        """Return training and validation bags as one data set, for a division of its own."""
        both = self.train if self.val is None else self.train.joined(self.val)
        return both if self.kept is None else both.with_groups([self.kept[n] for n in both.names])

    def for_members(self, members: int, seed: int) -> list["Split"]:
        """Return the split of each member of an ensemble.

        Training and validation bags are divided anew into as many parts, by group; each member
        validates on another part and trains on the rest. All keep this split where nothing
        validates, or where a class has too few groups for two in each part.
        """
        if self.val is None or members == 1:
            return [self] * members
        both = self.not_tested()
        truth, group_of = both.labels.numpy().astype(int), group_numbers(both.groups)
        if min(len(np.unique(group_of[truth == value])) for value in (0, 1)) < 2 * members:
            return [self] * members
        parts = balanced_folds(truth, group_of, members, seed)
        if any(len(np.unique(truth[val])) < 2 for _, val in parts):
            return [self] * members
        return [replace(self, train=both.subset(rest), val=both.subset(val)) for rest, val in parts]


@dataclass(frozen=True)
class Benchmark:
    """Everything ``compare`` needs to know of a data set."""

    name: str
    description: str
    test: MedicalBagDataset  # all bags that are ever tested; results are in this order
    # Takes a seed, returns the splits of one run: one for a fixed test set, several for
    # cross-validation, made one at a time. Over a run each test bag is tested once.
    splits: Callable[[int], Iterable[Split]]
    input_dim: int  # D, or the width of the encoder's output
    hidden_dim: int = 128  # H
    # Makes the network that turns image tiles into features; trained with the rest
    make_encoder: Callable[[], nn.Module] | None = None
    dropout: float = 0.0
    n_folds: int = 1  # how many splits a seed has
    members: int = 1  # models of each split whose mean judges a test bag
    config: TrainingConfig = field(default_factory=TrainingConfig)  # settings that suit the data
    augment: Augmentation | None = None  # how instances may be changed in training
    source: dict[str, Any] = field(default_factory=dict)  # what a report says of the user's files


class Splits:
    """The splits of a benchmark by seed and fold, of which one is in memory at a time.

    A split is made after those before it in its seed, so ask for them in order.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        self.benchmark = benchmark
        self._coming: Iterator[Split] = iter(())
        self._split: Split | None = None
        self._place = (-1, 0)

    def __reduce__(self) -> tuple[type["Splits"], tuple[Benchmark]]:
        return Splits, (self.benchmark,)  # another process makes its own

    def __call__(self, seed: int, fold: int) -> Split:
        """Return a split; raise ValueError where the seed has fewer."""
        current, next_fold = self._place
        if (seed, fold + 1) != self._place or self._split is None:
            self._split = None  # before the next one is made
            if seed != current or fold < next_fold:
                self._coming, next_fold = iter(self.benchmark.splits(seed)), 0
            self._split = next(islice(self._coming, fold - next_fold, None), None)
            if self._split is None:
                raise ValueError(
                    f"{self.benchmark.name}: n_folds is {self.benchmark.n_folds}, but seed {seed} "
                    f"has no split after {fold}; n_folds is how many splits a seed has"
                )
            self._place = (seed, fold + 1)
        return self._split


def fixed_split(
    train: MedicalBagDataset, val: MedicalBagDataset, test: MedicalBagDataset
) -> Callable[[int], list[Split]]:
    """Return ``splits`` for data with a division of their own: the same division for every seed."""
    split = Split(train, val, test, np.arange(len(test)))
    return lambda seed: [split]


def cross_validation(
    dataset: MedicalBagDataset,
    folds: int | Sequence[int],
    *,
    scale: Callable[..., list[MedicalBagDataset]] | None = scale_together,
    validated: bool = True,
) -> Callable[[int], Iterator[Split]]:
    """Return ``splits`` for data without a test set.

    One fold tests, one validates and the others train; without ``validated``, all but the test fold
    train.

    Parameters
    ----------
    dataset : MedicalBagDataset
    folds : int or sequence of length B
        How many: folds by group, another division for every seed. Or the fold of each bag, the
        same for every seed.
    scale : function, optional
        Scales the features of the bags by those that train, such as ``standardise``.
    validated : bool
    """

    def splits(seed: int) -> Iterator[Split]:
        if isinstance(folds, int | np.integer):
            divisions = group_folds(dataset.labels.tolist(), dataset.groups, folds, seed)
        else:
            divisions = rotate(list(rows_of_folds(folds).values()))
        for train, val, test in divisions:
            rows = [train, test, val] if validated else [np.sort(np.r_[train, val]), test]
            parts = [dataset.subset(part) for part in rows]
            if scale is not None:
                parts = scale(*parts)
            yield Split(parts[0], parts[2] if validated else None, parts[1], test_rows=test)

    return splits


def rows_of_folds(folds: Sequence[int]) -> dict[str, np.ndarray]:
    """Return the rows of each given fold, in the order of their numbers, as ``fold 0``, …"""
    return {f"fold {k}": np.flatnonzero(np.equal(folds, k)) for k in sorted(set(folds))}
