"""Rendered H&E-like lymph-node slides, with the truth for every tile.

A slide is 512 x 512 pixels at a nominal 0.5 um a pixel, cut into tiles of 32 x 32 pixels.
Positive slides hold a metastasis, from a few isolated cells to a large one. Every slide is a
function of its `SlideSpec`, so a picture that does not ship can be drawn again.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.datasets.rendering.archive import SlideFeatures, build_features, load_features
from mil_tutorial.datasets.rendering.cohort import (
    HOSPITALS,
    PROFILES,
    SPLITS,
    SlideSpec,
    cohort,
    render_slide,
)
from mil_tutorial.datasets.rendering.flaws import FLAWS, FlawedHospital, hidden_flaw
from mil_tutorial.datasets.rendering.folder import (
    read_specs,
    reveal,
    write_hospital,
)
from mil_tutorial.datasets.rendering.lesion import TILE, TUMOUR_TILE_FRACTION
from mil_tutorial.datasets.rendering.noise import SIDE
from mil_tutorial.datasets.rendering.slide import RenderedSlide
from mil_tutorial.datasets.rendering.tiles import (
    COLOUR_STATISTICS,
    colour_statistics,
    cut_tiles,
    tissue_tiles,
    tumour_fraction,
)
from mil_tutorial.system.paths import data_dir, verify_checksum

__all__ = [
    "COLOUR_STATISTICS",
    "FILES",
    "FLAWS",
    "HOSPITALS",
    "PROFILES",
    "SIDE",
    "SPLITS",
    "TILE",
    "TUMOUR_TILE_FRACTION",
    "FlawedHospital",
    "RenderedSlide",
    "SlideFeatures",
    "SlideSpec",
    "build_features",
    "cohort",
    "colour_statistics",
    "cut_tiles",
    "hidden_flaw",
    "load_features",
    "read_specs",
    "render_slide",
    "reveal",
    "slide_image",
    "slide_mask",
    "slide_spec",
    "tissue_tiles",
    "tumour_fraction",
    "write_hospital",
]

FILES = {"default": "slides.npz", "hard": "slides-hard.npz"}  # in data/slides


def slide_spec(slide_id: str, folder: str | Path | None = None) -> SlideSpec:
    """Return the specification of a slide.

    Parameters
    ----------
    slide_id : str
        As listed in ``slides.csv``.
    folder : str or Path, optional
        A folder written by `write_hospital`; by default the slides that ship.

    Raises
    ------
    KeyError
        If the folder lists no such slide.
    """
    table = _table(_folder(folder))
    if slide_id not in table:
        raise KeyError(f"{_folder(folder) / 'slides.csv'} lists no slide {slide_id!r}")
    return table[slide_id]


def slide_image(slide_id: str, folder: str | Path | None = None) -> npt.NDArray[np.uint8]:
    """Return a slide's picture: the stored one, or for slides that ship without one a drawn one.

    Parameters
    ----------
    slide_id : str
        As listed in ``slides.csv``.
    folder : str or Path, optional
        A folder written by `write_hospital`; by default the slides that ship.

    Returns
    -------
    ndarray of shape (512, 512, 3), uint8
        RGB. A stored picture differs from a drawn one by its compression: by about 5 levels
        in the mean.

    Raises
    ------
    KeyError
        If the folder lists no such slide.
    FileNotFoundError
        If a folder of your own lost the file.
    """
    spec = slide_spec(slide_id, folder)
    file = _stored(f"images/{slide_id}.webp", folder)
    return _read(file, "RGB") if file else render_slide(spec).image


def slide_mask(slide_id: str, folder: str | Path | None = None) -> npt.NDArray[np.bool_]:
    """Return where a slide's tumour is, (512, 512) bool; parameters as for `slide_image`."""
    spec = slide_spec(slide_id, folder)
    file = _stored(f"masks/{slide_id}.png", folder)
    return _read(file, "1") if file else render_slide(spec).tumour_mask


def _folder(folder: str | Path | None) -> Path:
    return data_dir() / "slides" if folder is None else Path(folder)


def _stored(name: str, folder: str | Path | None) -> Path | None:
    """Return where a file is; None for a shipped slide without one, which can be drawn anew.

    A written hospital is not drawn anew: where it has a flaw, its table is no recipe.
    """
    file = _folder(folder) / name
    if file.is_file():
        return file
    if folder is None:
        return None
    raise FileNotFoundError(f"{file} is missing; render the hospital again, or bring the file back")


@lru_cache(maxsize=8)
def _table(folder: Path) -> dict[str, SlideSpec]:
    return {spec.slide_id: spec for spec in read_specs(folder / "slides.csv")}


def _read(file: Path, mode: str) -> npt.NDArray:
    from PIL import Image

    with Image.open(file) as picture:
        return np.array(picture.convert(mode))


def load_slides(
    name: str = "slides",
) -> tuple[MedicalBagDataset, MedicalBagDataset, MedicalBagDataset]:
    """Load the frozen tile features of the shipped slides.

    Parameters
    ----------
    name : {"slides", "slides-hard"}

    Returns
    -------
    train, val, test : MedicalBagDataset
        Divided by patient. Names are slide ids, groups patients; ``instance_labels`` and ``coords``
        (pixels) are those of the tiles.
    """
    features = load_features(verify_checksum(data_dir() / "slides" / f"{name}.npz"))
    train, val, test = (slide_bags(features, features.split == split) for split in SPLITS)
    return train, val, test


def slide_bags(features: SlideFeatures, chosen: np.ndarray) -> MedicalBagDataset:
    """Make bags of the slides where ``chosen`` (B,) is True.

    They have instance labels where the features tell the tumour of every tile.
    """
    told = np.isfinite(features.tumour_fraction).all()
    ends = np.cumsum(features.sizes)[:-1]
    rows = np.flatnonzero(chosen)

    def per_slide(values: np.ndarray) -> list[np.ndarray]:
        parts = np.split(values, ends)
        return [parts[row] for row in rows]

    return MedicalBagDataset(
        zip(per_slide(features.features), features.label[rows]),
        groups=features.patient[rows].tolist(),
        instance_labels=per_slide(features.tumour.astype(int)) if told else None,
        coords=per_slide(features.coords),
        names=features.slide_id[rows].tolist(),
    )


def load_slide_file(path: Path) -> MedicalBagDataset:
    """Make bags of every slide in a feature file of one's own making."""
    features = load_features(path)
    return slide_bags(features, np.ones(len(features.sizes), dtype=bool))
