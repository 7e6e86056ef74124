"""The kinds of feature file: how each tells its shapes, and how each gives some of its rows.

All hold ``features`` (N, D), or (1, N, D) as older TRIDENT files do; ``.h5`` and ``.npz`` may hold
``coords`` (N, 2) as well. Nothing in a file is ever run: pickled objects are refused.
"""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mil_tutorial.datasets.hdf5 import dataset, kept_open
from mil_tutorial.system.files import read_arrays, readable


class Contents(NamedTuple):
    """Shapes in a file, without the batch of one; ``coords`` is None if it has none."""

    features: tuple[int, ...]
    kind: str  # of the numbers, as numpy's dtype.kind, such as "f"
    coords: tuple[int, ...] | None = None


class Format:
    """One kind of file."""

    def contents(self, path: Path) -> Contents:
        """Return the shapes; reads as little as the kind of file allows."""
        raise NotImplementedError

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        """Return the features (n, D) as they are stored: all, or those at ascending ``rows``."""
        raise NotImplementedError

    def coords(self, path: Path) -> np.ndarray:
        """Return the coordinates (N, 2) of a file that has them."""
        raise NotImplementedError

    def attributes(self, path: Path) -> dict[str, Any]:
        """Return the attributes of the coordinates, such as ``patch_size_level0``; maybe none."""
        return {}


class _HDF5(Format):
    """``.h5`` with datasets ``features`` and ``coords``, as CLAM and TRIDENT write them."""

    def contents(self, path: Path) -> Contents:
        file = kept_open(path, anew=True)
        features = dataset(file, "features")
        coords = _flat_shape(dataset(file, "coords").shape) if "coords" in file else None
        return Contents(_flat_shape(features.shape), features.dtype.kind, coords)

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        stored = kept_open(path)["features"]
        with readable(path, "HDF5"):
            # Beyond a quarter of the rows one read from start to end is quicker than many small.
            if rows is None or 4 * len(rows) > stored.shape[-2]:
                return _rows(stored[...], rows)
            return stored[0, rows] if stored.ndim == 3 else stored[rows]

    def coords(self, path: Path) -> np.ndarray:
        with readable(path, "HDF5"):
            return _rows(kept_open(path)["coords"][...], None)

    def attributes(self, path: Path) -> dict[str, Any]:
        file = kept_open(path)
        return dict(file["coords"].attrs) if "coords" in file else {}


class _Torch(Format):
    """``.pt``: one tensor, as ``torch.save`` writes it; mapped: rows are read when used."""

    def contents(self, path: Path) -> Contents:
        tensor = self._map(path)
        return Contents(_flat_shape(tensor.shape), "f" if tensor.is_floating_point() else "i")

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        return _rows(self._map(path), rows).float().numpy()

    def _map(self, path: Path) -> Any:
        import torch

        with readable(path, "a tensor"):
            options: dict[str, Any] = {"map_location": "cpu", "weights_only": True}
            try:
                tensor = torch.load(path, mmap=True, **options)
            except RuntimeError:  # files of torch before 1.6 cannot be mapped
                tensor = torch.load(path, **options)
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(
                f"{path} holds a {type(tensor).__name__}, expected one tensor (N, D); "
                "save the tensor alone: torch.save(features, path)"
            )
        return tensor


class _Npz(Format):
    """``.npz`` with ``features`` and perhaps ``coords``; numpy reads an array of it whole."""

    def contents(self, path: Path) -> Contents:
        import zipfile

        headers = {}
        with readable(path, ".npz"), zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                with archive.open(name) as file:
                    version = np.lib.format.read_magic(file)
                    read = getattr(np.lib.format, f"read_array_header_{version[0]}_0")
                    shape, _, dtype = read(file)
                headers[name.removesuffix(".npy")] = _flat_shape(shape), dtype.kind
        if "features" not in headers:
            raise ValueError(f"{path} lacks features; it holds {', '.join(headers)}")
        return Contents(*headers["features"], headers["coords"][0] if "coords" in headers else None)

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        return _rows(read_arrays(path, ("features",))["features"], rows)

    def coords(self, path: Path) -> np.ndarray:
        return _rows(read_arrays(path, ("coords",))["coords"], None)


class _Npy(Format):
    """``.npy``: one array, as torchmil keeps them; mapped, so that rows are read when used."""

    def contents(self, path: Path) -> Contents:
        array = self._map(path)
        return Contents(_flat_shape(array.shape), array.dtype.kind)

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        return _rows(self._map(path), rows)

    def coords(self, path: Path) -> np.ndarray:
        return np.array(_rows(self._map(path), None))

    def _map(self, path: Path) -> np.ndarray:
        with readable(path, ".npy"):
            return np.load(path, mmap_mode="r", allow_pickle=False)


FORMATS: dict[str, Format] = {".h5": _HDF5(), ".pt": _Torch(), ".npz": _Npz(), ".npy": _Npy()}
"""Ending of the file name → its kind."""


def _flat_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return (N, …) for the (1, N, …) of older TRIDENT files."""
    return tuple(shape[1:] if len(shape) == 3 and shape[0] == 1 else shape)


def _rows(stored: Any, rows: np.ndarray | None) -> Any:
    """Return all or some rows of an array or tensor (N, …) or (1, N, …)."""
    flat = stored[0] if len(stored.shape) == 3 and len(stored) == 1 else stored
    return flat if rows is None else flat[rows]
