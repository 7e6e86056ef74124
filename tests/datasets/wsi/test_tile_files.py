import subprocess
import sys
import textwrap

import numpy as np
import pytest

from mil_tutorial.datasets.wsi.tile_files import (
    Tiles,
    read_encoder,
    read_tiles,
    write_features,
    write_tiles,
)

h5py = pytest.importorskip("h5py")

COORDS = np.array([[0, 0], [1024, 0], [0, 1024]])
TILES = Tiles(
    name="S1",
    coords=COORDS,
    tile_size=256,
    side=1024,
    slide_size=(40_000, 30_000),
    level=0,
    downsample=2.0,
    mpp=0.5,
    slide_mpp=0.125,
    magnification=80.0,
    min_tissue=0.25,
)


def batches(*sizes, width=3):
    return [np.full((n, width), i, np.float32) for i, n in enumerate(sizes)]


def test_what_is_written_is_read(tmp_path):
    read = read_tiles(write_tiles(tmp_path / "S1.h5", TILES))
    assert read.same(TILES)
    for key in ("name", "slide_size", "level", "downsample", "mpp", "slide_mpp", "magnification"):
        assert getattr(read, key) == getattr(TILES, key)
    assert read.min_tissue == TILES.min_tissue


def test_clam_and_trident_find_what_they_look_for(tmp_path):
    path = write_features(tmp_path / "S1.h5", TILES, batches(2, 1), "toy")
    with h5py.File(path, "r") as file:  # as CLAM's and TRIDENT's loaders do
        features, coords = file["features"][:], file["coords"][:]
        assert file["features"].attrs["encoder"] == "toy"
        known = dict(file["coords"].attrs)
    np.testing.assert_array_equal(features, [[0, 0, 0], [0, 0, 0], [1, 1, 1]])
    assert features.dtype == np.float32
    np.testing.assert_array_equal(coords, COORDS)
    trident = {
        "patch_size": 256,
        "patch_size_level0": 1024,
        "level0_magnification": 80,
        "target_magnification": 20,
        "overlap": 0,
        "name": "S1",
        "level0_width": 40_000,
        "level0_height": 30_000,
    }
    clam = {"patch_level": 0, "downsample": 2.0, "custom_downsample": 2}
    own = {"level0_mpp": 0.125, "target_mpp": 0.5, "min_tissue": 0.25}
    assert known == trident | clam | own
    size = known["patch_size"] * known["level0_magnification"] // known["target_magnification"]
    assert size == known["patch_size_level0"]  # how TRIDENT derives it


def test_tiles_of_other_tools_are_read(tmp_path):
    path = tmp_path / "S1_patches.h5"
    for attributes in (
        {"patch_size": 256, "patch_size_level0": 512, "level0_magnification": 40},  # TRIDENT
        {"patch_size": 256, "patch_level": 1, "downsample": (2.0, 2.0)},  # CLAM
        {"patch_size": 256, "patch_level": 0, "downsample": 1.0, "custom_downsample": 2},
    ):
        with h5py.File(path, "w") as file:
            file.create_dataset("coords", data=COORDS.astype(np.int32)).attrs.update(attributes)
        tiles = read_tiles(path)
        assert (tiles.tile_size, tiles.side) == (256, 512)
        np.testing.assert_array_equal(tiles.coords, COORDS)


def test_files_that_cannot_be_used_are_named(tmp_path):
    path = tmp_path / "S1.h5"
    with pytest.raises(FileNotFoundError, match=r"S1\.h5 does not exist"):
        read_tiles(path)
    path.write_bytes(write_tiles(tmp_path / "good.h5", TILES).read_bytes()[:1000])
    with pytest.raises(ValueError, match=r"S1\.h5 cannot be read as HDF5 .* truncated"):
        read_tiles(path)
    with h5py.File(path, "w") as file:
        file["coords"] = COORDS
    with pytest.raises(ValueError, match=r"S1\.h5: coords do not say how large a tile is.*none"):
        read_tiles(path)
    with pytest.raises(ValueError, match=r"S1\.h5 lacks the dataset 'features'; it holds coords"):
        read_encoder(path)
    with h5py.File(path, "w") as file:
        file["xy"] = COORDS
    with pytest.raises(ValueError, match=r"lacks the dataset 'coords'; it holds xy"):
        read_tiles(path)


def test_coordinates_that_place_nothing():
    for coords, message in (
        (np.zeros((0, 2), int), "there are no tiles"),
        (np.zeros((3, 2)), "float64, expected"),
        (np.zeros((3, 3), int), r"\(3, 3\)"),
    ):
        with pytest.raises(ValueError, match=f"S1: .*{message}"):
            Tiles(name="S1", coords=coords, tile_size=256, side=256)


def test_a_failure_leaves_what_was_there(tmp_path):
    path = write_features(tmp_path / "S1.h5", TILES, batches(3), "first")

    def failing():
        yield batches(2)[0]
        raise ValueError("the slide is damaged")

    with pytest.raises(ValueError, match="the slide is damaged"):
        write_features(path, TILES, failing(), "second")
    assert read_encoder(path) == "first"
    with pytest.raises(ValueError, match="S1: 2 features for 3 tiles"):
        write_features(tmp_path / "new.h5", TILES, batches(2), "third")
    assert [p.name for p in tmp_path.iterdir()] == ["S1.h5"]


def test_a_kill_leaves_no_half_file(tmp_path):
    script = """
        import os, signal, sys
        import numpy as np
        from mil_tutorial.datasets.wsi import Tiles
        from mil_tutorial.datasets.wsi.tile_files import write_features

        def batches():
            yield np.zeros((1, 3), np.float32)
            os.kill(os.getpid(), signal.SIGKILL)

        tiles = Tiles(name="S1", coords=np.zeros((2, 2), int), tile_size=8, side=8)
        write_features(sys.argv[1], tiles, batches(), "toy")
    """
    path = tmp_path / "S1.h5"
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script), path], check=False)
    assert done.returncode != 0
    assert not path.exists()
    write_features(path, TILES, batches(3), "toy")  # a hidden part that is left does not matter
    assert [p.name for p in tmp_path.glob("[!.]*")] == ["S1.h5"]


def test_the_overlap_of_other_tools_is_kept(tmp_path):
    attributes = {"patch_size": 256, "patch_size_level0": 256, "overlap": 128}
    with h5py.File(tmp_path / "S1.h5", "w") as file:
        file.create_dataset("coords", data=COORDS).attrs.update(attributes)
    write_tiles(tmp_path / "again.h5", read_tiles(tmp_path / "S1.h5"))
    with h5py.File(tmp_path / "again.h5") as file:
        assert file["coords"].attrs["overlap"] == 128


def test_tiles_of_other_tools_may_reach_beyond_the_edge_but_not_start_there():
    tiles = Tiles("S1", np.array([[0, 0], [900, 900]]), tile_size=256, side=256)
    tiles.check_inside((1000, 1000), "S1.svs")
    with pytest.raises(ValueError, match="made for at least 901 × 901; tile this slide again"):
        tiles.check_inside((900, 1000), "S1.svs")
    known = Tiles("S1", np.array([[0, 0]]), tile_size=256, side=256, slide_size=(1000, 1000))
    with pytest.raises(ValueError, match="has 999 × 1000 pixels, its tiles were made for 1000 ×"):
        known.check_inside((999, 1000), "S1.svs")
