"""The tile encoder that ships: a small convolutional network learned without labels.

It sees optical densities, in which stains add, and keeps its maps fine enough for nuclei.
``data/checkpoints/pretrain.py`` made its weights.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from mil_tutorial.models.encoders import convolution
from mil_tutorial.system.numbers import as_integer

FEATURES = 64  # D
POOLED = 192


class TileEncoder(nn.Module):
    """Map tiles of 32 x 32 pixels to D = 64 features.

    The maps of the last layer are pooled to their means and standard deviations over the tile;
    these 192 numbers are centred and turned to their 64 leading principal axes. Over the training
    tiles the features are uncorrelated, with mean 0 and, all together, a mean square of 1.
    """

    centre: Tensor
    basis: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            *convolution(3, 32, size=5, stride=2, padding=2),
            *convolution(32, 48, size=3, stride=1, padding=1),
            *convolution(48, 96, size=3, stride=2, padding=1),
            *convolution(96, 96, size=3, stride=1, padding=1),
        )
        self.register_buffer("centre", torch.zeros(POOLED))
        self.register_buffer("basis", torch.eye(POOLED, FEATURES))

    def pooled(self, density: Tensor) -> Tensor:
        """Return means and standard deviations of the last maps: (n, 3, h, w) → (n, 192)."""
        maps = self.trunk(density).flatten(2)
        return torch.cat([maps.mean(2), (maps.var(2) + 1e-5).sqrt()], dim=1)

    def forward(self, tiles: Tensor) -> Tensor:
        """Encode uint8 RGB tiles (n, 32, 32, 3): float32 (n, 64)."""
        if tiles.ndim != 4 or tiles.shape[3] != 3 or tiles.dtype != torch.uint8:
            raise ValueError(
                f"tiles must be (n, h, w, 3) uint8; got {tuple(tiles.shape)} {tiles.dtype}"
            )
        density = optical_density(tiles).permute(0, 3, 1, 2)
        return (self.pooled(density).float() - self.centre) @ self.basis


def optical_density(rgb: Tensor) -> Tensor:
    """Turn 8-bit colours into optical densities: 0 for white glass, 2.4 for almost black."""
    return -torch.log((rgb.float() + 1) / 256).clamp(max=2.4)


def load_tile_encoder(path: str | Path | None = None) -> TileEncoder:
    """Load the encoder that ships, or another state dict, in evaluation mode.

    Raises
    ------
    FileNotFoundError
        When the file does not exist.
    ValueError
        When the file is no checkpoint of this encoder.
    """
    from mil_tutorial.system.paths import data_dir, verify_checksum
    from mil_tutorial.system.reading import load_weights

    file = Path(path) if path is not None else data_dir() / "checkpoints" / "tile_encoder.pt"
    state = load_weights(file if path is not None else verify_checksum(file))
    with torch.random.fork_rng(devices=[]):  # weights that the next lines replace
        encoder = TileEncoder()
    try:
        encoder.load_state_dict(state)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise ValueError(f"{file} is not a checkpoint of the tile encoder") from error
    return encoder.to(memory_format=torch.channels_last).eval()


@torch.inference_mode()
def encode(encoder: TileEncoder, tiles: np.ndarray, batch: int = 512) -> np.ndarray:
    """Encode uint8 tiles (n, 32, 32, 3), ``batch`` at a time; return float32 features (n, 64)."""
    if len(tiles) == 0:
        return np.zeros((0, FEATURES), np.float32)
    parts = torch.from_numpy(np.ascontiguousarray(tiles)).split(as_integer(batch, "batch"))
    return torch.cat([encoder(part) for part in parts]).numpy()
