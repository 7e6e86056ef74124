"""Learn the tile encoder without labels, by SimCLR, on the training slides only.

Two views of a tile should be encoded alike and unlike the other tiles of a batch
(Chen, Kornblith, Norouzi, Hinton: A simple framework for contrastive learning of visual
representations, ICML 2020, equation 1). The views differ in what should not matter: place,
turn, size, stain in optical density (after Tellez et al., Medical Image Analysis 2019), and
sharpness. Neither labels nor tumour masks are read.

Run ``python data/checkpoints/pretrain.py --out data/checkpoints/tile_encoder.pt``.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mil_tutorial.datasets.rendering.cohort import cohort, render_slide
from mil_tutorial.datasets.rendering.tiles import tissue_tiles
from mil_tutorial.models.tile_encoder import FEATURES, POOLED, TileEncoder, optical_density
from mil_tutorial.system.files import save_weights

TILE = 32
REACH = 40  # pixels around a tile's centre from which its views are taken

# Optical densities of haematoxylin, eosin and what is left over (Ruifrok and Johnston, 2001).
DYES = torch.tensor([[0.65, 0.70, 0.29], [0.07, 0.99, 0.11], [0.27, 0.57, 0.78]])


@dataclass(frozen=True)
class PretrainConfig:
    """Settings of the self-supervised training."""

    steps: int = 2000
    batch: int = 256
    slides_per_batch: int = 4
    learning_rate: float = 2e-3
    weight_decay: float = 1e-4
    temperature: float = 0.2
    slides: int = 400
    seed: int = 0


@dataclass(frozen=True)
class Tissue:
    """Training slides with a margin, and the centres of their tissue tiles."""

    slides: Tensor  # (S, 3, 512 + 2 REACH, 512 + 2 REACH), uint8
    centres: Tensor  # (n, 3): slide, x, y with the margin added


def load_tissue(n_slides: int) -> Tissue:
    """Render the training slides of the default cohort; their labels are not used."""
    specs = [spec for spec in cohort(n_slides=n_slides) if spec.split == "train"]
    slides, centres = [], []
    for number, spec in enumerate(specs):
        image = render_slide(spec).image
        corners = tissue_tiles(image)
        centres.append(
            np.column_stack([np.full(len(corners), number), corners + TILE // 2 + REACH])
        )
        padded = np.pad(image, ((REACH, REACH), (REACH, REACH), (0, 0)), mode="reflect")
        slides.append(torch.from_numpy(padded.transpose(2, 0, 1).copy()))
    return Tissue(torch.stack(slides), torch.from_numpy(np.concatenate(centres)))


def sample(tissue: Tissue, config: PretrainConfig, rng: torch.Generator) -> Tensor:
    """Choose the tiles of a batch from few slides.

    Tiles of one slide share its stain and scanner, so only their tissue distinguishes them.
    """
    tiles = torch.randperm(len(tissue.centres), generator=rng)
    slides = torch.randperm(len(tissue.slides), generator=rng)[: config.slides_per_batch]
    of_slide = tissue.centres[tiles, 0]
    share = config.batch // len(slides)
    return torch.cat([tiles[of_slide == slide][:share] for slide in slides])


def crops(tissue: Tissue, centres: Tensor, reach: int) -> Tensor:
    """Cut squares around centres (n, 3): (n, 3, 2 reach, 2 reach) uint8."""
    patches = [
        tissue.slides[s, :, y - reach : y + reach, x - reach : x + reach]
        for s, x, y in centres.tolist()
    ]
    return torch.stack(patches)


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


class Projector(nn.Sequential):
    """Maps pooled features to where the views are compared; thrown away afterwards."""

    def __init__(self) -> None:
        super().__init__(
            nn.Linear(POOLED, 256, bias=False),
            nn.BatchNorm1d(256),
            nn.ReLU(),
            nn.Linear(256, 128, bias=False),
        )


def contrastive_loss(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """Return SimCLR's loss (NT-Xent) of two views of n tiles, each of shape (n, d)."""
    z = F.normalize(torch.cat([one, other]).float(), dim=1)
    similarity = z @ z.T / temperature
    similarity.fill_diagonal_(-torch.inf)
    n = len(one)
    partner = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(similarity, partner)


def train(tissue: Tissue, config: PretrainConfig) -> TileEncoder:
    """Train an encoder; prints the loss every 50 steps."""
    torch.manual_seed(config.seed)
    rng = torch.Generator().manual_seed(config.seed)
    encoder = TileEncoder().to(memory_format=torch.channels_last)
    projector = Projector()
    parameters = [*encoder.parameters(), *projector.parameters()]
    optimiser = torch.optim.AdamW(
        parameters, config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, config.steps, pct_start=0.1
    )
    started, total = time.monotonic(), 0.0
    for step in range(1, config.steps + 1):
        chosen = sample(tissue, config, rng)
        around = optical_density(crops(tissue, tissue.centres[chosen], REACH))
        views = torch.cat([view(around, rng), view(around, rng)])
        views = views.to(memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            one, other = projector(encoder.pooled(views)).chunk(2)
        loss = contrastive_loss(one, other, config.temperature)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        total += loss.item()
        if step % 50 == 0:
            seconds = time.monotonic() - started
            print(f"step {step}: loss {total / 50:.3f}, {seconds:.0f} s", flush=True)
            total = 0.0
    return encoder.eval()


@torch.inference_mode()
def standardise(encoder: TileEncoder, tiles: Tensor, batch: int = 1024) -> None:
    """Choose centre and basis of the encoder from the training tiles.

    The features are the leading principal axes, over one common factor that brings their mean
    square to 1. Scaling each axis to the same spread would lift noise to the height of tissue.
    """
    parts = [optical_density(part).permute(0, 3, 1, 2) for part in tiles.split(batch)]
    pooled = torch.cat([encoder.pooled(part) for part in parts]).double()
    centre = pooled.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((pooled - centre).T))
    leading = values.argsort(descending=True)[:FEATURES]
    encoder.centre.copy_(centre)
    encoder.basis.copy_(vectors[:, leading] / values[leading].mean().sqrt())


def training_tiles(tissue: Tissue) -> Tensor:
    """Return all training tiles, (n, 32, 32, 3) uint8."""
    return crops(tissue, tissue.centres, TILE // 2).permute(0, 2, 3, 1)


def main(arguments: list[str] | None = None) -> None:
    """Train and write the checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the state dict goes")
    parser.add_argument("--steps", type=int, default=PretrainConfig.steps)
    parser.add_argument("--seed", type=int, default=PretrainConfig.seed)
    options = parser.parse_args(arguments)
    tissue = load_tissue(PretrainConfig.slides)
    print(f"{len(tissue.slides)} training slides, {len(tissue.centres)} tiles", flush=True)
    encoder = train(tissue, PretrainConfig(steps=options.steps, seed=options.seed))
    standardise(encoder, training_tiles(tissue))
    save_weights(encoder.state_dict(), options.out)


if __name__ == "__main__":
    main()
