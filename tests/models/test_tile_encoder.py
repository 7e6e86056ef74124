"""The tile encoder that ships and the training that made it."""

import numpy as np
import pytest
import torch
from scripts import load_script

from mil_tutorial.datasets import slides
from mil_tutorial.datasets.rendering.archive import load_features
from mil_tutorial.datasets.rendering.cohort import cohort, render_slide
from mil_tutorial.datasets.rendering.tiles import cut_tiles, tissue_tiles
from mil_tutorial.models.tile_encoder import FEATURES, TileEncoder, encode, load_tile_encoder
from mil_tutorial.system.paths import data_dir

pretrain = load_script("data/checkpoints/pretrain.py")


@pytest.fixture(scope="module")
def encoder():
    return load_tile_encoder()


def test_the_checkpoint_reproduces_the_shipped_features(encoder):
    shipped = load_features(data_dir() / "slides" / slides.FILES["default"])
    for b in (0, len(shipped.sizes) - 1):
        slide = render_slide(slides.slide_spec(str(shipped.slide_id[b])))
        own = slice(shipped.starts[b], shipped.starts[b + 1])
        coords = tissue_tiles(slide.image)
        np.testing.assert_array_equal(coords, shipped.coords[own])
        features = encode(encoder, cut_tiles(slide.image, coords))
        # Rounding moves a feature by at most 1/16; the rest is for other versions and machines.
        difference = np.abs(features - shipped.features[own].astype(np.float32))
        assert difference.mean() < 0.05
        assert np.quantile(difference, 0.99) < 0.2


def test_encoding_does_not_depend_on_the_batch(encoder):
    tiles = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)
    whole = encode(encoder, tiles)
    assert whole.shape == (7, FEATURES)
    assert whole.dtype == np.float32
    np.testing.assert_allclose(encode(encoder, tiles, batch=3), whole, rtol=1e-3, atol=1e-3)
    assert encode(encoder, tiles[:0]).shape == (0, FEATURES)


def test_tiles_of_another_kind_are_refused(encoder):
    with pytest.raises(ValueError, match="uint8"):
        encoder(torch.zeros(2, 32, 32, 3))
    with pytest.raises(ValueError, match=r"\(n, h, w, 3\)"):
        encoder(torch.zeros(2, 3, 32, 32, dtype=torch.uint8))


def test_a_missing_or_foreign_checkpoint_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"none\.pt"):
        load_tile_encoder(tmp_path / "none.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    torch.save({"weight": torch.zeros(1)}, tmp_path / "other.pt")
    for name in ("text", "other"):
        with pytest.raises(
            ValueError, match=rf"{name}\.pt (cannot be read as weights|is not a checkpoint)"
        ):
            load_tile_encoder(tmp_path / f"{name}.pt")


def test_the_contrastive_loss_prefers_partners():
    one = torch.eye(8, 16)
    alike = pretrain.contrastive_loss(one, one, 0.2)
    shuffled = pretrain.contrastive_loss(one, one.roll(1, 0), 0.2)
    assert alike < shuffled
    z = torch.nn.functional.normalize(torch.cat([one, one]), dim=1)
    weights = torch.exp(z @ z.T / 0.2).fill_diagonal_(0)
    expected = -torch.log(weights[0, 8] / weights[0].sum())
    torch.testing.assert_close(alike, expected)


def test_views_keep_the_shape_and_depend_on_the_generator():
    around = torch.rand(4, 3, 2 * pretrain.REACH, 2 * pretrain.REACH)
    one = pretrain.view(around, torch.Generator().manual_seed(0))
    same = pretrain.view(around, torch.Generator().manual_seed(0))
    other = pretrain.view(around, torch.Generator().manual_seed(1))
    assert one.shape == (4, 3, 32, 32)
    torch.testing.assert_close(one, same)
    assert (one - other).abs().mean() > 0.05


def test_training_uses_training_slides_only_and_standardises():
    tissue = pretrain.load_tissue(4)
    encoder = pretrain.train(tissue, pretrain.PretrainConfig(steps=2, batch=16))
    tiles = pretrain.training_tiles(tissue)
    pretrain.standardise(encoder, tiles)
    assert isinstance(encoder, TileEncoder)
    specs = [spec for spec in cohort(n_slides=4) if spec.split == "train"]
    assert len(tissue.slides) == len(specs)
    first = render_slide(specs[0]).image
    np.testing.assert_array_equal(
        tiles[: len(tissue_tiles(first))].numpy(),
        cut_tiles(first, tissue_tiles(first)),
    )
    features = encode(encoder, tiles.numpy())
    np.testing.assert_allclose(features.mean(axis=0), 0, atol=0.05)
    assert np.isclose((features**2).mean(), 1, atol=0.05)
