"""How far a result could move with other patients and seeds: intervals that cover.

Slides of one patient resemble each other, so variances are those of clustered data: the influences
of a patient's bags are added before they are squared (Obuchowski 1997, "Nonparametric analysis of
clustered ROC curve data"). The spread between seeds is added. With few patients such a variance
is itself uncertain, and it is 0 where all is right; so it is drawn towards that of independent
bags, which weighs ``PRIOR`` degrees of freedom (as Smyth 2004 moderates variances). An interval
holds the values from which the estimate is at most t standard errors away, the error being that of
the value, not of the estimate (Wilson 1927; for the AUC Newcombe 2006, "Confidence intervals for an
effect size measure based on the Mann-Whitney statistic", method 5): it never leaves [0, 1].

How often these intervals hold the truth is measured by ``tests/benchmarks/coverage.py``. Fixed, and
so not covered, are a training set common to all seeds and the threshold chosen on validation bags.
"""

from collections.abc import Callable
from dataclasses import astuple, dataclass, replace

import numpy as np

PRIOR = 10.0
"""Degrees of freedom that the variance of independent bags counts for, chosen by simulation."""
UNRELATED = 2
"""Patients that two models err on independently are added to those that show their correlation."""
TINY = 1e-9


@dataclass(frozen=True)
class Estimate:
    """A number with its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@dataclass(frozen=True, eq=False)
class Measurement:
    """A metric averaged over S seeds, and what its uncertainty consists of.

    Attributes
    ----------
    estimate : Estimate
    influence : array, shape (G,)
        By how much each patient moves the value.
    by_seed : array, shape (S,)
    """

    estimate: Estimate
    influence: np.ndarray
    by_seed: np.ndarray


def measure_auc(
    labels: np.ndarray,
    scores: np.ndarray,
    group_of: np.ndarray,
    folds: np.ndarray | None = None,
    level: float = 0.95,
) -> Measurement:
    """Measure the area under the ROC curve.

    Parameters
    ----------
    labels : array, shape (B,)
        0 or 1, both present.
    scores : array, shape (S, B)
        Of S runs with different seeds.
    group_of : int array, shape (B,)
        The number of each bag's patient; see ``group_numbers``.
    folds : int array, shape (S, B), optional
        Which of several models judged each bag. Their scales differ, so only pairs of a positive
        and a negative bag of the same fold are compared.
    level : float
    """
    positive = labels == 1
    folds = np.zeros(scores.shape, dtype=int) if folds is None else folds
    counted = [_pairs_won(positive, run, own) for run, own in zip(scores, folds)]
    won, pairs = (np.stack(part) for part in zip(*counted))
    total = pairs[:, positive].sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore"):  # NaN where no fold has bags of both classes
        by_seed = won[:, positive].sum(axis=1) / total[:, 0]
        moves = (won - by_seed[:, None] * pairs) / total
    m, n = int(positive.sum()), int((~positive).sum())

    def independent(area: float) -> float:
        pairs_of_pairs = ((m + n) / 2 - 1) * ((1 - area) / (2 - area) + area / (1 + area))
        return area * (1 - area) * (1 + pairs_of_pairs) / (m * n)

    least = 1 / (total.min() + 1)
    sample = _Sample(by_seed, moves, (positive, ~positive), group_of, independent, PRIOR, least)
    return sample.measurement(level)


def _pairs_won(
    positive: np.ndarray, scores: np.ndarray, folds: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Count for each bag its pairs with the other class of its fold, and those in right order."""
    won, pairs = np.zeros(len(scores)), np.zeros(len(scores))
    for fold in np.unique(folds):
        for mine, sign in ((positive, 1), (~positive, -1)):
            rows, others = mine & (folds == fold), ~mine & (folds == fold)
            ranked, own = np.sort(sign * scores[others]), sign * scores[rows]
            below = np.searchsorted(ranked, own, "left") + np.searchsorted(ranked, own, "right")
            won[rows], pairs[rows] = below / 2, len(ranked)
    return won, pairs


