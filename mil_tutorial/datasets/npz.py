"""A user's own features: one ``.npz`` file with everything in it."""

from pathlib import Path

import numpy as np

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.system.reading import read_arrays

REQUIRED, OPTIONAL = ("features", "bag", "label"), ("group", "instance_label")


def read_bags(path: Path) -> MedicalBagDataset:
    """Read a user's own file, or the ``slides.npz`` of a rendered hospital: the arrays tell."""
    if "slide_id" in read_arrays(path, ()):
        from mil_tutorial.datasets.rendering.archive import load_features
        from mil_tutorial.datasets.slides import slide_bags

        return slide_bags(load_features(path))
    return read_npz(path)


def read_npz(path: Path | str) -> MedicalBagDataset:
    """Read bags from an ``.npz`` file.

    Parameters
    ----------
    path : path
        Holds ``features`` (N, D) or (N, C, height, width), ``bag`` (N,) int from 0 to B-1,
        ``label`` (B,) 0/1; optionally ``group`` (B,), the patients, and ``instance_label`` (N,)
        0/1.

    Returns
    -------
    MedicalBagDataset
        Bag b is named ``bag b``; instances keep their order in the file.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is damaged, lacks an array, or its arrays do not fit together.
    """
    path = Path(path)
    arrays = read_arrays(path, REQUIRED)
    if unknown := arrays.keys() - {*REQUIRED, *OPTIONAL}:
        raise ValueError(
            f"{path} holds {', '.join(sorted(unknown))}, which is not read; call the patients "
            "'group' and the truth of instances 'instance_label', or leave it out"
        )
    _check(path, arrays)
    features, bag, label = (arrays[name] for name in REQUIRED)
    order = np.argsort(bag, kind="stable")
    ends = np.cumsum(np.bincount(bag, minlength=len(label)))[:-1]
    truth = arrays.get("instance_label")
    try:
        return MedicalBagDataset(
            zip(np.split(features[order], ends), label.tolist()),
            groups=arrays["group"].tolist() if "group" in arrays else None,
            instance_labels=None if truth is None else np.split(truth[order], ends),
        )
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _check(path: Path, arrays: dict[str, np.ndarray]) -> None:
    features, bag, label = (arrays[name] for name in REQUIRED)
    if features.ndim < 2 or features.dtype.kind not in "fiu":
        raise ValueError(
            f"{path}: features are {features.dtype} of shape {features.shape}, "
            "expected numbers of shape (N, D)"
        )
    if bag.shape != (len(features),) or bag.dtype.kind not in "iu":
        raise ValueError(
            f"{path}: bag is {bag.dtype} of shape {bag.shape}, "
            f"expected integers of shape ({len(features)},); "
            "np.unique(slide, return_inverse=True)[1] numbers the slides"
        )
    if label.ndim != 1:
        raise ValueError(f"{path}: label has shape {label.shape}, expected (B,)")
    if len(bag) and not (bag.min() >= 0 and bag.max() < len(label)):
        raise ValueError(
            f"{path}: bag runs from {bag.min()} to {bag.max()}, but there are {len(label)} labels; "
            "give one label for each bag, numbered from 0"
        )
    for name, length in (("group", len(label)), ("instance_label", len(features))):
        if name in arrays and arrays[name].shape != (length,):
            raise ValueError(f"{path}: {name} has shape {arrays[name].shape}, expected ({length},)")
