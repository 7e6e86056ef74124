"""Encoders for image tiles, trained together with the rest of a model."""

import torch
from torch import Tensor, nn


class NucleusEncoder(nn.Module):
    """The network of Ilse et al. 2018 (appendix) for the nuclei of colon tissue.

    Maps patches (N, 3, 27, 27) to features (N, 512): two convolutions and a fully connected layer.
    The paper's second layer of 512 is the embedding of ``MIL``, with ``hidden_dim=512``.

    Parameters
    ----------
    dropout : float
        Probability of dropping a feature in training; the paper does not say which it used.
    """

    output_dim = 512

    def __init__(self, dropout: float = 0.5) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 36, kernel_size=4),
            nn.ReLU(inplace=True),  # the maps are most of the memory
            nn.MaxPool2d(2),
            nn.Conv2d(36, 48, kernel_size=3),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(48 * 5 * 5, self.output_dim),
            nn.ReLU(),
            nn.Dropout(dropout),
        )

    def forward(self, patches: Tensor) -> Tensor:
        """Return features (N, 512).

        Raises
        ------
        ValueError
            When patches are not (N, 3, 27, 27).
        """
        if patches.shape[1:] != (3, 27, 27):
            raise ValueError(f"patches have shape {tuple(patches.shape)}, expected (N, 3, 27, 27)")
        if torch.is_grad_enabled():
            return self.layers(patches)
        # A whole data set may come at once: its feature maps would take gigabytes.
        return torch.cat([self.layers(part) for part in patches.split(512)])


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
