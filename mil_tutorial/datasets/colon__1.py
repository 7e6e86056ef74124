"""The files of CRCHistoPhenotypes, from its folder or straight from its zip, checked as read."""

import hashlib
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath

import numpy as np

from mil_tutorial.datasets.paths import user_data_dir

NAME = "CRCHistoPhenotypes_2016_04_28"
PAGE = "https://warwick.ac.uk/fac/cross_fac/tia/data/crchistolabelednucleihe/"
TYPES = ("epithelial", "fibroblast", "inflammatory", "others")


@dataclass(frozen=True)
class ColonImage:
    """One image and its typed nuclei.

    Attributes
    ----------
    name : str
        Such as ``img1``.
    pixels : uint8 array, shape (height, width, 3)
        RGB.
    places : float array, shape (n, 2)
        x, y of the marked nuclei as MATLAB counts: 1, 1 is the middle of the first pixel.
    types : int array, shape (n,)
        Places in ``TYPES``.
    """

    name: str
    pixels: np.ndarray
    places: np.ndarray
    types: np.ndarray


def find_colon() -> Path:
    """Return the folder or zip in the folder that ``MIL_TUTORIAL_DATA`` names.

    Raises
    ------
    FileNotFoundError
        Saying how to get the data.
    """
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


def read_images(path: Path, checksums: dict[str, str]) -> Iterator[ColonImage]:
    """Read the images one by one; nothing is written to disk.

    Parameters
    ----------
    path : path
        The folder that holds ``Classification``, a folder around it, or a zip of either.
    checksums : dict
        ``Classification/imgN/…`` → SHA-256, of all files that must be there.

    Raises
    ------
    FileNotFoundError, ValueError
        When a file is missing, surplus or changed, or the zip is damaged; the file is named.
    """
    with _opened(path) as (names, read):
        if missing := [name for name in checksums if name not in names]:
            raise FileNotFoundError(
                f"{path} lacks {missing[0]}{_and_more(missing)}; copy or unpack it again"
            )
        if surplus := sorted(names - checksums.keys()):
            raise ValueError(
                f"{path} holds {surplus[0]}{_and_more(surplus)}, which the original does not; "
                "move it away"
            )

        def checked(name: str) -> BytesIO:
            if name not in checksums:
                raise ValueError(f"the checksums list no {name}; each image has {len(TYPES)} .mat")
            content = read(name)
            if (found := hashlib.sha256(content).hexdigest()) != checksums[name]:
                raise ValueError(
                    f"{path}: {name} has SHA-256 {found[:12]}…, expected {checksums[name][:12]}…; "
                    "it was changed or damaged: copy or unpack the original again"
                )
            return BytesIO(content)

        pictures = [name for name in checksums if name.endswith(".bmp")]
        for picture in sorted(pictures, key=lambda name: int(re.findall(r"\d+", name)[-1])):
            yield _image(picture, checked)


def _image(picture: str, checked: Callable[[str], BytesIO]) -> ColonImage:
    from PIL import Image
    from scipy.io import loadmat

    stem = picture.removesuffix(".bmp")
    with Image.open(checked(picture)) as file:
        pixels = np.array(file.convert("RGB"))
    places = [  # empty when the image has no nucleus of the type
        loadmat(checked(f"{stem}_{kind}.mat"))["detection"].reshape(-1, 2).astype(float)
        for kind in TYPES
    ]
    types = np.repeat(np.arange(len(TYPES)), [len(p) for p in places])
    return ColonImage(PurePosixPath(stem).name, pixels, np.concatenate(places), types)


@contextmanager
def _opened(path: Path) -> Iterator[tuple[set[str], Callable[[str], bytes]]]:
    """Give the names from ``Classification/`` on, and a function that reads one of them."""
    if path.is_dir():
        inside = {p.relative_to(path).as_posix(): p for p in sorted(path.rglob("*.*"))}
        names = _from_classification(path, inside)
        yield set(names), lambda name: inside[names[name]].read_bytes()
    elif path.is_file():
        with _zip(path) as file:
            entries = {_safe(path, e.filename): e for e in file.infolist() if not e.is_dir()}
            names = _from_classification(path, entries)
            yield set(names), lambda name: _unpacked(path, file, entries[names[name]])
    else:
        raise FileNotFoundError(f"{path} does not exist; name the folder {NAME} or its zip")


def _zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{path} is no whole zip file ({error}); the download broke off: get it again"
        ) from error


def _unpacked(path: Path, file: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    try:
        return file.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise ValueError(
            f"{path}: {entry.filename} cannot be unpacked ({error}); get the zip again"
        ) from error


def _safe(path: Path, name: str) -> str:
    """Return an entry's name with forward slashes; refuse one that points out of the zip."""
    plain = name.replace("\\", "/")
    if plain.startswith("/") or re.match(r"[A-Za-z]:", plain) or ".." in plain.split("/"):
        raise ValueError(f"{path} holds the entry {name!r}, which points outside; get it again")
    return plain


def _from_classification(path: Path, inside: dict) -> dict[str, str]:
    """Map ``Classification/…`` to the full name, for pictures and coordinates only."""
    found: dict[str, str] = {}
    for name in inside:
        parts = PurePosixPath(name).parts
        is_ours = name.endswith((".bmp", ".mat")) and not parts[-1].startswith("._")  # macOS's
        if "Classification" not in parts or not is_ours:
            continue
        short = "/".join(parts[parts.index("Classification") :])
        if short in found:
            raise ValueError(f"{path} holds {short} twice: {found[short]} and {name}; keep one")
        found[short] = name
    return found


def _and_more(names: list[str]) -> str:
    return f" and {len(names) - 1} more" if len(names) > 1 else ""
