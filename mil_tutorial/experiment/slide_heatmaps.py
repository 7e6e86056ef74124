"""Heat maps of whole slides: the attention of a trained model on the slide's own thumbnail."""

import warnings
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.datasets.features.bags import FeatureBags
from mil_tutorial.datasets.features.tables import one_form, shorten
from mil_tutorial.datasets.wsi.folders import ENDINGS
from mil_tutorial.datasets.wsi.folders import find_slides as slides_among
from mil_tutorial.datasets.wsi.slide import Slide, slide_id
from mil_tutorial.experiment.run import Experiment
from mil_tutorial.pictures.heatmaps import plot_attention
from mil_tutorial.system.errors import in_a_line
from mil_tutorial.system.versions import import_extra
from mil_tutorial.training.prediction import ensemble, predict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THUMBNAIL = 1500
"""Longest side of a thumbnail in pixels, about."""


def find_slides(folder: Path, bags: MedicalBagDataset, data: str) -> dict[str, Path]:
    """Return the whole slides of bags, by name; ``data`` is what messages call the bags.

    They lie in a folder or those within it, named like the feature files. Slides whose tiles have
    no known place and size are left out, with a warning. Call it before training, when what is
    wrong with a folder or file can still be mended.
    """
    openslide = import_extra("openslide", "wsi")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is not a folder; name the folder of the whole slides")
    if not isinstance(bags, FeatureBags) or bags.coords is None:
        bare = [file.path.name for file in getattr(bags, "files", []) if not file.coords_path]
        raise ValueError(
            f"{data}: heat maps need the place of each tile, and there are no coords "
            f"for {shorten(bare) or 'the features'}; give .h5 files with features and coords, or "
            "leave out --slides"
        )
    files = {one_form(name): file for name, file in zip(bags.names, bags.files)}
    named = [p for p in sorted(folder.rglob("*")) if one_form(slide_id(p)) in files and p.is_file()]
    # Their names are compared where ``tile`` does that, which refuses two slides of one name.
    found = slides_among(path for path in named if openslide.OpenSlide.detect_format(path))
    read = set(map(slide_id, found))
    damaged = [p.name for p in named if p.suffix.lower() in ENDINGS and slide_id(p) not in read]
    if damaged:
        unread = f"{shorten(damaged)} in {folder}: damaged or of an unknown format; copy it again"
        if not found:
            raise ValueError(f"OpenSlide can read none of {unread}")
        warnings.warn(f"no heat map of what OpenSlide cannot read, {unread}", stacklevel=2)
    if not found:
        raise ValueError(
            f"{folder} holds none of the slides to judge ({shorten(files)}); "
            "name each slide like its feature file"
        )
    slides, reasons = {}, {}
    for path in found:
        file = files[one_form(slide_id(path))]
        try:
            with Slide(path) as slide:
                file.placement().on_slide(slide)
            slides[file.path.stem] = path
        except (ValueError, OSError) as error:
            reasons[file.path.stem] = in_a_line(error)
    if reasons:
        first, reason = next(iter(reasons.items()))
        warnings.warn(
            f"no heat map of {shorten(reasons)}: the place of the tiles is not known "
            f"({first}: {reason})",
            stacklevel=2,
        )
    return slides


def slide_figures(
    experiment: Experiment, slides: dict[str, Path]
) -> "dict[str, Callable[[], Figure]]":
    """Choose the test slides that teach most, as the last pooling sees them with the first seed.

    Of ``slides``, as ``find_slides`` returns them, each judged and drawn by the models of its own
    fold, which did not train on it. Returns the stem of a file name → function that draws the
    figure, see ``telling_bags``; nothing is read before, and an error names the slide.
    """
    pooling = list(experiment.runs)[-1]
    runs, test = experiment.runs[pooling], experiment.benchmark.test
    probabilities, called = runs.probabilities[0], runs.called_positive[0]
    drawable = np.array([name in slides for name in test.names])
    chosen = telling_bags(test.labels.numpy(), probabilities, called, drawable)

    def draw(bag: int) -> "Figure":
        name, fold = test.names[bag], int(experiment.folds[0, bag])
        verdict = f"called {'positive' if called[bag] else 'negative'}"
        title = (
            f"{name} (label {int(test.labels[bag])})\n{pooling} says {probabilities[bag]:.3f}, "
            f"{verdict} (threshold {runs.threshold[0, bag]:.3f})"
        )
        try:
            split = next(islice(experiment.benchmark.splits(0), fold, None))
            one = split.test.subset([split.test.names.index(name)])
            assert isinstance(one, FeatureBags)
            models = experiment.ensembles[pooling][fold]
            attention = ensemble([predict(model, one) for model in models]).attention
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
    """Draw the attention (n,) of one bag on its slide's thumbnail, as ``plot_attention`` does.

    The thumbnail has about ``THUMBNAIL`` pixels on its longest side, whatever the size of the
    slide and of the tiles; a tile is at least one pixel of it.
    """
    placement = bag.files[0].placement()
    with Slide(path) as slide:
        coords, side = placement.on_slide(slide)
        shrink = max(1.0, max(slide.size) / THUMBNAIL)
        pixels = max(1, round(side / shrink))  # of a tile, drawn
        scale = side / pixels if pixels > 1 else max(side, shrink)
        image = slide.thumbnail(scale)
    places = np.minimum(np.round(coords / scale), np.array(image.shape[1::-1]) - pixels)
    return plot_attention(image, attention, places, pixels, title=title)
