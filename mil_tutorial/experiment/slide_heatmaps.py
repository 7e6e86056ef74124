"""Heat maps of whole slides: the attention of a trained model on the slide's own thumbnail."""

import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.datasets.features.bags import FeatureBags
from mil_tutorial.datasets.features.labels import shorten
from mil_tutorial.datasets.wsi.folders import ENDINGS
from mil_tutorial.datasets.wsi.slide import Slide
from mil_tutorial.datasets.wsi.tile_files import level0_side
from mil_tutorial.experiment.benchmarks import Benchmark
from mil_tutorial.experiment.run import Experiment
from mil_tutorial.pictures.heatmaps import plot_attention
from mil_tutorial.system.errors import in_a_line
from mil_tutorial.system.versions import import_extra
from mil_tutorial.training.prediction import predict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THUMBNAIL = 1500
"""Longest side of a thumbnail in pixels, about."""


def find_slides(folder: Path, benchmark: Benchmark) -> dict[str, Path]:
    """Return the whole slides of the test bags of the first model, by name.

    Call it before training, so that a wrong folder costs no hours.

    Parameters
    ----------
    folder : path
        Holds ``NAME.svs``, ``NAME.tif``, …: anything OpenSlide reads, one file a slide.
    benchmark : Benchmark
        Of a folder of features with coordinates.

    Raises
    ------
    ValueError, FileNotFoundError
        When the features have no coordinates, or the folder holds no slide of theirs.
    ImportError
        When OpenSlide is not installed.
    """
    openslide = import_extra("openslide", "wsi")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; name the folder of the whole slides")
    test = next(iter(benchmark.splits(0))).test
    if not isinstance(test, FeatureBags) or test.coords is None:
        bare = [file.path.name for file in getattr(test, "files", []) if not file.coords_path]
        raise ValueError(
            f"{benchmark.name}: heat maps need the place of each tile, and there are no coords "
            f"for {shorten(bare) or 'the features'}; give .h5 files with features and coords, or "
            "leave out --slides"
        )
    names = set(test.names)
    named = [p for p in sorted(folder.iterdir()) if p.stem in names and p.is_file()]
    slides = {path.stem: path for path in named if openslide.OpenSlide.detect_format(path)}
    damaged = [path.name for path in named if path.suffix.lower() in ENDINGS]
    if damaged and not slides:
        raise ValueError(
            f"OpenSlide can read none of {shorten(damaged)} in {folder}: they are damaged or of an "
            "unknown format"
        )
    if not slides:
        raise ValueError(
            f"{folder} holds none of the slides that are tested first ({shorten(names)}); "
            "name each slide like its feature file"
        )
    return slides


def check_places(slides: dict[str, Path], benchmark: Benchmark) -> dict[str, Path]:
    """Return the slides whose tiles have a known place and size; warn of the others.

    Call it before training: what is wrong in a file of coordinates can still be mended then.
    """
    test = next(iter(benchmark.splits(0))).test
    assert isinstance(test, FeatureBags)
    reasons = {}
    for name, file in zip(test.names, test.files):
        if name in slides:
            try:
                tile_side(file.coords(), file.attributes())
            except Exception as error:  # attributes may be anything
                reasons[name] = in_a_line(error)
    if reasons:
        first, reason = next(iter(reasons.items()))
        warnings.warn(
            f"no heat map of {shorten(reasons)}: the place of the tiles is not known "
            f"({first}: {reason})",
            stacklevel=2,
        )
    return {name: path for name, path in slides.items() if name not in reasons}


