"""One slide's features in a file: shapes are checked when it is opened, rows are read when used."""

from collections import defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.bags.dataset import first_unusable
from mil_tutorial.bags.digests import content, sampled_rows
from mil_tutorial.datasets.features.formats import kind_of, shapes
from mil_tutorial.datasets.wsi.placement import Placement, number, place
from mil_tutorial.datasets.wsi.tile_files import stated_encoder
from mil_tutorial.system.memory import check_fits
from mil_tutorial.system.reading import DAMAGED

SLICE = 4096  # rows at a time where a whole slide in double precision would be large
FLOAT32 = 4  # bytes


def describe(path: Path, coords_folder: Path | None = None) -> "FeatureFile":
    """Look into a feature file without reading its rows.

    Parameters
    ----------
    path : path
        ``.h5``, ``.pt``, ``.npz`` or ``.npy``.
    coords_folder : path, optional
        Where ``NAME.npy`` or ``NAME.h5`` holds the coordinates of files that have none.
    """
    own = shapes(path)
    if "features" not in own:
        raise ValueError(f"{path} lacks features; it holds {', '.join(own)}")
    shape, dtype = own["features"]
    if shape[:1] == (0,):
        raise ValueError(f"{path} holds no tiles; remove the file and its row of labels")
    if dtype.kind not in "fiu" or len(shape) != 2 or not shape[1]:
        raise ValueError(
            f"{path}: features have shape {shape} and type {dtype}, expected numbers (N, D)"
        )
    n, width = shape
    check_fits(n * width * FLOAT32, f"{path} says that it holds", DAMAGED)
    coords_path = path if "coords" in own else None
    if coords_path is None and coords_folder is not None:
        beside = (coords_folder / f"{path.stem}{ending}" for ending in (".npy", ".h5"))
        coords_path = next((file for file in beside if file.is_file()), None)
    if coords_path is not None:
        placed = own if coords_path == path else shapes(coords_path)
        of_coords, _ = placed.get("coords") or placed["features"]  # .npy has one array, of any name
        if of_coords != (n, 2):
            raise ValueError(
                f"{path}: {n} rows of features, but coords have shape {of_coords}, "
                f"expected ({n}, 2); write both from the same list of tiles"
            )
    return FeatureFile(path, n, width, coords_path)


class Moments(NamedTuple):
    """Number of rows, their mean and their variance, each (D,) in double precision."""

    n: int
    mean: Tensor
    variance: Tensor


def moments_of(rows: Tensor) -> Moments:
    """Return the moments of rows (n, D), computed a slice at a time."""
    parts = []
    for some in rows.split(SLICE):
        variance, mean = torch.var_mean(some.double(), dim=0, correction=0)
        parts.append(Moments(len(some), mean, variance))
    return combine(parts)


def combine(parts: Iterable[Moments]) -> Moments:
    """Put the moments of several sets of rows together (Chan, Golub & LeVeque 1979)."""
    counts, means, variances = zip(*parts)
    share = torch.tensor(counts, dtype=torch.float64)[:, None] / sum(counts)
    mean = (share * torch.stack(means)).sum(dim=0)
    between = (torch.stack(means) - mean) ** 2
    return Moments(sum(counts), mean, (share * (torch.stack(variances) + between)).sum(dim=0))


@dataclass(frozen=True)
class FeatureFile:
    """The features of one slide, on disk."""

    path: Path
    n: int  # tiles, N
    width: int  # features of each, D
    # Where the coordinates are: in the same file, in one of ``coords/``, or nowhere
    coords_path: Path | None = None

    def read(self, rows: Tensor | None = None) -> Tensor:
        """Read all features, (N, D) float32, or those at ``rows`` (k,), in that order."""
        if rows is None:
            return self._read(None)
        ascending, order = np.unique(rows.numpy(), return_inverse=True)
        return self._read(ascending)[torch.from_numpy(order)]

    def coords(self) -> np.ndarray:
        """Read the coordinates (N, 2) as they are stored: see ``placement`` for their unit."""
        path = self._coords_path()
        return np.array(kind_of(path).read(path, "coords"))

    def placement(self) -> Placement:
        """Read where the tiles lie; ``Placement.on_slide`` makes pixels of a slide of it."""
        path = self._coords_path()
        kind = kind_of(path)
        return place(kind.read(path, "coords"), kind.attributes(path, "coords"), path)

    def origin(self) -> dict[str, str | float]:
        """Return what the file says of how its features were made: encoder, µm/px, maybe none."""
        kind = kind_of(self.path)
        known: dict[str, str | float] = {}
        encoder = stated_encoder(kind.attributes(self.path, "features"))
        if encoder is not None:
            known["encoder"] = encoder
        placed = kind.attributes(self.path, "coords")
        if (mpp := number(placed, "target_mpp", self.path)) is not None:
            known["mpp"] = mpp
        return known

    @cached_property
    def moments(self) -> Moments:
        """Mean and variance of the rows; the file is read for it once."""
        return moments_of(self.read())

    @cached_property
    def digest(self) -> bytes:
        """Bytes that change with the shape, and with a value in one of the sampled rows."""
        return content(self.n, self.read(sampled_rows(self.n)))

    def __getstate__(self) -> dict[str, Any]:
        """Send no moments to other processes, which do not need them."""
        return {k: v for k, v in self.__dict__.items() if k != "moments"}

    def _coords_path(self) -> Path:
        if self.coords_path is None:
            raise ValueError(f"{self.path}: there are no coordinates, in it or beside it")
        return self.coords_path

    def _read(self, rows: np.ndarray | None) -> Tensor:
        """Read all rows, or ascending ones, and check that they are finite."""
        stored = kind_of(self.path).read(self.path, "features", rows)
        # float16 is widened; a view may be of a mapped file, which must not be written to.
        convert = np.asarray if stored.flags.owndata else np.array
        with np.errstate(over="ignore"):  # infinity is refused below
            values = torch.from_numpy(convert(stored, dtype=np.float32))
        if (first := first_unusable(values)) is not None:
            row = first if rows is None else int(rows[first])
            finite = np.isfinite(stored[first]).all()  # before it became float32
            raise ValueError(
                f"{self.path}: row {row} holds "
                f"{'numbers beyond 1e30' if finite else 'NaN or infinity'}; extract this "
                "slide again"
            )
        return values


def copies(files: Iterable[FeatureFile], sides: Iterable[Hashable]) -> list[str]:
    """Return the names, as ``S3 = S5``, of files of one content that are on several sides."""
    alike: dict[bytes, dict[str, Hashable]] = defaultdict(dict)
    for file, side in zip(files, sides):
        alike[file.digest][file.path.stem] = side
    return [" = ".join(same) for same in alike.values() if len(set(same.values())) > 1]
