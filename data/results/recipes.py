"""Recipes: how published data sets are trained, plainly and with what improves the result."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch.nn import functional as F
from tqdm.auto import tqdm

from mil_tutorial import MedicalBagDataset, load_frozen_encoder
from mil_tutorial.bags.splits import standardise
from mil_tutorial.experiment.benchmarks import Benchmark, Split, cross_validation
from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.training.config import TrainingConfig


@dataclass(frozen=True)
class Recipe:
    """A way to train on a data set.

    Attributes
    ----------
    data : str
        One of ``NAMES``.
    name : str
        ``plain``, ``improved``, or what the improved recipe is made ``without``.
    pooling : str
    benchmark : Benchmark
        The data with their splits, settings and augmentation.
    members : int
        Models whose mean judges a test bag; 1: a single model.
    validated : bool
        Whether bags are held back for validation. Where the length of a run is fixed, they have
        nothing to choose, and in cross-validation nine folds of ten can train in place of eight.
    smoothing : float
        Radius in pixels over which instance scores are averaged, see ``smooth_scores``; 0: none.
    """

    data: str
    name: str
    pooling: str
    benchmark: Benchmark
    members: int = 1
    validated: bool = True
    smoothing: float = 0.0

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain values."""
        return {
            "data": self.data,
            "recipe": self.name,
            "pooling": self.pooling,
            "members": self.members,
            "validated": self.validated,
            "smoothing": self.smoothing,
            "dropout": self.benchmark.dropout,
            "augmentation": repr(self.benchmark.augment),
            "config": asdict(self.benchmark.config),
        }


def recipes(data: str) -> list[Recipe]:
    """Return the recipes of a data set: plain, improved, and improved without one ingredient.

    Parameters
    ----------
    data : str
        One of ``NAMES``; MNIST with its number of training bags.

    Raises
    ------
    ValueError
        For other data.
    """
    if data not in NAMES:
        raise ValueError(f"there are no recipes for {data!r}; choose from {', '.join(NAMES)}")
    return _MAKERS[data]()


BLACK = -0.1307 / 0.3081
"""The background of a standardised digit."""
MNIST_EPOCHS = {50: 100, 100: 50, 200: 25, 500: 18}
"""Epochs of one cycle by number of training bags: 600 steps or more."""
NEIGHBOURHOOD = 20.0
"""Pixels over which scores of colon nuclei are averaged: about the distance to the next nucleus."""


def _mnist(train_bags: int) -> list[Recipe]:
    from mil_tutorial.bags.augmentation import Affine

    data, plain = f"mnist-{train_bags}", load_benchmark("mnist", train_bags=train_bags)
    benchmark = replace(
        plain,
        splits=_without_validation(plain),
        dropout=0.5,
        augment=Affine(degrees=20, stretch=0.2, shift=2, shear=0.2, background=BLACK),
        config=_one_cycle(epochs=MNIST_EPOCHS[train_bags], batch_size=8, learning_rate=1e-3),
    )
    members = {50: 5, 100: 3, 200: 3, 500: 1}[train_bags]  # with many bags, members agree
    improved = Recipe(data, "improved", "attention", benchmark, members, validated=False)
    known = [*_plain(data, plain), improved]
    if train_bags == 100:
        fewer = replace(benchmark.config, instances_per_bag=8)
        known += _ablations(improved)
        known.append(_single(improved, "with dropout of digits", config=fewer))
    return known


def _musk(version: int) -> list[Recipe]:
    from mil_tutorial.bags.augmentation import DropFeatures

    data = f"musk{version}"
    musk = load_benchmark(data)
    plain = replace(
        musk,
        splits=cross_validation(musk.test, musk.n_folds, scale=standardise),
        dropout=0.5,
        config=TrainingConfig(
            epochs=100, batch_size=8, weight_decay=5e-3, patience=None, class_balance="none"
        ),
    )
    benchmark = replace(
        plain,
        splits=cross_validation(plain.test, plain.n_folds, scale=standardise, validated=False),
        dropout=0.5,
        augment=DropFeatures(0.3),
        config=_one_cycle(epochs=100, batch_size=32, learning_rate=3e-3, weight_decay=1e-2),
    )
    members = {1: 5, 2: 3}[version]  # MUSK2's bags take longer
    improved = Recipe(data, "improved", "attention", benchmark, members, validated=False)
    return [*_plain(data, plain), improved, *_ablations(improved), _held_back(improved, plain)]


