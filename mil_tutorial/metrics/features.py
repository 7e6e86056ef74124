"""Features of slides in numbers, before a model is trained: what a broken encoder would betray."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

SAMPLE = 4096  # instances of all slides together that the effective dimension is computed from
CONSTANT = 1e-6  # a deviation that is this small beside the mean is rounding
CLIP = 3.0  # deviations; a feature that is almost constant does not decide alone
FEW_SLIDES, FEW_INSTANCES = 8, 16
"""With fewer slides, or of a slide with fewer instances, a distance says nothing."""


@dataclass(frozen=True, eq=False)
class FeatureNumbers:
    """What the features of S slides are like.

    Attributes
    ----------
    dead : float
        Share of features that are constant over all instances.
    spread : float
        How far instances lie from their mean (root mean square), relative to its length.
    dimension : float
        Effective number of directions in which instances differ: (Σ λ)² / Σ λ² of the variances λ
        along the principal axes. 1 when all differ in one direction, D when equally in all.
    between : float
        Share of a feature's variance that lies between slides; median over features.
    chance : float
        What ``between`` would be for instances dealt to the slides at random.
    flat : bool array, shape (S,)
        Slides with several instances that are all equal.
    length : array, shape (S,)
        Typical size of an instance (root mean square), relative to the median slide.
    distance : array, shape (S,)
        How far a slide's mean lies from the median of all slides' means, in deviations of each
        feature within slides, relative to the median slide. NaN where there are too few
        slides (``FEW_SLIDES``) or instances (``FEW_INSTANCES``).
    """

    dead: float
    spread: float
    dimension: float
    between: float
    chance: float
    flat: np.ndarray
    length: np.ndarray
    distance: np.ndarray


@dataclass(frozen=True, eq=False)
class SlideSummary:
    """One slide: its number of instances, their mean and variance (D,), and some of them.

    Mean and variance in double precision.
    """

    n: int
    mean: np.ndarray
    variance: np.ndarray
    sample: np.ndarray


def summarise(features: np.ndarray, at_most: int) -> SlideSummary:
    """Reduce the features of a slide (n, D) to what ``measure_features`` needs.

    ``at_most`` instances are kept as they are, evenly spread.
    """
    values = np.asarray(features)
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(f"features have shape {values.shape}, expected finite numbers (n, D)")
    mean, variance = values.mean(axis=0, dtype=float), values.var(axis=0, dtype=float)
    return SlideSummary(len(values), mean, variance, values[evenly(len(values), at_most)])


def evenly(n: int, at_most: int) -> np.ndarray:
    """Return up to ``at_most`` of the rows 0 to n − 1, evenly spread."""
    return np.unique(np.linspace(0, n - 1, min(n, at_most)).round().astype(int))


def measure_features(slides: Sequence[np.ndarray]) -> FeatureNumbers:
    """Measure the features of slides.

    Parameters
    ----------
    slides : sequence of arrays, shape (n_b, D)

    Raises
    ------
    ValueError
        When there is no slide, or one has another width, no instance, or NaN.
    """
    each = rows_of_each(len(slides))
    return measure_summaries(summarise(features, each) for features in slides)


def rows_of_each(slides: int) -> int:
    """Return how many instances of each slide enter the sample."""
    return max(SAMPLE // max(slides, 1), 4)


def measure_summaries(slides: Iterable[SlideSummary]) -> FeatureNumbers:
    """Do what ``measure_features`` does, with slides that were reduced one by one."""
    summaries = list(slides)
    widths = {len(slide.mean) for slide in summaries}
    if len(widths) != 1:
        raise ValueError(f"slides have the widths {sorted(widths)}, expected one width")
    counts = np.array([slide.n for slide in summaries])
    means, variances = (np.stack([getattr(s, k) for s in summaries]) for k in ("mean", "variance"))
    variances[np.sqrt(variances) <= CONSTANT * np.abs(means)] = 0
    share = (counts / counts.sum())[:, None]
    mean = (share * means).sum(axis=0)
    apart = (share * (means - mean) ** 2).sum(axis=0)
    variance = apart + (share * variances).sum(axis=0)
    alive = np.sqrt(variance) > CONSTANT * np.abs(mean)
    length = np.sqrt((means**2 + variances).sum(axis=1))
    return FeatureNumbers(
        dead=float(1 - alive.mean()),
        spread=_ratio(float(variance[alive].sum()) ** 0.5, float(np.linalg.norm(mean))),
        dimension=_effective_dimension(np.concatenate([s.sample for s in summaries])[:, alive]),
        between=float(np.median(apart[alive] / variance[alive])) if alive.any() else 0.0,
        chance=(len(counts) - 1) / max(int(counts.sum()) - 1, 1),
        flat=(counts > 1) & (variances == 0).all(axis=1),
        length=length / max(float(np.median(length)), np.finfo(float).tiny),
        distance=_distances(counts, means[:, alive], variances[:, alive]),
    )


def _effective_dimension(sample: np.ndarray) -> float:
    centred = sample - sample.mean(axis=0, dtype=float)
    wide = centred.shape[1] > len(centred)
    products = centred @ centred.T if wide else centred.T @ centred
    return _ratio(float(np.trace(products)) ** 2, float((products**2).sum()))


def _distances(counts: np.ndarray, means: np.ndarray, variances: np.ndarray) -> np.ndarray:
    deviation = np.sqrt(variances.mean(axis=0))
    with np.errstate(divide="ignore", invalid="ignore"):  # constant within each slide: clipped
        z = np.nan_to_num((means - np.median(means, axis=0)) / deviation)
    far = np.sqrt((z.clip(-CLIP, CLIP) ** 2).mean(axis=1)) if z.shape[1] else np.zeros(len(z))
    judged = counts >= FEW_INSTANCES
    if judged.sum() < FEW_SLIDES:
        return np.full(len(far), np.nan)
    typical = max(float(np.median(far[judged])), np.finfo(float).tiny)
    return np.where(judged, far / typical, np.nan)


def _ratio(a: float, b: float) -> float:
    return a / b if b > 0 else float("inf" if a > 0 else 0)
