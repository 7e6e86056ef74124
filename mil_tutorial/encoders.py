"""Encoders for image tiles, trained together with the rest of a model."""

import torch
from torch import Tensor, nn


class LeNetEncoder(nn.Module):
    """The convolutions of the LeNet-5 variant of Ilse et al. 2018 for MNIST bags.

    Maps image tiles (N, channels, size, size) to features (N, ``output_dim``).

    Parameters
    ----------
    channels : int
        1 for grey tiles, 3 for colour.
    size : int
        Side of a tile in pixels.

    Raises
    ------
    ValueError
        When tiles are smaller than 16 pixels.
    """

    def __init__(self, channels: int = 1, size: int = 28) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, 20, kernel_size=5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(20, 50, kernel_size=5),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
        )
        side = ((size - 4) // 2 - 4) // 2
        if side < 1:
            raise ValueError(f"tiles of {size} px are too small for this encoder, it needs 16 px")
        self.output_dim = 50 * side * side
        # The same numbers, in the order in which a CPU convolves nearly twice as fast.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, tiles: Tensor) -> Tensor:
        """Return features (N, output_dim)."""
        return self.layers(tiles.contiguous(memory_format=torch.channels_last))
