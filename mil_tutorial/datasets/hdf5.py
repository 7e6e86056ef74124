"""HDF5 files: read without closing them in between, and written whole or not at all."""

import math
import os
import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mil_tutorial.system.files import replacing
from mil_tutorial.system.reading import check_is_file, readable
from mil_tutorial.system.versions import import_extra

OPEN_FILES = 64
"""Files a process keeps open: each may hold 4 MB of index; opening again costs about 1 ms."""


def open_hdf5(path: Path) -> Any:
    """Open a file for reading; the caller closes it."""
    h5py = import_extra("h5py", "wsi")
    check_is_file(path)
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
    """Return an array of an open file, whose values all lie in it: others' may be a password."""
    h5py = import_extra("h5py", "wsi")
    where = f"{file.filename}: {name!r}"
    link = file.get(name, getlink=True)
    if link is None:
        raise ValueError(
            f"{file.filename} lacks the dataset {name!r}; it holds {', '.join(file) or 'nothing'}"
        )
    if isinstance(link, h5py.ExternalLink):
        raise ValueError(f"{where} is a link to the file {link.filename}; copy the array here")
    with readable(Path(file.filename), "HDF5"):
        stored = file[name]
    if not hasattr(stored, "shape"):
        raise ValueError(f"{where} is a group, expected a dataset (one array)")
    if stored.file.filename != file.filename:  # a link in this file to a link out of it
        raise ValueError(f"{where} leads to the file {stored.file.filename}; copy the array here")
    _check_values(stored, where)
    return stored


def _check_values(stored: Any, where: str) -> None:
    """Refuse an array without values of its own, or whose values cannot be unpacked here."""
    import h5py

    if stored.shape is None:
        raise ValueError(f"{where} is empty (a null dataspace), expected an array")
    if stored.is_virtual or stored.external:
        kind = "is virtual: its" if stored.is_virtual else "has external storage: its"
        raise ValueError(f"{where} {kind} values lie elsewhere; store them in this file")
    properties = stored.id.get_create_plist()
    for i in range(properties.get_nfilters()):
        code, *_, label = properties.get_filter(i)
        if not h5py.h5z.filter_avail(code):
            raise ValueError(
                f"{where} is compressed by the filter {code} {label.decode(errors='replace')}, "
                "which is not installed here; write it with gzip (h5repack -f GZIP=4)"
            )
    if stored.size and not stored.id.get_storage_size():
        raise ValueError(f"{where} was declared and never written; extract this slide again")
    if stored.chunks:
        expected = math.prod(-(-n // m) for n, m in zip(stored.shape, stored.chunks))
        if (written := stored.id.get_num_chunks()) < expected:  # others would be read as zeros
            raise ValueError(
                f"{where}: {written} of its {expected} chunks were written; extract this slide "
                "again"
            )


def attributes(file: Any, name: str) -> dict[str, Any]:
    """Return the attributes of an array, and those of its file that it has not itself."""
    with readable(Path(file.filename), "HDF5"):
        return {**file.attrs, **file[name].attrs}


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
