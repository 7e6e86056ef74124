"""Checks of a whole comparison, built in stages: split, train, compare, call it."""

from typing import Any

import numpy as np
from scipy.special import expit

from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import as_numbers, attempt
from mil_tutorial.metrics.decisions import auc

WORDS = ("first", "second", "equal", "cannot say")
CALLS = {  # difference, low, high, margin: the right word
    "[0.02, 0.18], margin 0.05": (0.10, 0.02, 0.18, 0.05, "first"),
    "[-0.30, -0.04], margin 0.05": (-0.17, -0.30, -0.04, 0.05, "second"),
    "[-0.04, 0.03], margin 0.05": (-0.01, -0.04, 0.03, 0.05, "equal"),
    "[-0.04, 0.20], margin 0.05": (0.08, -0.04, 0.20, 0.05, "cannot say"),
    "[-0.20, 0.04], margin 0.05": (-0.08, -0.20, 0.04, 0.05, "cannot say"),
    "[0.01, 0.03], margin 0.05": (0.02, 0.01, 0.03, 0.05, "equal"),
    "[-0.02, 0.02], margin 0.01": (0.00, -0.02, 0.02, 0.01, "cannot say"),
}


@exercise
def check_patients_held_out(answer: Any) -> str:
    """Check ``patients_held_out(patient, seed)``."""
    sizes = np.array([2, 1, 3, 2, 4, 1, 2, 3, 1, 2])
    patient = np.repeat([f"P{i}" for i in range(len(sizes))], sizes)

    def split(seed: int) -> np.ndarray:
        test = np.asarray(attempt(answer, patient, seed))
        if test.shape != patient.shape or test.dtype.kind != "b":
            raise Wrong(
                f"got {test.dtype} of shape {test.shape}, expected a bool for each of the "
                f"{len(patient)} slides: True where its patient is held out"
            )
        return test

    seeds = range(12)
    splits = [split(seed) for seed in seeds]
    for test in splits:
        if both := sorted(set(patient[test]) & set(patient[~test])):
            raise Wrong(
                f"patient {both[0]} is on both sides: split the patients, and give each slide the "
                "side of its patient"
            )
        if (held := len(set(patient[test]))) != len(sizes) // 2:
            raise Wrong(f"{held} of {len(sizes)} patients are held out, expected half of them")
    if any((split(seed) != splits[seed]).any() for seed in seeds):
        raise Wrong("the same seed gives another split: use np.random.default_rng(seed)")
    if all((test == splits[0]).all() for test in splits):
        raise Wrong("all seeds give the same split: draw the patients with the seed")
    return "half of the patients, no patient on both sides, and the seed decides which"


@exercise
def check_held_out_scores(answer: Any) -> str:
    """Check ``held_out_scores(features, labels, test)``."""
    rng = np.random.default_rng(5)
    labels, test = rng.integers(0, 2, 90), np.arange(90) % 3 == 0
    features = rng.normal(size=(90, 4)) * [1, 1, 20, 1]
    features[:, 0] += 3 * labels
    got = _scores(answer, features, labels, test)
    if set(np.unique(got)) <= {0.0, 1.0}:
        raise Wrong("those are calls, 0 or 1: an AUC needs probabilities (predict_proba)")
    area = auc(labels[test], got)
    if area < 0.2:
        raise Wrong("those look like probabilities of class 0: take the column of class 1")
    if area < 0.9:
        raise Wrong(
            f"the AUC is {area:.2f} where one feature gives the label away: is the order of the "
            "slides kept, and is the model trained on the other slides?"
        )
    turned = np.where(test, 1 - labels, labels)
    if not np.allclose(got, _scores(answer, features, turned, test), atol=1e-6):
        raise Wrong(
            "the scores depend on labels of held-out slides: train on the other slides only"
        )
    moved = features.copy()
    moved[np.flatnonzero(test)[-1]] *= 50
    if not np.allclose(got[:-1], _scores(answer, moved, labels, test)[:-1], atol=1e-4):
        raise Wrong(
            "one held-out slide changes the scores of the others: mean and spread for scaling must "
            "come from the training slides, as in a pipeline"
        )
    return "trained on one side, scores for the other, and nothing leaks back"


