"""Data sets by name, each made into a ``Benchmark`` by ``load_benchmark``."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.datasets.slides import load_slides
from mil_tutorial.experiment.benchmarks import Benchmark, Split, cross_validation, fixed_split
from mil_tutorial.experiment.own_features import folder_benchmark, npz_benchmark
from mil_tutorial.experiment.recipe import DROPOUT, MEMBERS, default_config
from mil_tutorial.experiment.tcga import tcga_benchmark
from mil_tutorial.training.config import TrainingConfig

FOLDER, TCGA = "a folder of features", "tcga-brca and tcga-lung"
OPTIONS = {
    FOLDER: ("labels", "positive", "split", "group", "allow_leak"),
    TCGA: ("folds", "label", "allow_leak"),
}
"""What ``load_benchmark`` takes for some data only."""


def load_benchmark(
    name: str | Path,
    *,
    train_bags: int = 100,
    labels: Path | None = None,
    positive: str | None = None,
    split: Path | None = None,
    group: str | None = None,
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
    group : str, optional
        For a folder: a column of the labels, such as a hospital. No two splits share one of its
        values, nor a patient.
    folds : {"published", "patient", "site"}, optional
        For TCGA: the ten published folds, or five by patient (the default) or by source site.
    label : str, optional
        For TCGA: ``subtype`` (the default), or a mutation such as ``TP53_mut``; see ``load_tcga``.
    allow_leak : bool
        Train and test although patients are on both sides of a given division, to repeat a
        published protocol. Without it, that is refused.

    Raises
    ------
    ValueError, FileNotFoundError
        For an unknown name, or a file that is missing, damaged or not of the right form.
    """
    name, folder = str(name), Path(name)
    makers: dict[str, Callable[..., Benchmark]] = {
        "slides": partial(_slides, "slides"),
        "slides-hard": partial(_slides, "slides-hard"),
        "musk1": partial(_musk, 1),
        "musk2": partial(_musk, 2),
        "mnist": partial(_mnist, train_bags),
        "colon": _colon,
        "tcga-brca": partial(tcga_benchmark, "brca"),
        "tcga-lung": partial(tcga_benchmark, "lung"),
    }
    options: dict[str, Any] = {"labels": labels, "positive": positive, "split": split}
    options |= {"group": group, "folds": folds, "label": label, "allow_leak": allow_leak or None}
    options = {option: value for option, value in options.items() if value is not None}
    _check_options(options, name, is_known=name in makers)
    if name in makers:
        return makers[name](**options)
    if folder.is_dir():
        return folder_benchmark(folder, **options)
    if name.endswith(".npz"):
        return npz_benchmark(folder)
    raise ValueError(
        f"unknown data {name!r}; choose from {', '.join(makers)}, or give the path of a folder of "
        "feature files or of an .npz file"
    )


def _check_options(options: Iterable[str], name: str, is_known: bool) -> None:
    """Refuse an option that is for other data."""
    is_folder = Path(name).is_dir()
    kind = TCGA if name.startswith("tcga-") else FOLDER if is_folder and not is_known else ""
    for option in options:
        takers = [takers for takers, own in OPTIONS.items() if option in own]
        if kind in takers:
            continue
        why = f"the data are {name}; the labels of a folder are given by --labels FILE.csv"
        if FOLDER in takers:
            why = f"there is no folder {name}"
            if is_folder:
                why = f"{name} is a data set by that name; write ./{name} for your folder"
            elif is_known:
                why = f"{name} comes with its labels and division"
                why += " (see --label and --folds)" if kind == TCGA else ""
        word = option.replace("_", "-")
        raise ValueError(f"--{word} is for {' or '.join(takers)}, and {why}")


def _slides(name: str) -> Benchmark:
    train, val, test = load_slides(name)
    return Benchmark(
        name=name,
        description="Rendered lymph-node slides, frozen self-supervised tile features; "
        "1 is a slide with tumour",
        test=test,
        splits=fixed_split(train, val, test),
        input_dim=train.instance_shape[0],
        dropout=DROPOUT,
        # One model, on features as their encoder gives them: chapters train them while one reads.
        config=default_config(len(train) + len(val)),
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
        members=MEMBERS,
        input_dim=dataset.instance_shape[0],
        dropout=DROPOUT,
        config=default_config(len(dataset) * 9 // 10),
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
        # The encoder normalises its input: ten scaled copies of all images are saved.
        splits=cross_validation(dataset, 10, scale=None),
        n_folds=10,
        input_dim=NucleusEncoder.output_dim,
        make_encoder=NucleusEncoder,
        dropout=0.5,
        config=TrainingConfig(epochs=30, batch_size=8, patience=10, instances_per_bag=64),
    )
