import shutil

import numpy as np
import pytest
import torch
from made_slides import make_slide

from mil_tutorial.datasets.features import reencoding
from mil_tutorial.datasets.features.reencoding import MISTAKES, compare_with_slides
from mil_tutorial.datasets.wsi.extraction import extract_features
from mil_tutorial.datasets.wsi.tiling import tile_slide
from mil_tutorial.models.frozen import FrozenEncoder

h5py = pytest.importorskip("h5py")
pytest.importorskip("openslide")


@pytest.fixture(scope="module")
def encoder():
    """A small network with random weights that tells colours, patterns and their scale apart."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = torch.nn.Sequential(
            torch.nn.Conv2d(3, 32, 7, stride=2),
            torch.nn.ReLU(),
            torch.nn.AdaptiveAvgPool2d(1),
            torch.nn.Flatten(),
        )
    return FrozenEncoder("efficientnet-lite0", network, [127.0] * 3, [30.0] * 3)


@pytest.fixture()
def compare(tmp_path, slide, encoder):
    """Encode a slide in some way; return the findings of encoding it anew: what → finding."""
    (tmp_path / "features").mkdir()
    path = tmp_path / "features" / "made.h5"

    def encode_and_compare(prepare=None, name="efficientnet-lite0", slide=slide, **how):
        def wrong(tiles):
            return encoder.network(prepare(tiles.float(), encoder).permute(0, 3, 1, 2))

        wrong.name = name
        tiles = tile_slide(slide, mpp=1.0, tile_size=128)
        extract_features(slide, tiles, wrong if prepare else encoder, path)
        if "spoil" in how:
            with h5py.File(path, "a") as file:
                how["spoil"](file)
        findings = compare_with_slides(path.parent, [slide], lambda name: encoder)
        return {finding.what: finding for finding in findings}

    return encode_and_compare


def test_the_same_features(compare):
    (finding,) = compare().values()
    assert finding.healthy
    assert finding.value == "up to 8 tiles of a slide differ by at most 0%"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_mistake_is_named(compare, mistake):
    findings = compare(MISTAKES[mistake])
    assert not findings["encoded anew"].healthy
    assert f"but by 0% with {mistake}" in findings["made"].value


def test_weights_of_its_own(compare):
    generator = torch.Generator().manual_seed(1)

    def other(tiles, encoder):
        return torch.randn(tiles.shape, generator=generator)

    assert "were the weights loaded?" in compare(other)["made"].value


def test_another_width_of_tiles(compare, monkeypatch):
    monkeypatch.setattr(reencoding, "SAME", 0.01)  # the made tissue repeats itself

    def shrink(file):
        file["coords"].attrs["patch_size_level0"] = 128

    assert "but by 0% with tiles twice as wide" in compare(spoil=shrink)["made"].value


def test_a_scale_that_the_slide_contradicts(compare):
    def claim(file):
        file["coords"].attrs["target_mpp"] = 0.5

    finding = compare(spoil=claim)["made"]
    assert finding.value == "tiles have 1 µm/px by the slide, 0.5 by their file"
    assert not finding.healthy


def test_an_encoder_that_is_not_known(compare):
    findings = compare(lambda x, e: x, name="uni")
    assert "the encoder is uni" in findings["made"].value
    assert all(finding.optional for finding in findings.values())


def test_another_slide_and_none(compare, slide, picture, tmp_path, encoder):
    compare()
    features, load = tmp_path / "features", lambda name: encoder
    shutil.copy(features / "made.h5", features / "b.h5")
    smaller = make_slide(tmp_path / "b.tif", picture[:1024, :1024])
    what = {f.what: f for f in compare_with_slides(features, [slide, smaller], load)}
    assert "the slide has 1024 × 1024 pixels, its tiles were made for" in what["b"].value
    what = {f.what: f for f in compare_with_slides(features, [slide], load)}
    assert what["not encoded anew"].value == "no slide for b"
    mirrored = make_slide(tmp_path / "b.tif", np.ascontiguousarray(255 - picture))
    what = {f.what: f for f in compare_with_slides(features, [mirrored], load)}
    assert not what["b"].healthy
