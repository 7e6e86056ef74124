"""Nuclei: their shapes, and how they add up to a density of haematoxylin.

A section has a thickness, so nuclei that overlap add their optical densities.
"""

from dataclasses import dataclass, fields

import numpy as np

from mil_tutorial.datasets.rendering.noise import SIDE, Field

Values = np.ndarray  # float32

MARGIN = 16  # pixels around the canvas, so that a nucleus at the edge needs no special case


@dataclass(frozen=True)
class Nuclei:
    """Arrays of shape (n,): one value a nucleus, lengths in pixels."""

    x: Values
    y: Values
    long: Values  # half axes
    short: Values
    angle: Values
    density: Values  # optical density of haematoxylin at the membrane
    pale: Values  # 0 = the same all through, 1 = an empty centre (vesicular)
    uneven: Values  # 0 = an ellipse, 0.2 = an irregular outline
    clumps: Values  # 0 = smooth chromatin, 1 = coarse

    def __len__(self) -> int:
        return len(self.x)

    def keep(self, chosen: np.ndarray) -> "Nuclei":
        """Return the chosen nuclei, by mask or by index."""
        return Nuclei(*(getattr(self, f.name)[chosen] for f in fields(self)))


def join(*groups: Nuclei) -> Nuclei:
    """Return all nuclei of several groups."""
    return Nuclei(*(np.concatenate([getattr(g, f.name) for g in groups]) for f in fields(Nuclei)))


def make(
    rng: np.random.Generator,
    x: np.ndarray,
    y: np.ndarray,
    radius: float,
    spread: float,
    stretch: float,
    density: float,
    pale: float,
    uneven: float,
    clumps: float,
    angle: np.ndarray | None = None,
) -> Nuclei:
    """Draw nuclei of one kind at ``x``, ``y`` (n,); ``spread`` is the log-spread of the radius."""
    n = len(x)
    size = radius * np.exp(rng.normal(0, spread, n))
    ratio = np.sqrt(1 + np.abs(rng.normal(0, 1, n)) * 0.5 * (stretch - 1) + 0.5 * (stretch - 1))
    turn = rng.uniform(0, np.pi, n)
    values = (
        x, y, size * ratio, size / ratio, turn if angle is None else angle,
        density * np.exp(rng.normal(0, 0.14, n)),
        np.clip(pale + rng.normal(0, 0.08, n), 0, 0.95),
        np.abs(rng.normal(uneven, uneven / 2, n)),
        np.full(n, clumps),
    )  # fmt: skip
    return Nuclei(*(np.asarray(v, np.float32) for v in values))


def paint(nuclei: Nuclei, grain: Field) -> Field:
    """Return the density of haematoxylin of many nuclei, (512, 512) float32.

    ``grain`` is noise of about the size of a chromatin clump.
    """
    wide = SIDE + 2 * MARGIN
    canvas = np.zeros(wide * wide)
    reach = np.ceil(1.25 * nuclei.long + 1).astype(int)
    for half in np.unique(np.minimum(reach, MARGIN)):
        group = nuclei.keep(np.minimum(reach, MARGIN) == half)
        where, values = _stamps(group, int(half), np.pad(grain, MARGIN, mode="edge").ravel())
        canvas += np.bincount(where.ravel(), values.ravel(), minlength=wide * wide)
    inside = slice(MARGIN, MARGIN + SIDE)
    return canvas.reshape(wide, wide)[inside, inside].astype(np.float32)


def _stamps(n: Nuclei, half: int, grain: Field) -> tuple[np.ndarray, Values]:
    """Return flat positions on the padded canvas and densities, both (n, side * side)."""
    offset = np.arange(-half, half + 1)
    column, row = np.rint(n.x).astype(int), np.rint(n.y).astype(int)
    dx = (offset[None, None, :] - (n.x - column)[:, None, None]).astype(np.float32)
    dy = (offset[None, :, None] - (n.y - row)[:, None, None]).astype(np.float32)
    wide = SIDE + 2 * MARGIN
    low, high = half, wide - half - 1
    row, column = np.clip(row + MARGIN, low, high), np.clip(column + MARGIN, low, high)
    where = (row[:, None, None] + offset[:, None]) * wide + column[:, None, None] + offset
    return where, _profile(n, dx, dy) * _chromatin(n, grain[where])


def _profile(n: Nuclei, dx: Values, dy: Values) -> Values:
    """Return the density of each nucleus: an uneven ellipse with a pale centre."""
    c, s = np.cos(n.angle)[:, None, None], np.sin(n.angle)[:, None, None]
    long, short = n.long[:, None, None], n.short[:, None, None]
    u, v = (dx * c + dy * s) / long, (dy * c - dx * s) / short
    square = u * u + v * v + np.float32(1e-6)
    radius = np.sqrt(square)
    lobes = (u * u * u - 3 * u * v * v) / (square * radius) + u * v / square
    radius = radius * (1 + n.uneven[:, None, None] * lobes)
    edge = np.clip((1 - radius) * short * np.float32(0.8) + np.float32(0.5), 0, 1)
    centre = np.clip((np.float32(0.92) - radius) * np.float32(2.6), 0, 1)
    return n.density[:, None, None] * edge * (1 - n.pale[:, None, None] * centre)


def _chromatin(n: Nuclei, grain: Values) -> Values:
    return np.clip(1 + n.clumps[:, None, None] * grain, 0.25, 1.9)