def slide_figures(
    experiment: Experiment, slides: dict[str, Path]
) -> "dict[str, Callable[[], Figure]]":
    """Choose the test slides that teach most, as the first model of the last pooling sees them.

    Parameters
    ----------
    experiment : Experiment
    slides : dict
        As ``find_slides`` returns them; others are not chosen.

    Returns
    -------
    dict
        Stem of a file name → function that draws the figure, see ``telling_bags``. Nothing is
        read before it is called; an error names the slide.
    """
    pooling = list(experiment.runs)[-1]
    runs, test = experiment.runs[pooling], experiment.benchmark.test
    rows = np.flatnonzero(experiment.folds[0] == 0)  # what the first model was tested on
    probabilities, called = runs.probabilities[0, rows], runs.called_positive[0, rows]
    names = [test.names[row] for row in rows]
    drawable = np.array([name in slides for name in names])
    chosen = telling_bags(test.labels.numpy()[rows], probabilities, called, drawable)

    def draw(bag: int) -> "Figure":
        name, label = names[bag], int(test.labels[rows[bag]])
        verdict = f"{probabilities[bag]:.2f}, called {'positive' if called[bag] else 'negative'}"
        title = f"{name} (label {label}): {pooling} says {verdict}"
        try:
            split = next(iter(experiment.benchmark.splits(0)))  # as the first model was trained
            one = split.test.subset([split.test.names.index(name)])
            assert isinstance(one, FeatureBags)
            attention = predict(experiment.models[pooling], one).attention
            return slide_figure(slides[name], one, attention, title)
        except Exception as error:
            raise ValueError(f"{name}: {in_a_line(error)}") from error

    return {stem: partial(draw, bag) for stem, bag in chosen.items()}


def telling_bags(
    labels: np.ndarray, probabilities: np.ndarray, called: np.ndarray, drawable: np.ndarray
) -> dict[str, int]:
    """Return the bags that teach most, by the name of their figure; all arguments are (B,).

    ``heatmap_found`` is the positive with the highest probability among those called positive,
    ``heatmap_missed`` the positive with the lowest among those called negative,
    ``heatmap_false_alarm`` the negative with the highest among those called positive and
    ``heatmap_negative`` the negative with the lowest among the others. A kind without a drawable
    bag is left out.
    """
    kinds = {
        "heatmap_found": ((labels == 1) & called, -probabilities),
        "heatmap_missed": ((labels == 1) & ~called, probabilities),
        "heatmap_false_alarm": ((labels == 0) & called, -probabilities),
        "heatmap_negative": ((labels == 0) & ~called, probabilities),
    }
    return {
        stem: int(np.where(fits & drawable, order, np.inf).argmin())
        for stem, (fits, order) in kinds.items()
        if (fits & drawable).any()
    }


def slide_figure(path: Path, bag: FeatureBags, attention: Any, title: str = "") -> "Figure":
    """Draw the attention (n,) of one bag on its slide's thumbnail, as ``plot_attention`` does."""
    coords = bag.files[0].coords()
    side = tile_side(coords, bag.files[0].attributes())
    with Slide(path) as slide:
        width, height = slide.size
        right, bottom = coords.max(axis=0)
        if coords.min() < 0 or right >= width or bottom >= height:
            raise ValueError(
                f"{path}: tiles reach to x {right}, y {bottom}, but the slide has {width} x "
                f"{height} pixels; the features belong to another slide, or coords are not in "
                "level-0 pixels"
            )
        pixels = max(1, round(side * min(1, THUMBNAIL / max(width, height))))  # of a tile, drawn
        scale = side / pixels
        image = slide.thumbnail(scale)
    places = np.minimum(np.round(coords / scale), np.array(image.shape[1::-1]) - pixels)
    return plot_attention(image, attention, places, pixels, title=title)


def tile_side(coords: np.ndarray, attributes: dict[str, Any]) -> int:
    """Return the side of a tile in pixels of the slide's first level.

    Where ``attributes`` do not say it (see ``level0_side``), it is the most common step between
    neighbours in a row or column of tiles, which is right where tiles do not overlap.
    """
    if (side := level0_side(attributes)) is not None:
        return side
    steps = []
    for along, across in ((0, 1), (1, 0)):
        order = np.lexsort((coords[:, along], coords[:, across]))
        step = np.diff(coords[order], axis=0)
        steps += step[(step[:, across] == 0) & (step[:, along] > 0), along].tolist()
    if not steps:
        raise ValueError("no two tiles lie side by side, so their size is not known")
    values, counts = np.unique(steps, return_counts=True)
    return round(float(values[counts.argmax()]))
