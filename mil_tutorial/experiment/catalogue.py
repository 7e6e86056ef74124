"""Data sets by name, each made into a ``Benchmark`` by ``load_benchmark``."""

import warnings
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pooch

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.splits import check_classes, check_groups, group_folds, standardise
from mil_tutorial.datasets.features.bags import FeatureBags
from mil_tutorial.datasets.features.folder import open_features
from mil_tutorial.datasets.features.labels import LabelTable, read_labels
from mil_tutorial.datasets.features.tables import shorten
from mil_tutorial.datasets.npz import read_bags
from mil_tutorial.datasets.slides import load_slides
from mil_tutorial.experiment.benchmarks import (
    Benchmark,
    Split,
    cross_validation,
    fixed_split,
    rows_of_folds,
)
from mil_tutorial.experiment.tcga import tcga_benchmark
from mil_tutorial.training.config import TrainingConfig

FOLDS = 5
"""Of the user's own data, where they come undivided."""
STEP_VALUES = 2**26
"""Numbers in a training step, 256 MB: with what the step computes from them about 1 GB."""


def load_benchmark(
    name: str | Path,
    *,
    train_bags: int = 100,
    labels: Path | None = None,
    positive: str | None = None,
    split: Path | None = None,
    folds: str | None = None,
    label: str | None = None,
    allow_leak: bool = False,
) -> Benchmark:
    """Load a data set with its splits and the settings that suit it.

    Parameters
    ----------
    name : str or path
        ``slides``, ``slides-hard``, ``musk1``, ``musk2``, ``mnist``, ``colon``, ``tcga-brca`` or
        ``tcga-lung``, or the path of a folder of feature files or of an ``.npz`` file with the
        user's own features.
    train_bags : int
        Bags to train on, for ``mnist``, where they are drawn at will.
    labels, positive, split : path, str, path, optional
        For a folder: the CSV of labels, which label is 1, and CLAM's file of a split. See
        ``read_features``.
    folds : {"published", "patient", "site"}, optional
        For TCGA: the ten published folds, or five by patient (the default) or by source site.
    label : str, optional
        For TCGA: ``subtype`` (the default), or a mutation such as ``TP53_mut``; see ``load_tcga``.
    allow_leak : bool
        Train and test although patients are on both sides, to repeat a published protocol.

    Raises
    ------
    ValueError, FileNotFoundError
        For an unknown name, or a file that is missing, damaged or not of the right form.
    """
    name = str(name)
    makers: dict[str, Callable[[], Benchmark]] = {
        "slides": partial(_slides, "slides"),
        "slides-hard": partial(_slides, "slides-hard"),
        "musk1": partial(_musk, 1),
        "musk2": partial(_musk, 2),
        "mnist": partial(_mnist, train_bags),
        "colon": _colon,
    }
    tcga = {"folds": folds, "label": label}
    asked = {option: value for option, value in tcga.items() if value is not None}
    for cohort in ("brca", "lung"):
        makers[f"tcga-{cohort}"] = partial(tcga_benchmark, cohort, allow_leak=allow_leak, **asked)
    if asked and not name.startswith("tcga-"):
        raise ValueError(
            f"--{next(iter(asked))} is for tcga-brca and tcga-lung, and the data are {name}; the "
            "labels of a folder are given by --labels FILE.csv"
        )
    options = {"labels": labels, "positive": positive, "split": split}
    given = next((option for option, value in options.items() if value is not None), None)
    folder = Path(name)
    if given and (name in makers or not folder.is_dir()):
        found = f"{name} is a data set by that name; write ./{name} for your folder"
        why = found if folder.is_dir() else f"there is no folder {name}"
        raise ValueError(f"--{given} is for a folder of features, and {why}")
    if name in makers:
        return makers[name]()
    if folder.is_dir():
        return _folder(folder, labels, positive, split)
    if name.endswith(".npz"):
        return _npz(Path(name))
    raise ValueError(
        f"unknown data {name!r}; choose from {', '.join(makers)}, or give the path of a folder of "
        "feature files or of an .npz file"
    )


def _slides(name: str) -> Benchmark:
    train, val, test = load_slides(name)
    return Benchmark(
        name=name,
        description="Rendered lymph-node slides, frozen self-supervised tile features; "
        "1 is a slide with tumour",
        test=test,
        splits=fixed_split(train, val, test),
        input_dim=train.instance_shape[0],
        dropout=0.5,
        # Chosen by the validation loss of gated attention and of max pooling on both profiles.
        config=TrainingConfig(epochs=80, learning_rate=1e-3, weight_decay=1e-3, patience=20),
    )


