"""Feature files: one npz with the features of all tiles of many slides."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mil_tutorial.datasets.rendering.cohort import SlideSpec, render_slide
from mil_tutorial.datasets.rendering.lesion import TUMOUR_TILE_FRACTION
from mil_tutorial.datasets.rendering.slide import RenderedSlide
from mil_tutorial.datasets.rendering.tiles import cut_tiles, tissue_tiles, tumour_fraction
from mil_tutorial.system.files import read_arrays, replacing

if TYPE_CHECKING:
    from mil_tutorial.models.tile_encoder import TileEncoder

STEP = 1 / 8  # features are rounded to multiples of it, so that they compress

Visitor = Callable[[SlideSpec, RenderedSlide, npt.NDArray[np.intp], npt.NDArray[np.float64]], None]


@dataclass(frozen=True)
class SlideFeatures:
    """The features of all tissue tiles of B slides, N tiles in all, slide after slide.

    Attributes
    ----------
    features : ndarray of shape (N, D), float16
        Over the training tiles each feature has mean 0, and all together a mean square of 1.
    sizes : ndarray of shape (B,), int
        Number of tiles of each slide.
    coords : ndarray of shape (N, 2), int16
        x and y of the top left corner of each tile, in pixels.
    tumour_fraction : ndarray of shape (N,), float16
        Share of each tile that is tumour; NaN where the file does not tell.
    slide_id, patient, hospital, split : ndarray of shape (B,), str
    label : ndarray of shape (B,), int8
    seed : ndarray of shape (B,), int64
    """

    features: npt.NDArray[np.float16]
    sizes: npt.NDArray[np.int64]
    coords: npt.NDArray[np.int16]
    tumour_fraction: npt.NDArray[np.float16]
    slide_id: npt.NDArray[np.str_]
    patient: npt.NDArray[np.str_]
    hospital: npt.NDArray[np.str_]
    split: npt.NDArray[np.str_]
    label: npt.NDArray[np.int8]
    seed: npt.NDArray[np.int64]

    @property
    def tumour(self) -> npt.NDArray[np.bool_]:
        """Whether each tile counts as tumour, (N,): the truth of the instances."""
        return self.tumour_fraction >= np.float16(TUMOUR_TILE_FRACTION)

    @property
    def starts(self) -> npt.NDArray[np.int64]:
        """Where each slide's tiles start, and N at the end: (B + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)])


def build_features(
    specs: Sequence[SlideSpec],
    encoder: TileEncoder,
    out_npz: str | Path,
    progress: bool = True,
    visit: Visitor | None = None,
    *,
    render: Callable[[SlideSpec], RenderedSlide] = render_slide,
    truth: bool = True,
) -> SlideFeatures:
    """Render slides, cut them into tiles, encode the tiles and write one npz.

    Parameters
    ----------
    specs : sequence of SlideSpec
    encoder : TileEncoder
        Its features are centred and scaled with the statistics of the training tiles.
    out_npz : str or Path
        Written under another name first and then renamed, so it is never half there.
    progress : bool
        Show a progress bar.
    visit : callable, optional
        Called for each slide with its spec, picture, coordinates and tumour fractions.
    render : callable
        Draws a slide from its specification.
    truth : bool
        Whether the file says how much of each tile is tumour; if not, it says NaN.

    Returns
    -------
    SlideFeatures
        What was written.
    """
    from tqdm import tqdm

    parts = [
        _one_slide(spec, encoder, visit, render)
        for spec in tqdm(specs, desc="slides", unit="slide", disable=not progress)
    ]
    features, coords, fractions = (np.concatenate(part) for part in zip(*parts, strict=True))
    if not truth:
        fractions = np.full_like(fractions, np.nan)
    found = SlideFeatures(
        features=features,
        sizes=np.array([len(part[0]) for part in parts]),
        coords=coords,
        tumour_fraction=fractions,
        **{name: np.array([getattr(s, name) for s in specs]) for name in _TEXT},
        label=np.array([s.label for s in specs], np.int8),
        seed=np.array([s.seed for s in specs], np.int64),
    )
    _write(found, Path(out_npz))
    return found


def load_features(path: str | Path) -> SlideFeatures:
    """Read a feature file and check it.

    Parameters
    ----------
    path : str or Path
        An npz written by `build_features`.

    Returns
    -------
    SlideFeatures

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is damaged, lacks an array, or its arrays do not fit together.
    """
    file, names = Path(path), tuple(f.name for f in fields(SlideFeatures))
    arrays = read_arrays(file, names)
    found = SlideFeatures(**{name: arrays[name] for name in names})
    if problem := _inconsistency(found):
        raise ValueError(f"{file}: {problem}")
    return found


_TEXT = ("slide_id", "patient", "hospital", "split")
_PER_TILE = ("coords", "tumour_fraction")
_PER_SLIDE = (*_TEXT, "label", "seed")


def _one_slide(
    spec: SlideSpec,
    encoder: TileEncoder,
    visit: Visitor | None,
    render: Callable[[SlideSpec], RenderedSlide],
) -> tuple[npt.NDArray, npt.NDArray, npt.NDArray]:
    from mil_tutorial.models.tile_encoder import encode

    slide = render(spec)
    coords = tissue_tiles(slide.image)
    fractions = tumour_fraction(slide.tumour_mask, coords)
    if visit is not None:
        visit(spec, slide, coords, fractions)
    features = np.rint(encode(encoder, cut_tiles(slide.image, coords)) / STEP) * STEP
    return features.astype(np.float16), coords.astype(np.int16), fractions.astype(np.float16)


def _write(found: SlideFeatures, path: Path) -> None:
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez_compressed(file, **vars(found))


def _inconsistency(found: SlideFeatures) -> str | None:
    """Return what is wrong with the shapes or values, if anything."""
    if found.features.ndim != 2 or found.sizes.ndim != 1:
        return f"features have shape {found.features.shape}, sizes {found.sizes.shape}"
    tiles, slides = len(found.features), len(found.sizes)
    if (found.sizes < 1).any() or found.sizes.sum() != tiles:
        return f"sizes add up to {found.sizes.sum()}, but there are {tiles} tiles"
    for names, length in ((_PER_TILE, tiles), (_PER_SLIDE, slides)):
        for name in names:
            if len(getattr(found, name)) != length:
                return f"{name} has {len(getattr(found, name))} rows instead of {length}"
    if not np.isfinite(found.features).all():
        return "features are not finite"
    return None if np.isin(found.label, (0, 1)).all() else "labels are not 0 or 1"
