"""A benchmark: bags, the splits to train and test on, and the network that suits them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
from torch import nn

from mil_tutorial.augmentation import Augmentation
from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.config import TrainingConfig
from mil_tutorial.splits import group_folds, standardise


@dataclass(frozen=True)
class Split:
    """Three disjoint data sets; ``test_rows`` are the test bags' places in ``Benchmark.test``."""

    train: MedicalBagDataset
    val: MedicalBagDataset
    test: MedicalBagDataset
    test_rows: np.ndarray


@dataclass(frozen=True)
class Benchmark:
    """Everything ``compare`` needs to know of a data set.

    Attributes
    ----------
    name, description : str
    test : MedicalBagDataset
        All bags that are ever tested; results are in this order.
    splits : callable
        Takes a seed, returns the splits of one run: one for a fixed test set, several for
        cross-validation, made one at a time. Over a run each test bag is tested once.
    input_dim, hidden_dim : int
        D (or the width of the encoder's output) and H.
    make_encoder : callable, optional
        Makes the network that turns image tiles into features; trained with the rest.
    dropout : float
    n_folds : int
        How many splits a seed has.
    config : TrainingConfig
        Settings that suit the data.
    augment : callable, optional
        How image tiles may be changed in training.
    """

    name: str
    description: str
    test: MedicalBagDataset
    splits: Callable[[int], Iterable[Split]]
    input_dim: int
    hidden_dim: int
    make_encoder: Callable[[], nn.Module] | None = None
    dropout: float = 0.0
    n_folds: int = 1
    config: TrainingConfig = field(default_factory=TrainingConfig)
    augment: Augmentation | None = None


def fixed_split(
    train: MedicalBagDataset, val: MedicalBagDataset, test: MedicalBagDataset
) -> Callable[[int], list[Split]]:
    """Return ``splits`` for data that come divided: the same division for every seed."""
    split = Split(train, val, test, np.arange(len(test)))
    return lambda seed: [split]


def cross_validation(
    dataset: MedicalBagDataset, n_folds: int, *, standardised: bool = True
) -> Callable[[int], Iterator[Split]]:
    """Return ``splits`` for undivided data: folds by group, another division for every seed.

    Unless told otherwise, each feature (of images, each channel) is standardised by the mean and
    deviation of the fold's training instances.
    """

    def splits(seed: int) -> Iterator[Split]:
        folds = group_folds(dataset.labels.tolist(), dataset.groups, n_folds, seed)
        return (_fold(dataset, *fold, standardised) for fold in folds)

    return splits


def _fold(
    dataset: MedicalBagDataset,
    train: np.ndarray,
    val: np.ndarray,
    test: np.ndarray,
    standardised: bool,
) -> Split:
    parts = [dataset.subset(train), dataset.subset(val), dataset.subset(test)]
    if standardised:
        parts = standardise(*parts)
    return Split(parts[0], parts[1], parts[2], test_rows=test)