def _musk(version: int) -> Benchmark:
    from mil_tutorial.datasets.musk import load_musk

    dataset = load_musk(version)
    return Benchmark(
        name=f"musk{version}",
        description=f"MUSK{version}: molecules and their conformations, 10-fold cross-validation; "
        "1 is a musk",
        test=dataset,
        splits=cross_validation(dataset, 10),
        n_folds=10,
        input_dim=dataset.instance_shape[0],
        config=TrainingConfig(batch_size=8),
    )


def _mnist(train_bags: int) -> Benchmark:
    from mil_tutorial.datasets.mnist import mnist_bags, read_pixels
    from mil_tutorial.models.encoders import LeNetEncoder

    if train_bags < 4:
        raise ValueError(f"train_bags is {train_bags}; two bags of each class need at least 4")
    n_val = max(100, train_bags // 4)
    test = mnist_bags(1000, train=False, seed=0)
    n_digits = len(read_pixels(train=True)[1])

    def splits(seed: int) -> list[Split]:
        # No digit is in training and validation: other images of the same writer may be, as in
        # the paper.
        order = np.random.default_rng(seed).permutation(n_digits)
        train_digits, val_digits = np.split(order, [n_digits * 4 // 5])
        train = mnist_bags(train_bags, train=True, seed=2 * seed + 1, digits=train_digits)
        val = mnist_bags(n_val, train=True, seed=2 * seed + 2, digits=val_digits)
        return [Split(train, val, test, np.arange(len(test)))]

    return Benchmark(
        name="mnist",
        description=f"MNIST bags; {train_bags} training and {n_val} validation bags, LeNet end to "
        "end; 1 is a bag with a 9",
        test=test,
        splits=splits,
        input_dim=LeNetEncoder().output_dim,
        hidden_dim=500,
        make_encoder=LeNetEncoder,
        config=TrainingConfig(epochs=100, batch_size=8, patience=20),
    )


def _colon() -> Benchmark:
    from mil_tutorial.datasets.colon import load_colon
    from mil_tutorial.models.encoders import NucleusEncoder
    from mil_tutorial.models.tile_encoder import optical_density

    rgb = load_colon()
    dataset = rgb.with_instances(
        [optical_density(x * 255) for x in rgb.instances], "optical density"
    )
    return Benchmark(
        name="colon",
        description=f"Colon nuclei; {len(dataset)} images, 10-fold cross-validation by image "
        "(patients are not published: one may be on both sides); "
        "1 is an image with an epithelial nucleus",
        test=dataset,
        # The encoder normalises its input: ten standardised copies of all images are saved.
        splits=cross_validation(dataset, 10, standardised=False),
        n_folds=10,
        input_dim=NucleusEncoder.output_dim,
        make_encoder=NucleusEncoder,
        dropout=0.5,
        config=TrainingConfig(epochs=30, batch_size=8, patience=10, instances_per_bag=64),
    )


def _npz(path: Path) -> Benchmark:
    dataset = read_bags(path)
    if len(dataset.instance_shape) != 1:
        raise ValueError(
            f"{path}: instances have shape {dataset.instance_shape}, compare expects features "
            "(N, D); turn image tiles into features with an encoder first"
        )
    check_classes(**{path.name: dataset})
    try:
        group_folds(dataset.labels.tolist(), dataset.groups, FOLDS)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return Benchmark(
        name=path.name,
        description=f"{path.name}: {len(dataset)} bags, {FOLDS}-fold cross-validation by group; "
        "1 is the label 1 of the file",
        test=dataset,
        splits=cross_validation(dataset, FOLDS),
        n_folds=FOLDS,
        input_dim=dataset.instance_shape[0],
        dropout=0.25,
    )


def _folder(
    path: Path, labels: Path | str | None, positive: str | None, split: Path | str | None
) -> Benchmark:
    """Return the user's own features as a benchmark: with their division, else cross-validation.

    A split without ``val`` has a fifth of the training patients put aside for validation, others
    for each seed.
    """
    if labels is None:
        raise ValueError(
            f"{path} is a folder of features; name its labels too: a CSV with the columns slide "
            "and label (--labels FILE.csv)"
        )
    table = read_labels(labels, positive, split)
    # What is wrong with the division is said before thousands of files are opened.
    blank = MedicalBagDataset(
        (([[0.0]], label) for label in table.labels),
        groups=table.patients or table.slides,
        names=table.slides,
    )
    check_classes(**{Path(labels).name: blank})
    try:
        _division(blank, table)
    except ValueError as error:
        raise ValueError(f"{split or labels}: {error}") from error
    tables = f"{labels} with {split}" if split else str(labels)
    dataset, table = open_features(path, tables, table)
    splits, division = _division(dataset, table)
    _warn_of_copies(dataset, table.splits or table.folds or dataset.groups)
    n_patients = len(set(dataset.groups))
    patients = "slides taken as patients" if table.patients is None else f"{n_patients} patients"
    name = path.resolve().name.encode(errors="replace").decode()  # it may have bytes of no text
    return Benchmark(
        name=name,
        description=f"{name}: {len(dataset)} slides, {patients}, {division}; "
        f"1 is {table.classes[1]!r}, 0 is {table.classes[0]!r}",
        test=dataset if table.splits is None else dataset.subset(_rows(table, "test")),
        splits=splits,
        n_folds=len(set(table.folds or range(FOLDS))) if table.splits is None else 1,
        input_dim=dataset.instance_shape[0],
        dropout=0.25,
        config=TrainingConfig(batch_size=bags_a_step(dataset)),
        source={
            "labels": _identity(labels),
            "split": split and _identity(split),
            "negative": table.classes[0],
            "positive": table.classes[1],
            "left_out": table.left_out,
        },
    )


def _identity(path: Path | str) -> dict[str, str]:
    """Return what tells a file from others wherever it lies: its name and its content."""
    return {"name": Path(path).name, "sha256": pooch.file_hash(str(path))}


def _warn_of_copies(dataset: FeatureBags, sides: Sequence[Hashable]) -> None:
    """Warn of slides of one content on two sides; ``sides`` (B,) are splits or patients."""
    copies = defaultdict(list)
    for name, file, side in zip(dataset.names, dataset.files, sides):
        copies[file.digest].append((name, side))
    divided = [
        " = ".join(name for name, _ in same)
        for same in copies.values()
        if len({side for _, side in same}) > 1
    ]
    if divided:
        warnings.warn(
            f"files of one content under several names: {shorten(divided, 3)}; they may train and "
            "test the same model, so keep one of each or give them one patient",
            stacklevel=4,
        )


def bags_a_step(dataset: FeatureBags, most: int = 16) -> int:
    """Return how many bags a training step may hold, whichever they are: 1 to ``most``.

    All instances of a bag take part, so the largest bags together must fit into ``STEP_VALUES``.
    It depends on the data alone, so results do not depend on the machine.
    """
    largest = dataset.sizes.sort(descending=True).values * dataset.instance_shape[0]
    return max(1, int((largest.cumsum(dim=0)[:most] <= STEP_VALUES).sum()))


def _division(
    dataset: MedicalBagDataset, table: LabelTable
) -> tuple[Callable[[int], Iterable[Split]], str]:
    """Return ``splits`` and their description."""
    if table.folds is not None:
        folds = {name: dataset.subset(rows) for name, rows in rows_of_folds(table.folds).items()}
        check_groups(**folds)
        check_classes(**folds)
        return cross_validation(dataset, table.folds), f"{len(folds)} folds as given"
    if table.splits is None:
        group_folds(dataset.labels.tolist(), dataset.groups, FOLDS)  # refuses too few patients
        return cross_validation(dataset, FOLDS), f"{FOLDS}-fold cross-validation by patient"
    rows = {name: _rows(table, name) for name in ("train", "val", "test")}
    parts = {name: dataset.subset(part) for name, part in rows.items() if len(part)}
    check_groups(**parts)
    check_classes(**parts)

    def divide_training(seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Divide training bags in five by patient: four parts train, one validates."""
        train = parts["train"]
        first, val, second = group_folds(train.labels.tolist(), train.groups, FOLDS, seed)[0]
        return rows["train"][np.sort(np.r_[first, second])], rows["train"][val]

    has_val = "val" in parts
    if not has_val:
        divide_training(seed=0)  # refuses too few patients

    def splits(seed: int) -> list[Split]:
        own = (rows["train"], rows["val"]) if has_val else divide_training(seed)
        train, val, test = standardise(*(dataset.subset(part) for part in (*own, rows["test"])))
        return [Split(train, val, test, np.arange(len(test)))]

    return splits, "split as given" if has_val else "test set as given"


def _rows(table: LabelTable, split: str) -> np.ndarray:
    return np.flatnonzero(np.array(table.splits) == split)
