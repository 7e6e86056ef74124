"""How far features lie from those that a model was trained on: by feature, then in words."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.datasets.features.bags import CONSTANT, FeatureBags
from mil_tutorial.datasets.features.files import Moments, moments_of

USUAL = 0.67
"""Median distance of a normal variable from its mean, in deviations."""
FARTHEST = 2.5
"""Largest usual distance of the mean of S slides, in deviations of such a mean.

Of slides held out from the same source (TCGA BRCA and LUNG, MUSK1 and 2, slides, slides-hard), 300
draws of 1, 3, 10 and 30 reached 2.02, and 1.05 without MUSK. Features of TCGA in another order, as
another encoder's would be, lie at 2.6 to 3.5 for 30 slides; those of the other organ at 5. Half of
the hospitals within TCGA lie 0.45 deviations between slides away, which is noticed from 31 slides.
"""
RATIOS = (0.15, 1.8)
"""Usual ratio of the deviation within slides to that of training, at the median feature.

In the same draws it was 0.17 to 1.38, and 0.42 to 1.31 for three slides or more without MUSK. It is
at most 0.16 for features that were divided by their norm, 0 for those divided by 255, and 2 on
average for doubled ones. Fewer than ``LEAST_INSTANCES`` beyond one a slide do not tell.
"""
LEAST_INSTANCES = 10


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
        spread = (
            ""
            if self.ratio is None
            else (f", and deviations within a slide are {self.ratio:.2g} times those of training")
        )
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
