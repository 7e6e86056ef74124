"""Colon nuclei: images of colorectal tissue as bags, 27 × 27 pixels around each nucleus.

Sirinukunwattana et al. 2016, IEEE Transactions on Medical Imaging 35(5); the bags are those of
Ilse et al. 2018, section 4.3: positive when a nucleus is epithelial.
"""

import hashlib
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.system.paths import data_dir, read_checksums, user_data_dir
from mil_tutorial.system.reading import readable

NAME = "CRCHistoPhenotypes_2016_04_28"
PAGE = "https://warwick.ac.uk/fac/cross_fac/tia/data/crchistolabelednucleihe/"
TYPES = ("epithelial", "fibroblast", "inflammatory", "others")
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
        When the data, or one of its files, are missing.
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


class _Image(NamedTuple):
    """One image and its typed nuclei."""

    name: str  # such as img1
    pixels: np.ndarray  # uint8 (height, width, 3), RGB
    places: np.ndarray  # (n, 2): x, y as MATLAB counts; 1, 1 is the middle of the first pixel
    types: np.ndarray  # (n,) int: indices into TYPES


def _images(path: Path | str | None, checksums: Path | str | None) -> Iterator[_Image]:
    """Read the images one by one, in the order of their numbers; nothing is written to disk."""
    path = _find() if path is None else Path(path)
    listed = checksums or data_dir() / "colon" / "crchistophenotypes.SHA256SUMS"
    expected = read_checksums(Path(listed))
    with _opened(path) as (names, read):
        if missing := [name for name in expected if name not in names]:
            raise FileNotFoundError(
                f"{path} lacks {missing[0]}{_and_more(missing)}; copy or unpack it again"
            )
        if surplus := sorted(names - expected.keys()):
            raise ValueError(
                f"{path} holds {surplus[0]}{_and_more(surplus)}, which the original does not; "
                "move it away"
            )

        def verified(name: str) -> BytesIO:
            if name not in expected:
                raise ValueError(f"the checksums list no {name}; each image has {len(TYPES)} .mat")
            content = read(name)
            if (digest := hashlib.sha256(content).hexdigest()) != expected[name]:
                raise ValueError(
                    f"{path}: {name} has SHA-256 {digest[:12]}…, expected {expected[name][:12]}…; "
                    "it was changed or damaged: copy or unpack the original again"
                )
            return BytesIO(content)

        pictures = [name for name in expected if name.endswith(".bmp")]
        for picture in sorted(pictures, key=lambda name: int(re.findall(r"\d+", name)[-1])):
            yield _image(picture, verified)


def _find() -> Path:
    """Return the folder or zip in the folder that ``MIL_TUTORIAL_DATA`` names."""
    own = user_data_dir()
    entries = sorted(own.iterdir()) if own is not None else []
    for ending in ("", ".zip"):  # the folder is faster
        for entry in entries:
            if entry.name.lower() == NAME.lower() + ending:
                return entry
    where = "MIL_TUTORIAL_DATA is not set" if own is None else f"{own} holds no {NAME}"
    raise FileNotFoundError(
        f"the colon nuclei are not here ({where}). They are for research only: ask for them with "
        f"the form at {PAGE}, put {NAME.lower()}.zip (or the folder in it) into a folder and set "
        "MIL_TUTORIAL_DATA to that folder"
    )


@contextmanager
def _opened(path: Path) -> Iterator[tuple[set[str], Callable[[str], bytes]]]:
    """Give the names from ``Classification/`` on, and a function that reads one of them."""
    if path.is_dir():
        inside = {p.relative_to(path).as_posix(): p for p in sorted(path.rglob("*.*"))}
        names = _from_classification(path, inside)
        yield set(names), lambda name: inside[names[name]].read_bytes()
        return
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; name the folder {NAME} or its zip")
    with readable(path, "a zip file"):
        archive = zipfile.ZipFile(path)
    with archive:
        entries = {_safe(path, e.filename): e for e in archive.infolist() if not e.is_dir()}
        names = _from_classification(path, entries)

        def unpacked(name: str) -> bytes:
            with readable(path / name, "a part of the zip file"):
                return archive.read(entries[names[name]])

        yield set(names), unpacked


def _safe(path: Path, name: str) -> str:
    """Return an entry's name with forward slashes; refuse one that points out of the zip."""
    plain = name.replace("\\", "/")
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain) or ".." in plain.split("/"):
        raise ValueError(f"{path} holds the entry {name!r}, which points outside; get it again")
    return plain


def _from_classification(path: Path, names: Iterable[str]) -> dict[str, str]:
    """Map ``Classification/…`` to the full name, for pictures and coordinates only."""
    full_names: dict[str, str] = {}
    for name in names:
        parts = PurePosixPath(name).parts
        is_ours = name.endswith((".bmp", ".mat")) and not parts[-1].startswith("._")  # macOS's
        if "Classification" not in parts or not is_ours:
            continue
        short = "/".join(parts[parts.index("Classification") :])
        if short in full_names:
            raise ValueError(f"{path} holds {short} twice: {full_names[short]}, {name}; keep one")
        full_names[short] = name
    return full_names


def _and_more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""


def _image(picture: str, read: Callable[[str], BytesIO]) -> _Image:
    from PIL import Image
    from scipy.io import loadmat

    stem = picture.removesuffix(".bmp")
    with Image.open(read(picture)) as file:
        pixels = np.array(file.convert("RGB"))
    places = [  # empty when the image has no nucleus of the type
        loadmat(read(f"{stem}_{kind}.mat"))["detection"].reshape(-1, 2).astype(float)
        for kind in TYPES
    ]
    types = np.repeat(np.arange(len(TYPES)), [len(p) for p in places])
    return _Image(PurePosixPath(stem).name, pixels, np.concatenate(places), types)


def _nuclei(image: _Image) -> tuple[np.ndarray, np.ndarray]:
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
