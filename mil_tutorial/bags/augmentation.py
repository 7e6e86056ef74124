"""Augmentation: instances changed in ways that must not change the label of their bag.

Each augmentation is called with packed instances, such as tiles (N, C, height, width), and the
sizes (B,) of their bags, and draws from torch's global random numbers, which ``fit`` seeds in
every epoch.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mil_tutorial.system.numbers import as_number

Augmentation = Callable[[Tensor, Tensor], Tensor]


def _check_amounts(augmentation: object, *names: str) -> None:
    """Refuse amounts that are not finite, or negative."""
    for name in names:
        value = as_number(getattr(augmentation, name), name)
        if not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value:g}, expected a finite number, 0 or more")


@dataclass(frozen=True)
class Affine:
    """Turn, stretch, shear and shift each tile by itself; what comes in at the edge is background.

    Attributes
    ----------
    degrees : float
        Turned by at most so much, either way.
    stretch : float
        Each side is multiplied by a factor within 1 ± this.
    shift : float
        Moved by at most so many pixels in x and in y.
    shear : float
        The horizontal shift from the centre to the edge, in half-widths of the tile.
    background : float
        Value of the pixels that come in.
    """

    degrees: float = 0.0
    stretch: float = 0.0
    shift: float = 0.0
    shear: float = 0.0
    background: float = 0.0

    def __post_init__(self) -> None:
        _check_amounts(self, "degrees", "stretch", "shift", "shear")
        if not math.isfinite(as_number(self.background, "background")):
            raise ValueError(f"background is {self.background}, expected a finite number")

    def __call__(self, tiles: Tensor, sizes: Tensor) -> Tensor:
        """Return changed tiles (N, C, height, width)."""
        n, _, height, width = tiles.shape
        matrices = self._matrices(n, height, width).to(tiles)  # the same on every device
        grid = F.affine_grid(matrices, list(tiles.shape), align_corners=False)
        moved = F.grid_sample(tiles - self.background, grid, align_corners=False)
        return moved + self.background

    def _matrices(self, n: int, height: int, width: int) -> Tensor:
        turn, stretch_x, stretch_y, shear, x, y = torch.rand(6, n) * 2 - 1
        turn = torch.deg2rad(turn * self.degrees)
        matrix = torch.zeros(n, 2, 3)
        matrix[:, 0, 0] = matrix[:, 1, 1] = turn.cos()
        matrix[:, 1, 0] = turn.sin()
        matrix[:, 0, 1] = -matrix[:, 1, 0]
        stretch = torch.zeros(n, 2, 2)
        stretch[:, 0, 0] = 1 + stretch_x * self.stretch
        stretch[:, 1, 1] = 1 + stretch_y * self.stretch
        stretch[:, 0, 1] = shear * self.shear
        matrix[:, :, :2] = matrix[:, :, :2] @ stretch
        # affine_grid counts from -1 to 1 over a tile.
        matrix[:, 0, 2], matrix[:, 1, 2] = x * self.shift * 2 / width, y * self.shift * 2 / height
        return matrix


@dataclass(frozen=True)
class TurnAndFlip:
    """Show each tile in one of its eight orientations: tissue has no up or down."""

    def __call__(self, tiles: Tensor, sizes: Tensor) -> Tensor:
        """Return turned and mirrored tiles (N, C, side, side)."""
        orientation = torch.randint(8, (len(tiles),))
        turned = torch.empty_like(tiles)
        for quarter in range(4):
            for mirrored in (0, 1):
                chosen = orientation == 2 * quarter + mirrored
                part = tiles[chosen].flip(3) if mirrored else tiles[chosen]
                turned[chosen] = torch.rot90(part, quarter, (2, 3))
        return turned


@dataclass(frozen=True)
class StainJitter:
    """Vary the stain of each bag: all its tiles came from one piece of glass.

    Tiles must be optical densities, in which stains add (Beer and Lambert): a little more of one
    stain is then a linear change of the channels, and glass stays glass. After Tellez et al. 2018,
    "Whole-slide mitosis detection in H&E breast histology using PHH3 as a reference".

    Attributes
    ----------
    deviation : float
        Standard deviation of each channel's gain; half of it leaks into each other channel.
    """

    deviation: float = 0.1

    def __post_init__(self) -> None:
        _check_amounts(self, "deviation")

    def __call__(self, tiles: Tensor, sizes: Tensor) -> Tensor:
        """Return tiles (N, 3, height, width) with one change of stain for each bag."""
        leak = torch.full((3, 3), 0.5) + 0.5 * torch.eye(3)
        gains = torch.eye(3) + self.deviation * leak * torch.randn(len(sizes), 3, 3)
        gains = gains.to(tiles)
        parts = tiles.split(sizes.tolist())
        return torch.cat(
            [torch.einsum("ij,njhw->nihw", gain, part) for gain, part in zip(gains, parts)]
        )


@dataclass(frozen=True)
class DropFeatures:
    """Set a ``share`` of the features of instances to 0, and scale the rest up.

    For features that were standardised, so that 0 is their mean: dropout of the input (Srivastava
    et al. 2014), which lets no decision hang on one feature.
    """

    share: float

    def __post_init__(self) -> None:
        _check_amounts(self, "share")
        if self.share >= 1:
            raise ValueError(f"the share to drop is {self.share:g}, expected at least 0, below 1")

    def __call__(self, instances: Tensor, sizes: Tensor) -> Tensor:
        """Return instances (N, D) with features missing."""
        return F.dropout(instances, self.share)


@dataclass(frozen=True)
class InOrder:
    """Apply one augmentation after another."""

    steps: tuple[Augmentation, ...]

    def __call__(self, tiles: Tensor, sizes: Tensor) -> Tensor:
        """Return tiles that went through all steps."""
        for step in self.steps:
            tiles = step(tiles, sizes)
        return tiles