@exercise
def check_paired_interval(answer: Any) -> str:
    """Check ``paired_interval(labels, first, second, patient, seed)``."""
    labels, first, second, patient = _clustered()
    expected = auc(labels, first) - auc(labels, second)
    got = as_numbers(attempt(answer, labels, first, second, patient, 0), "three numbers", ndim=1)
    if len(got) != 3:
        raise Wrong(f"got {len(got)} numbers, expected three: the difference, low, high")
    difference, low, high = got
    if abs(difference + expected) < 1e-9:
        raise Wrong("that is second minus first: turn it round")
    if abs(difference - expected) > 1e-9:
        raise Wrong(
            f"the difference is {difference:.3f}, expected {expected:.3f}: the AUC of the first on "
            "all slides minus that of the second"
        )
    if not low < high:
        raise Wrong("the lower end of the interval comes before the upper one")
    patients, slides, unpaired = _widths(labels, first, second, patient)
    width = high - low
    for close, advice in (
        (slides, "that is the width when slides are drawn: draw whole patients"),
        (unpaired, "that is the width with other patients for each model: draw once for both"),
    ):
        if abs(width - close) < 0.15 * close and abs(width - patients) > 0.15 * patients:
            raise Wrong(f"the interval is {width:.2f} wide, expected {patients:.2f}: {advice}")
    if not 0.75 < width / patients < 1.33:
        raise Wrong(
            f"the interval is {width:.2f} wide, expected about {patients:.2f}: take the 2.5th and "
            "97.5th percentiles of a few hundred draws"
        )
    if not low < difference < high:
        raise Wrong(f"the interval [{low:.2f}, {high:.2f}] leaves out its own difference")
    return "whole patients, the same for both models, and the middle 95 % of the draws"


@exercise
def check_call_it(answer: Any) -> str:
    """Check ``call_it(difference, low, high, margin)``."""
    words = {}
    for case, (*numbers, _) in CALLS.items():
        words[case] = str(attempt(answer, *numbers, case=case)).strip().lower()
        if words[case] not in WORDS:
            raise Wrong(f"got {words[case]!r} for {case}, expected one of {', '.join(WORDS)}")
    for case, (*_, right) in CALLS.items():
        word = words[case]
        if word == right:
            continue
        advice = "the whole interval must lie on one side of 0"
        if right == "cannot say" and word == "equal":
            advice = "an interval that holds 0 is no proof of equality: it must lie within ±margin"
        elif right == "equal":
            advice = "the whole interval lies within ±margin, too small a difference to matter"
        elif {word, right} == {"first", "second"}:
            advice = "above 0 the first is better, below 0 the second"
        raise Wrong(f"{case}: got {word!r}, expected {right!r}: {advice}")
    return "no difference is claimed from an interval that holds 0, and no equality from a wide one"


def _scores(answer: Any, features: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    got = as_numbers(attempt(answer, features, labels, test), "probabilities")
    if got.shape != (n := int(test.sum()),):
        advice = ": leave the training slides out" if got.shape == test.shape else ""
        raise Wrong(f"the scores came in shape {got.shape}, expected ({n},){advice}")
    if not np.isfinite(got).all():
        raise Wrong("some scores are not finite")
    return got


def _clustered() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return labels, two models and patients (B,); slides of one patient are alike."""
    rng = np.random.default_rng(8)
    patient = np.repeat([f"P{i:02}" for i in range(30)], 8)
    labels = np.tile([0, 1], 120)
    alike = np.repeat(rng.normal(size=(3, 30)), 8, axis=1)  # of both, of the first, of the second
    noise = rng.normal(size=(2, 240)) / 2
    first = labels * (1.6 + 2 * alike[0] + 1.0 * alike[1]) + noise[0]
    second = labels * (1.0 + 2 * alike[0] + 1.0 * alike[2]) + noise[1]
    return labels, expit(first), expit(second), patient


def _widths(labels: Any, first: Any, second: Any, patient: Any) -> tuple[float, float, float]:
    """Return how wide intervals are: patients drawn, slides drawn, patients for each model."""
    rng, draws = np.random.default_rng(0), 400
    number = np.unique(patient, return_inverse=True)[1]

    def weights(units: np.ndarray) -> np.ndarray:
        n = units.max() + 1
        return rng.multinomial(n, np.full(n, 1 / n), size=draws)[:, units].astype(float)

    def width(for_first: np.ndarray, for_second: np.ndarray) -> float:
        aucs = weighted_auc(labels, first, for_first), weighted_auc(labels, second, for_second)
        return float(np.ptp(np.percentile(aucs[0] - aucs[1], [2.5, 97.5])))

    patients, slides = weights(number), weights(np.arange(len(labels)))
    return width(patients, patients), width(slides, slides), width(patients, weights(number))


def weighted_auc(labels: Any, scores: Any, weights: np.ndarray) -> np.ndarray:
    """Return the share of the pairs that are won (R,), ties half; NaN where a class is missing.

    Each slide is counted as each row of weights (R, B) says.
    """
    ill = np.asarray(labels) == 1
    ahead = np.sign(np.subtract.outer(scores[ill], scores[~ill]))
    pairs = weights[:, ill].sum(axis=1) * weights[:, ~ill].sum(axis=1)
    with np.errstate(invalid="ignore"):
        won = ((weights[:, ill] @ ((1 + ahead) / 2)) * weights[:, ~ill]).sum(axis=1)
        return won / pairs
