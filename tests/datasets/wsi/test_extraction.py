import numpy as np
import pytest
import torch
from torch import nn

from mil_tutorial.datasets.wsi.extraction import extract_features
from mil_tutorial.datasets.wsi.tile_files import Tiles
from mil_tutorial.datasets.wsi.tiling import tile_slide
from mil_tutorial.models.tile_encoder import load_tile_encoder

h5py = pytest.importorskip("h5py")


def mean_colour(tiles):
    assert tiles.dtype == torch.uint8
    return tiles.double().mean(dim=(1, 2))


def read(path):
    with h5py.File(path, "r") as file:
        return file["features"][:], file["features"].attrs["encoder"]


@pytest.fixture(scope="module")
def tiles(slide):
    return tile_slide(slide, tile_size=192)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("batch_size", [7, 1000])
def test_each_row_is_its_tile(slide, tiles, picture, tmp_path, workers, batch_size):
    seen = []
    path = extract_features(
        slide,
        tiles,
        mean_colour,
        tmp_path / "made.h5",
        batch_size=batch_size,
        workers=workers,
        on_batch=seen.append,
    )
    features, name = read(path)
    expected = [picture[y : y + 192, x : x + 192].mean(axis=(0, 1)) for x, y in tiles.coords]
    np.testing.assert_allclose(features, expected, rtol=1e-6)
    assert name == "mean_colour"
    assert sum(seen) == len(tiles)
    assert max(seen) == min(batch_size, len(tiles))


def test_the_encoder_of_the_course_fits(slide, tmp_path):
    tiles = tile_slide(slide, mpp=2.0, tile_size=32)
    features, name = read(extract_features(slide, tiles, load_tile_encoder(), tmp_path / "a.h5"))
    assert features.shape == (len(tiles), 64)
    assert name == "TileEncoder"


def half_precision(tiles):
    return mean_colour(tiles).half()


def as_array(tiles):
    return mean_colour(tiles).numpy()


def test_other_kinds_of_numbers_become_float32(slide, tiles, tmp_path):
    for encoder in (half_precision, as_array):
        features, _ = read(extract_features(slide, tiles, encoder, tmp_path / "a.h5"))
        assert features.dtype == np.float32


def with_nan(tiles):
    colours = mean_colour(tiles)
    colours[2, 1] = float("nan")
    return colours


def changing_width(tiles):
    return mean_colour(tiles)[:, : 3 if len(tiles) == 16 else 2]


def test_what_is_no_feature_is_refused(slide, tiles, tmp_path):
    few = Tiles("made", tiles.coords[:36], tile_size=192, side=192)
    for encoder, message in (
        (with_nan, "made.tif, tiles 0 onwards: the encoder returned NaN or infinity for tile 2"),
        (lambda t: t.float().permute(0, 3, 1, 2), r"\(16, 3, 192, 192\), expected \(16, D\); pool"),
        (lambda t: mean_colour(t)[:-1], r"\(15, 3\), expected \(16, D\)"),
        (lambda t: mean_colour(t)[0], r"\(3,\), expected \(16, D\)"),
        (changing_width, r"tiles 32 onwards.*\(\d, 2\), expected \(\d, 3\)"),
        (nn.Dropout(), "the encoder is in training mode"),
    ):
        with pytest.raises(ValueError, match=message):
            extract_features(slide, few, encoder, tmp_path / "a.h5", batch_size=16)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("workers", [0, 1])
def test_a_slide_damaged_inside_is_named_in_one_line(damaged, tiles, tmp_path, workers):
    out = tmp_path / "out" / "a.h5"
    with pytest.raises(ValueError, match=r"damaged\.tif: .*the file is damaged$") as caught:
        extract_features(damaged, tiles, mean_colour, out, workers=workers)
    assert "\n" not in str(caught.value)
    assert not list(out.parent.glob("*"))


def test_tiles_of_another_slide(slide, tmp_path):
    for other in (
        Tiles("other", np.array([[2600, 0]]), tile_size=192, side=192),
        Tiles("other", np.array([[0, 0]]), tile_size=192, side=192, slide_size=(999, 999)),
    ):
        with pytest.raises(ValueError, match=r"made\.tif: the slide has 2560 × 2048 pixels, its"):
            extract_features(slide, other, mean_colour, tmp_path / "a.h5")


def test_features_are_written_as_they_come(slide, tmp_path):
    """Batches are neither collected before writing nor read long before they are encoded."""
    out, sizes = tmp_path / "a.h5", []

    def encoder(tiles):
        (partial,) = tmp_path.glob(".a.h5.*.partial")
        sizes.append(partial.stat().st_size)
        return mean_colour(tiles).repeat(1, 2000)

    tiles = tile_slide(slide, mpp=2.0, tile_size=16)
    extract_features(slide, tiles, encoder, out, batch_size=64)
    assert len(sizes) > 5
    assert sizes[-1] > 0.5 * out.stat().st_size
    assert list(tmp_path.iterdir()) == [out]


def test_wrong_settings(slide, tiles, tmp_path):
    for wrong in ({"batch_size": 0}, {"workers": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} must be a .*, got"):
            extract_features(slide, tiles, mean_colour, tmp_path / "a.h5", **wrong)


def test_short_memory_is_reported_with_the_tile(slide, tiles, tmp_path):
    calls = []

    def encoder(pictures):
        calls.append(len(pictures))
        if len(calls) == 2:
            raise RuntimeError("out of memory\nTried to allocate 2 GiB")
        return pictures.float().mean(dim=(1, 2))

    with pytest.raises(
        ValueError, match=r"stopped at tile 4: memory is short .*; .* smaller batch"
    ):
        extract_features(slide, tiles, encoder, tmp_path / "f.h5", batch_size=4)
    assert not list(tmp_path.iterdir())
