"""Features against the slide they come from: a few tiles are read and encoded anew.

The same mistake in all slides leaves little trace in the features themselves. Here it shows, and
the usual mistakes are tried one by one: that which gives the stored features is named.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.datasets.features.files import describe
from mil_tutorial.datasets.features.folder import feature_files
from mil_tutorial.datasets.features.tables import one_form, shorten
from mil_tutorial.datasets.wsi.slide import TOLERANCE, Slide, slide_id
from mil_tutorial.datasets.wsi.tile_files import read_encoder, read_tiles
from mil_tutorial.metrics.features import evenly
from mil_tutorial.models.frozen import IMAGENET_DEVIATION, IMAGENET_MEAN, NAMES, FrozenEncoder
from mil_tutorial.system.errors import in_a_line
from mil_tutorial.system.findings import Finding

TILES = 8  # of a slide
SAME = 0.25
"""Difference up to which another way of shrinking tiles explains it: with EfficientNet-Lite0 that
makes 0.08 to 0.17, JPEG of quality 80 makes 0.21; red and blue swapped make 0.34 to 0.45, another
tile 0.67 (medians over tiles)."""


def compare_with_slides(
    folder: Path | str,
    slides: Sequence[Path],
    load: Callable[[str], FrozenEncoder],
    encoder: str | None = None,
) -> Iterator[Finding]:
    """Encode a few tiles of each slide anew and compare; yield a finding for each slide at fault.

    Parameters
    ----------
    folder : path
        Of features as the command ``features``, CLAM or TRIDENT write them: with coordinates.
    slides : sequence of path
        Those without features are passed over.
    load : callable
        From a name of ``models.frozen.NAMES`` to the encoder.
    encoder : str, optional
        Its name, for files that do not state it.
    """
    files = feature_files(Path(folder))
    cached, gaps = cache(load), []
    for slide in slides:
        name = slide_id(slide)
        for path in files.get(one_form(name), [])[:1]:
            try:
                stated = encoder or (read_encoder(path) if path.suffix == ".h5" else "unknown")
                if stated not in NAMES:
                    text = f"not compared: the encoder is {stated}, known are {', '.join(NAMES)}"
                    yield Finding(name, text, optional=True)
                    continue
                gap, fault = compare_with_slide(path, slide, cached(stated))
            except (ValueError, FileNotFoundError) as error:
                yield Finding(name, in_a_line(error), healthy=False)
                continue
            gaps.append(gap)
            if fault:
                yield Finding(name, fault, healthy=False)
    most = max(gaps, default=0.0)
    slides_read = f"{len(gaps)} slides" if len(gaps) != 1 else "a slide"
    text = f"up to {TILES} tiles of {slides_read} differ by at most {most:.0%}"
    yield Finding("encoded anew", text, most <= SAME, optional=not gaps)
    if absent := files.keys() - {one_form(slide_id(slide)) for slide in slides}:
        yield Finding("not encoded anew", f"no slide for {shorten(absent)}", optional=True)


def compare_with_slide(path: Path, slide: Path, encoder: FrozenEncoder) -> tuple[float, str]:
    """Encode ``TILES`` tiles of a slide anew and compare them with the features in a file.

    Returns
    -------
    float, str
        The relative difference, median over tiles; what is wrong, or "".
    """
    file, tiles = describe(path), read_tiles(path)
    rows = evenly(len(tiles), TILES)
    stored, corners = file.read(torch.from_numpy(rows)), tiles.coords[rows]
    with Slide(slide) as opened:
        tiles.check_inside(opened.size, slide)
        pictures = _read(opened, corners, tiles.side, tiles.tile_size)
        gap = _difference(encoder(pictures), stored)
        faults = _wrong_scale(opened, tiles.side / tiles.tile_size, tiles.mpp)
        if gap > SAME:
            others = {
                f"tiles {word} as wide": _read(opened, corners, side, tiles.tile_size)
                for word, side in (("twice", 2 * tiles.side), ("half", tiles.side // 2))
            }
            faults.insert(0, _explain(encoder, pictures, others, stored, gap))
    return gap, "; ".join(faults)


def _read(slide: Slide, corners: np.ndarray, side: int, size: int) -> Tensor:
    pictures = [slide.read(int(x), int(y), side, size) for x, y in corners]
    return torch.from_numpy(np.stack(pictures))


def _wrong_scale(slide: Slide, shrunk: float, stated: float | None) -> list[str]:
    """Complain of tiles whose µm/px, by the slide's own, is not what their file states."""
    try:
        actual = slide.mpp * shrunk
    except ValueError:  # the slide does not say it
        return []
    if stated is None or abs(actual / stated - 1) <= TOLERANCE:
        return []
    return [f"tiles have {actual:.3g} µm/px by the slide, {stated:g} by their file"]


def _difference(ours: Tensor, stored: Tensor) -> float:
    """Median over tiles of the distance, relative to the length of what was encoded anew."""
    if ours.shape != stored.shape:
        raise ValueError(
            f"the features have width {stored.shape[1]}, the encoder's {ours.shape[1]}; it is "
            "another one"
        )
    return float(((ours - stored).norm(dim=1) / ours.norm(dim=1).clamp(min=1e-12)).median())


def _explain(
    encoder: FrozenEncoder, pictures: Tensor, others: dict[str, Tensor], stored: Tensor, gap: float
) -> str:
    """Name the mistake that gives the stored features."""
    trials = {name: encoder(tiles) for name, tiles in others.items()}
    for name, prepare in MISTAKES.items():
        trials[name] = encoder.network(prepare(pictures.float(), encoder).permute(0, 3, 1, 2))
    gaps = {name: _difference(features, stored) for name, features in trials.items()}
    likely = min(gaps, key=lambda name: gaps[name])
    if gaps[likely] <= SAME:
        return f"encoded anew it differs by {gap:.0%}, but by {gaps[likely]:.0%} with {likely}"
    return (
        f"encoded anew it differs by {gap:.0%}, and no usual mistake explains it: were the weights "
        "loaded?"
    )


def _minus(pixels: Tensor, mean: Sequence[float], deviation: Sequence[float]) -> Tensor:
    return (pixels - torch.tensor(mean)) / torch.tensor(deviation)


MISTAKES: dict[str, Callable[[Tensor, FrozenEncoder], Tensor]] = {
    "red and blue swapped": lambda x, e: (x.flip(3) - e.mean) / e.deviation,
    "pixels of 0 to 255 as they are": lambda x, e: x,
    "pixels of 0 to 1 as they are": lambda x, e: x / 255,
    "pixels of 0 to 1 normalised as if of 0 to 255": lambda x, e: (x / 255 - e.mean) / e.deviation,
    "pixels of 0 to 255 normalised as if of 0 to 1": (
        lambda x, e: (x - e.mean / 255) / (e.deviation / 255)
    ),
    "the usual normalisation for ImageNet": (
        lambda x, e: _minus(x / 255, IMAGENET_MEAN, IMAGENET_DEVIATION)
    ),
    "the usual normalisation for ImageNet, of pixels of 0 to 255": (
        lambda x, e: _minus(x, IMAGENET_MEAN, IMAGENET_DEVIATION)
    ),
}
"""Mistake → what the network gets: from tiles (n, h, w, 3) of 0 to 255."""