def measure_mean(
    values: np.ndarray, group_of: np.ndarray, chosen: np.ndarray | None = None, level: float = 0.95
) -> Measurement:
    """Measure a mean over bags of values from 0 to 1, or a share of bags.

    Parameters
    ----------
    values : array, shape (S, B)
        True and False make a share. NaN, at the same bags for all seeds, does not count.
    chosen : bool array, shape (B,), optional
        The bags that count; by default all. Other parameters as in ``measure_auc``.
    """
    return _mean_sample(values, group_of, chosen).measurement(level)


def _mean_sample(values: np.ndarray, group_of: np.ndarray, chosen: np.ndarray | None) -> "_Sample":
    counts = np.isfinite(values).all(axis=0) & (True if chosen is None else chosen)
    n = int(counts.sum())
    kept = np.where(counts, values, 0).astype(float)
    by_seed = kept.sum(axis=1) / n if n else np.full(len(values), np.nan)
    moves = np.where(counts, kept - by_seed[:, None], 0) / max(n, 1)
    # A share of independent bags varies by p (1 - p) / n, another mean by less: it has no prior.
    prior = PRIOR if values.dtype == bool else 0.0
    return _Sample(by_seed, moves, (counts,), group_of, lambda p: p * (1 - p) / n, prior)


def measure_sensitivity(
    labels: np.ndarray,
    scores: np.ndarray,
    group_of: np.ndarray,
    specificity: float = 0.90,
    level: float = 0.95,
) -> Measurement:
    """Measure the highest sensitivity at a specificity of at least ``specificity``.

    Two errors are added in squares: that of a share of positives, and that of the threshold. For
    this, the sensitivity is read off where the false-positive rate has its own bounds (as Woodruff
    1952, "Confidence intervals for medians and other position measures", does for quantiles).
    Other parameters as in ``measure_auc``.
    """
    positive = labels == 1
    n, rate = int((~positive).sum()), 1 - specificity
    highest = -np.sort(-scores[:, ~positive], axis=1)
    # Sensitivity where 0, 1, …, n negatives are called positive: the threshold is the next one.
    thresholds = np.pad(highest, ((0, 0), (0, 1)), constant_values=-np.inf)
    allowed = min(int(rate * n + 1e-9), n)  # 1 - 0.9 is a little below 0.1
    sample = _mean_sample(scores > thresholds[:, [allowed]], group_of, positive)
    measured = sample.measurement(level)
    value, low, high = astuple(measured.estimate)
    raised = scores >= highest[:, [max(round(rate * (n + 1)) - 1, 0)]]
    rates = _mean_sample(raised, group_of, ~positive).bounds(level, around=rate)

    def reading(false_positives: float) -> float:
        """Sensitivity with so many negatives called positive, between whole numbers too."""
        whole = min(max(int(false_positives), 0), n - 1)
        one, next_ = ((scores > thresholds[:, [k]])[:, positive].mean() for k in (whole, whole + 1))
        return float(one + min(max(false_positives - whole, 0), 1) * (next_ - one))

    strict, lax = (reading(bound * (n + 1) - 1) for bound in rates)
    low = value - np.hypot(value - low, max(value - strict, 0))
    high = value + np.hypot(high - value, max(lax - value, 0))
    return replace(measured, estimate=Estimate(value, max(low, 0), min(high, 1)))


