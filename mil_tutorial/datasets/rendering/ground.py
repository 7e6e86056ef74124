"""What lies between the nuclei: collagen, cytoplasm, blood, fat."""

import numpy as np
from scipy.ndimage import binary_dilation
from scipy.spatial import cKDTree

from mil_tutorial.datasets.rendering.architecture import Architecture
from mil_tutorial.datasets.rendering.lesion import Lesion
from mil_tutorial.datasets.rendering.noise import SIDE, Field, at, smooth_noise, stream
from mil_tutorial.datasets.rendering.nuclei import make, paint
from mil_tutorial.datasets.rendering.population import lattice


def draw_ground(seed: int, place: Architecture, lesion: Lesion | None) -> tuple[Field, Field]:
    """Return the optical densities of haematoxylin and eosin without nuclei, (512, 512) float32.

    The cytoplasm of a lesion replaces the ground.
    """
    rng = stream("ground", seed)
    slow, fine = smooth_noise(rng, 26), smooth_noise(rng, 2.5)
    inside = np.clip(place.depth / 2, 0, 1)
    lymphoid = inside * (1 - place.fibres) * (1 - 0.8 * place.sinus)
    eosin = lymphoid * (0.29 + 0.03 * slow + 0.05 * fine)
    haematoxylin = lymphoid * (0.14 + 0.02 * slow + 0.03 * fine)
    eosin += place.sinus * inside * (0.15 + 0.05 * fine) + place.germinal * 0.07
    eosin += place.fibres * _fibre_pattern(rng, place.depth)
    eosin += place.wall * (0.42 + 0.1 * fine)
    if lesion is not None:
        haematoxylin, eosin = _add_cytoplasm(haematoxylin, eosin, lesion, fine)
    clear = 1 - place.lumen
    eosin, haematoxylin = eosin * clear, haematoxylin * clear
    eosin += place.blood * _red_cells(rng, place.blood > 0) + place.fat * _fat_membranes(
        rng, place.fat > 0
    )
    return np.clip(haematoxylin, 0, None), np.clip(eosin, 0, None)


def _fibre_pattern(rng: np.random.Generator, depth: Field) -> Field:
    """Collagen lies in wavy bundles along the outline."""
    wave = np.sin(depth * np.float32(1.1) + 2.5 * smooth_noise(rng, 14))
    return (0.5 + 0.13 * wave + 0.08 * smooth_noise(rng, 5)).astype(np.float32)


def _add_cytoplasm(
    haematoxylin: Field, eosin: Field, lesion: Lesion, fine: Field
) -> tuple[Field, Field]:
    """Put the cytoplasm of tumour cells in place of the ground."""
    look = lesion.look
    cytoplasm = look.eosin + 0.05 * fine + 0.16 * lesion.membrane
    eosin = np.where(lesion.mask, cytoplasm, eosin)
    return np.where(lesion.mask, look.basophilia + 0.03 * fine, haematoxylin), eosin


def _red_cells(rng: np.random.Generator, blood: np.ndarray) -> Field:
    """Discs of eosin, paler in the middle, packed in a lumen."""
    x, y = lattice(rng, 6.2, 0.2)
    discs = make(rng, x, y, 2.9, 0.08, 1.1, 0.85, 0.25, 0.03, 0.0)
    near = at(binary_dilation(blood, iterations=4), x, y)
    kept = discs.keep(near & (rng.random(len(x)) < 0.75))
    return paint(kept, np.zeros((SIDE, SIDE), np.float32))


def _fat_membranes(rng: np.random.Generator, fat: np.ndarray) -> Field:
    """Fat cells are empty after processing: only thin walls between them take stain."""
    x, y = lattice(rng, rng.uniform(20, 28), 0.16, margin=60)
    membranes = np.zeros((SIDE, SIDE), np.float32)
    rows, columns = np.nonzero(fat)
    if len(rows):
        distance, _ = cKDTree(np.column_stack([x, y])).query(np.column_stack([columns, rows]), k=2)
        gap = (distance[:, 1] - distance[:, 0]).astype(np.float32)
        membranes[rows, columns] = 0.5 * np.clip(1.9 - gap, 0, 1)
    return membranes
