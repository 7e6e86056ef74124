"""What is wrong with a folder of features, as far as it shows before a model is trained."""

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from mil_tutorial.datasets.features.files import FeatureFile, copies, describe
from mil_tutorial.datasets.features.folder import feature_files
from mil_tutorial.datasets.features.formats import kind_of
from mil_tutorial.datasets.features.tables import shorten
from mil_tutorial.datasets.wsi.placement import attribute_text
from mil_tutorial.datasets.wsi.tile_files import ENCODER
from mil_tutorial.metrics.features import (
    FEW_INSTANCES,
    FEW_SLIDES,
    FeatureNumbers,
    SlideSummary,
    evenly,
    measure_summaries,
    rows_of_each,
)
from mil_tutorial.system.findings import Finding

# Bounds between sound features and broken ones in data/results/encoders.json and elsewhere: TCGA's
# region features (HIPT), this course's slides, EfficientNet-Lite0; untrained networks of six kinds.
DEAD = 0.05  # sound: up to 0.014
ALIKE_SPREAD, ALIKE_DIMENSION = 0.6, 4.0  # untrained: up to 0.53 and 3.3; sound: one of them above
LEAST_WIDTH, LEAST_ROWS = 64, 32
"""Six colour statistics differ in few directions by their nature, and so do a few tiles."""
FAR, LENGTH = 3.2, 2.0  # sound slides: up to 2.9, and up to 1.4 times longer or shorter
BETWEEN = 0.1, 0.99  # of what chance gives, and of all

STATED = {
    "encoder": ("features", dict.fromkeys(ENCODER, "{}")),
    "scale": ("coords", {"target_mpp": "{} µm/px", "target_magnification": "{}×"}),
    "tile side": ("coords", {"patch_size": "{} px"}),
}
"""What files say of themselves: the array, and its attributes, of which the first counts."""


def check_features(folder: Path | str) -> Iterator[Finding]:
    """Examine the feature files of a folder; yield a finding for each question.

    Files are read one after the other, so memory holds one slide. What is looked at: files that
    cannot be used, widths, encoder and scale that the files state, copies, and the numbers of
    ``measure_features``. A folder that passes may still be wrong: the same mistake in all slides
    often leaves no trace in the features; see ``reencoding``.

    Parameters
    ----------
    folder : path
        As for ``read_features``: ``.h5``, ``.pt``, ``.npz`` or ``.npy``, one file a slide.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no such folder, or no feature file in it.
    """
    by_slide = feature_files(Path(folder))
    if twice := [name for name, paths in by_slide.items() if len(paths) > 1]:
        yield Finding("names", f"several files for {shorten(twice)}: keep one kind", healthy=False)
    files, slides, problems = _read([paths[0] for paths in by_slide.values()])
    if problems:
        more = f" (and {len(problems) - 5} more)" if len(problems) > 5 else ""
        text = f"{len(problems)} of {len(by_slide)} cannot be used: {'; '.join(problems[:5])}{more}"
        yield Finding("files", text, healthy=False)
    if not files:
        return
    tiles = sum(file.n for file in files)
    slides_read = f"{len(files)} slide{'s' * (len(files) > 1)}"
    yield Finding("files", f"{slides_read}, {tiles} tiles, all numbers finite")
    widths = _values({file.path.stem: str(file.width) for file in files})
    yield Finding("features of a tile", widths, healthy=";" not in widths)
    yield from _stated(files)
    same = copies(files, range(len(files)))
    yield Finding("copies", shorten(same) if same else "none", healthy=not same)
    if ";" not in widths:
        names = [file.path.stem for file in files]
        yield from judge_features(measure_summaries(slides), names, tiles, files[0].width)


