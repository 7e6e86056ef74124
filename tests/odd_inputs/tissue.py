"""Glass, stain, settings and outputs of the commands ``tile`` and ``features``."""

import errno
import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from made_slides import make_slide

from mil_tutorial.datasets.wsi.folders import encode_slides, find_slides, tile_slides
from mil_tutorial.datasets.wsi.slide import Slide
from mil_tutorial.datasets.wsi.tile_files import Tiles, read_tiles, write_tiles
from odd_inputs.case import Case, command

WHITE, YELLOW, BLUISH = (245, 245, 245), (240, 235, 200), (215, 228, 245)
LEFT, RIGHT = np.s_[32:128, 32:112], np.s_[48:144, 144:224]
GRID = ("--mpp", 8, "--tile-size", 16)  # a pixel of the made slides is 8 µm wide


def stain(shape, pale=1.0, colour=(205, 105, 160)):
    """Tissue in a routine stain, never flat; ``pale`` is its strength."""
    rng = np.random.default_rng(1)
    blotches = rng.normal(0, 14, (*shape, 1)) + rng.normal(0, 6, (*shape, 3))
    return 245 + (np.array(colour) + blotches - 245) * pale


def picture(glass=WHITE, left=1.0, right=1.0):
    """Two pieces of tissue of some strength on glass, all seen through the glass's colour."""
    made = np.full((176, 256, 3), 245.0)
    for place, strength in ((LEFT, left), (RIGHT, right)):
        made[place] = stain(made[place].shape[:2], strength)
    return made * np.array(glass) / 245 + np.random.default_rng(0).normal(0, 0.7, made.shape)


def save(path, made, mpp=8.0):
    pytest.importorskip("openslide")
    return make_slide(path, made.clip(0, 255).round().astype(np.uint8), mpp=mpp, shrink=())


def tile(*slides, options=(), **made):
    """Run ``tile`` on slides, or on one made so; return what it printed, and each slide's tiles."""
    slides = slides or [save(Path("a.tif"), picture(**made))]
    printed = command("tile", *slides, "--out", "out", *GRID, *options)
    return printed, {path.stem: read_tiles(path) for path in Path("out").glob("*.h5")}


