"""How far features lie from those that a model was trained on: by feature, then in words."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.datasets.features.bags import FeatureBags
from mil_tutorial.datasets.features.files import Moments, moments_of
from mil_tutorial.metrics.features import CONSTANT

USUAL = 0.67
"""Median distance of a normal variable from its mean, in deviations."""
FARTHEST = 2.5
"""Largest distance of the mean of S slides, at the median feature, in deviations of such a mean.

Slides held out by patient (TCGA BRCA and LUNG, MUSK1 and 2, slides, slides-hard; 300 draws each of
1, 3, 10 and 30) reached 2.02, and 1.05 in TCGA. With 30 slides of TCGA whose features stand in
another order, as another encoder's would, it is 2.6 to 3.5, but 0.3 to 1.6 in slides and
slides-hard, whose features all have a mean near 0; with all held-out slides of the other organ it
is 5.1 and 5.4. TCGA's source sites of five slides or more, each held out, lie 0.26 to 0.79
deviations between slides away, half of them more than 0.45, which is noticed from 31 slides.
"""
RATIOS = (0.165, 1.8)
"""Deviation within slides, divided by that of training, at the median feature: least and largest.

In the same draws it was 0.17 to 1.38, and 0.45 to 1.15 with ten slides or more. It was 0.00 to 0.16
for features divided by their norm, at most 0.02 for those divided by 255, and for doubled ones 1.8
to 2.3 on slides and 0.9 to 2.4 elsewhere with ten or more.
"""
LEAST_INSTANCES = 10
"""Beyond one a slide: fewer do not tell how they vary."""


class Reference(NamedTuple):
    """The features of training: their means, and deviations between and within slides; all (D,)."""

    mean: Tensor
    between: Tensor
    within: Tensor


class Shift(NamedTuple):
    """How far S slides lie from training, at the median feature.

    ``distance`` is that of their mean, in deviations between training slides. ``ratio`` is that of
    the deviations within slides; None where there are too few instances.
    """

    n_slides: int
    distance: float
    ratio: float | None

    @property
    def usual(self) -> float:
        """What ``distance`` is, about, for as many slides of the same source."""
        return USUAL / self.n_slides**0.5

    def warning(self) -> str | None:
        """Say how far the features lie, if that is farther than those of the same source do."""
        low, high = RATIOS
        is_far = self.distance * self.n_slides**0.5 > FARTHEST
        if not is_far and (self.ratio is None or low <= self.ratio <= high):
            return None
        spread = ""
        if self.ratio is not None:
            spread = f", and deviations within a slide are {self.ratio:.2g} times those of training"
        return (
            "the features lie outside what the model was trained on: at the median feature, the "
            f"mean of the {self.n_slides} slides differs by {self.distance:.2f} deviations between "
            f"training slides (usual for the same source: {self.usual:.2f}){spread}; was it "
            "another encoder, normalisation or resolution, or are these other tissues or hospitals?"
        )


def reference_of(moments: Sequence[Moments]) -> Reference:
    """Return what slides, each with its moments, are compared with later."""
    means = torch.stack([one.mean for one in moments])
    between, mean = torch.std_mean(means, dim=0, correction=0)
    return Reference(mean, between, _within(moments))


def measure_shift(reference: Reference, moments: Sequence[Moments]) -> Shift:
    """Measure how far slides lie from those of training, by all features that varied there."""
    mean, between, within = reference
    differ = (torch.stack([one.mean for one in moments]).mean(dim=0) - mean).abs()
    distances = (differ / between)[between > CONSTANT * mean.abs()]
    ratios = (_within(moments) / within)[within > CONSTANT * mean.abs()]
    beyond_one = sum(one.n - 1 for one in moments)
    return Shift(
        len(moments),
        float(np.median(distances)) if len(distances) else 0.0,
        float(np.median(ratios)) if len(ratios) and beyond_one >= LEAST_INSTANCES else None,
    )


def _within(moments: Sequence[Moments]) -> Tensor:
    """Return the deviation of each feature about the mean of its slide: (D,)."""
    squares = torch.stack([one.n * one.variance for one in moments]).sum(dim=0)
    return (squares / max(1, sum(one.n - 1 for one in moments))).sqrt()


def raw_moments(dataset: MedicalBagDataset) -> list[Moments]:
    """Return the moments of each bag as its features were before any scaling."""
    if isinstance(dataset, FeatureBags):
        return [file.moments for file in dataset.files]
    moments = [moments_of(instances) for instances in dataset.instances]
    if dataset.scale is None:
        return moments
    mean, deviation = (part.double() for part in dataset.scale)
    return [Moments(n, m * deviation + mean, v * deviation**2) for n, m, v in moments]
