"""The shipped slides as bags: one slide, one bag; one tile, one instance."""

from pathlib import Path

import numpy as np

from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.datasets.paths import data_dir, verify_checksum
from mil_tutorial.datasets.slides import SlideFeatures, load_features

SPLITS = ("train", "val", "test")


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
