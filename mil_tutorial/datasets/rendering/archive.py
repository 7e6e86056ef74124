"""Feature files: one ``.npz`` with the features of all tiles of many slides."""

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from mil_tutorial.datasets.rendering.lesion import TUMOUR_TILE_FRACTION
from mil_tutorial.system.files import replacing
from mil_tutorial.system.reading import read_arrays

PER_TILE = ("coords", "tumour_fraction")
TEXT = ("slide_id", "patient", "hospital", "split")
PER_SLIDE = (*TEXT, "label", "seed")


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

    features: np.ndarray
    sizes: np.ndarray
    coords: np.ndarray
    tumour_fraction: np.ndarray
    slide_id: np.ndarray
    patient: np.ndarray
    hospital: np.ndarray
    split: np.ndarray
    label: np.ndarray
    seed: np.ndarray

    @property
    def tumour(self) -> np.ndarray:
        """Whether each tile counts as tumour, (N,): the truth of the instances."""
        return self.tumour_fraction >= np.float16(TUMOUR_TILE_FRACTION)

    @property
    def starts(self) -> np.ndarray:
        """Where each slide's tiles start, and N at the end: (B + 1,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)])

    def save(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        with replacing(path) as partial, partial.open("wb") as file:
            np.savez_compressed(file, **vars(self))


def load_features(path: str | Path) -> SlideFeatures:
    """Read a feature file and check it.

    Parameters
    ----------
    path : str or Path
        An ``.npz`` file as ``write_hospital`` writes it.

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
    path, names = Path(path), tuple(field.name for field in fields(SlideFeatures))
    arrays = read_arrays(path, names)
    features = SlideFeatures(**{name: arrays[name] for name in names})
    if problem := _inconsistency(features):
        raise ValueError(f"{path}: {problem}")
    return features


def _inconsistency(archive: SlideFeatures) -> str | None:
    """Return what is wrong with the shapes or values, if anything."""
    if archive.features.ndim != 2 or archive.sizes.ndim != 1:
        return f"features have shape {archive.features.shape}, sizes {archive.sizes.shape}"
    tiles, slides = len(archive.features), len(archive.sizes)
    if (archive.sizes < 1).any() or archive.sizes.sum() != tiles:
        return f"sizes add up to {archive.sizes.sum()}, but there are {tiles} tiles"
    for names, length in ((PER_TILE, tiles), (PER_SLIDE, slides)):
        for name in names:
            if len(getattr(archive, name)) != length:
                return f"{name} has {len(getattr(archive, name))} rows instead of {length}"
    if not np.isfinite(archive.features).all():
        return "features are not finite"
    return None if np.isin(archive.label, (0, 1)).all() else "labels are not 0 or 1"
