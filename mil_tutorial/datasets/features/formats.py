"""The kinds of feature file: how each tells its shapes, and how each gives some of its rows.

All hold ``features`` (N, D), or (1, N, D) as older TRIDENT files do; ``.h5`` and ``.npz`` may hold
``coords`` (N, 2) as well. Nothing in a file is ever run: pickled objects are refused. No file is
read but the named one: links out of it are refused.
"""

import zipfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mil_tutorial.datasets.hdf5 import attributes, dataset, kept_open
from mil_tutorial.system.files import array_headers, readable


class Contents(NamedTuple):
    """Shapes in a file, without the batch of one; ``coords`` is None if it has none."""

    features: tuple[int, ...]
    dtype: np.dtype
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
        features = dataset(file, _name_of_features(file))
        coords = _flat_shape(dataset(file, "coords").shape) if "coords" in file else None
        with readable(path, "HDF5"):  # not every type of HDF5 is one of numpy
            return Contents(_flat_shape(features.shape), features.dtype, coords)

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        with readable(path, "HDF5"):
            file = kept_open(path)
            stored = file[_name_of_features(file)]
            # Beyond a quarter of the rows one read from start to end is quicker than many small.
            if rows is None or 4 * len(rows) > stored.shape[-2]:
                return _rows(stored[...], rows)
            return stored[0, rows] if stored.ndim == 3 else stored[rows]

    def coords(self, path: Path) -> np.ndarray:
        with readable(path, "HDF5"):
            return _rows(kept_open(path)["coords"][...], None)

    def attributes(self, path: Path) -> dict[str, Any]:
        file = kept_open(path)
        return attributes(file, "coords") if "coords" in file else {}


def _name_of_features(file: Any) -> str:
    """Return ``features``, or ``feats`` as STAMP calls them."""
    return "feats" if "feats" in file and "features" not in file else "features"


class _Torch(Format):
    """``.pt``: one tensor, as ``torch.save`` writes it; mapped: rows are read when used."""

    def contents(self, path: Path) -> Contents:
        tensor = self._map(path)
        self._check(path, tensor)
        return Contents(_flat_shape(tensor.shape), _as_numpy(tensor[:0]).dtype)

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        return _as_numpy(_rows(self._map(path), rows))

    def _map(self, path: Path) -> Any:
        import torch

        with readable(path, "a tensor"):
            mapped = zipfile.is_zipfile(path)  # files of torch before 1.6 are none
            tensor = torch.load(path, mmap=mapped, map_location="cpu", weights_only=True)
        if not isinstance(tensor, torch.Tensor):
            raise ValueError(
                f"{path} holds a {type(tensor).__name__}, expected one tensor (N, D); "
                "save the tensor alone: torch.save(features, path)"
            )
        return tensor.detach()  # features may have been saved with their gradient

    def _check(self, path: Path, tensor: Any) -> None:
        """Refuse tensors that are no plain array of numbers, or lack some of these."""
        import torch

        kinds = {
            "nested": tensor.is_nested,
            "sparse": tensor.layout != torch.strided,
            "quantised": tensor.is_quantized,
            "complex": tensor.is_complex(),
            "meta": tensor.is_meta,
        }
        if odd := next((name for name, is_it in kinds.items() if is_it), None):
            raise ValueError(
                f"{path} holds a {odd} tensor, expected a plain one (N, D) of real numbers; "
                "convert it before it is saved"
            )
        if not tensor.ndim:
            raise ValueError(f"{path} holds one number, expected a tensor (N, D)")
        if zipfile.is_zipfile(path):  # torch maps a storage without looking at its length
            with zipfile.ZipFile(path) as archive:
                parts = (part for part in archive.infolist() if "/data/" in part.filename)
                stored = sum(part.compress_size for part in parts)
            if stored < tensor.untyped_storage().nbytes():
                raise ValueError(
                    f"{path} holds {stored} bytes of numbers, fewer than its tensor of shape "
                    f"{tuple(tensor.shape)} needs; it is damaged: extract this slide again"
                )


def _as_numpy(tensor: Any) -> np.ndarray:
    """Return a tensor as an array; numpy has neither bfloat16 nor float of 8 bits."""
    try:
        return tensor.resolve_neg().numpy()
    except TypeError:
        return tensor.float().numpy()


class _Npz(Format):
    """``.npz`` with ``features`` and perhaps ``coords``; numpy reads an array of it whole."""

    def contents(self, path: Path) -> Contents:
        headers = array_headers(path)
        if "features" not in headers:
            raise ValueError(f"{path} lacks features; it holds {', '.join(headers)}")
        shape, dtype = headers["features"]
        coords = _flat_shape(headers["coords"][0]) if "coords" in headers else None
        return Contents(_flat_shape(shape), dtype, coords)

    def features(self, path: Path, rows: np.ndarray | None) -> np.ndarray:
        return _rows(self._read(path, "features"), rows)

    def coords(self, path: Path) -> np.ndarray:
        return _rows(self._read(path, "coords"), None)

    def _read(self, path: Path, name: str) -> np.ndarray:
        with readable(path, ".npz"), np.load(path, allow_pickle=False) as file:
            return file[name]


class _Npy(Format):
    """``.npy``: one array, as torchmil keeps them; mapped, so that rows are read when used."""

    def contents(self, path: Path) -> Contents:
        array = self._map(path)
        return Contents(_flat_shape(array.shape), array.dtype)

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
