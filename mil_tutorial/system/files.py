"""Files: written whole or not at all, and read without running code from them."""

import errno
import math
import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.system.memory import available_memory

SIGNS_OF_CODE = ("GLOBAL", "Unsupported class", "Object arrays", "Python objects")
"""Words of torch and numpy when a file holds pickled objects."""


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a new path to write to, which becomes ``path`` when all went well.

    A kill at any moment leaves the old file or the new one; an error leaves the old one. The
    folder is made if need be.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn the many errors of damaged files into one line; code in a file is never run.

    Raises
    ------
    OSError
        When the system refuses the file, which says nothing of what it holds.
    ValueError
        When it is damaged or of another kind.
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
        if isinstance(error, MemoryError) or "allocate memory" in str(error):
            raise OSError(f"{path}: too little memory to read it; close other programs") from error
        # Offsets of a damaged file are invalid arguments; other numbers come from the system.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
            raise OSError(f"{path} cannot be read: {os.strerror(error.errno)}") from error
        if any(word in str(error) for word in SIGNS_OF_CODE):
            raise ValueError(
                f"{path} holds pickled Python objects, whose code is not run here; save plain "
                "numbers or text, without None: torch.save(tensor, path), numpy.savez(path, …)"
            ) from error
        reason = (str(error).splitlines() or [""])[0].rstrip(".")[:150] or type(error).__name__
        raise ValueError(
            f"{path} cannot be read as {kind} ({reason}); it is truncated or of another kind: copy "
            "or write it again"
        ) from error


def check_memory(path: Path, size: int) -> None:
    """Refuse to read what does not fit into the free memory; ``size`` is in bytes."""
    free = available_memory()
    if free is not None and size > free:
        raise ValueError(
            f"{path} says that it holds {size / 1e9:.3g} GB, but {free / 1e9:.3g} GB of memory are "
            "free; is it damaged? Otherwise make it smaller, or use a machine with more"
        )


def array_headers(path: Path) -> dict[str, tuple[tuple[int, ...], np.dtype]]:
    """Return shape and type of each array of an ``.npz`` file; no array is read.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is truncated or of another kind, or an array is shorter than its shape.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
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
    """Return the arrays of an ``.npz`` file, read completely.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is truncated, is of another kind, holds Python objects, does not fit into
        memory, or lacks a required array. The message names the file.
    """
    headers = array_headers(path)
    check_memory(path, sum(math.prod(shape) * dtype.itemsize for shape, dtype in headers.values()))
    if missing := [name for name in required if name not in headers]:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}; it holds {', '.join(headers)}: add the missing "
            "array, or give it this name"
        )
    with readable(path, ".npz"), np.load(path, allow_pickle=False) as file:
        return dict(file)


def load_weights(path: Path, device: Any = "cpu") -> Any:
    """Load what ``torch.save`` wrote, tensors and plain values only.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is truncated, or is no file of tensors.
    """
    import torch

    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    with readable(path, "weights"):
        return torch.load(path, map_location=device, weights_only=True)


def save_weights(value: Any, path: Path) -> None:
    """Save with ``torch.save``, the whole file or nothing."""
    import torch

    with replacing(path) as partial, partial.open("wb") as file:  # whose errors are OSError
        torch.save(value, file)
