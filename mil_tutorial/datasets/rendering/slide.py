"""Draws one slide: architecture, cells, lesion, stain, artefacts, scanner."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mil_tutorial.datasets.rendering import artefacts
from mil_tutorial.datasets.rendering.architecture import Architecture, draw_architecture
from mil_tutorial.datasets.rendering.ground import draw_ground
from mil_tutorial.datasets.rendering.lesion import Lesion, draw_lesion
from mil_tutorial.datasets.rendering.noise import SIDE, Field, smooth_noise, stream
from mil_tutorial.datasets.rendering.nuclei import join, paint
from mil_tutorial.datasets.rendering.population import populate
from mil_tutorial.datasets.rendering.stain import Stain, develop, draw_stain, scan


@dataclass(frozen=True)
class RenderedSlide:
    """A picture and the truth about it."""

    image: np.ndarray  # (512, 512, 3), RGB
    tumour_mask: np.ndarray  # (512, 512)


def draw_slide(
    seed: int,
    patient: str,
    hospital: str,
    label: int,
    profile: str = "default",
    *,
    glass: int | None = None,
    restain: Callable[[Stain], Stain] | None = None,
) -> RenderedSlide:
    """Draw a slide; ``label`` 1 adds a lesion and changes nothing else.

    The tissue follows from ``seed``. What was done to it (stain of the day, blur, pen, dust, noise)
    follows from ``glass``, by default the same seed; ``restain`` changes stain and scanner.
    """
    glass = seed if glass is None else glass
    place = draw_architecture(seed, patient)
    lesion = draw_lesion(seed, patient, profile, place) if label else None
    haematoxylin, eosin = draw_ground(seed, place, lesion)
    haematoxylin = haematoxylin + _nuclei(seed, patient, place, lesion)
    haematoxylin, eosin = artefacts.fold(haematoxylin, eosin, seed)
    stain = draw_stain(hospital, glass)
    stain = stain if restain is None else restain(stain)
    light = develop(haematoxylin, eosin, stain)
    for spoil in (artefacts.blur, artefacts.pen, artefacts.dust):
        light = spoil(light, glass)
    mask = lesion.mask if lesion is not None else np.zeros((SIDE, SIDE), bool)
    return RenderedSlide(scan(light, stain, glass), mask)


def _nuclei(seed: int, patient: str, place: Architecture, lesion: Lesion | None) -> Field:
    """Return the density of all nuclei, with the tumour's in place of those it displaced."""
    rng = stream("chromatin", seed)
    grain = 0.75 * smooth_noise(rng, 1.6) + 0.5 * smooth_noise(rng, 3.2)
    normal = populate(seed, patient, place)
    if lesion is None:
        return paint(normal.nuclei, grain)
    return paint(join(normal.outside(lesion.mask), lesion.nuclei), grain)
