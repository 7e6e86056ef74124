"""Files and folders written whole or not at all."""

import errno
import glob
import hashlib
import os
import platform
import secrets
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any

ABANDONED = 24 * 3600
"""Seconds after which an unfinished file of another machine counts as left by a killed run."""

LONGEST = 50
"""Characters of its future name in the name of an unfinished file: a system allows 255 bytes."""


@contextmanager
def partial_path(path: Path) -> Iterator[Path]:
    """Give a path beside ``path``, which no other run has, for a file or folder in the making.

    What is still there at the end is removed, and so is what killed runs left for the same
    ``path``. A full disk is an OSError that names ``path``, whatever was raised for it.
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
    """Give a path to write to, which becomes ``path`` when all went well; else the old file stays.

    The folder is made if need be.
    """
    path = Path(path)
    with partial_path(path) as partial:
        yield partial
        with partial.open("rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)


def check_new(folder: Path) -> Path:
    """Return ``folder`` if nothing is there, or an empty folder."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists; choose another folder or remove it first")
    return folder


@contextmanager
def new_folder(out: Path, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder that becomes ``out`` when all went well and vanishes otherwise.

    With ``replace`` an existing folder makes way for the new one, but for its README and scripts.
    """
    if not replace:
        check_new(out)
    with partial_path(out) as partial:
        fresh, old = partial / "new", partial / "old"
        fresh.mkdir(parents=True)
        yield fresh
        for kept in (*out.glob("*.md"), *out.glob("*.py")):
            shutil.copy2(kept, fresh)
        if out.exists():
            os.replace(out, old)
        os.replace(fresh, out)


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait for other processes inside ``alone_in`` of this folder, where systems can lock one."""
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
    """Return ``folder`` if ``needed`` bytes can be written there; it need not exist."""
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


def write_whole(path: Path, write: Callable[[BytesIO], Any]) -> None:
    """Write what libraries make of which a full disk gets no clear word: torch, Pillow."""
    content = BytesIO()
    write(content)
    with replacing(path) as partial:
        partial.write_bytes(content.getbuffer())


def save_weights(value: Any, path: Path) -> None:
    """Save with ``torch.save``, the whole file or nothing."""
    import torch

    write_whole(path, lambda file: torch.save(value, file))
