"""The kinds of feature file: how each tells its shapes, and how each gives some of its rows.

All hold ``features`` (N, D), or (1, N, D) as older TRIDENT files do; ``.h5`` and ``.npz`` may hold
``coords`` (N, 2) as well. Nothing in a file is ever run: pickled objects are refused.
"""

import os
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from mil_tutorial.system.files import readable
from mil_tutorial.system.versions import import_extra


class Contents(NamedTuple):
    """What a file says of itself before any row is read; ``coords`` is None if it has none."""

    features: tuple[int, ...]
    kind: str  # of the numbers, as numpy's dtype.kind, such as "f"
    coords: tuple[int, ...] | None


class Format(Protocol):
    """One kind of file."""

    def contents(self, path: Path) -> Contents:
        """Return the shapes; reads as little as the kind of file allows."""

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        """Return the features (n, D) as they are stored: all, or those at ascending ``rows``."""

    def coords(self, path: Path) -> np.ndarray:
        """Return the coordinates (N, 2)."""


class HDF5:
    """``.h5`` with datasets ``features`` and ``coords``, as CLAM and TRIDENT write them."""

    def contents(self, path: Path) -> Contents:
        """Return the shapes."""
        file = open_anew(path)
        if "features" not in file:
            raise ValueError(
                f"{path} lacks the dataset 'features'; it holds {', '.join(file) or 'nothing'}"
            )
        stored, coords = file["features"], file.get("coords")
        for name, found in {"features": stored, "coords": coords}.items():
            if found is not None and not hasattr(found, "shape"):
                raise ValueError(f"{path}: {name!r} is a group, expected a dataset (one array)")
        return Contents(stored.shape, stored.dtype.kind, None if coords is None else coords.shape)

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        """Return the features, all or some rows."""
        stored = open_hdf5(path)["features"]
        with readable(path, "HDF5"):
            # Beyond a quarter of the rows one read from start to end is quicker than many small.
            if rows is None or 4 * len(rows) > stored.shape[-2]:
                return _pick(_flat(stored[...]), rows)
            return stored[0, rows] if stored.ndim == 3 else stored[rows]

    def coords(self, path: Path) -> np.ndarray:
        """Return the coordinates (N, 2)."""
        with readable(path, "HDF5"):
            return _flat(open_hdf5(path)["coords"][...])

    def attributes(self, path: Path) -> dict[str, Any]:
        """Return what the file says of its tiles, such as ``patch_size_level0``."""
        file = open_hdf5(path)
        return dict(file["coords"].attrs) if "coords" in file else {}


class Torch:
    """``.pt``: one tensor, as ``torch.save`` writes it; mapped: rows are read when used."""

    def contents(self, path: Path) -> Contents:
        """Return the shapes."""
        tensor = self._load(path)
        kind = "f" if tensor.is_floating_point() else "i"
        return Contents(tuple(tensor.shape), kind, None)

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        """Return the features, all or some rows."""
        tensor = _flat(self._load(path))
        return (tensor if rows is None else tensor[rows]).float().numpy()

    def coords(self, path: Path) -> np.ndarray:
        """Return the coordinates (N, 2)."""
        raise ValueError(f"{path} holds no coordinates")

    def _load(self, path: Path) -> Any:
        import torch

        with readable(path, "a tensor"):
            options: dict[str, Any] = {"map_location": "cpu", "weights_only": True}
            try:
                found = torch.load(path, mmap=True, **options)
            except RuntimeError:  # files of torch before 1.6 cannot be mapped
                found = torch.load(path, **options)
        if not isinstance(found, torch.Tensor):
            raise ValueError(
                f"{path} holds a {type(found).__name__}, expected one tensor (N, D); "
                "save the tensor alone: torch.save(features, path)"
            )
        return found


class Npz:
    """``.npz`` with ``features`` and perhaps ``coords``; numpy reads an array of it whole."""

    def contents(self, path: Path) -> Contents:
        """Return the shapes."""
        import zipfile

        with readable(path, ".npz"), zipfile.ZipFile(path) as archive:
            headers = {
                name.removesuffix(".npy"): self._header(archive, name)
                for name in archive.namelist()
            }
        if "features" not in headers:
            raise ValueError(f"{path} lacks 'features'; it holds {', '.join(headers)}")
        coords = headers["coords"][0] if "coords" in headers else None
        return Contents(*headers["features"], coords)

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        """Return the features, all or some rows."""
        return _pick(_flat(self._read(path, "features")), rows)

    def coords(self, path: Path) -> np.ndarray:
        """Return the coordinates (N, 2)."""
        return _flat(self._read(path, "coords"))

    def _header(self, archive: Any, name: str) -> tuple[tuple[int, ...], str]:
        with archive.open(name) as file:
            version = np.lib.format.read_magic(file)
            read = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
            shape, _, dtype = read(file)
        return shape, dtype.kind

    def _read(self, path: Path, name: str) -> np.ndarray:
        with readable(path, ".npz"), np.load(path, allow_pickle=False) as file:
            return file[name]


class Npy:
    """``.npy``: one array, as torchmil keeps them; mapped, so that rows are read when used."""

    def contents(self, path: Path) -> Contents:
        """Return the shapes."""
        array = self._map(path)
        return Contents(array.shape, array.dtype.kind, None)

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        """Return the features, all or some rows."""
        return _pick(_flat(self._map(path)), rows)

    def coords(self, path: Path) -> np.ndarray:
        """Return the coordinates (N, 2)."""
        return np.array(_flat(self._map(path)))

    def _map(self, path: Path) -> np.ndarray:
        with readable(path, ".npy"):
            return np.load(path, mmap_mode="r", allow_pickle=False)


FORMATS: dict[str, Format] = {".h5": HDF5(), ".pt": Torch(), ".npz": Npz(), ".npy": Npy()}
"""Ending of the file name → its kind."""


def _flat(stored: Any) -> Any:
    """Return (N, …) for the (1, N, …) of older TRIDENT files."""
    if len(stored.shape) == 3 and stored.shape[0] == 1:
        return stored[0]
    return stored


def _pick(values: np.ndarray, rows: np.ndarray | None) -> np.ndarray:
    return values if rows is None else values[rows]


OPEN_FILES = 64
"""HDF5 files a process keeps open: each may hold 4 MB of index; opening again costs about 1 ms."""


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
