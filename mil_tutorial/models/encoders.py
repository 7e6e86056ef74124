"""Encoders for image tiles, trained together with the rest of a model."""

import torch
from torch import Tensor, nn

from mil_tutorial.system.numbers import as_integer


class NucleusEncoder(nn.Module):
    """A small network for the nuclei of colon tissue, after that of Ilse et al. 2018 (appendix).

    Maps patches (N, 3, 27, 27) to features (N, 576). Theirs has two convolutions with pooling;
    here strides take the place of pooling, which makes a step about five times as fast on a CPU,
    a third convolution is added, and batch normalisation makes a short training possible. The
    first normalisation is that of the input, so no statistics of a training set are needed. In
    training, bags of a batch are normalised together; in evaluation each stands for itself.
    """

    output_dim = 64 * 3 * 3

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.BatchNorm2d(3, affine=False),
            *convolution(3, 32, size=5, stride=2),
            *convolution(32, 64, size=3, stride=2),
            *convolution(64, 64, size=3, stride=1),
            nn.Flatten(),
        )
        self.to(memory_format=torch.channels_last)

    def forward(self, patches: Tensor) -> Tensor:
        """Return features (N, 576).

        Raises
        ------
        ValueError
            When patches are not (N, 3, 27, 27).
        """
        if patches.shape[1:] != (3, 27, 27):
            raise ValueError(f"patches have shape {tuple(patches.shape)}, expected (N, 3, 27, 27)")
        return self.layers(patches.contiguous(memory_format=torch.channels_last))


def convolution(
    inputs: int, outputs: int, size: int, stride: int, padding: int = 0
) -> tuple[nn.Module, ...]:
    """Return a convolution with batch normalisation and ReLU."""
    return (
        nn.Conv2d(inputs, outputs, size, stride, padding, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


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
        channels, size = as_integer(channels, "channels"), as_integer(size, "size")
        self.layers = nn.Sequential(
            # ReLU after the maximum: the same numbers, a quarter as many to rectify.
            nn.Conv2d(channels, 20, kernel_size=5),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
            nn.Conv2d(20, 50, kernel_size=5),
            nn.MaxPool2d(2),
            nn.ReLU(inplace=True),
            nn.Flatten(),
        )
        side = ((size - 4) // 2 - 4) // 2
        if side < 1:
            raise ValueError(f"tiles of {size} px are too small for this encoder, it needs 16 px")
        self.output_dim = 50 * side * side
        # Equal numbers in the order in which a CPU convolves nearly twice as fast.
        self.to(memory_format=torch.channels_last)

    def forward(self, tiles: Tensor) -> Tensor:
        """Return features (N, output_dim)."""
        return self.layers(tiles.contiguous(memory_format=torch.channels_last))
