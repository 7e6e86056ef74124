"""The architecture of a lymph node: what lies where, before any cell is drawn."""

from dataclasses import dataclass

import numpy as np

from mil_tutorial.datasets.rendering.noise import SIDE, Field, fractal_noise, smooth_noise, stream


@dataclass(frozen=True)
class Follicle:
    """A round nest of B cells; ``germinal`` is the radius of its pale centre (0 = none)."""

    x: float
    y: float
    radius: float
    germinal: float


@dataclass(frozen=True)
class Vessel:
    """A vessel in cross-section; all lengths in pixels."""

    x: float
    y: float
    radius: float
    wall: float
    stretch: float
    angle: float
    blood: bool


@dataclass(frozen=True)
class Architecture:
    """Fields of shape (512, 512), between 0 and 1 where nothing else is stated."""

    depth: Field  # pixels below the outline; negative outside the node
    fibres: Field  # collagen: capsule and trabeculae
    sinus: Field
    germinal: Field
    mantle: Field
    fat: Field  # fatty tissue around the node
    crowding: Field  # slow variation of the density of lymphocytes, about 1
    lumen: Field
    wall: Field
    blood: Field
    vessels: tuple[Vessel, ...]


def draw_architecture(seed: int, patient: str) -> Architecture:
    """Draw the architecture of one slide.

    Parameters
    ----------
    seed : int
        The slide's seed.
    patient : str
        Slides of a patient share how many follicles there are and how large they get.
    """
    rng = stream("architecture", seed)
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)
    depth, angle = _outline(rng, x, y)
    capsule = rng.uniform(6, 13) * (1 + 0.3 * smooth_noise(rng, 90))
    trabeculae = _trabeculae(rng, x, y, depth)
    fibres = np.maximum(_step(capsule - depth, 2) * _step(depth, 1.5), trabeculae)
    germinal, mantle = _follicle_fields(rng, _follicles(rng, depth, patient), x, y)
    sinus = _sinuses(rng, depth - capsule) * (1 - germinal) * (1 - mantle) * (1 - fibres)
    vessels = _vessels(rng, depth)
    lumen, wall, blood = _vessel_fields(vessels, x, y)
    fat = _step(-depth, 2) * _step(55 + 25 * smooth_noise(rng, 70) + depth, 4)
    fat = fat * _step(np.cos(angle - rng.uniform(0, 6.3)) + 0.4 * rng.standard_normal(), 0.1)
    crowding = 1 + 0.12 * fractal_noise(rng, 80)
    return Architecture(
        depth, fibres, sinus, germinal, mantle, fat, crowding, lumen, wall, blood, vessels
    )


def _step(field: Field, softness: float) -> Field:
    """Return 0 below zero and 1 above, with a ramp of ``softness`` pixels either side."""
    return np.clip(field / np.float32(2 * softness) + np.float32(0.5), 0, 1).astype(np.float32)


def _box(x: float, y: float, reach: float) -> tuple[slice, slice]:
    """Return the rows and columns around a point, so that small things cost little."""
    low_x, low_y = max(0, int(x - reach)), max(0, int(y - reach))
    return slice(low_y, int(y + reach) + 1), slice(low_x, int(x + reach) + 1)


def _outline(rng: np.random.Generator, x: Field, y: Field) -> tuple[Field, Field]:
    """Return depth below a bean-shaped outline, and the angle around its centre."""
    centre = SIDE / 2 + rng.normal(0, 22, 2)
    dx, dy = x - np.float32(centre[0]), y - np.float32(centre[1])
    angle = np.arctan2(dy, dx)
    radius = np.full_like(x, rng.uniform(248, 300))
    for k, spread in ((1, 0.05), (2, 0.07), (3, 0.035), (5, 0.012)):
        wave = np.cos(k * angle - np.float32(rng.uniform(0, 6.3)))
        radius *= 1 + np.float32(rng.normal(0, spread)) * wave
    ragged = 3 * smooth_noise(rng, 45) + 0.8 * smooth_noise(rng, 9)
    return (radius - np.hypot(dx, dy) + ragged).astype(np.float32), angle


