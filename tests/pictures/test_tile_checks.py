import numpy as np
import pytest
import torch

from mil_tutorial.pictures.tile_checks import check_tiles

COORDS = np.array([[0, 0], [2, 0], [0, 2]])
IMAGE = np.full((4, 4, 3), 200, dtype=np.uint8)
GOOD = {"attention": [0.2, 0.3, 0.5], "coords": COORDS}


def test_what_can_be_drawn_passes():
    for tiles in [
        GOOD,
        GOOD | {"truth": [0, 1, 0], "image": IMAGE, "tile_size": 2, "slide": "s7"},
        GOOD | {"truth": np.array([True, False, True]), "tile_size": np.int64(2)},
        {"attention": torch.tensor([1.0]), "coords": torch.tensor([[0, 0]]), "image": IMAGE},
        GOOD | {"coords": 16 * COORDS, "image": IMAGE, "tile_size": 32, "downsample": 16},
        # A picture of 70 pixels at one quarter has 17 pixels, not 17.5.
        GOOD
        | {"coords": [[0, 0], [4, 0], [6, 0]], "image": IMAGE, "tile_size": 11}
        | {"downsample": 4},
    ]:
        assert check_tiles(**tiles) is None


def test_what_cannot_be_drawn_is_named():
    for change, message in [
        ({"attention": []}, r"attention has shape \(0,\), expected \(n,\) of one bag"),
        ({"attention": [[0.2, 0.3, 0.5]]}, r"shape \(1, 3\).* per_bag cuts"),
        ({"attention": None}, "attention must be an array of numbers; got None"),
        ({"attention": ["a", "b", "c"]}, "attention must be an array of numbers"),
        ({"attention": torch.ones(3, requires_grad=True)}, r"numbers; .*detach\(\)"),
        ({"attention": [0.5, np.nan, 0.5]}, "attention of tile 1 is nan, expected a finite"),
        ({"attention": [np.inf, 0, 0]}, "attention of tile 0 is inf"),
        ({"attention": [0.6, 0.6, -0.2]}, "tile 2 is -0.2, expected 0 or more; pass weights after"),
        ({"attention": [2.0, 3.0, 5.0]}, "attention sums to 10 over the slide, expected 1; pass"),
        ({"attention": [0, 0, 0]}, "attention is 0 for all tiles"),
        ({"attention": [0.5, 0.5]}, r"coords have shape \(3, 2\), expected \(2, 2\)"),
        ({"coords": None}, "coords are None"),
        ({"coords": [[0, 0], [1, np.nan], [2, 2]]}, r"coords of tile 1 is \[ 1. nan\]"),
        ({"coords": COORDS.T}, r"coords have shape \(2, 3\), expected \(3, 2\)"),
        ({"truth": [0, 1]}, r"truth has shape \(2,\), expected \(3,\), one for each tile"),
        ({"truth": [0, 0.2, 1]}, "truth of tile 1 is 0.2, expected 0 or 1"),
        ({"truth": [0, np.nan, 1]}, "truth of tile 1 is nan"),
        ({"image": IMAGE[..., 0]}, r"\(4, 4\), expected \(height, width, 3\); a grey one"),
        ({"image": np.dstack([IMAGE, IMAGE[..., 0]])}, r"leave alpha out with image\[..., :3\]"),
        ({"image": IMAGE / 255}, r"holds float64, expected uint8 .* try \(255 \* image\)"),
        ({"image": IMAGE.astype(float)}, r"try image.astype\(np.uint8\)"),
        ({"image": IMAGE[:0]}, r"the image has shape \(0, 4, 3\)"),
        ({"image": "slide.png"}, r"the image has shape \(\)"),
        ({"tile_size": 0}, "tile_size is 0, expected a whole number of pixels, ≥ 1"),
        ({"tile_size": 1.5}, "tile_size is 1.5"),
        ({"tile_size": "2"}, "tile_size is '2'"),
        ({"downsample": 0}, "downsample must be positive, got 0"),
        ({"image": IMAGE, "tile_size": 3}, r"from \(0, 0\) to \(5, 5\) .* slide of 4 × 4 pixels"),
        ({"image": IMAGE, "tile_size": 2, "coords": COORDS - 1}, "outside the slide"),
    ]:
        with pytest.raises(ValueError, match=message) as caught:
            check_tiles(**GOOD | change, slide="s7")
        assert str(caught.value).startswith("slide s7: ")
        with pytest.raises(ValueError, match=message):
            check_tiles(**GOOD | change)
