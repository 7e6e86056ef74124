"""The tiles of a slide and their features, as the HDF5 files that CLAM and TRIDENT use.

One file a slide with ``coords`` (N, 2) and, once encoded, ``features`` (N, D). ``coords`` has
attributes under the names of

* TRIDENT (``trident/IO.py``: ``coords_to_h5``, ``read_coords``): ``patch_size`` (pixels as the
  encoder sees them), ``patch_size_level0``, ``level0_magnification``, ``target_magnification``,
  ``overlap``, ``name``, ``level0_width``, ``level0_height``;
* CLAM (``wsi_core/WholeSlideImage.py``: ``process_contour``): ``patch_level`` and ``downsample`` of
  that level. CLAM does not shrink what it read; ``custom_downsample``, as TRIDENT's
  ``read_coords_legacy`` takes it, tells by how much: 1 where pixels are taken as they are;
* this package: ``level0_mpp``, ``target_mpp``, ``min_tissue``, ``threshold``.

CLAM's loader takes ``file["features"][:]`` and ``file["coords"][:]``; both stay plain arrays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.datasets.hdf5 import attributes, dataset, new_hdf5, open_hdf5
from mil_tutorial.datasets.wsi.placement import attribute_text, level0_side, number, place
from mil_tutorial.system.reading import readable

CHUNK = 256  # rows of features stored together
MAY_BE_ZERO = ("patch_level", "overlap", "min_tissue", "threshold")
NUMBERS = (
    *("patch_size", "downsample", "level0_width", "level0_height", "level0_magnification"),
    *("level0_mpp", "target_mpp", *MAY_BE_ZERO),
)
"""Attributes of coordinates that are read."""
ENCODER = ("encoder", "extractor")
"""Attributes of features that name their encoder, of which the first counts: ours, STAMP's."""


@dataclass(frozen=True, eq=False)
class Tiles:
    """The tiles of one slide.

    Attributes
    ----------
    name : str
        Of the slide.
    coords : int64 array, shape (N, 2)
        x, y of each tile's top-left corner in pixels of level 0.
    tile_size : int
        Side of a tile's picture in pixels, as the encoder sees it.
    side : int
        Side of a tile in pixels of level 0.
    slide_size : (width, height), optional
        Of level 0 in pixels.
    level, downsample : int and float, optional
        The pyramid level that is read, and pixels of level 0 for each of its.
    mpp, slide_mpp : float, optional
        µm/px that was asked for, and of level 0.
    magnification : float, optional
        Of the objective, where the slide says it.
    overlap : int
        Pixels of a tile's picture that the next one shows too; tiles of this package have none.
    min_tissue : float, optional
        The smallest share of tissue of a tile that was kept.
    threshold : float, optional
        The saturation that was asked for as the least of tissue; None where each slide has its own.
    """

    name: str
    coords: np.ndarray
    tile_size: int
    side: int
    slide_size: tuple[int, int] | None = None
    level: int | None = None
    downsample: float | None = None
    mpp: float | None = None
    slide_mpp: float | None = None
    magnification: float | None = None
    min_tissue: float | None = None
    threshold: float | None = None
    overlap: int = 0

    def __post_init__(self) -> None:
        coords = np.asarray(self.coords)
        if coords.ndim != 2 or coords.shape[1] != 2 or coords.dtype.kind not in "iu":
            raise ValueError(
                f"{self.name}: coords have shape {coords.shape} of {coords.dtype}, expected (N, 2) "
                "integers: x, y in pixels of level 0"
            )
        if not len(coords):
            raise ValueError(f"{self.name}: there are no tiles")
        if self.tile_size < 1 or self.side < 1:
            raise ValueError(
                f"{self.name}: a tile of {self.side} px at level 0 and {self.tile_size} px when "
                "read; both must be at least 1"
            )
        object.__setattr__(self, "coords", coords.astype(np.int64))

    def __len__(self) -> int:
        return len(self.coords)

    def same(self, other: "Tiles") -> bool:
        """Return True if both are the same fields, read at the same size."""
        mine, its = (self.tile_size, self.side), (other.tile_size, other.side)
        return mine == its and np.array_equal(self.coords, other.coords)

    def check_inside(self, size: tuple[int, int], slide: str | Path) -> None:
        """Refuse a slide that these tiles were not made for.

        Tiles of other tools may reach beyond the right and lower edge; their corners may not, nor
        may a tile be larger than the slide.
        """
        reach = self.side if self.side > max(size) else 1
        low, high = self.coords.min(axis=0), self.coords.max(axis=0) + reach
        wrong_size = self.slide_size is not None and tuple(self.slide_size) != tuple(size)
        if wrong_size or (low < 0).any() or (high > size).any():
            known = wrong_size and self.slide_size
            made_for = known or tuple(int(side) for side in high)
            least = "" if known else "at least "
            raise ValueError(
                f"{slide}: the slide has {size[0]} × {size[1]} pixels, its tiles were made for "
                f"{least}{made_for[0]} × {made_for[1]}; tile this slide again"
            )


