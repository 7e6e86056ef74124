"""HDF5 files: read without closing them in between, and written whole or not at all."""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mil_tutorial.system.files import readable, replacing
from mil_tutorial.system.versions import import_extra

OPEN_FILES = 64
"""Files a process keeps open: each may hold 4 MB of index; opening again costs about 1 ms."""


def open_hdf5(path: Path) -> Any:
    """Open a file for reading; the caller closes it.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is truncated or of another kind.
    """
    h5py = import_extra("h5py", "wsi")
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    with readable(path, "HDF5"):
        return h5py.File(path, "r", rdcc_nbytes=0)  # every row is read once an epoch: no cache


@contextmanager
def new_hdf5(path: Path) -> Iterator[Any]:
    """Open a new file, which gets its name when all went well."""
    h5py = import_extra("h5py", "wsi")
    # Without a cache: HDF5 crashes where it cannot write what it kept, because the disk is full.
    with replacing(path) as partial, h5py.File(partial, "w", rdcc_nbytes=0) as file:
        yield file


def dataset(file: Any, name: str) -> Any:
    """Return an array of an open file.

    Raises
    ------
    ValueError
        When the file does not hold it, or holds a group of this name.
    """
    if name not in file:
        raise ValueError(
            f"{file.filename} lacks the dataset {name!r}; it holds {', '.join(file) or 'nothing'}"
        )
    if not hasattr(file[name], "shape"):
        raise ValueError(f"{file.filename}: {name!r} is a group, expected a dataset (one array)")
    return file[name]


class _Handles(threading.local):
    """Open files of this process and thread, the last used last.

    Each thread has its own, so that none closes what another reads.
    """

    def __init__(self) -> None:
        self.process = os.getpid()
        self.files = OrderedDict[Path, Any]()


_handles = _Handles()


def kept_open(path: Path, anew: bool = False) -> Any:
    """Return a file that stays open for the next reading.

    With ``anew`` it is opened again, since it may have been replaced.
    """
    if _handles.process != os.getpid():  # a forked worker must not share its parent's files
        _handles.files.clear()
        _handles.process = os.getpid()
    files = _handles.files
    if anew and path in files:
        files.pop(path).close()
    if path not in files:
        files[path] = open_hdf5(path)
        while len(files) > OPEN_FILES:
            files.popitem(last=False)[1].close()
    files.move_to_end(path)
    return files[path]
