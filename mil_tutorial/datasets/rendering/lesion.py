"""Tumour: how many cells, in how many foci, in which nests, and what the cells look like.

Sizes follow the lesions of CAMELYON16 in shape: a log-normal spread from a few isolated cells
to a macro-metastasis, with several foci in many slides. The real spread (2.4 in log area)
covers five decades; 213 tiles cannot, so it is compressed to ``LOG_SPREAD``.
"""

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from mil_tutorial.datasets.rendering.architecture import Architecture
from mil_tutorial.datasets.rendering.noise import SIDE, Field, at, smooth_noise, stream
from mil_tutorial.datasets.rendering.nuclei import Nuclei, join, make
from mil_tutorial.datasets.rendering.population import lattice

MEDIAN_CELLS = {"default": 23.0, "hard": 5.0}
LOG_SPREAD = {"default": 1.15, "hard": 0.5}
FEWEST_CELLS, MOST_CELLS = 4, 560
TILE = 32
TUMOUR_TILE_FRACTION = 0.2  # of a tile's pixels: about one whole tumour cell
FULLEST_TILE = 0.55  # at least so much of one tile is tumour: a cluster, as pathologists require

Mask = np.ndarray


@dataclass(frozen=True)
class Phenotype:
    """How the tumour cells of one patient look; lengths in pixels."""

    radius: float
    spacing: float
    pleomorphism: float
    pale: float
    density: float
    eosin: float
    basophilia: float


@dataclass(frozen=True)
class Lesion:
    """A drawn lesion."""

    mask: Mask  # (512, 512): cytoplasm and nuclei of tumour cells
    nuclei: Nuclei
    membrane: Field  # (512, 512): borders between tumour cells
    look: Phenotype


def draw_phenotype(patient: str) -> Phenotype:
    """Draw what a patient's tumour looks like."""
    rng = stream("phenotype", patient)
    radius = rng.uniform(6.6, 8.1)
    return Phenotype(
        radius=radius,
        spacing=radius * rng.uniform(2.1, 2.35),
        pleomorphism=rng.uniform(0.13, 0.24),
        pale=rng.uniform(0.5, 0.72),
        density=rng.uniform(0.9, 1.15),
        eosin=rng.uniform(0.45, 0.6),
        basophilia=rng.uniform(0.06, 0.16),
    )


def draw_lesion(seed: int, patient: str, profile: str, place: Architecture) -> Lesion:
    """Draw a lesion that fills most of at least one tile.

    The patient decides the look of the cells, the profile their number; ``place`` tells where
    tumour can grow: below the capsule, outside strands and vessels.
    """
    look = draw_phenotype(patient)
    cells = _cells_wanted(seed, profile)
    x, y, score, home = _candidates(seed, look, place)
    while True:
        chosen = _nests(stream("foci", seed), cells, x, y, score, home)
        mask, membrane = _cytoplasm(x[chosen], y[chosen], look.spacing)
        if _largest_tile_fraction(mask) >= FULLEST_TILE:
            nuclei = _tumour_nuclei(seed, look, x[chosen], y[chosen])
            return Lesion(mask & (place.lumen < 0.5), nuclei, membrane, look)
        cells += 2


def _cells_wanted(seed: int, profile: str) -> int:
    rng = stream("lesion size", seed)
    cells = MEDIAN_CELLS[profile] * np.exp(rng.normal(0, LOG_SPREAD[profile]))
    return int(np.clip(np.rint(cells), FEWEST_CELLS, MOST_CELLS))


def _candidates(
    seed: int, look: Phenotype, place: Architecture
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return x, y, a factor on distances (ragged borders) and whether a focus may start there."""
    rng = stream("tumour lattice", seed)
    x, y = lattice(rng, look.spacing, 0.09)
    septum = np.abs(smooth_noise(rng, 30)) < 0.1
    ragged = np.exp(0.22 * smooth_noise(rng, 40))
    room = (place.depth > 9) & (place.fibres < 0.4) & (place.lumen + place.wall < 0.4)
    room &= ~septum
    inside = at(room, x, y) & (np.abs(x - SIDE / 2) < 250) & (np.abs(y - SIDE / 2) < 250)
    x, y = x[inside], y[inside]
    return x, y, at(ragged, x, y), at(place.depth > 32, x, y)


def _nests(
    rng: np.random.Generator,
    cells: int,
    x: np.ndarray,
    y: np.ndarray,
    ragged: np.ndarray,
    home: np.ndarray,
) -> np.ndarray:
    """Choose cells around one or more foci; small lesions have one focus."""
    foci = 1 + min(int(rng.geometric(0.62)) - 1, cells // 12, 5)
    shares = np.sort(rng.dirichlet(np.full(foci, 0.8)))[::-1]
    free = np.ones(len(x), bool)
    for share in shares:
        centre = rng.choice(np.flatnonzero(free & home))
        distance = np.hypot(x - x[centre], y - y[centre]) * ragged
        distance[~free] = np.inf
        take = np.argsort(distance)[: max(4, round(cells * share))]
        free[take[np.isfinite(distance[take])]] = False
    return np.flatnonzero(~free)


def _cytoplasm(x: np.ndarray, y: np.ndarray, spacing: float) -> tuple[Mask, Field]:
    """Return the mask of the cells and the membranes, half-way between neighbours."""
    mask, membrane = np.zeros((SIDE, SIDE), bool), np.zeros((SIDE, SIDE), np.float32)
    near = np.zeros((SIDE, SIDE), bool)
    for row, column in zip(np.rint(y).astype(int), np.rint(x).astype(int), strict=True):
        reach = int(spacing)
        near[max(0, row - reach) : row + reach, max(0, column - reach) : column + reach] = True
    rows, columns = np.nonzero(near)
    tree = cKDTree(np.column_stack([x, y]))
    pixels = np.column_stack([columns, rows])
    distance, _ = tree.query(pixels, k=2, distance_upper_bound=2.5 * spacing)
    mask[rows, columns] = distance[:, 0] < 0.64 * spacing
    border = np.clip(1.6 - (distance[:, 1] - distance[:, 0]), 0, 1)
    membrane[rows, columns] = border * (distance[:, 0] < 0.64 * spacing)
    return mask, membrane


def _largest_tile_fraction(mask: Mask) -> float:
    tiles = mask.reshape(SIDE // TILE, TILE, SIDE // TILE, TILE)
    return float(tiles.mean(axis=(1, 3)).max())


def _tumour_nuclei(seed: int, look: Phenotype, x: np.ndarray, y: np.ndarray) -> Nuclei:
    """Large, uneven, vesicular nuclei with one or two prominent nucleoli."""
    rng = stream("tumour nuclei", seed)
    nuclei = make(
        rng, x, y, look.radius, look.pleomorphism, 1.45, look.density, look.pale, 0.11, 0.42
    )
    nuclei = _bounded(nuclei, 0.56 * look.spacing)
    spots = [nuclei]
    for chance in (0.85, 0.35):
        shift = rng.normal(0, 0.26 * look.radius, (2, len(x)))
        radius = 0.25 * look.radius
        spot = make(rng, x + shift[0], y + shift[1], radius, 0.2, 1.2, 1.2, 0.0, 0.05, 0.0)
        spots.append(spot.keep(rng.random(len(x)) < chance))
    return join(*spots)


def _bounded(nuclei: Nuclei, longest: float) -> Nuclei:
    """Keep nuclei within their cells."""
    factor = np.minimum(1, longest / nuclei.long).astype(np.float32)
    return Nuclei(**{**vars(nuclei), "long": nuclei.long * factor, "short": nuclei.short * factor})
