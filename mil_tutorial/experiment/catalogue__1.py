"""The user's own features as a benchmark: their splits, and settings that fit into memory."""

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from mil_tutorial.config import TrainingConfig
from mil_tutorial.datasets.benchmark import Benchmark, Split, cross_validation
from mil_tutorial.datasets.features import read_features
from mil_tutorial.datasets.labels import LabelTable
from mil_tutorial.datasets.lazy import FeatureBags
from mil_tutorial.splits import check_classes, check_groups, group_folds, standardise

FOLDS = 5
STEP_VALUES = 2**26
"""Numbers in a training step, 256 MB: with what the step computes from them about 1 GB."""


def feature_benchmark(
    folder: Path | str, labels: Path | str, positive: str | None = None
) -> Benchmark:
    """Return the user's own features as a benchmark: with their split, else cross-validation.

    A split without ``val`` has a fifth of the training patients put aside for validation, others
    for each seed.
    """
    dataset, table = read_features(folder, labels, positive)
    source = Path(labels).name
    check_classes(**{source: dataset})
    try:
        splits, divided = _division(dataset, table)
    except ValueError as error:
        raise ValueError(f"{labels}: {error}") from error
    n_patients = len(set(dataset.groups))
    patients = "slides taken as patients" if table.patients is None else f"{n_patients} patients"
    tested = dataset if table.splits is None else dataset.subset(_rows(table, "test"))
    name = Path(folder).resolve().name
    return Benchmark(
        name=name,
        description=f"{name}: {len(dataset)} slides, {patients}, {divided}; "
        f"1 is {table.classes[1]!r}, 0 is {table.classes[0]!r}",
        test=tested,
        splits=splits,
        n_folds=FOLDS if table.splits is None else 1,
        input_dim=dataset.instance_shape[0],
        hidden_dim=128,
        dropout=0.25,
        config=TrainingConfig(batch_size=bags_a_step(dataset)),
    )


def bags_a_step(dataset: FeatureBags, most: int = 16) -> int:
    """Return how many bags a training step may hold, whichever they are: 1 to ``most``.

    All instances of a bag take part, so the largest bags together must fit into ``STEP_VALUES``.
    It depends on the data alone, so results do not depend on the machine.
    """
    largest = dataset.sizes.sort(descending=True).values * dataset.instance_shape[0]
    return max(1, int((largest.cumsum(dim=0)[:most] <= STEP_VALUES).sum()))


def _rows(table: LabelTable, split: str) -> np.ndarray:
    return np.flatnonzero(np.array(table.splits) == split)


def _division(
    dataset: FeatureBags, table: LabelTable
) -> tuple[Callable[[int], Iterable[Split]], str]:
    """Return ``splits`` and a word for them."""
    if table.splits is None:
        group_folds(dataset.labels.tolist(), dataset.groups, FOLDS)  # refuses too few patients
        return cross_validation(dataset, FOLDS), f"{FOLDS}-fold cross-validation by patient"
    train, val, test = (_rows(table, split) for split in ("train", "val", "test"))
    parts = {"train": dataset.subset(train), "test": dataset.subset(test)}
    if len(val):
        parts["val"] = dataset.subset(val)
    check_groups(**parts)
    check_classes(**parts)
    if not len(val):
        group_folds(parts["train"].labels.tolist(), parts["train"].groups, FOLDS)

    def splits(seed: int) -> list[Split]:
        rows = (train, val) if len(val) else _with_validation(dataset, train, seed)
        scaled = standardise(*(dataset.subset(part) for part in (*rows, test)))
        return [Split(scaled[0], scaled[1], scaled[2], np.arange(len(test)))]

    return splits, "split as given" if len(val) else "test set as given"


def _with_validation(
    dataset: FeatureBags, train: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Divide training bags in five by patient: four parts train, one validates."""
    part = dataset.subset(train)
    first, val, second = group_folds(part.labels.tolist(), part.groups, FOLDS, seed)[0]
    return train[np.sort(np.concatenate([first, second]))], train[val]