def judge_features(
    numbers: FeatureNumbers, names: list[str], tiles: int, width: int
) -> Iterator[Finding]:
    """Yield a finding for each of the numbers of slides with these ``names``."""
    enough = tiles >= LEAST_ROWS
    dead = f"{numbers.dead:.1%} are constant over all tiles"
    yield Finding("dead features", dead, numbers.dead <= DEAD or not enough)
    text = f"effective dimension {numbers.dimension:.1f}, spread {numbers.spread:.2f}"
    alike = numbers.dimension < ALIKE_DIMENSION and numbers.spread < ALIKE_SPREAD
    if alike := alike and enough and width >= LEAST_WIDTH:
        text += ": tiles are nearly alike; were the weights loaded, and the pixels scaled once?"
    yield Finding("tiles", text, healthy=not alike)
    flat = [name for name, is_flat in zip(names, numbers.flat) if is_flat]
    yield Finding("equal tiles", f"in {shorten(flat)}" if flat else "in no slide", not flat)
    if len(names) > 1:
        yield _between(numbers)
        yield _lengths(numbers, names)
        yield _distances(numbers, names, width)


def _read(paths: list[Path]) -> tuple[list[FeatureFile], list[SlideSummary], list[str]]:
    """Read all files; return those that can be used, and what is wrong with the others."""
    files, slides, problems = [], [], []
    for path in tqdm(paths, desc="features", unit="file", leave=False, disable=None):
        try:
            file = describe(path)
            n, mean, variance = file.moments
            rows = torch.from_numpy(evenly(n, rows_of_each(len(paths))))
            sample = file.read(rows).numpy()
            slides.append(SlideSummary(n, mean.numpy(), variance.numpy(), sample))
            files.append(file)
        except (ValueError, OSError) as error:
            problems.append(str(error))
    return files, slides, problems


def _stated(files: list[FeatureFile]) -> Iterator[Finding]:
    for what, (array, attributes) in STATED.items():
        known = {}
        for file in files:
            stated = kind_of(file.path).attributes(file.path, array)
            if key := next((key for key in attributes if key in stated), None):
                known[file.path.stem] = attributes[key].format(attribute_text(stated[key]))
        if not known:
            yield Finding(what, "not stated", optional=True)
            continue
        silent = len(files) - len(known)
        text = _values(known) + (f" (not stated by {silent} of {len(files)})" if silent else "")
        yield Finding(what, text, healthy=len(set(known.values())) == 1)


def _values(of_slide: dict[str, str]) -> str:
    """Say which value most slides have, and which slides have another."""
    slides = defaultdict(list)
    for slide, value in of_slide.items():
        slides[value].append(slide)
    usual, *others = sorted(slides, key=lambda value: -len(slides[value]))
    return "; ".join([usual, *(f"but {value} in {shorten(slides[value])}" for value in others)])


def _between(numbers: FeatureNumbers) -> Finding:
    text = f"{numbers.between:.1%} of a feature's variance ({numbers.chance:.1%} by chance)"
    alike = numbers.between > BETWEEN[1] and numbers.chance < BETWEEN[1]  # one tile a slide: all
    if few := numbers.between < BETWEEN[0] * numbers.chance:
        text += ": all slides have one mean; were they standardised one by one?"
    elif alike:
        text += ": the tiles of a slide hardly differ"
    return Finding("between slides", text, not few and not alike)


def _lengths(numbers: FeatureNumbers, names: list[str]) -> Finding:
    longer = numbers.length
    with np.errstate(divide="ignore"):
        odd = np.abs(np.log(longer)) > np.log(LENGTH)
    text = f"{longer.min():.2g} to {longer.max():.2g} times that of the median slide"
    if odd.any():
        listed = shorten(f"{names[i]} ({longer[i]:.2g})" for i in np.flatnonzero(odd))
        text = f"unlike the others: {listed} times; another encoder or scale of pixels?"
    return Finding("size of numbers", text, healthy=not odd.any())


def _distances(numbers: FeatureNumbers, names: list[str], width: int) -> Finding:
    far = numbers.distance
    if width < LEAST_WIDTH or np.isnan(far).all():
        need = f"needs {FEW_SLIDES} slides of {FEW_INSTANCES} tiles, {LEAST_WIDTH} features"
        return Finding("slides apart", f"not judged: {need}", optional=True)
    odd = np.flatnonzero(np.nan_to_num(far) > FAR)
    text = f"the farthest lies {np.nanmax(far):.1f} times as far out as the median slide"
    if len(odd):
        listed = shorten(f"{names[i]} ({far[i]:.1f} times)" for i in odd)
        text = f"far from the others: {listed}; another µm/px, normalisation, stain or scanner?"
    return Finding("slides apart", text, healthy=not len(odd))
