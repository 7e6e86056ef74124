import numpy as np
import pytest

from mil_tutorial.datasets.wsi.tissue import tissue_mask

pytest.importorskip("skimage")
PINK, GLASS = (200, 90, 160), (240, 238, 240)


def slide(pink=(), height=200, width=200, noise=3.0):
    """Return a picture of 8 µm/px with pink rectangles (top, bottom, left, right) on glass."""
    image = np.empty((height, width, 3))
    image[:] = GLASS
    for top, bottom, left, right in pink:
        image[top:bottom, left:right] = PINK
    image += np.random.default_rng(0).normal(0, noise, image.shape)
    return image.clip(0, 255).astype(np.uint8)


def test_tissue_is_found_where_it_is():
    mask = tissue_mask(slide([(50, 150, 40, 120)]), mpp=8.0)
    assert mask[50:150, 40:120].all()
    assert mask.sum() == 100 * 80


def test_glass_alone_is_not_cut_in_two():
    assert not tissue_mask(slide(), mpp=8.0).any()
    assert not tissue_mask(np.full((50, 50, 3), 255, np.uint8), mpp=8.0).any()


def test_tissue_alone_is_not_cut_in_two():
    two_tones = slide([(0, 200, 0, 200)])
    two_tones[:100] = (230, 150, 200)
    assert tissue_mask(two_tones, mpp=8.0).all()


def test_specks_go_and_small_holes_are_filled():
    image = slide([(50, 150, 40, 120), (10, 15, 10, 15)])  # 5 px are 40 µm
    image[100:105, 60:65] = GLASS
    image[110:130, 80:100] = GLASS
    mask = tissue_mask(image, mpp=8.0)
    assert not mask[:40].any()
    assert mask[100:105, 60:65].all()
    assert not mask[110:130, 80:100].any()


def test_sizes_are_in_micrometres():
    image = slide([(10, 15, 10, 15)])
    assert not tissue_mask(image, mpp=8.0).any()
    assert tissue_mask(image, mpp=40.0).sum() == 25


def test_a_threshold_cuts_where_it_says():
    image = slide([(50, 150, 20, 90)], noise=0)
    image[50:150, 110:180] = (220, 200, 215)  # saturation 23
    for threshold, pieces in ((None, 2), (10, 2), (60, 1), (200, 0)):
        mask = tissue_mask(image, 8.0, threshold)
        assert mask.sum() == 7000 * pieces
        assert mask[100, 50] == (pieces > 0)


def test_black_edges_are_no_tissue():
    image = slide([(50, 150, 40, 120)])
    image[:, 180:] = np.random.default_rng(1).integers(0, 12, (200, 20, 3))
    assert not tissue_mask(image, mpp=8.0)[:, 125:].any()
