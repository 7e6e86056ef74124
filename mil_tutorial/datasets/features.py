"""A folder of feature files and a table of labels, made into bags."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from mil_tutorial.config import TrainingConfig
from mil_tutorial.datasets.benchmark import Benchmark, Split, cross_validation
from mil_tutorial.datasets.feature_files import FeatureFile, describe
from mil_tutorial.datasets.feature_formats import FORMATS
from mil_tutorial.datasets.labels import LabelTable, read_labels, shorten
from mil_tutorial.datasets.lazy import FeatureBags
from mil_tutorial.splits import check_classes, check_groups, group_folds, standardise

SUBFOLDERS = ("h5_files", "features", "pt_files")
"""Where files lie below the folder a user names: CLAM's with coordinates, torchmil's, CLAM's."""

FOLDS = 5
STEP_VALUES = 2**26
"""Numbers in a training step, 256 MB: with what the step computes from them about 1 GB."""


def read_features(
    folder: Path | str, labels: Path | str, positive: str | None = None
) -> tuple[FeatureBags, LabelTable]:
    """Open a folder of features of slides, one file a slide, and reconcile it with its labels.

    Nothing but shapes is read. ``.h5`` (CLAM, TRIDENT), ``.pt`` (a tensor), ``.npz`` and ``.npy``
    (torchmil) hold ``features`` (N, D); coordinates come from the same file or from the folder
    ``coords`` beside that of the features.

    Parameters
    ----------
    folder : path
        Holds the files, or a folder ``h5_files``, ``features`` or ``pt_files`` with them.
    labels : path
        CSV: see ``read_labels``. A slide is the name of its file, with or without an ending.
    positive : str, optional
        The label that is 1, where its name does not tell.

    Returns
    -------
    FeatureBags, LabelTable
        Both in the order of the table.

    Raises
    ------
    ValueError, FileNotFoundError
        One line that lists every slide without a file, every file without a label and every file
        that cannot be used.
    """
    folder = Path(folder)
    table = read_labels(labels, positive)
    files = _find(folder)
    paths = _reconcile(folder, Path(labels), files, table.slides)
    found = _describe_all(folder, paths)
    patients = table.patients or table.slides
    return FeatureBags(found, torch.tensor(table.labels, dtype=torch.float32), patients), table


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


def _find(folder: Path) -> dict[str, list[Path]]:
    """Return the feature files of each slide, by the name of the slide."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; name the folder of the feature files")
    for place in (folder, *(folder / name for name in SUBFOLDERS)):
        listed = sorted(place.iterdir()) if place.is_dir() else []
        paths = [path for path in listed if path.suffix in FORMATS and path.is_file()]
        if paths:
            found = defaultdict(list)
            for path in paths:
                found[path.stem].append(path)
            return found
    below = {path.parent.name for path in folder.glob("*/*") if path.suffix in FORMATS}
    hint = f"; there are some in {shorten(below)}: name that folder" if below else ""
    raise ValueError(f"{folder} holds no feature files ({', '.join(FORMATS)}){hint}")


def _reconcile(
    folder: Path, labels: Path, files: dict[str, list[Path]], slides: list[str]
) -> list[Path]:
    """Return the file of each slide in the order of the table."""
    names = [slide if slide in files else Path(slide).stem for slide in slides]
    problems = []
    if missing := [slide for slide, name in zip(slides, names) if name not in files]:
        problems.append(f"no feature file for {shorten(missing)}: extract it or remove the row")
    if extra := files.keys() - set(names):
        problems.append(f"no label for {shorten(extra)}: add a row or move the file away")
    if twice := [name for name, paths in files.items() if len(paths) > 1]:
        problems.append(f"several files for {shorten(twice)}: keep one kind")
    if len(set(names)) < len(names) and not missing:
        again = {name for name in names if names.count(name) > 1}
        problems.append(f"several rows for {shorten(again)}: keep one")
    if problems:
        raise ValueError(f"{folder} and {labels} do not agree: {'; '.join(problems)}")
    return [files[name][0] for name in names]


def _describe_all(folder: Path, paths: list[Path]) -> list[FeatureFile]:
    """Look into all files before saying what is wrong with some."""
    found, problems = [], []
    coords = _coords_folder(paths[0].parent)
    for path in tqdm(paths, desc="features", unit="file", leave=False, disable=None):
        try:
            found.append(describe(path, coords))
        except ValueError as error:
            problems.append(str(error))
    problems += _widths(found)
    if problems:
        more = f" (and {len(problems) - 5} more such files)" if len(problems) > 5 else ""
        raise ValueError("; ".join(problems[:5]) + more)
    return found


def _widths(files: Iterable[FeatureFile]) -> list[str]:
    """Complain of widths that few files have."""
    by_width = defaultdict(list)
    for file in files:
        by_width[file.width].append(file.path.name)
    if len(by_width) < 2:
        return []
    usual = max(by_width, key=lambda width: len(by_width[width]))
    return [
        f"{shorten(names)}: features of width {width}, but {len(by_width[usual])} files have "
        f"{usual}; extract all with one encoder"
        for width, names in by_width.items()
        if width != usual
    ]


def _coords_folder(features: Path) -> Path | None:
    """Return torchmil's folder of coordinates, beside ``features`` or ``features/NAME``."""
    for parent in features.parents[:2]:
        if (parent / "coords").is_dir():
            return parent / "coords"
    return None


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
