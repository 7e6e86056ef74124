"""The kinds of feature file: how each tells its shapes, and how each gives some of its rows.

All hold ``features`` (N, D), or (1, N, D) as older TRIDENT files do; ``.h5`` and ``.npz`` may hold
``coords`` (N, 2) as well. Nothing in a file is ever run: pickled objects are refused. No file is
read but the named one: links out of it are refused.
"""

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.datasets.hdf5 import attributes, dataset, kept_open
from mil_tutorial.system.reading import array_headers, readable

Shapes = dict[str, tuple[tuple[int, ...], np.dtype]]
"""Shape and type of each array of a file, by name."""


class Format:
    """One kind of file."""

    def shapes(self, path: Path) -> Shapes:
        """Return the shapes; reads as little as the kind of file allows."""
        raise NotImplementedError

    def array(self, path: Path, name: str) -> Any:
        """Return an array, mapped if possible, so that rows are read when used."""
        raise NotImplementedError

    def read(self, path: Path, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        """Return an array (N, …) as it is stored: all of it, or ascending ``rows``."""
        return _rows(self.array(path, name), rows)

    def attributes(self, path: Path, name: str = "coords") -> dict[str, Any]:
        """Return the attributes of an array, such as ``patch_size_level0``; maybe none."""
        return {}


class _HDF5(Format):
    """``.h5`` with datasets ``features`` (STAMP: ``feats``) and ``coords``, as CLAM writes them."""

    def shapes(self, path: Path) -> Shapes:
        file = kept_open(path, anew=True)
        names = [name for name in ("features", "coords") if self._stored(file, name) in file]
        stored = {name: dataset(file, self._stored(file, name)) for name in names or ["features"]}
        with readable(path, "HDF5"):  # not every type of HDF5 is one of numpy
            return {name: (array.shape, array.dtype) for name, array in stored.items()}

    def read(self, path: Path, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        file = kept_open(path)
        with readable(path, "HDF5"):
            stored = file[self._stored(file, name)]
            # Beyond a quarter of the rows one read from start to end is quicker than many small.
            if rows is None or 4 * len(rows) > stored.shape[-2]:
                return _rows(stored[...], rows)
            return stored[0, rows] if stored.ndim == 3 else stored[rows]

    def attributes(self, path: Path, name: str = "coords") -> dict[str, Any]:
        file = kept_open(path)
        stored = self._stored(file, name)
        return attributes(file, stored) if stored in file else {}

    def _stored(self, file: Any, name: str) -> str:
        is_stamp = name == "features" and "feats" in file and "features" not in file
        return "feats" if is_stamp else name


class _Torch(Format):
    """``.pt``: one tensor, as ``torch.save`` writes it."""

    def shapes(self, path: Path) -> Shapes:
        tensor = self.array(path, "features")
        self._check(path, tensor)
        return {"features": (tuple(tensor.shape), _as_numpy(tensor[:0]).dtype)}

    def read(self, path: Path, name: str, rows: np.ndarray | None = None) -> np.ndarray:
        return _as_numpy(_rows(self.array(path, name), rows))

    def array(self, path: Path, name: str) -> Any:
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

    def shapes(self, path: Path) -> Shapes:
        return array_headers(path)

    def array(self, path: Path, name: str) -> np.ndarray:
        with readable(path, ".npz"), np.load(path, allow_pickle=False) as file:
            return file[name]


class _Npy(Format):
    """``.npy``: one array, as torchmil keeps them."""

    def shapes(self, path: Path) -> Shapes:
        array = self.array(path, "features")
        return {"features": (array.shape, array.dtype)}

    def array(self, path: Path, name: str) -> np.ndarray:
        with readable(path, ".npy"):
            return np.lib.format.open_memmap(path, mode="r")  # np.load opens an .npz here too


FORMATS: dict[str, Format] = {".h5": _HDF5(), ".pt": _Torch(), ".npz": _Npz(), ".npy": _Npy()}
"""Ending of the file name → its kind."""


def kind_of(path: Path) -> Format:
    """Return the kind of a file; its ending may be written large."""
    return FORMATS[path.suffix.lower()]


def shapes(path: Path) -> Shapes:
    """Return the shapes in a file, without the batch of one of older TRIDENT files."""
    return {
        name: (shape[1:] if len(shape) == 3 and shape[0] == 1 else shape, dtype)
        for name, (shape, dtype) in kind_of(path).shapes(path).items()
    }


def _rows(stored: Any, rows: np.ndarray | None) -> Any:
    """Return all or some rows of an array or tensor (N, …) or (1, N, …)."""
    flat = stored[0] if len(stored.shape) == 3 and len(stored) == 1 else stored
    return flat if rows is None else flat[rows]