def write_tiles(path: str | Path, tiles: Tiles) -> Path:
    """Write where the tiles lie; a kill at any moment leaves the old file or the new one."""
    with new_hdf5(Path(path)) as file:
        _add_coords(file, tiles)
    return Path(path)


def write_features(
    path: str | Path, tiles: Tiles, batches: Iterable[np.ndarray], encoder: str
) -> Path:
    """Write features as they come, batch by batch, in the order of the tiles.

    Parameters
    ----------
    path : str or Path
        Written whole or not at all; nothing is left of it when a batch raises.
    tiles : Tiles
    batches : iterable of float arrays, shape (n, D)
        N rows together.
    encoder : str
        Its name, kept as the attribute ``encoder`` of ``features``.
    """
    with new_hdf5(Path(path)) as file:
        _add_coords(file, tiles)
        features, done = None, 0
        for batch in batches:
            if features is None:
                shape = (len(tiles), batch.shape[1])
                chunks = (min(CHUNK, len(tiles)), batch.shape[1])
                features = file.create_dataset("features", shape, np.float32, chunks=chunks)
                features.attrs.update(encoder=encoder, name=tiles.name)
            features[done : done + len(batch)] = batch
            done += len(batch)
        if done != len(tiles):
            raise ValueError(f"{tiles.name}: {done} features for {len(tiles)} tiles")
    return Path(path)


def read_tiles(path: str | Path) -> Tiles:
    """Read the tiles of a slide from a file of this package, of TRIDENT or of CLAM.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is damaged, does not say how large a tile is, or places its tiles on no slide.
    """
    path = Path(path)
    with open_hdf5(path) as file:
        stored = dataset(file, "coords")
        known = attributes(file, "coords")
        with readable(path, "HDF5"):
            coords = stored[:]
    sizes = {name: number(known, name, path, name in MAY_BE_ZERO) for name in NUMBERS}
    placement = place(coords, known, path)
    if placement.unit != "px":
        raise ValueError(
            f"{path}: coords are in µm, as files of features of STAMP have them, expected pixels "
            "of level 0; tile the slide with the command tile"
        )
    if sizes["patch_size"] is None or level0_side(known, path) is None:
        raise ValueError(
            f"{path}: coords do not say how large a tile is; expected the attributes patch_size "
            f"and patch_size_level0, got {sorted(known) or 'none'}"
        )
    width, height = sizes["level0_width"], sizes["level0_height"]
    return Tiles(
        name=attribute_text(known.get("name", path.stem)),
        coords=np.round(placement.coords).astype(np.int64),
        tile_size=round(sizes["patch_size"]),
        side=round(placement.side),
        slide_size=(round(width), round(height)) if width and height else None,
        level=None if sizes["patch_level"] is None else round(sizes["patch_level"]),
        downsample=sizes["downsample"],
        mpp=sizes["target_mpp"],
        slide_mpp=sizes["level0_mpp"],
        magnification=sizes["level0_magnification"],
        min_tissue=sizes["min_tissue"],
        threshold=sizes["threshold"],
        overlap=round(sizes["overlap"] or 0),
    )


def read_encoder(path: Path) -> str:
    """Return the name of the encoder whose features a file holds."""
    with open_hdf5(path) as file:
        dataset(file, "features")  # refuses a file without them
        return stated_encoder(attributes(file, "features")) or "unknown"


def stated_encoder(of_features: Mapping[str, Any]) -> str | None:
    """Return the name of the encoder that the attributes of features state, if they do."""
    known = (attribute_text(of_features[name]) for name in ENCODER if name in of_features)
    return next(known, None)


def _add_coords(file: Any, tiles: Tiles) -> None:
    """Store where the tiles lie, with the attributes that are known."""
    shrunk = tiles.side / tiles.tile_size  # pixels of level 0 for each of a tile
    width, height = tiles.slide_size or (None, None)
    attributes = {
        "name": tiles.name,
        "patch_size": tiles.tile_size,
        "patch_size_level0": tiles.side,
        "patch_level": tiles.level,
        "downsample": tiles.downsample,
        "custom_downsample": tiles.downsample and _clean(shrunk / tiles.downsample),
        "overlap": tiles.overlap,
        "level0_width": width,
        "level0_height": height,
        "level0_magnification": tiles.magnification and _clean(tiles.magnification),
        "target_magnification": tiles.magnification and _clean(tiles.magnification / shrunk),
        "level0_mpp": tiles.slide_mpp,
        "target_mpp": tiles.mpp,
        "min_tissue": tiles.min_tissue,
        "threshold": tiles.threshold,
    }
    coords = file.create_dataset("coords", data=tiles.coords)
    coords.attrs.update({key: value for key, value in attributes.items() if value is not None})


def _clean(value: float) -> int | float:
    """Return 20 for 20.0 and 19.98: a side is a whole number of pixels, and so rounded."""
    return round(value) if abs(value / max(1, round(value)) - 1) < 0.005 else value
