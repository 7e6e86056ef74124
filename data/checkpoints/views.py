"""Random views of a tile that differ in what should not matter, for contrastive learning.

Place, turn, size, stain in optical density (after Tellez et al., Medical Image Analysis 2019), and
sharpness.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TILE = 32
REACH = 40  # pixels around a tile's centre from which its views are taken

# Optical densities of haematoxylin, eosin and what is left over (Ruifrok and Johnston, 2001).
DYES = torch.tensor([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])


def view(around: Tensor, rng: torch.Generator) -> Tensor:
    """Return a random view of each tile, (n, 3, 32, 32)."""
    moved = _move(around, rng)
    return _blur(_stain(moved, rng), rng)


def _uniform(rng: torch.Generator, n: int, low: float, high: float) -> Tensor:
    return low + (high - low) * torch.rand(n, generator=rng)


def _move(around: Tensor, rng: torch.Generator) -> Tensor:
    """Turn, mirror, scale and shift."""
    n = len(around)
    turn, size = _uniform(rng, n, 0, 6.2832), torch.exp(_uniform(rng, n, -0.18, 0.18))
    mirror = torch.randint(0, 2, (n,), generator=rng) * 2.0 - 1
    shift = _uniform(rng, 2 * n, -11, 11).view(n, 2) / REACH
    c, s = torch.cos(turn) * size, torch.sin(turn) * size
    share = TILE / (2 * REACH)
    rows = [torch.stack([c * mirror * share, -s * share, shift[:, 0]], 1)]
    rows.append(torch.stack([s * mirror * share, c * share, shift[:, 1]], 1))
    grid = F.affine_grid(torch.stack(rows, 1), [n, 3, TILE, TILE], align_corners=False)
    return F.grid_sample(around, grid, mode="bilinear", align_corners=False)


def _stain(density: Tensor, rng: torch.Generator) -> Tensor:
    """Change the strength of each dye, its colour a little, and the brightness."""
    n = len(density)
    strength = torch.exp(0.25 * torch.randn((n, 3), generator=rng))
    dyes = F.normalize(DYES, dim=1)
    mixed = torch.linalg.inv(dyes) @ (strength[:, :, None] * dyes)
    mixed = mixed + 0.06 * torch.randn((n, 3, 3), generator=rng)
    light = 0.05 * torch.randn((n, 3, 1), generator=rng)
    changed = mixed.transpose(1, 2) @ density.flatten(2) + light
    return changed.clamp(0, 2.4).view_as(density)


def _blur(density: Tensor, rng: torch.Generator) -> Tensor:
    """Soften or sharpen each view by a random amount."""
    kernel = torch.tensor([0.25, 0.5, 0.25])
    kernel = (kernel[:, None] * kernel).expand(3, 1, 3, 3)
    soft = F.conv2d(F.pad(density, (1, 1, 1, 1), mode="replicate"), kernel, groups=3)
    amount = _uniform(rng, len(density), -0.4, 1.0)[:, None, None, None]
    return density + amount * (soft - density)
