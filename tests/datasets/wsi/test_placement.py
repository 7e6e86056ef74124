from pathlib import Path

import numpy as np
import pytest
from feature_folders import grid

from mil_tutorial.datasets.wsi.placement import place

FILE = Path("s.h5")


@pytest.mark.parametrize(
    ("attributes", "side"),
    [
        ({"patch_size_level0": 512, "patch_size": 256}, 512),  # TRIDENT
        ({"patch_size": 256, "patch_level": 1, "downsample": np.array([4.0, 4.0])}, 1024),  # CLAM
        ({"patch_size": 256, "downsample": 1.0, "custom_downsample": 2}, 512),
        ({"patch_size": 224}, 256),  # of which level is not said
        ({}, 256),
    ],
)
def test_the_side_of_a_tile(attributes, side):
    placement = place(grid(9), attributes, FILE)
    assert (placement.side, placement.unit) == (side, "px")


def test_the_side_of_a_tile_is_not_the_gap_between_two_regions():
    places = ((8, (0, 0)), (8, (3000, 100)), (3, (3007, 0)))
    regions = np.concatenate([grid(n) + np.array(corner) for n, corner in places])
    assert place(np.random.default_rng(0).permutation(regions), {}, FILE).side == 256
    with pytest.raises(ValueError, match=r"s\.h5: no two tiles lie side by side"):
        place(grid(1), {}, FILE)


def test_steps_of_unsigned_numbers_do_not_wrap():
    coords = np.array([[512, 0], [256, 0], [0, 256]], dtype=np.uint16)
    assert place(coords, {}, FILE).side == 256
