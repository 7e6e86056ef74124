"""The user's own features as a benchmark: a folder of slides with labels, or one ``.npz``."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pooch

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.splits import (
    check_classes,
    connected_groups,
    count_shared,
    group_folds,
    scale_together,
    shared_groups,
)
from mil_tutorial.datasets.features.bags import FeatureBags
from mil_tutorial.datasets.features.files import copies
from mil_tutorial.datasets.features.folder import open_features
from mil_tutorial.datasets.features.labels import LabelTable, read_labels
from mil_tutorial.datasets.features.tables import shorten
from mil_tutorial.datasets.npz import read_bags
from mil_tutorial.experiment.benchmarks import Benchmark, Split, cross_validation, rows_of_folds
from mil_tutorial.experiment.recipe import DROPOUT, MEMBERS, default_config

FOLDS = 5
"""Of data that come undivided."""
STEP_VALUES = 2**26
"""Numbers in a training step, 256 MB: with what the step computes from them about 1 GB."""


def npz_benchmark(path: Path) -> Benchmark:
    """Return the features of an ``.npz`` file, with cross-validation by group."""
    dataset = read_bags(path)
    if len(dataset.instance_shape) != 1:
        raise ValueError(
            f"{path}: instances have shape {dataset.instance_shape}, compare expects features "
            "(N, D); turn image tiles into features with an encoder first"
        )
    check_classes(**{path.name: dataset})
    _check_folds(dataset, dataset.groups, f"{path}: ")
    return Benchmark(
        name=path.name,
        description=f"{path.name}: {len(dataset)} bags, {FOLDS}-fold cross-validation by group; "
        "1 is the label 1 of the file",
        test=dataset,
        splits=cross_validation(dataset, FOLDS),
        n_folds=FOLDS,
        members=MEMBERS,
        input_dim=dataset.instance_shape[0],
        dropout=DROPOUT,
        config=default_config(len(dataset) * (FOLDS - 1) // FOLDS),
    )


def folder_benchmark(
    path: Path,
    labels: Path | str | None = None,
    positive: str | None = None,
    split: Path | str | None = None,
    group: str | None = None,
    allow_leak: bool = False,
) -> Benchmark:
    """Return a folder of features, with the division that it comes with, else cross-validation.

    Parameters as in ``load_benchmark``. A split without ``val`` has a fifth of the training
    patients put aside for validation, others for each seed. Intervals are over patients, or over
    what ``group`` keeps together, whichever leak is allowed.
    """
    if labels is None:
        raise ValueError(
            f"{path} is a folder of features; name its labels too: a CSV with the columns slide "
            "and label (--labels FILE.csv)"
        )
    table = read_labels(labels, positive, split, group)
    if table.groups == table.patients:  # kept together anyway
        table = table._replace(group=None, groups=None)
    # What is wrong with the division is said before thousands of files are opened.
    sides, kept, leaks = _check_division(table, Path(labels), split, allow_leak)
    dataset, table = open_features(path, f"{labels} with {split}" if split else str(labels), table)
    splits, division = _division(dataset.with_groups(sides), table, kept)
    if leaks:
        splits = _keeping(splits, dict(zip(dataset.names, kept)))
        division += f" ({'; '.join(leaks)})"
    if divided := copies(dataset.files, table.splits or table.folds or kept):
        warnings.warn(
            f"files of one content under several names: {shorten(divided, 3)}; they may train and "
            "test the same model, so keep one of each or give them one patient",
            stacklevel=3,
        )
    n_patients = len(set(dataset.groups))
    patients = "slides taken as patients" if table.patients is None else f"{n_patients} patients"
    name = path.resolve().name.encode(errors="replace").decode()  # it may have bytes of no text
    tested, n_folds = dataset.with_groups(kept), len(set(table.folds or range(FOLDS)))
    n_bags = len(dataset) * (n_folds - 1) // n_folds
    if table.splits is not None:
        tested, n_folds = tested.subset(_rows(table)["test"]), 1
        n_bags = len(dataset) - len(tested)
    return Benchmark(
        name=name,
        description=f"{name}: {len(dataset)} slides, {patients}, {division}; "
        f"1 is {table.classes[1]!r}, 0 is {table.classes[0]!r}",
        test=tested,
        splits=splits,
        n_folds=n_folds,
        input_dim=dataset.instance_shape[0],
        members=MEMBERS,
        dropout=DROPOUT,
        config=default_config(n_bags, bags_a_step(dataset)),
        source={
            "labels": _identity(labels),
            "split": split and _identity(split),
            "group": table.group,
            "leaks": leaks,
            "negative": table.classes[0],
            "positive": table.classes[1],
            "left_out": table.left_out,
        },
    )


def _keeping(
    splits: Callable[[int], Iterable[Split]], kept: dict[str, Hashable]
) -> Callable[[int], Iterator[Split]]:
    """Return ``splits`` whose training bags are divided further without tearing ``kept``."""
    return lambda seed: (replace(split, kept=kept) for split in splits(seed))


def _identity(path: Path | str) -> dict[str, str]:
    """Return what tells a file from others wherever it lies: its name and its content."""
    return {"name": Path(path).name, "sha256": pooch.file_hash(str(path))}


def bags_a_step(dataset: FeatureBags, most: int = 16) -> int:
    """Return how many bags a training step may hold, whichever they are: 1 to ``most``.

    All instances of a bag take part, so the largest bags together must fit into ``STEP_VALUES``.
    It depends on the data alone, so results do not depend on the machine.
    """
    largest = dataset.sizes.sort(descending=True).values * dataset.instance_shape[0]
    return max(1, int((largest.cumsum(dim=0)[:most] <= STEP_VALUES).sum()))


def _check_division(
    table: LabelTable, labels: Path, split: Path | str | None, allow_leak: bool
) -> tuple[Sequence[Hashable], Sequence[Hashable], list[str]]:
    """Check how the slides are divided, before their files are opened.

    Returns
    -------
    sides, kept : sequences of length B
        Groups that no part shares with another, even where a leak is allowed; groups that a
        division made here has to keep together.
    leaks : list of str
        How many are on both sides.
    """
    blank = MedicalBagDataset(
        (([[0.0]], label) for label in table.labels),
        groups=table.patients or table.slides,
        names=table.slides,
    )
    check_classes(**{labels.name: blank})
    where = str(split or labels)
    if allow_leak and not table.divided:
        raise ValueError(
            f"--allow-leak is for slides that come divided; {labels} has no column split or fold, "
            "so compare divides by patient. Leave it out, or name a --split"
        )
    leaks = _leaks(blank, table) if table.divided else {}
    if leaks and not allow_leak:
        counts = "; ".join(f"{count} ({names})" for count, names in leaks.items())
        raise ValueError(
            f"{where}: {counts}; leave the division out, and compare makes one by {_unit(table)}, "
            "or repeat a published protocol with --allow-leak"
        )
    for count in leaks:
        warnings.warn(
            f"{where}: {count}; results may be better than they would be on new patients",
            stacklevel=4,
        )
    kept = _kept_together(blank, table, labels)
    sides = table.slides if leaks else kept
    try:
        _division(blank.with_groups(sides), table, kept)
    except ValueError as error:
        raise ValueError(f"{where}: {error}") from error
    return sides, kept, list(leaks)


def _unit(table: LabelTable) -> str:
    return "patient" if table.group is None else f"patient and {table.group}"


def _kept_together(blank: MedicalBagDataset, table: LabelTable, labels: Path) -> Sequence[Hashable]:
    """Return patients, or what they and the column join, with a warning if a patient joins it."""
    if table.groups is None:
        return blank.groups
    joined = connected_groups(blank.groups, table.groups)
    values = defaultdict(set)
    for patient, value in zip(blank.groups, table.groups):
        values[patient].add(value)
    several = [str(patient) for patient, own in values.items() if len(own) > 1]
    if several and not table.divided:
        n_values, n_groups = len(set(table.groups)), len(set(joined))
        warnings.warn(
            f"{labels}: patients with several values of {table.group} ({shorten(several, 3)}) keep "
            f"these together: {n_values} values make {n_groups} group{'s' * (n_groups > 1)}",
            stacklevel=5,
        )
    return joined


def _leaks(blank: MedicalBagDataset, table: LabelTable) -> dict[str, str]:
    """Return how many are on both sides of a division that was given → the names of some."""
    columns: dict[str, Sequence[Hashable]] = {"patients": blank.groups}
    if table.groups is not None:
        columns[f"values of {table.group}"] = table.groups
    leaks = {}
    for what, groups in columns.items():
        parts = _parts(blank.with_groups(groups), table)
        if shared := shared_groups(**parts):
            leaks[count_shared(what, [parts])] = shorten(map(str, shared), 3)
    return leaks


def _division(
    dataset: MedicalBagDataset, table: LabelTable, kept: Sequence[Hashable]
) -> tuple[Callable[[int], Iterable[Split]], str]:
    """Return ``splits`` and their description; what is divided here does not tear ``kept`` (B,)."""
    if not table.divided:
        by = f"by {_unit(table)}, " if table.group else ""
        _check_folds(dataset, kept, by, ", numbered in a column fold")
        number = f" ({len(set(kept))} groups)" if table.group else ""
        how = f"{FOLDS}-fold cross-validation by {_unit(table)}{number}"
        return cross_validation(dataset, FOLDS), how
    parts = _parts(dataset, table)
    check_classes(**parts)
    if table.folds is not None:
        return cross_validation(dataset, table.folds), f"{len(parts)} folds as given"
    rows = _rows(table)
    training, groups = parts["train"], [kept[row] for row in rows["train"]]
    if not (has_val := "val" in parts):
        _check_folds(training, groups, "for validation, ", ", or list slides as val")

    def divide_training(seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Divide training bags in five by group: four parts train, one validates."""
        first, val, second = group_folds(training.labels.tolist(), groups, FOLDS, seed)[0]
        return rows["train"][np.sort(np.r_[first, second])], rows["train"][val]

    def splits(seed: int) -> list[Split]:
        own = (rows["train"], rows["val"]) if has_val else divide_training(seed)
        train, val, test = scale_together(*(dataset.subset(part) for part in (*own, rows["test"])))
        return [Split(train, val, test, np.arange(len(test)))]

    return splits, "split as given" if has_val else "test set as given"


def _check_folds(
    dataset: MedicalBagDataset, groups: Sequence[Hashable], why: str, advice: str = ""
) -> None:
    """Refuse too few groups."""
    try:
        group_folds(dataset.labels.tolist(), groups, FOLDS)
    except ValueError as error:
        raise ValueError(f"{why}{error}{advice}") from error


def _parts(dataset: MedicalBagDataset, table: LabelTable) -> dict[str, MedicalBagDataset]:
    return {name: dataset.subset(part) for name, part in _rows(table).items() if len(part)}


def _rows(table: LabelTable) -> dict[str, np.ndarray]:
    """Return the rows of a division that was given: of its folds, or of train, val and test."""
    if table.folds is not None:
        return rows_of_folds(table.folds)
    splits = np.array(table.splits)
    return {name: np.flatnonzero(splits == name) for name in ("train", "val", "test")}
