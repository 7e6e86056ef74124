"""Files: written whole or not at all, and read without running code from them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

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
    """Turn the many errors of damaged files into one line; code in a file is never run."""
    try:
        yield
    except FileNotFoundError:
        raise
    except Exception as error:  # numpy, torch, zipfile, zlib and h5py raise a dozen kinds
        if any(word in str(error) for word in SIGNS_OF_CODE):
            raise ValueError(
                f"{path} holds pickled Python objects, whose code is not run here; save plain "
                "numbers or text, without None: torch.save(tensor, path), numpy.savez(path, …)"
            ) from error
        raise ValueError(
            f"{path} cannot be read as {kind} ({type(error).__name__}); it is truncated or of "
            "another kind: copy or write it again"
        ) from error


def read_arrays(path: Path, required: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Return the arrays of an ``.npz`` file, read completely.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is truncated, is of another kind, holds Python objects, or lacks a required
        array. The message names the file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    with readable(path, ".npz"), np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    if missing := [name for name in required if name not in arrays]:
        raise ValueError(
            f"{path} lacks {', '.join(missing)}; it holds {', '.join(arrays)}: add the missing "
            "array, or give it this name"
        )
    return arrays


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
