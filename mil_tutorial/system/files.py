"""Files: written whole or not at all, and read without running code from them."""

import errno
import glob
import hashlib
import math
import os
import platform
import secrets
import shutil
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.system.memory import available_memory

ABANDONED = 24 * 3600
"""Seconds after which an unfinished file of another machine counts as left by a killed run."""

LONGEST = 50
"""Characters of its future name in the name of an unfinished file: a system allows 255 bytes."""

SIGNS_OF_CODE = ("GLOBAL", "Unsupported class", "Object arrays", "Python objects")
"""Words of torch and numpy when a file holds pickled objects."""


@contextmanager
def partial_path(path: Path) -> Iterator[Path]:
    """Give a path beside ``path`` for a file or folder that is not complete yet.

    No other run has the same one, on whatever machine or container it is. What is still there at
    the end is removed, and so is what killed runs left for the same ``path``.

    Raises
    ------
    OSError
        Naming ``path``, when the disk is full, whatever was raised for it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    name = f".{path.name[:LONGEST]}"
    for other in path.parent.glob(f"{glob.escape(name)}.*.partial"):
        if _is_abandoned(other):
            _remove(other)
    own = f"{_machine()}-{os.getpid()}-{secrets.token_hex(4)}"
    partial = path.with_name(f"{name}.{own}.partial")
    try:
        yield partial
    except (OSError, RuntimeError, ValueError) as error:  # h5py raises all of these
        if (number := _full_disk(error)) is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        _remove(partial)


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Give a new path to write to, which becomes ``path`` when all went well.

    A kill at any moment leaves the old file or the new one; an error leaves the old one. The
    folder is made if need be.
    """
    path = Path(path)
    with partial_path(path) as partial:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process is inside ``alone_in`` for the same folder.

    Where the system cannot lock a folder (Windows, some network drives), nothing is waited for.
    """
    try:
        import fcntl

        handle = os.open(folder, os.O_RDONLY)
    except (ImportError, OSError):
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def check_writable(folder: Path, needed: float = 0) -> Path:
    """Return ``folder`` if ``needed`` bytes can be written there; it need not exist.

    Raises
    ------
    ValueError
        When the path is a file, lies where nothing may be written, or has less space.
    """
    existing = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        with partial_path(existing / "trial") as trial:
            trial.mkdir()
            free = shutil.disk_usage(existing).free
    except OSError as error:
        raise ValueError(
            f"cannot write to {folder}: {existing} is not a writable folder ({error.strerror})"
        ) from error
    if free < needed:
        raise ValueError(
            f"{folder} needs about {needed / 1e6:.1f} MB, but {free / 1e6:.1f} MB are free there; "
            "make room, or choose another folder"
        )
    return folder


def _remove(path: Path) -> None:
    """Remove a file or folder, if it is there and may be removed."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _is_abandoned(partial: Path) -> bool:
    """Return True if the process that wrote here has ended, or, elsewhere, wrote long ago."""
    machine, _, process = partial.name.split(".")[-2].rpartition("-")[0].rpartition("-")
    try:
        if machine != _machine() or os.name == "nt":
            return time.time() - partial.stat().st_mtime > ABANDONED
        os.kill(int(process), 0)  # sends nothing
    except ProcessLookupError:
        return True
    except (OSError, ValueError):  # it runs for somebody else, or the file is gone
        return False
    return False


@cache
def _machine() -> str:
    """Name what this process shares its process numbers with: a machine, or a container of it."""
    known = [platform.node()]
    with suppress(OSError):
        known.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        known.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.blake2b(repr(known).encode(), digest_size=4).hexdigest()


def _full_disk(error: Exception) -> int | None:
    """Return the number of an error that says that no more can be written, or None."""
    number = getattr(error, "errno", None)
    if number is None and os.strerror(errno.ENOSPC) in str(error):  # HDF5 has it in its message
        number = errno.ENOSPC
    return number if number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG) else None


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

    content = BytesIO()  # torch says nothing useful of a full disk
    torch.save(value, content)
    with replacing(path) as partial:
        partial.write_bytes(content.getbuffer())
