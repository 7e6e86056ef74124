"""Rendered H&E-like lymph-node slides, with the truth for every tile.

A slide is 512 × 512 pixels at a nominal 0.5 µm a pixel, cut into tiles of 32 × 32 pixels.
Positive slides hold a metastasis, from a few isolated cells to a large one. Every slide is a
function of its ``SlideSpec``, so a picture that does not ship can be drawn again.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.datasets.rendering.archive import SlideFeatures, load_features
from mil_tutorial.datasets.rendering.cohort import SPLITS, SlideSpec, render_slide
from mil_tutorial.datasets.rendering.folder import read_specs
from mil_tutorial.system.paths import data_dir, verify_checksum

FILES = {"default": "slides.npz", "hard": "slides-hard.npz"}  # in data/slides


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


def slide_bags(features: SlideFeatures, chosen: np.ndarray | None = None) -> MedicalBagDataset:
    """Make bags of all slides, or of those where ``chosen`` (B,) is True.

    They have instance labels where the features tell the tumour of every tile.
    """
    has_truth = np.isfinite(features.tumour_fraction).all()
    ends = features.starts[1:-1]
    rows = np.arange(len(features.sizes)) if chosen is None else np.flatnonzero(chosen)

    def per_slide(values: np.ndarray) -> list[np.ndarray]:
        parts = np.split(values, ends)
        return [parts[row] for row in rows]

    return MedicalBagDataset(
        zip(per_slide(features.features), features.label[rows]),
        groups=features.patient[rows].tolist(),
        instance_labels=per_slide(features.tumour.astype(int)) if has_truth else None,
        coords=per_slide(features.coords),
        names=features.slide_id[rows].tolist(),
    )


def slide_spec(slide_id: str, folder: str | Path | None = None) -> SlideSpec:
    """Return the specification of a slide; parameters as for ``slide_image``."""
    table = _folder(folder) / "slides.csv"
    specs = _specs(table)
    if slide_id not in specs:
        raise KeyError(f"{table} lists no slide {slide_id!r}")
    return specs[slide_id]


def slide_image(slide_id: str, folder: str | Path | None = None) -> np.ndarray:
    """Return a slide's picture: the stored one, or for slides that ship without one a drawn one.

    Parameters
    ----------
    slide_id : str
        As listed in ``slides.csv``.
    folder : str or Path, optional
        A folder written by ``write_hospital``; by default the slides that ship.

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
    stored = _stored(f"images/{slide_id}.webp", "RGB", folder)
    return render_slide(spec).image if stored is None else stored


def slide_mask(slide_id: str, folder: str | Path | None = None) -> np.ndarray:
    """Return where a slide's tumour is, (512, 512) bool; parameters as for ``slide_image``."""
    spec = slide_spec(slide_id, folder)
    stored = _stored(f"masks/{slide_id}.png", "1", folder)
    return render_slide(spec).tumour_mask if stored is None else stored


def _folder(folder: str | Path | None) -> Path:
    return data_dir() / "slides" if folder is None else Path(folder)


@lru_cache(maxsize=8)
def _specs(table: Path) -> dict[str, SlideSpec]:
    return {spec.slide_id: spec for spec in read_specs(table)}


def _stored(name: str, mode: str, folder: str | Path | None) -> np.ndarray | None:
    """Return a stored picture; None for a shipped slide without one, which can be drawn anew.

    A written hospital is not drawn anew: where it has a flaw, its table is no recipe.
    """
    from PIL import Image

    path = _folder(folder) / name
    if path.is_file():
        with Image.open(path) as picture:
            return np.array(picture.convert(mode))
    if folder is None:
        return None
    raise FileNotFoundError(f"{path} is missing; render the hospital again, or bring the file back")
