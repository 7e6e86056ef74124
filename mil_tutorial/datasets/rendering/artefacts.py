"""Artefacts of laboratory and scanner: folds, blur, pen and dust.

They come from a stream of their own, so both classes have them equally often.
"""

import numpy as np
from scipy.ndimage import gaussian_filter

from mil_tutorial.datasets.rendering.noise import SIDE, Field, smooth_noise, stream

FOLD, BLUR, PEN, DUST = 0.15, 0.2, 0.12, 0.35  # how often each occurs

INKS = ((1.3, 0.8, 0.15), (1.2, 0.35, 0.8), (1.1, 1.1, 1.0))  # blue, green, black


def fold(haematoxylin: Field, eosin: Field, seed: int) -> tuple[Field, Field]:
    """Where the section is folded light passes through twice as much tissue."""
    rng = stream("fold", seed)
    if rng.random() >= FOLD:
        return haematoxylin, eosin
    width = rng.uniform(5, 12)
    band = np.clip((width - np.abs(_curve(rng))) / 2, 0, 1)
    shift = tuple(int(s) for s in rng.integers(-20, 21, 2))
    return tuple(d + band * 0.9 * np.roll(d, shift, (0, 1)) for d in (haematoxylin, eosin))  # type: ignore[return-value]


def blur(light: Field, seed: int) -> Field:
    """Part of the slide lies out of focus."""
    rng = stream("blur", seed)
    if rng.random() >= BLUR:
        return light
    sigma = rng.uniform(1.2, 2.6)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    centre, radius = rng.uniform(0, SIDE, 2), rng.uniform(50, 140)
    distance = np.hypot(x - centre[0], y - centre[1]) + 15 * smooth_noise(rng, 60)
    weight = np.clip((radius - distance) / 30 + 0.5, 0, 1).astype(np.float32)[..., None]
    return light + weight * (gaussian_filter(light, (sigma, sigma, 0), truncate=2.5) - light)


def pen(light: Field, seed: int) -> Field:
    """A stroke of a marker, on the glass above the tissue."""
    rng = stream("pen", seed)
    if rng.random() >= PEN:
        return light
    ink = np.array(INKS[rng.integers(len(INKS))], np.float32) * np.float32(rng.uniform(0.6, 1.1))
    width = rng.uniform(5, 11) + 0.7 * smooth_noise(rng, 12)
    stroke = np.clip((width - np.abs(_curve(rng))) / 1.5, 0, 1)
    streaks = 1 + 0.12 * smooth_noise(rng, 25)
    return light * np.exp(-(stroke * streaks).astype(np.float32)[..., None] * ink)


def dust(light: Field, seed: int) -> Field:
    """Specks and short hairs, slightly out of focus."""
    rng = stream("dust", seed)
    if rng.random() >= DUST:
        return light
    specks = np.zeros((SIDE, SIDE), np.float32)
    for _ in range(rng.integers(1, 7)):
        x, y, turn = rng.uniform(0, SIDE), rng.uniform(0, SIDE), rng.uniform(0, 6.3)
        bend = rng.normal(0, 0.08)
        for step in range(rng.integers(2, 22)):
            row, column = int(y) % SIDE, int(x) % SIDE
            specks[row, column] = 1
            turn += bend
            x, y = x + np.cos(turn) * (step > 1), y + np.sin(turn) * (step > 1)
    shade = np.clip(5 * gaussian_filter(specks, rng.uniform(0.9, 1.6)), 0, 1)
    return light * (1 - np.float32(0.65) * shade)[..., None]


def _curve(rng: np.random.Generator) -> Field:
    """Return the distance in pixels, with sign, from a bent line across the slide."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    turn, offset = rng.uniform(0, np.pi), rng.uniform(-190, 190)
    along = (x - SIDE / 2) * np.cos(turn) + (y - SIDE / 2) * np.sin(turn)
    across = (y - SIDE / 2) * np.cos(turn) - (x - SIDE / 2) * np.sin(turn)
    bend = rng.normal(0, 40) * np.sin(along / rng.uniform(90, 220) + rng.uniform(0, 6.3))
    return (across - offset + bend).astype(np.float32)
