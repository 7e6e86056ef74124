"""The normal cells of a lymph node: which kinds lie where."""

from dataclasses import dataclass

import numpy as np

from mil_tutorial.datasets.rendering.architecture import Architecture
from mil_tutorial.datasets.rendering.noise import SIDE, Field, at, smooth_noise, stream
from mil_tutorial.datasets.rendering.nuclei import Nuclei, join, make


@dataclass(frozen=True)
class Population:
    """The normal cells, before a lesion takes the place of some of them.

    ``survives`` is a random number a nucleus: inside a lesion only the highest are kept.
    """

    nuclei: Nuclei
    survives: np.ndarray

    def outside(self, lesion: np.ndarray, remain: float = 0.06) -> Nuclei:
        """Return the nuclei a lesion leaves: all outside it, a few within it."""
        within = at(lesion, self.nuclei.x, self.nuclei.y)
        return self.nuclei.keep(~within | (self.survives > 1 - remain))


def populate(seed: int, patient: str, place: Architecture) -> Population:
    """Scatter the normal cells of one slide."""
    groups = [
        _lymphocytes(seed, place),
        _centroblasts(seed, patient, place),
        _histiocytes(seed, patient, place),
        _spindles(seed, place),
        _endothelium(seed, place),
    ]
    nuclei = join(*groups)
    return Population(nuclei, stream("survival", seed).random(len(nuclei)))


def lattice(
    rng: np.random.Generator, spacing: float, jitter: float, margin: float = 8
) -> tuple[np.ndarray, np.ndarray]:
    """Return (x, y) of a turned, bent and jittered hexagonal lattice that covers a slide.

    Cells keep a distance from their neighbours, which independent points would not.
    The smooth bend and the jitter hide the rows.
    """
    steps = np.arange(-SIDE, SIDE, spacing)  # the diagonal, whichever way it is turned
    u, v = np.meshgrid(steps, steps * np.sqrt(3) / 2)
    u = u + (np.arange(len(u)) % 2)[:, None] * spacing / 2
    turn = rng.uniform(0, np.pi)
    x = SIDE / 2 + (u * np.cos(turn) - v * np.sin(turn)).ravel()
    y = SIDE / 2 + (u * np.sin(turn) + v * np.cos(turn)).ravel()
    reach = SIDE / 2 + margin
    inside = (np.abs(x - SIDE / 2) < reach) & (np.abs(y - SIDE / 2) < reach)
    x, y = x[inside], y[inside]
    bend_x, bend_y = (0.45 * spacing * smooth_noise(rng, 5 * spacing) for _ in range(2))
    shift = rng.normal(0, jitter * spacing, (2, len(x)))
    return x + at(bend_x, x, y) + shift[0], y + at(bend_y, x, y) + shift[1]


def _chosen(rng: np.random.Generator, chance: Field, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    visible = (x > -6) & (x < SIDE + 6) & (y > -6) & (y < SIDE + 6)
    return visible & (rng.random(len(x)) < at(chance, x, y))


def _lymphocytes(seed: int, place: Architecture) -> Nuclei:
    """Small, round, dark nuclei; densest in the mantle of a follicle."""
    rng = stream("lymphocytes", seed)
    x, y = lattice(rng, rng.uniform(7.7, 8.6), 0.2)
    open_tissue = (place.depth > 2) * (1 - place.lumen) * (1 - 0.9 * place.wall)
    chance = 0.78 * place.crowding * (1 - 0.93 * place.germinal) + 0.4 * place.mantle
    chance = chance * (1 - 0.72 * place.sinus) * (1 - 0.97 * place.fibres) * open_tissue
    nuclei = make(rng, x, y, 3.6, 0.11, 1.15, 1.25, 0.12, 0.05, 0.28)
    return nuclei.keep(_chosen(rng, chance, x, y))


def _centroblasts(seed: int, patient: str, place: Architecture) -> Nuclei:
    """Germinal-centre cells: larger and paler than lymphocytes, so they resemble tumour."""
    rng = stream("centroblasts", seed)
    habit = stream("centroblast habit", patient)
    x, y = lattice(rng, 11.5, 0.2)
    nuclei = make(rng, x, y, habit.uniform(4.3, 5.0), 0.16, 1.3, 0.8, 0.5, 0.07, 0.4)
    nuclei = nuclei.keep(_chosen(rng, 0.9 * place.germinal, x, y))
    offset = rng.uniform(-2.2, 2.2, (2, len(nuclei)))
    spots = make(rng, nuclei.x + offset[0], nuclei.y + offset[1], 0.85, 0.2, 1.2, 0.7, 0, 0, 0)
    return join(nuclei, spots.keep(rng.random(len(spots)) < 0.6))


def _histiocytes(seed: int, patient: str, place: Architecture) -> Nuclei:
    """Pale oval nuclei in sinuses, in germinal centres and scattered elsewhere."""
    rng = stream("histiocytes", seed)
    x, y = lattice(rng, 12.5, 0.25)
    common = stream("histiocyte habit", patient).uniform(0.01, 0.04)
    chance = 0.55 * place.sinus + 0.06 * place.germinal + common * (place.depth > 4)
    chance = chance * (1 - place.lumen) * (1 - place.fibres)
    nuclei = make(rng, x, y, 4.3, 0.14, 1.6, 0.7, 0.5, 0.07, 0.3)
    return nuclei.keep(_chosen(rng, chance, x, y))


def _spindles(seed: int, place: Architecture) -> Nuclei:
    """Thin fibroblast nuclei that lie along the fibres of capsule and trabeculae."""
    rng = stream("spindles", seed)
    x, y = lattice(rng, 11, 0.3)
    slope_y, slope_x = map(np.asarray, np.gradient(place.depth[::4, ::4]))
    angle = np.arctan2(at(slope_y, x / 4, y / 4), at(slope_x, x / 4, y / 4)) + np.pi / 2
    angle = angle + rng.normal(0, 0.25, len(x))
    nuclei = make(rng, x, y, 2.9, 0.15, 6.0, 1.0, 0.15, 0.03, 0.3, angle=angle)
    return nuclei.keep(_chosen(rng, 0.42 * place.fibres, x, y))


def _endothelium(seed: int, place: Architecture) -> Nuclei:
    """Nuclei that line the vessels."""
    rng = stream("endothelium", seed)
    x, y, angle = [np.zeros(0)], [np.zeros(0)], [np.zeros(0)]
    for v in place.vessels:
        turn = rng.uniform(0, 2 * np.pi) + np.arange(0, 2 * np.pi, 9 / (v.radius + v.wall))
        far = v.radius + v.wall * 0.6
        along, across = far * v.stretch * np.cos(turn), far * np.sin(turn)
        x.append(v.x + along * np.cos(v.angle) - across * np.sin(v.angle))
        y.append(v.y + along * np.sin(v.angle) + across * np.cos(v.angle))
        angle.append(turn + v.angle + np.pi / 2)
    joined = [np.concatenate(part) for part in (x, y, angle)]
    return make(rng, joined[0], joined[1], 2.9, 0.15, 3.2, 0.95, 0.3, 0.05, 0.3, angle=joined[2])
