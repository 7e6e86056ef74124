"""Feature files opened: HDF5 handles kept for the next reading, damage told in one line."""

import os
import threading
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mil_tutorial.optional import import_extra

OPEN_FILES = 64
"""HDF5 files a process keeps open: each may hold 4 MB of index; opening again costs about 1 ms."""


SIGNS_OF_CODE = ("GLOBAL", "Unsupported", "Object arrays", "Python objects")
"""Words of torch and numpy when a file holds pickled objects."""


@contextmanager
def readable(path: Path, kind: str) -> Iterator[None]:
    """Turn the many errors of damaged files into one line; code in a file is never run."""
    from pickle import UnpicklingError

    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise _refusal(path, kind, error) from error
    except (zipfile.BadZipFile, zlib.error, UnpicklingError) as error:
        raise _refusal(path, kind, error) from error


def _refusal(path: Path, kind: str, error: Exception) -> ValueError:
    if any(word in str(error) for word in SIGNS_OF_CODE):
        return ValueError(
            f"{path} holds pickled Python objects, whose code is not run here; "
            "save a plain array or tensor: torch.save(features, path)"
        )
    return ValueError(
        f"{path} cannot be read as {kind} ({type(error).__name__}); it is truncated or of "
        "another kind: copy or write it again"
    )


class _Handles(threading.local):
    """Open HDF5 files of this process and thread, the last used last.

    Threads have their own: one may close what it needs no more while the other reads.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self.files = OrderedDict[Path, Any]()


_handles = _Handles()


def open_hdf5(path: Path) -> Any:
    """Return the open HDF5 file; it stays open for the next reading."""
    if _handles.process != os.getpid():  # a forked worker must not share its parent's files
        _handles.files.clear()
        _handles.process = os.getpid()
    files = _handles.files
    if path not in files:
        files[path] = _open(path)
        while len(files) > OPEN_FILES:
            files.popitem(last=False)[1].close()
    files.move_to_end(path)
    return files[path]


def open_anew(path: Path) -> Any:
    """Return the open HDF5 file as it is now: it may have been written again since."""
    if path in _handles.files:
        _handles.files.pop(path).close()
    return open_hdf5(path)


def _open(path: Path) -> Any:
    h5py = import_extra("h5py", "wsi")
    with readable(path, "HDF5"):
        return h5py.File(path, "r", rdcc_nbytes=0)  # every row is read once an epoch: no cache
