"""Files read without running code from them; what is wrong with one is said in one line."""

import errno
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.system.errors import short_of_memory
from mil_tutorial.system.memory import check_fits

SIGNS_OF_CODE = ("GLOBAL", "Unsupported class", "Object arrays", "Python objects")
"""Words of torch and numpy when a file holds pickled objects."""

POINTER = b"version https://git-lfs.github.com/spec/v1"

DAMAGED = "is it damaged? Otherwise make it smaller, or use a machine with more"


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn the many errors of damaged files into one line, a ValueError.

    An OSError is raised where the system refuses the file, which says nothing of what it holds.
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except BlockingIOError as error:
        raise OSError(
            f"{path} is locked: another program has it open; wait until it is written, or close it "
            "there"
        ) from error
    except Exception as error:  # numpy, torch, zipfile, zlib and h5py raise a dozen kinds
        check_no_pointer(path)
        if short_of_memory(error):
            raise OSError(f"{path}: too little memory to read it; close other programs") from error
        # Offsets of a damaged file are invalid arguments; other numbers come from the system.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise OSError(f"{path} cannot be read: {os.strerror(error.errno)}") from error
        if any(word in str(error) for word in SIGNS_OF_CODE):
            raise ValueError(
                f"{path} holds pickled Python objects, whose code is not run here; save plain "
                "numbers or text, without None: torch.save(tensor, path), numpy.savez(path, …)"
            ) from error
        if "consistency flags" in str(error):  # of HDF5
            raise OSError(
                f"{path} was not closed: another program writes it, or was killed meanwhile; wait "
                "for it, or release the file (h5clear -s) and look at what it holds"
            ) from error
        reason = (str(error).splitlines() or [""])[0].rstrip(".")[:150] or type(error).__name__
        if "weights_only" in reason:  # advice to run the code in the file
            reason = "no file of torch.save"
        raise ValueError(
            f"{path} cannot be read as {kind} ({reason}); it is truncated or of another kind: copy "
            "or write it again"
        ) from error


def array_headers(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return shape and type of each array of an ``.npz`` file; no array is read."""
    check_is_file(path)
    headers = {}
    with readable(path, ".npz"), zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            with archive.open(member) as file:
                version = np.lib.format.read_magic(file)
                read = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
                shape, _, dtype = read(file)
            if not dtype.hasobject and member.file_size < math.prod(shape) * dtype.itemsize:
                raise ValueError(f"{member.filename} is shorter than its shape {shape}")
            headers[member.filename.removesuffix(".npy")] = (shape, dtype)
    return headers


def read_arrays(path: Path, required: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the arrays of an ``.npz`` file, read completely; refuse one that lacks some."""
    headers = array_headers(path)
    size = sum(math.prod(shape) * dtype.itemsize for shape, dtype in headers.values())
    check_fits(size, f"{path} says that it holds", DAMAGED)
    if missing := [name for name in required if name not in headers]:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}; it holds {', '.join(headers)}: add the missing "
            "array, or give it this name"
        )
    with readable(path, ".npz"), np.load(path, allow_pickle=False) as file:
        return dict(file)


def load_weights(path: Path, device: Any = "cpu") -> Any:
    """Load what ``torch.save`` wrote, tensors and plain values only."""
    import torch

    check_is_file(path)
    with readable(path, "weights"):
        if zipfile.is_zipfile(path):  # what torch.save writes; torch.load looks at no checksum
            with zipfile.ZipFile(path) as archive:
                if damaged := archive.testzip():
                    raise ValueError(f"{damaged} has another checksum")
        return torch.load(path, map_location=device, weights_only=True)


def check_is_file(path: Path) -> None:
    """Refuse what is missing, and a folder or a pipe, which would be waited for."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} {'is not a file' if path.exists() else 'does not exist'}")


def check_no_pointer(path: Path) -> None:
    """Refuse a text that Git LFS puts in place of a large file until that is fetched."""
    with suppress(OSError), path.open("rb") as file:
        if file.read(len(POINTER)) == POINTER:
            raise ValueError(
                f"{path} is a Git LFS pointer, not the file itself; fetch the file, in its clone: "
                "git lfs pull"
            )