def on_both_pieces(tiles):
    """Whether the tiles are those of the two pieces, and of nothing else."""
    x, y = tiles.coords.T
    found = set(zip(x.tolist(), y.tolist()))
    expected = {
        (a, b)
        for rows, columns in (LEFT, RIGHT)
        for a in range(columns.start // 16 * 16, columns.stop, 16)
        for b in range(rows.start // 16 * 16, rows.stop, 16)
    }
    return found == expected


def seen(**made):
    """Try a slide whose two pieces must be found without a warning."""

    def act(here):
        printed, tiles = tile(**made)
        assert on_both_pieces(tiles["a"])
        assert "warning" not in printed

    return act


def not_scanned(here):
    made = np.full((400, 400, 3), 255.0)
    made[:176, :256] = picture(YELLOW)
    _, tiles = tile(save(here / "a.tif", made))
    assert on_both_pieces(tiles["a"])


def pale_half(here):
    made = picture()
    made[RIGHT][:, 40:] = stain((96, 40), 0.25)
    _, tiles = tile(save(here / "a.tif", made))
    assert on_both_pieces(tiles["a"])


def grey(here):
    made = picture().mean(axis=2, keepdims=True).repeat(3, axis=2)
    printed, tiles = tile(save(here / "a.tif", made))
    assert on_both_pieces(tiles["a"])
    assert "a.tif: the slide has no colour" in printed
    assert "--threshold" in printed


def all_tissue(here):
    printed, _ = tile(save(here / "a.tif", stain((176, 256))))
    assert "a.tif: 100.0% of the slide is taken for tissue" in printed
    assert "give a higher threshold (--threshold, 0 to 255) than 30" in printed


def amber_glass(here):
    printed, _ = tile(glass=(225, 180, 90))  # too strong a colour to be sure that it is glass
    assert "of the slide is taken for tissue" in printed


def hardly_tissue(here):
    made = np.full((400, 400, 3), 245.0)
    made[96:116, 96:116] = stain((20, 20))
    printed, tiles = tile(save(here / "a.tif", made))
    assert "a.tif: only 0.2% of the slide is taken for tissue" in printed
    assert "give a lower threshold" in printed
    assert len(tiles["a"]) > 0


def higher_threshold(here):
    _, tiles = tile(right=0.3, options=("--threshold", 60))
    assert tiles["a"].threshold == 60
    assert tiles["a"].coords[:, 0].max() < 112  # the pale piece is left out
    printed, _ = tile(here / "a.tif", options=("--threshold", 60))
    assert "1 done before" in printed


def other_threshold(here):
    slide = save(here / "a.tif", picture())
    command("tile", slide, "--out", "tiles", *GRID)
    command("tile", slide, "--out", "tiles", *GRID, "--threshold", 40)


def setting(*words):
    return lambda here: tile(options=words)


def several(here):
    """Two good slides and what is made of them, without the command."""
    for name in "ab":
        if not (here / f"{name}.tif").exists():
            save(here / f"{name}.tif", picture())
    return tile_slides(find_slides([here]), here / "tiles", mpp=8.0, tile_size=16)


def raising(error):
    """Try a slide that raises while one of its regions is read; the other is made."""
    field = Slide._field

    def broken(slide, *arguments):
        if slide.name == "a":
            raise error
        return field(slide, *arguments)

    def act(here):
        with patch.object(Slide, "_field", broken):
            outcome = several(here)
        assert (outcome.made, outcome.skipped) == (1, 0)
        (failure,) = outcome.failures
        assert failure.count("a.tif") == 1
        assert "\n" not in failure
        assert not list((here / "tiles").glob("*a.*"))
        assert several(here).made == 1  # it can be read again
        outcome = encode(here)
        assert outcome.made == 2
        with patch.object(Slide, "_field", broken):
            outcome = encode(here, out="again")
        assert (outcome.made, len(outcome.failures)) == (1, 1)
        assert [path.name for path in (here / "again").iterdir()] == ["b.h5"]

    return act


def colour(tiles):
    return tiles.float().mean(dim=(1, 2))


def encode(here, out="features", name="colour", load=lambda: colour):
    slides = [slide for slide in find_slides([here]) if slide.suffix == ".tif"]
    return encode_slides(slides, here / "tiles", here / out, name, load)


def damaged_output(here):
    assert several(here).made == 2
    (here / "tiles" / "a.h5").write_bytes(b"no HDF5")
    save(here / "c.tif", picture())
    outcome = several(here)
    assert (outcome.made, outcome.skipped, len(outcome.failures)) == (1, 1, 1)
    assert "a.h5" in outcome.failures[0]
    outcome = encode(here)
    assert (outcome.made, len(outcome.failures)) == (2, 1)


def damaged_features(here):
    several(here)
    encode(here)
    (here / "features" / "a.h5").write_bytes(b"no HDF5")
    (here / "features" / "b.h5").unlink()
    outcome = encode(here)
    assert (outcome.made, len(outcome.failures)) == (1, 1)


def not_slides(here):
    save(here / "a.tif", picture())
    (here / "._a.tif").write_bytes(b"\0\5\26\7")  # as macOS leaves them
    (here / "folder.svs").mkdir()
    (here / "gone.svs").symlink_to(here / "nowhere.svs")
    os.mkfifo(here / "pipe.svs")
    (here / "round.svs").symlink_to(here / "round.svs")
    outcome = tile_slides(find_slides([here]), here / "tiles", mpp=8.0, tile_size=16)
    assert (outcome.made, len(outcome.failures)) == (1, 3)
    for name, failure in zip(("gone", "pipe", "round"), outcome.failures):
        assert failure == f"{here / name}.svs: there is no such slide"


def not_allowed(here):
    """A slide that somebody else may read, in the folder that tiles are written to."""
    denied, opened = PermissionError(errno.EACCES, "Permission denied", str(here / "a.tif")), open

    def refuse(path, *arguments, **options):
        if str(path).endswith("a.tif"):
            raise denied
        return opened(path, *arguments, **options)

    save(here / "a.tif", picture())
    save(here / "b.tif", picture())
    with patch("io.open", refuse):
        outcome = tile_slides(find_slides([here]), here, mpp=8.0, tile_size=16)
    assert outcome.made == 1
    assert outcome.failures == [f"{here / 'a.tif'}: it cannot be read (Permission denied)"]


def floats(here):
    tifffile = pytest.importorskip("tifffile")
    made = picture().astype(np.float32) / 255
    tifffile.imwrite(
        here / "f.tif",
        made,
        tile=(64, 64),
        photometric="rgb",
        resolution=(1250, 1250),
        resolutionunit="CENTIMETER",
    )
    outcome = tile_slides([here / "f.tif"], here / "tiles", mpp=8.0, tile_size=16)
    assert "32-bit samples); it is of a kind that OpenSlide does not read" in outcome.failures[0]


def long_name(here):
    """Unfinished files, whose names are longer, have to fit too."""
    _, tiles = tile(save(here / f"{'n' * 246}.tif", picture()))
    assert len(tiles) == 1


def blank_grey(here):
    save(here / "a.tif", np.full((176, 256, 3), 200.0))
    outcome = tile_slides(find_slides([here]), here / "tiles", mpp=8.0, tile_size=16)
    assert "no tissue; is the slide blank?" in outcome.failures[0]
    assert not (here / "tiles").exists()


def out_is_a_file(here):
    (here / "file").write_text("")
    save(here / "a.tif", picture())
    command("tile", "a.tif", "--out", "file/tiles", *GRID)


def hospital_below_a_file(here):
    (here / "file").write_text("")
    command("hospital", "--out", "file/h", "--n", 4, "--flaw", "none")


def before_the_encoder(out, name="colour"):
    """Refuse an output before any encoder is loaded."""

    def act(here):
        several(here)
        encode(here)
        (here / "file").write_text("")
        encode(here, out, name, load=lambda: pytest.fail("the encoder was loaded"))

    return act


def nothing_left_to_do(here):
    several(here)
    encode(here)
    outcome = encode(here, load=lambda: pytest.fail("the encoder was loaded"))
    assert (outcome.made, outcome.skipped) == (0, 2)


def huge_tile(here):
    """As a wrong downsample makes it: one tile would be read from an area that no memory holds."""
    several(here)
    write_tiles(here / "tiles" / "a.h5", Tiles("a", np.array([[0, 0]]), tile_size=16, side=10**7))
    outcome = encode(here)
    assert (outcome.made, len(outcome.failures)) == (1, 1)
    assert "256 × 176 pixels, its tiles were made for at least 10000000" in outcome.failures[0]


def huge_batch(here):
    save(here / "a.tif", picture())
    tiles = Tiles("a", 16 * np.array([[i, 0] for i in range(9)]), tile_size=10**6, side=16)
    write_tiles(here / "tiles" / "a.h5", tiles)
    outcome = encode(here)
    assert "need" in outcome.failures[0]
    assert "--batch-size" in outcome.failures[0]


@contextmanager
def largest_file(n_bytes):
    """As on a full disk: no file may be larger."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def full_disk(here):
    try:
        save(here / "a.tif", picture())
        save(here / "b.tif", picture())
        with largest_file(500):
            several(here)
    finally:
        assert not list((here / "tiles").iterdir())


def full_disk_after_the_picture(here):
    full = OSError(errno.ENOSPC, "No space left on device", str(here / "tiles" / "a.h5"))
    try:
        with patch("mil_tutorial.datasets.wsi.folders.write_tiles", side_effect=full):
            several(here)
    finally:
        assert not list((here / "tiles").iterdir())


def warnings_of_workers(here):
    save(here / "a.tif", stain((176, 256)))
    save(here / "b.tif", picture())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tile_slides(find_slides([here]), here / "tiles", mpp=8.0, tile_size=16)
    assert ["a.tif" in str(one.message) for one in caught] == [True]


CASES = [
    Case("white glass", seen()),
    Case("yellowed glass", seen(glass=YELLOW)),
    Case("bluish glass", seen(glass=BLUISH)),
    Case("dim light", seen(glass=(180, 180, 180))),
    Case("yellowed glass beside what was not scanned", not_scanned),
    Case("a pale piece beside a strong one", seen(right=0.25)),
    Case("a pale piece on yellowed glass", seen(glass=YELLOW, right=0.25)),
    Case("hardly stained", seen(left=0.15, right=0.15)),
    Case("a piece of which one half is pale", pale_half),
    Case("a grey slide", grey),
    Case("a grey slide without anything", blank_grey),
    Case("nothing but tissue", all_tissue),
    Case("glass like strong tea", amber_glass),
    Case("a speck of tissue", hardly_tissue),
    Case("a warning of one slide among several", warnings_of_workers),
    Case("a threshold above a pale piece", higher_threshold),
    Case("a name of 250 letters", long_name),
    Case("another threshold than before", other_threshold, "threshold of its own instead of 40.0"),
    Case("threshold NaN", setting("--threshold", "nan"), "threshold is nan, expected a saturation"),
    Case("threshold -1", setting("--threshold", "-1"), "threshold is -1.0"),
    Case("mpp NaN", setting("--mpp", "nan"), "mpp is nan, expected a positive number"),
    Case("mpp beyond arithmetic", setting("--mpp", "1e308"), "mpp is 1e.308, expected"),
    Case("mpp below arithmetic", setting("--mpp", "5e-324"), "mpp is 5e-324, expected"),
    Case("min-tissue NaN", setting("--min-tissue", "nan"), "min_tissue is nan"),
    Case("slide-mpp NaN", setting("--slide-mpp", "nan"), "nan µm/px was given for the slide"),
    Case("slide-mpp of a printer", setting("--slide-mpp", 353), "353 µm/px was given"),
    Case("memory is short in one slide", raising(MemoryError())),
    Case("a library's own error in one slide", raising(RuntimeError("JPEG\ndecoder"))),
    Case("a damaged file among the tiles", damaged_output),
    Case("a damaged file among the features", damaged_features),
    Case("hidden files, folders, pipes and dead links that end like slides", not_slides),
    Case("a slide that may not be read", not_allowed),
    Case("a slide of real numbers", floats),
    Case("tiles below a file", out_is_a_file, "cannot write to file/tiles"),
    Case("a hospital below a file", hospital_below_a_file, "error: cannot write to file/h"),
    Case("features below a file", before_the_encoder("file/x"), "cannot write to .*file/x"),
    Case(
        "features of another encoder",
        before_the_encoder("features", "resnet18"),
        "holds features of colour, not of resnet18",
    ),
    Case("features that are all done", nothing_left_to_do),
    Case("a batch beyond memory", huge_batch),
    Case("a tile beyond its slide", huge_tile),
    Case("a full disk under the picture of tiles", full_disk, "File too large: .*tiles/a.jpg"),
    Case(
        "a full disk under tiles",
        full_disk_after_the_picture,
        "No space left on device: .*tiles/a.h5",
    ),
]
