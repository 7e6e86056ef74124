"""Tiles as GeoJSON (RFC 7946) for QuPath: squares that carry their attention.

QuPath 0.4 and later read ``objectType``, a UUID as ``id``, ``classification`` with a colour, and
``measurements`` as an object of names and numbers (qupath/qupath, pull request 1099 and
QuPathTypeAdapters.java; 0.3 wrote a list instead). A NaN makes the import fail (issue 1293).
"""

import json
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.pictures.tile_checks import check_scores, check_tiles
from mil_tutorial.system.files import replacing

OBJECT_TYPES = ("tile", "detection", "annotation")
COLOURS = ([213, 94, 0], [153, 153, 153])  # of the classes above and below the threshold
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "mil_tutorial")


def tile_ring(x: float, y: float, side: float) -> list[list[float]]:
    """Return the closed ring of a tile: its four corners [x, y] in order, then the first again.

    Counter-clockwise by the signed area, as RFC 7946 asks (section 3.1.6). On the screen, where y
    grows downwards from the top-left corner (x, y), that looks clockwise.
    """
    right, bottom = x + side, y + side
    return [[x, y], [right, y], [right, bottom], [x, bottom], [x, y]]


def to_geojson(
    attention: Any,
    coords: Any,
    tile_size: int,
    *,
    threshold: float | None = None,
    only_above: bool = False,
    scores: Mapping[str, Any] | None = None,
    names: tuple[str, str] = ("high attention", "low attention"),
    object_type: str = "tile",
    downsample: float = 1.0,
    origin: tuple[float, float] = (0, 0),
    slide: str = "",
) -> dict[str, Any]:
    """Turn the tiles of a slide into a FeatureCollection.

    Parameters
    ----------
    attention : array, shape (n,)
        Weights after the softmax. A tile carries its weight and its share (weight × n).
    coords : array, shape (n, 2)
        x, y of each tile's top-left corner.
    tile_size : int
        In the pixels of ``coords``.
    threshold : float, optional
        In shares. Tiles with at least this share are of the first class in ``names``, the others
        of the second. Without it they have no class.
    only_above : bool
        Leave out the tiles below the threshold.
    scores : mapping from a name to an array of shape (n,), optional
        More measurements, such as the tiles' own probabilities.
    names : (above, below)
        Of the two classes.
    object_type : {"tile", "detection", "annotation"}
        What tiles become in QuPath, which draws tiles and detections quickly by the thousand.
    downsample : float
        Pixels of level 0, the unit of QuPath, for one pixel of ``coords``.
    origin : (x, y)
        The pixel of level 0 where QuPath's picture begins: ``Slide(path).origin``. QuPath crops a
        slide to the properties ``openslide.bounds-x``, ``-y``, ``-width`` and ``-height``, which
        MIRAX and Leica files have, unless it is opened with ``--no-crop``; other slides begin at
        (0, 0).
    slide : str
        A name. It is part of the tiles' ids, which are the same in every run.

    Returns
    -------
    dict

    Raises
    ------
    ValueError
        When arguments do not fit together, a number is not finite, or a tile lies outside of what
        QuPath shows.
    """
    check_tiles(attention, coords, tile_size=tile_size, slide=slide, downsample=downsample)
    if object_type not in OBJECT_TYPES:
        raise ValueError(f"object_type is {object_type!r}, expected {', '.join(OBJECT_TYPES)}")
    if threshold is None and only_above:
        raise ValueError("only_above needs a threshold, in shares: 1 is an equal share")
    if threshold is not None and not np.isfinite(threshold):
        raise ValueError(f"threshold is {threshold}, expected a finite number of shares")
    attention = np.asarray(attention, dtype=float)
    measured = {"attention": attention, "attention share": attention * len(attention)}
    if taken := sorted(measured.keys() & (scores or {}).keys()):
        raise ValueError(f"scores {taken} have the names of attention's measurements; rename them")
    for name, values in (scores or {}).items():
        measured[name] = check_scores(values, len(attention), f"score {name!r}", slide)
    places, (left, top) = np.asarray(coords, dtype=float), _origin(origin)
    outside = (downsample * (places + tile_size) <= (left, top)).any(axis=1)
    if outside.any():
        k = int(outside.argmax())
        name = f"slide {slide}: " if slide else ""
        raise ValueError(
            f"{name}tile {k} at {places[k].tolist()} lies before the origin {(left, top)} "
            "(openslide.bounds-x, -y); leave origin out if coords count from there already"
        )
    features = []
    for k, (x, y) in enumerate(places.tolist()):
        properties: dict[str, Any] = {"objectType": object_type}
        if threshold is not None:
            below = int(measured["attention share"][k] < threshold)
            if below and only_above:
                continue
            properties["classification"] = {"name": names[below], "color": COLOURS[below]}
        properties["measurements"] = {name: float(values[k]) for name, values in measured.items()}
        ring = [
            [_number(downsample * right - left), _number(downsample * down - top)]
            for right, down in tile_ring(x, y, tile_size)
        ]
        features.append(
            {
                "type": "Feature",
                "id": str(uuid.uuid5(NAMESPACE, f"{slide} {k} {ring}")),
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": properties,
            }
        )
    return {"type": "FeatureCollection", "features": features}


def save_geojson(path: str | Path, *tiles: Any, **options: Any) -> Path:
    """Write ``to_geojson(*tiles, **options)`` as strict JSON, the whole file or nothing.

    In QuPath, drop the file on the open slide, or choose File, Import objects from file.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        As ``to_geojson``; and for a name that does not end in ``.geojson`` or ``.json``.
    """
    path = Path(path)
    if path.suffix.lower() not in (".geojson", ".json"):
        raise ValueError(f"{path.name} does not end in .geojson, by which QuPath recognises it")
    text = json.dumps(to_geojson(*tiles, **options), allow_nan=False, ensure_ascii=False)
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
    return path


def _origin(origin: Any) -> list[float]:
    values = np.asarray(origin, dtype=float)
    if values.shape != (2,) or not np.isfinite(values).all():
        raise ValueError(f"origin is {origin}, expected (x, y) in pixels of level 0")
    return [float(value) for value in values]


def _number(value: float) -> float:
    """Return whole pixels as integers: shorter, and the same place."""
    return int(value) if value == int(value) else value
