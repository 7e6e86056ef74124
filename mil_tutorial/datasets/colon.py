"""Colon nuclei: images of colorectal tissue as bags, 27 × 27 pixels around each nucleus.

Sirinukunwattana et al. 2016, IEEE Transactions on Medical Imaging 35(5); the bags are those of
Ilse et al. 2018, section 4.3: positive when a nucleus is epithelial.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.datasets.colon_files import TYPES, ColonImage, find_colon, read_images
from mil_tutorial.datasets.paths import data_dir, read_checksums

PATCH = 27  # pixels


def load_colon(
    path: Path | str | None = None, *, checksums: Path | str | None = None
) -> MedicalBagDataset:
    """Load the 100 images of CRCHistoPhenotypes as bags of nuclei.

    Of the 29,756 marked nuclei the 22,444 with a type are taken. Three of these are marked twice at
    the same place; they are taken once, as epithelial if either mark says so.

    Parameters
    ----------
    path : path, optional
        The folder ``CRCHistoPhenotypes_2016_04_28`` or its zip, which is read without unpacking.
        By default it is looked for in the folder that ``MIL_TUTORIAL_DATA`` names.
    checksums : path, optional
        A list of the files in the format of ``sha256sum``; by default that of the original.

    Returns
    -------
    MedicalBagDataset
        Instances (n, 3, 27, 27), RGB from 0 to 1, with the nucleus in the middle; within 13 pixels
        of the image's edge the patch is shifted inwards, so every pixel is tissue and every patch
        lies in the image. ``coords`` are the patches' corners, ``names`` img1 to img100, instance
        label 1 is epithelial. The patients behind the images are not published.

    Raises
    ------
    FileNotFoundError
        When the data, or one of its files, are not there.
    ValueError
        When a file is not as published.
    """
    bags, truth, corners, names = [], [], [], []
    for image in _images(path, checksums):
        places, epithelial = _nuclei(image)
        corners.append(_corners(places, image.pixels.shape[:2]))
        truth.append(epithelial.astype(int))
        bags.append((_cut(image.pixels, corners[-1]), int(epithelial.any())))
        names.append(image.name)
    return MedicalBagDataset(bags, instance_labels=truth, coords=corners, names=names)


def count_nuclei(
    path: Path | str | None = None, *, checksums: Path | str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Count the nuclei of each image, (B,), and the epithelial ones among them, (B,).

    They are those of ``load_colon``, without its 200 MB of patches; parameters and errors are its.
    """
    truth = [_nuclei(image)[1] for image in _images(path, checksums)]
    return np.array([len(t) for t in truth]), np.array([int(t.sum()) for t in truth])


def _images(path: Path | str | None, checksums: Path | str | None) -> Iterator[ColonImage]:
    listed = checksums or data_dir() / "colon" / "crchistophenotypes.SHA256SUMS"
    source = Path(path) if path is not None else find_colon()
    return read_images(source, read_checksums(Path(listed)))


def _nuclei(image: ColonImage) -> tuple[np.ndarray, np.ndarray]:
    """Return each place once (n, 2), in the order of the files, and whether it is epithelial."""
    _, first, nucleus = np.unique(image.places, axis=0, return_index=True, return_inverse=True)
    epithelial = np.zeros(len(first), dtype=bool)
    np.logical_or.at(epithelial, nucleus.ravel(), image.types == TYPES.index("epithelial"))
    order = np.argsort(first)
    return image.places[first[order]], epithelial[order]


def _corners(places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return x, y of the patches' top-left pixels, counted from 0, all patches in the image."""
    height, width = shape
    middle = np.round(places).astype(int) - 1  # MATLAB counts from 1
    return np.clip(middle - PATCH // 2, 0, (width - PATCH, height - PATCH))


def _cut(pixels: np.ndarray, corners: np.ndarray) -> Tensor:
    """Cut patches out of an image (h, w, 3) uint8: (n, 3, 27, 27) from 0 to 1."""
    windows = np.lib.stride_tricks.sliding_window_view(pixels, (PATCH, PATCH), axis=(0, 1))
    patches = np.ascontiguousarray(windows[corners[:, 1], corners[:, 0]])
    return torch.from_numpy(patches).float().div_(255)