@dataclass(frozen=True, eq=False)
class _Sample:
    """How a metric depends on the bags of a test set.

    Attributes
    ----------
    by_seed : array, shape (S,)
    moves : array, shape (S, B)
        By how much each bag moves the value of each seed (its influence, over the sample).
    classes : bool arrays, shape (B,)
        Bags whose numbers are fixed: the positives and the negatives, or all that count.
    group_of : int array, shape (B,)
    independent : callable
        True value → variance of the metric in one run, were all bags independent.
    prior : float
        Degrees of freedom that this variance counts for.
    least : float
        The smallest error that tells how errors spread. Of an AUC, one wrong pair in every run;
        with less, its variance is taken to be that, or 0.999 would look surer than 1.
    """

    by_seed: np.ndarray
    moves: np.ndarray
    classes: tuple[np.ndarray, ...]
    group_of: np.ndarray
    independent: Callable[[float], float]
    prior: float
    least: float = 0.0

    @property
    def value(self) -> float:
        return float(self.by_seed.mean())

    def bounds(self, level: float, around: float | None = None) -> tuple[float, float]:
        """Return the interval of the value, or of another one with the same design effect."""
        from scipy.optimize import brentq
        from scipy.special import stdtrit

        centre = self.value if around is None else around
        design, freedom = self._design_effect()
        if not np.isfinite(centre) or freedom <= 0:
            return float("nan"), float("nan")
        factor = stdtrit(freedom, (1 + level) / 2) ** 2 * design
        if factor < TINY:
            return centre, centre

        def outside(value: float) -> float:
            return (centre - value) ** 2 - factor * self.independent(value)

        inside = min(max(centre, TINY), 1 - TINY)
        low = brentq(outside, 0, inside) if centre > TINY else 0.0
        high = brentq(outside, inside, 1) if centre < 1 - TINY else 1.0
        return float(low), float(high)

    def _design_effect(self) -> tuple[float, float]:
        """Return the variance relative to independent bags and one run, and its freedom."""
        mean, n = self.moves.mean(axis=0), self.group_of.max() + 1
        sums = [np.bincount(self.group_of[rows], mean[rows], n) for rows in self.classes]
        groups = [len(np.unique(self.group_of[rows])) for rows in self.classes]
        own = [max(g / max(g - 1, 1) * float(s @ s), self.least**2) for g, s in zip(groups, sums)]
        variance = sum(own)
        if min(groups) < 2:  # one patient does not tell how patients differ
            freedom = 0.0
        elif variance == 0:
            freedom = min(groups) - 1.0
        else:  # Satterthwaite 1946
            freedom = variance**2 / sum(v**2 / (g - 1) for v, g in zip(own, groups))
        if len(sums) == 2:  # bags of both classes of one patient
            variance += 2 * float(sums[0] @ sums[1])
        weight = freedom + self.prior
        if not np.isfinite(self.value):
            return float("nan"), 0.0
        single = self.independent(min(max(self.value, self.least), 1 - self.least))
        if single <= 0 or weight == 0:
            return float(self.prior > 0), weight
        design = (freedom * max(variance, 0) / single + self.prior * self._averaged()) / weight
        return design + _between_seeds(self.by_seed, self.by_seed) / single, weight

    def _averaged(self) -> float:
        """Return the variance of the mean over runs relative to that of one run."""
        least = len(self.classes) * self.least**2
        one = max(float((self.moves**2).sum(axis=1).mean()), least)
        mean = max(float((self.moves.mean(axis=0) ** 2).sum()), least)
        return max(mean / one, 1 / len(self.moves)) if one > 0 else 1.0

    def measurement(self, level: float) -> Measurement:
        """Return the metric with its interval."""
        influence = np.bincount(self.group_of, self.moves.mean(axis=0))
        return Measurement(Estimate(self.value, *self.bounds(level)), influence, self.by_seed)


def difference(first: Measurement, second: Measurement) -> Estimate:
    """Return first − second with its interval; both of the same bags and seeds.

    Its bounds come from those of the two metrics and the correlation of their errors (MOVER: Zou &
    Donner 2008, "Construction of confidence limits about effect measures", section 2). So it has a
    width even where both err on the same bags.
    """
    errors = np.sqrt(_covariance(first, first) * _covariance(second, second))
    n = np.count_nonzero(first.influence)
    r = _covariance(first, second) / errors * n / (n + UNRELATED) if errors > 0 else 0.0
    a, b = first.estimate, second.estimate
    value = a.value - b.value
    below = _third_side(a.value - a.low, b.high - b.value, r)
    above = _third_side(b.value - b.low, a.high - a.value, r)
    return Estimate(value, value - below, value + above)


def _covariance(first: Measurement, second: Measurement) -> float:
    n = len(first.influence)
    patients = n / max(n - 1, 1) * float(first.influence @ second.influence)
    return patients + _between_seeds(first.by_seed, second.by_seed)


def _between_seeds(first: np.ndarray, second: np.ndarray) -> float:
    """Covariance of two means over seeds, from the values (S,) of each; one seed shows none."""
    return float(np.cov(first, second)[0, 1]) / len(first) if len(first) > 1 else 0.0


def _third_side(a: float, b: float, cosine: float) -> float:
    """Length of the third side of a triangle."""
    return float(np.sqrt(max(a**2 + b**2 - 2 * cosine * a * b, 0)))