def _trabeculae(rng: np.random.Generator, x: Field, y: Field, depth: Field) -> Field:
    """Return strands of collagen that run from the capsule inwards and taper."""
    strands = np.zeros_like(x)
    wiggle = 14 * smooth_noise(rng, 80)
    for _ in range(rng.integers(1, 5)):
        theta, length, width = rng.uniform(0, 6.3), rng.uniform(60, 190), rng.uniform(3, 7)
        dx, dy = x - SIDE / 2, y - SIDE / 2
        along = dx * np.cos(theta) + dy * np.sin(theta)
        across = np.abs(dy * np.cos(theta) - dx * np.sin(theta) + wiggle)
        taper = width * np.clip(1 - depth / length, 0, 1)
        strand = _step(taper - across, 1.5) * (along > 0) * (depth > 0) * (taper > 0.5)
        strands = np.maximum(strands, strand)
    return strands.astype(np.float32)


def _follicles(rng: np.random.Generator, depth: Field, patient: str) -> list[Follicle]:
    """Scatter follicles over the cortex, none on top of another."""
    habit = stream("follicles", patient)
    many, size = habit.integers(3, 10), habit.uniform(40, 62)
    follicles: list[Follicle] = []
    for _ in range(60):
        x, y = rng.uniform(20, SIDE - 20, 2)
        radius = size * np.exp(rng.normal(0, 0.2))
        share = rng.uniform(0.55, 0.75) * (rng.random() < 0.8)
        inside = 0.75 * radius + 16 < depth[int(y), int(x)] < 190
        clear = all(np.hypot(x - f.x, y - f.y) > 0.95 * (radius + f.radius) for f in follicles)
        if inside and clear and len(follicles) < many:
            follicles.append(Follicle(x, y, radius, radius * share))
    return follicles


def _follicle_fields(
    rng: np.random.Generator, follicles: list[Follicle], x: Field, y: Field
) -> tuple[Field, Field]:
    """Return where germinal centres and where their mantles lie."""
    wobble = 5 * smooth_noise(rng, 30)
    germinal, follicle = np.zeros_like(x), np.zeros_like(x)
    for f in follicles:
        box = _box(f.x, f.y, f.radius + 40)
        distance = np.hypot(x[box] - f.x, y[box] - f.y) + wobble[box]
        follicle[box] = np.maximum(follicle[box], _step(f.radius - distance, 4))
        if f.germinal:
            germinal[box] = np.maximum(germinal[box], _step(f.germinal - distance, 4))
    return germinal, (follicle * (1 - germinal)).astype(np.float32)


def _sinuses(rng: np.random.Generator, depth: Field) -> Field:
    """Return the sinus under the capsule and the winding sinuses of the medulla."""
    under = _step(depth, 2) * _step(rng.uniform(5, 12) - depth, 2)
    winding = _step(rng.uniform(0.1, 0.3) - np.abs(smooth_noise(rng, 34)), 0.08)
    deep = _step(depth - rng.uniform(110, 190) + 30 * smooth_noise(rng, 90), 15)
    return np.maximum(under, winding * deep).astype(np.float32)


def _vessels(rng: np.random.Generator, depth: Field) -> tuple[Vessel, ...]:
    """Scatter vessels: mostly venules, some with blood, some with a thick wall."""
    vessels = []
    for _ in range(rng.integers(3, 9)):
        x, y = rng.uniform(8, SIDE - 8, 2)
        radius = np.exp(rng.normal(1.9, 0.4))
        wall = rng.uniform(1.5, 3) + (rng.random() < 0.3) * radius * 0.6
        stretch, angle, blood = rng.uniform(1, 2.2), rng.uniform(0, 3.14), rng.random() < 0.6
        if depth[int(y), int(x)] > 15:
            vessels.append(Vessel(x, y, radius, wall, stretch, angle, bool(blood)))
    return tuple(vessels)


def _vessel_fields(vessels: tuple[Vessel, ...], x: Field, y: Field) -> tuple[Field, Field, Field]:
    """Return lumen, wall and blood."""
    lumen, wall, blood = np.zeros_like(x), np.zeros_like(x), np.zeros_like(x)
    for v in vessels:
        box = _box(v.x, v.y, (v.radius + v.wall) * v.stretch + 3)
        dx, dy, c, s = x[box] - v.x, y[box] - v.y, np.cos(v.angle), np.sin(v.angle)
        distance = np.hypot((dx * c + dy * s) / v.stretch, dy * c - dx * s)
        inner = _step(v.radius - distance, 0.8)
        around = _step(v.radius + v.wall - distance, 0.8) * (1 - inner)
        lumen[box] = np.maximum(lumen[box], inner)
        wall[box] = np.maximum(wall[box], around)
        blood[box] = np.maximum(blood[box], inner * v.blood)
    return lumen.astype(np.float32), wall.astype(np.float32), blood.astype(np.float32)
