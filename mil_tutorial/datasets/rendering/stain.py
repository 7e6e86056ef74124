"""Stains and scanners: from the density of two dyes to the colours of a picture.

Light that passes a dye is weakened exponentially (Beer and Lambert), so the densities of
haematoxylin and eosin add and the exponential gives the colour. The mean colours of the two
dyes are those of Macenko et al., ISBI 2009.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter

from mil_tutorial.datasets.rendering.noise import Field, stream

HAEMATOXYLIN = (0.56, 0.72, 0.41)
EOSIN = (0.22, 0.80, 0.56)


@dataclass(frozen=True)
class Stain:
    """How a hospital's laboratory and scanner, and the day, turn densities into colours."""

    haematoxylin: np.ndarray  # optical density of red, green, blue
    eosin: np.ndarray
    white: np.ndarray  # colour of the empty glass, 0 to 1
    matrix: np.ndarray  # (3, 3): the scanner's colour correction
    gamma: float
    blur: float  # pixels
    sharpen: float
    noise: float  # standard deviation in levels of 255


def draw_stain(hospital: str, seed: int) -> Stain:
    """Draw a slide's stain and scanner: the hospital's own, and a little of the day.

    Parameters
    ----------
    hospital : str
        Any name: each has its own stain and scanner.
    seed : int
        The slide's seed.
    """
    own, day = stream("hospital", hospital), stream("stain", seed)
    haematoxylin = _dye(own, day, HAEMATOXYLIN, 0.03) * _strength(own, day, 1.2, 0.08, 0.07)
    eosin = _dye(own, day, EOSIN, 0.03) * _strength(own, day, 0.9, 0.12, 0.1)
    white = np.clip(own.uniform(0.91, 0.98) + own.normal(0, 0.005, 3), 0, 0.99)
    return Stain(
        haematoxylin, eosin,
        white=np.clip(white + day.normal(0, 0.006), 0, 0.995),
        matrix=_colour_matrix(own),
        gamma=own.uniform(0.9, 1.12),
        blur=own.uniform(0.35, 0.65) * np.exp(day.normal(0, 0.12)),
        sharpen=own.uniform(0, 0.5),
        noise=own.uniform(0.8, 2.0),
    )  # fmt: skip


def develop(haematoxylin: Field, eosin: Field, stain: Stain) -> Field:
    """Return the light that passes, (512, 512, 3), float32 between 0 and 1."""
    dyes = np.stack([stain.haematoxylin, stain.eosin]).astype(np.float32)
    density = np.stack([haematoxylin, eosin], axis=-1) @ dyes
    return np.exp(-density) * stain.white.astype(np.float32)


def scan(light: Field, stain: Stain, seed: int) -> np.ndarray:
    """Return the picture the scanner makes of the light: blurred, corrected, noisy, 8 bits."""
    soft = gaussian_filter(light, (stain.blur, stain.blur, 0), truncate=3)
    if stain.sharpen > 0.05:
        halo = gaussian_filter(soft, (1.2, 1.2, 0), truncate=3)
        soft = soft + np.float32(stain.sharpen) * (soft - halo)
    colour = np.clip(soft @ stain.matrix.T.astype(np.float32), 0.001, 1)
    colour **= np.float32(stain.gamma)
    noise = stream("sensor", seed).standard_normal(colour.shape, dtype=np.float32)
    levels = 255 * colour + np.float32(stain.noise) * noise
    return np.clip(np.rint(levels), 0, 255).astype(np.uint8)


def _dye(
    own: np.random.Generator, day: np.random.Generator, mean: tuple[float, ...], spread: float
) -> np.ndarray:
    """Return a dye's colour of unit length, near its mean."""
    colour = np.array(mean) + own.normal(0, spread, 3) + day.normal(0, spread / 2.5, 3)
    colour = np.clip(colour, 0.03, None)
    return colour / np.linalg.norm(colour)


def _strength(
    own: np.random.Generator, day: np.random.Generator, mean: float, of_own: float, of_day: float
) -> float:
    return mean * float(np.exp(own.normal(0, of_own) + day.normal(0, of_day)))


def _colour_matrix(own: np.random.Generator) -> np.ndarray:
    """Return a matrix near the identity that keeps grey grey."""
    matrix = np.eye(3) + own.normal(0, 0.035, (3, 3))
    return matrix / matrix.sum(axis=1, keepdims=True)
