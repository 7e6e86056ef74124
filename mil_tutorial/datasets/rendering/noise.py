"""Random streams with names, so that the label cannot move them; and smooth random fields."""

import zlib

import numpy as np

Field = np.ndarray  # float32

SIDE = 512  # pixels along one side of a slide


def stream(name: str, *keys: int | str) -> np.random.Generator:
    """Return the generator of a name, such as ``"stain"``, and of keys, alike on all machines."""
    # ``hash`` would differ between two runs of Python.
    words = [zlib.crc32(k.encode()) if isinstance(k, str) else int(k) for k in (name, *keys)]
    return np.random.default_rng(np.random.SeedSequence(words))


def smooth_noise(rng: np.random.Generator, scale: float, side: int = SIDE) -> Field:
    """Return a smooth random field (side, side) of mean 0 and deviation 1, about.

    Cubic B-splines over a coarse grid of normal numbers, ``scale`` pixels apart: the size of the
    blobs.
    """
    knots = int(np.ceil(side / scale)) + 5
    grid = rng.standard_normal((knots, knots), dtype=np.float32)
    rows, columns = (_spline_matrix(scale, phase, side, knots) for phase in rng.random(2))
    return rows @ grid @ columns.T / np.float32(0.48)  # 0.48: what the spline leaves of 1


def fractal_noise(rng: np.random.Generator, scale: float, octaves: int = 3) -> Field:
    """Add up smooth fields, each half as large and half as strong as the one before."""
    layers = [smooth_noise(rng, scale / 2**i) / np.float32(2**i) for i in range(octaves)]
    return np.stack(layers).sum(axis=0, dtype=np.float32) / np.float32(1.15)


def at(field: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Look a field up at positions in pixels; positions outside take the edge's value."""
    row = np.clip(np.rint(y).astype(np.intp), 0, field.shape[0] - 1)
    column = np.clip(np.rint(x).astype(np.intp), 0, field.shape[1] - 1)
    return field[row, column]


def _spline_matrix(scale: float, phase: float, side: int, knots: int) -> Field:
    """Return the (side, knots) weights of a cubic B-spline, shifted by a random phase."""
    position = np.arange(side) / scale + 1.0 + phase
    first = np.floor(position).astype(np.intp) - 1
    matrix = np.zeros((side, knots), np.float32)
    for knot in range(4):  # a cubic spline sees two knots either side
        distance = np.abs(position - (first + knot))
        near = 2 / 3 - distance**2 + distance**3 / 2
        far = np.clip(2 - distance, 0, None) ** 3 / 6
        matrix[np.arange(side), first + knot] = np.where(distance < 1, near, far)
    return matrix
