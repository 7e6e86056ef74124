import json
import math
import uuid
from itertools import pairwise

import jsonschema
import numpy as np
import pytest
import torch

from mil_tutorial import save_geojson, to_geojson
from mil_tutorial.pictures.geojson import tile_ring

ATTENTION = [0.1, 0.2, 0.7]
COORDS = np.array([[0, 0], [32, 0], [96, 64]])

FINITE = {"type": "number"}
POINT = {"type": "array", "items": FINITE, "minItems": 2, "maxItems": 2}
CLASS = {
    "type": "object",
    "required": ["name", "color"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "color": {
            "type": "array",
            "items": {"type": "integer", "minimum": 0, "maximum": 255},
            "minItems": 3,
            "maxItems": 3,
        },
    },
}
FEATURE = {
    "type": "object",
    "required": ["type", "id", "geometry", "properties"],
    "additionalProperties": False,
    "properties": {
        "type": {"const": "Feature"},
        "id": {"type": "string", "format": "uuid"},
        "geometry": {
            "type": "object",
            "required": ["type", "coordinates"],
            "properties": {
                "type": {"const": "Polygon"},
                "coordinates": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1,
                    "items": {"type": "array", "items": POINT, "minItems": 5, "maxItems": 5},
                },
            },
        },
        "properties": {
            "type": "object",
            "required": ["objectType", "measurements"],
            "additionalProperties": False,
            "properties": {
                "objectType": {"enum": ["tile", "detection", "annotation"]},
                "classification": CLASS,
                "measurements": {"type": "object", "additionalProperties": FINITE},
            },
        },
    },
}
COLLECTION = {
    "type": "object",
    "required": ["type", "features"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {"type": "array", "items": FEATURE},
    },
}


def refuse(constant):
    raise AssertionError(f"{constant} is no JSON")


def read(path):
    """Parse as strict JSON, and hold it against the form that QuPath reads."""
    collection = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    checker = jsonschema.FormatChecker(["uuid"])
    jsonschema.validate(
        collection, COLLECTION, jsonschema.Draft202012Validator, format_checker=checker
    )
    return collection["features"]


def signed_area(ring):
    return sum(x * y2 - x2 * y for (x, y), (x2, y2) in pairwise(ring)) / 2


def test_a_ring_by_hand():
    assert tile_ring(10, 20, 32) == [[10, 20], [42, 20], [42, 52], [10, 52], [10, 20]]


def test_the_file_holds_every_tile_as_a_closed_square(tmp_path):
    path = save_geojson(tmp_path / "new" / "s7.geojson", ATTENTION, COORDS, 32, slide="s7")
    features = read(path)
    assert len(features) == 3
    for feature, (x, y), weight in zip(features, COORDS, ATTENTION):
        (ring,) = feature["geometry"]["coordinates"]
        assert ring[0] == ring[-1] == [x, y]
        assert len({tuple(point) for point in ring}) == 4
        assert signed_area(ring) == 32 * 32  # positive: counter-clockwise, as RFC 7946 asks
        assert feature["properties"]["objectType"] == "tile"
        assert "classification" not in feature["properties"]
        measured = feature["properties"]["measurements"]
        assert measured == pytest.approx({"attention": weight, "attention share": 3 * weight})
    assert sorted(p.name for p in path.parent.iterdir()) == ["s7.geojson"]


def test_coordinates_are_those_of_level_0_and_neighbours_meet(tmp_path):
    coords = [[0, 0], [7, 0]]
    path = save_geojson(tmp_path / "s.geojson", [0.5, 0.5], coords, 7, downsample=4.0003)
    left, right = (feature["geometry"]["coordinates"][0] for feature in read(path))
    assert left[1] == right[0] == [pytest.approx(28.0021), 0]
    assert signed_area(right) == pytest.approx((7 * 4.0003) ** 2)


def test_whole_pixels_are_written_as_integers(tmp_path):
    path = save_geojson(tmp_path / "s.json", [1.0], [[64.0, 32.0]], 32, downsample=4.0)
    assert "[256, 128], [384, 128]" in path.read_text()


def test_classes_follow_the_share(tmp_path):
    path = save_geojson(
        tmp_path / "s.geojson", ATTENTION, COORDS, 32, threshold=0.6, names=("hot", "cold")
    )
    classes = [feature["properties"]["classification"] for feature in read(path)]
    assert [c["name"] for c in classes] == ["cold", "hot", "hot"]  # shares 0.3, 0.6, 2.1
    assert classes[0]["color"] != classes[1]["color"]


def test_only_tiles_above_the_threshold(tmp_path):
    every, hot = (
        read(
            save_geojson(
                tmp_path / "s.geojson", ATTENTION, COORDS, 32, threshold=1, only_above=only
            )
        )
        for only in (False, True)
    )
    assert hot == every[2:]  # the same identity, whether others are left out or not
    assert to_geojson(ATTENTION, COORDS, 32, threshold=9, only_above=True)["features"] == []


def test_scores_become_measurements_and_the_kind_can_be_chosen(tmp_path):
    path = save_geojson(
        tmp_path / "s.geojson",
        torch.tensor(ATTENTION),
        torch.tensor(COORDS),
        32,
        scores={"probability": torch.tensor([0.0, 0.5, 1.0])},
        object_type="detection",
    )
    properties = [feature["properties"] for feature in read(path)]
    assert [p["measurements"]["probability"] for p in properties] == [0, 0.5, 1]
    assert {p["objectType"] for p in properties} == {"detection"}


def test_identities_differ_between_tiles_and_slides_and_stay_the_same_in_every_run():
    def ids(slide, coords=COORDS):
        collection = to_geojson(ATTENTION, coords, 32, slide=slide)
        return [feature["id"] for feature in collection["features"]]

    assert ids("a") == ids("a")
    assert not set(ids("a")) & set(ids("b"))
    assert len(set(ids("a", np.zeros((3, 2))))) == 3
    assert all(uuid.UUID(one).version == 5 for one in ids("a"))


def test_what_does_not_fit_is_named_and_nothing_is_written(tmp_path):
    for change, message in [
        ({"attention": [0.1, math.nan, 0.9]}, "slide s7: attention of tile 1 is nan"),
        ({"coords": None}, "slide s7: coords are None"),
        ({"coords": COORDS[:2]}, "slide s7: coords have shape"),
        ({"tile_size": 0}, "slide s7: tile_size is 0"),
        ({"scores": {"p": [1, 2]}}, r"score 'p' has shape \(2,\), expected \(3,\)"),
        ({"scores": {"p": [1, 2, math.inf]}}, "score 'p' of tile 2 is inf"),
        ({"scores": {"attention": [1, 2, 3]}}, "the names of attention's measurements"),
        ({"object_type": "cell"}, "'cell', expected tile, detection, annotation"),
        ({"downsample": 0}, "downsample must be positive, got 0"),
        ({"downsample": math.nan}, "downsample must be positive, got nan"),
        ({"only_above": True}, "only_above needs a threshold"),
        ({"threshold": math.nan}, "threshold is nan"),
    ]:
        good = {"attention": ATTENTION, "coords": COORDS, "tile_size": 32, "slide": "s7"}
        with pytest.raises(ValueError, match=message):
            save_geojson(tmp_path / "s.geojson", **good | change)
        assert list(tmp_path.iterdir()) == []


def test_a_name_that_qupath_would_not_open_is_refused(tmp_path):
    with pytest.raises(ValueError, match="s.txt does not end in .geojson"):
        save_geojson(tmp_path / "s.txt", ATTENTION, COORDS, 32)