def _colon() -> list[Recipe]:
    from mil_tutorial.bags.augmentation import InOrder, StainJitter, TurnAndFlip

    plain = load_benchmark("colon")
    benchmark = replace(
        plain,
        splits=cross_validation(plain.test, plain.n_folds, scale=None, validated=False),
        augment=InOrder((TurnAndFlip(), StainJitter(0.1))),
        config=_one_cycle(
            epochs=20, batch_size=8, learning_rate=1e-3, weight_decay=1e-4, instances_per_bag=64
        ),
    )
    improved = Recipe(
        "colon", "improved", "gated", benchmark, 2, validated=False, smoothing=NEIGHBOURHOOD
    )
    (_, gated) = _plain("colon", plain)  # each takes some 20 minutes of a core
    return [gated, improved, *_ablations(improved), _held_back(improved, plain)]


def _colon_frozen() -> list[Recipe]:
    from mil_tutorial.bags.augmentation import DropFeatures
    from mil_tutorial.datasets.colon import load_colon

    features = colon_features(load_colon())
    benchmark = Benchmark(
        name="colon-frozen",
        description="Colon nuclei, frozen features of EfficientNet-Lite0",
        test=features,
        splits=cross_validation(features, 10, scale=standardise, validated=False),
        n_folds=10,
        input_dim=features.instance_shape[0],
        hidden_dim=128,
        dropout=0.5,
        augment=DropFeatures(0.3),
        config=_one_cycle(
            epochs=20, batch_size=8, learning_rate=1e-3, weight_decay=1e-3, instances_per_bag=64
        ),
    )
    return [
        Recipe(
            "colon-frozen",
            "frozen features",
            "gated",
            benchmark,
            members=2,
            validated=False,
            smoothing=NEIGHBOURHOOD,
        )
    ]


SIDE = 64
"""Pixels to which a patch is enlarged: the network halves its maps five times."""


def colon_features(nuclei: MedicalBagDataset, batch_size: int = 64) -> MedicalBagDataset:
    """Encode the nuclei with EfficientNet-Lite0, whose weights need no download.

    Parameters
    ----------
    nuclei : MedicalBagDataset
        As ``load_colon`` returns them.
    batch_size : int

    Returns
    -------
    MedicalBagDataset
        The same bags with instances (n, 1280).
    """
    encoder = load_frozen_encoder("efficientnet-lite0")
    features = []
    with torch.inference_mode():
        for patches in tqdm(nuclei.instances, "frozen features", unit="image", disable=None):
            parts = [encoder(_enlarged(part)) for part in patches.split(batch_size)]
            features.append(torch.cat(parts).clone())
    return nuclei.with_instances(features, "features of efficientnet-lite0")


def _enlarged(patches: torch.Tensor) -> torch.Tensor:
    """Turn patches (n, 3, 27, 27) from 0 to 1 into tiles (n, 64, 64, 3) of bytes."""
    large = F.interpolate(patches, size=SIDE, mode="bilinear", align_corners=False)
    return (large * 255).round().to(torch.uint8).permute(0, 2, 3, 1)


def _plain(data: str, benchmark: Benchmark) -> list[Recipe]:
    return [Recipe(data, "plain", pooling, benchmark) for pooling in ("attention", "gated")]


def _ablations(improved: Recipe) -> list[Recipe]:
    """Leave out one ingredient at a time; to be compared with single members of ``improved``."""
    constant = replace(improved.benchmark.config, schedule="constant")
    return [
        _single(improved, "without augmentation", augment=None),
        _single(improved, "without dropout", dropout=0.0),
        _single(improved, "without one cycle", config=constant),
    ]


def _single(recipe: Recipe, name: str, **changes: Any) -> Recipe:
    return replace(recipe, name=name, members=1, benchmark=replace(recipe.benchmark, **changes))


def _without_validation(benchmark: Benchmark) -> Callable[[int], Iterator[Split]]:
    """Return the same splits without their validation bags, which have nothing to choose."""
    return lambda seed: (replace(split, val=None) for split in benchmark.splits(seed))


def _held_back(recipe: Recipe, plain: Benchmark) -> Recipe:
    """Train on one fold less, as a recipe must that chooses its epoch by validation."""
    one = _single(recipe, "with a fold held back", splits=plain.splits)
    return replace(one, validated=True)


def _one_cycle(**settings: Any) -> TrainingConfig:
    return TrainingConfig(patience=None, schedule="one_cycle", keep="last", **settings)


_MAKERS: dict[str, Callable[[], list[Recipe]]] = {
    "mnist-50": lambda: _mnist(50),
    "mnist-100": lambda: _mnist(100),
    "mnist-200": lambda: _mnist(200),
    "mnist-500": lambda: _mnist(500),
    "musk1": lambda: _musk(1),
    "musk2": lambda: _musk(2),
    "colon": _colon,
    "colon-frozen": _colon_frozen,
}
NAMES = tuple(_MAKERS)
