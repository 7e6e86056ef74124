"""Checks of chapter 11: a fair comparison."""

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np

from mil_tutorial.checks.cases import attempt_each, expect_each, values_of
from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import attempt, expect_number
from mil_tutorial.checks.resamples import (
    PAIRED_MISTAKES,
    differences_by_weights,
    slides_of_patients,
)
from mil_tutorial.metrics.intervals import auc_standard_error, best_of


@exercise
def check_paired_bootstrap(answer: Any) -> str:
    """Check ``paired_bootstrap(labels, first, second, patient, draws)``."""
    cases = {
        "two slides a patient": slides_of_patients([2, 2, 2, 2], 0),
        "patients with one, two and three slides": slides_of_patients([1, 3, 2, 3, 1], 1),
        "slides of a patient in any order": slides_of_patients([2, 3, 2, 2], 2, mixed=True),
    }
    got = attempt_each(answer, cases)
    truth = [differences_by_weights(*case) for case in cases.values()]
    mistakes = [
        ("Second minus first: the sign is turned round.", [-one for one in truth]),
        *values_of(PAIRED_MISTAKES, cases),
    ]
    expect_each(got, truth, "the difference", mistakes, cases)
    return "whole patients, as often as they are drawn, the same ones for both models"


@exercise
def check_differences_of(answer: Any) -> str:
    """Check ``differences_of(labels, first, second, patient, rng, n)``."""
    labels, first, second, patient, _ = slides_of_patients([6] * 30, 3)
    given = (labels, first, first, patient, np.random.default_rng(0), 60)
    alone = _row(attempt(answer, *given, case="a model and itself"), 60)
    if (apart := np.abs(alone).max()) > 1e-12:
        raise Wrong(
            f"a model compared with itself differs by up to {apart:.2f}. Both models must be "
            "judged on the same drawn rows"
        )
    given = (labels, first, second, patient, np.random.default_rng(0), 400)
    found = _row(attempt(answer, *given, case="two models"), 400)
    if found.std() < 1e-9:
        raise Wrong("all differences are equal: draw patients anew for each of them")
    names = np.unique(patient)
    draws = np.random.default_rng(1).choice(names, (2000, len(names)))
    truth = differences_by_weights(labels, first, second, patient, draws)
    if abs(found.mean() - truth.mean()) > 0.3 * truth.std():
        side = "second minus first" if found.mean() * truth.mean() < 0 else "something else"
        raise Wrong(
            f"two models differ by {found.mean():+.3f} on average, expected about "
            f"{truth.mean():+.3f}: that looks like {side}"
        )
    if not 0.8 < found.std() / truth.std() < 1.25:
        raise Wrong(
            f"the differences scatter by {found.std():.3f}, expected about {truth.std():.3f}: draw "
            "whole patients, as many as there are"
        )
    return "a model equals itself in every draw, and two models are judged on the same patients"


@exercise
def check_best_of(answer: Any) -> str:
    """Check ``best_of(val_losses, values, r)``."""
    rng = np.random.default_rng(4)
    losses, values = rng.uniform(0.3, 0.7, 12), rng.uniform(0.5, 0.9, 12)
    cases = {
        "best of 3 of 12 starts": (losses, values, 3),
        "best of 1 of 12 starts": (losses, values, 1),
        "best of 12 of 12 starts": (losses, values, 12),
        "best of 2 of 5 starts": (losses[:5], values[:5], 2),
    }
    got = attempt_each(answer, cases)
    truth = [best_of(*case) for case in cases.values()]
    expect_each(got, truth, "the mean value", values_of(BEST_MISTAKES, cases), cases)
    return "validation chooses, the test value of the chosen start is reported"


@exercise
def check_nearest_fraction(answer: Any) -> str:
    """Check the guess of the sensitivity nearest to 0.79 that 49 slides allow."""
    mistakes = {
        "0.79 × 49 = 38.7: no run finds seven tenths of a slide.": 0.79,
        "That is 38 of 49, which is further from 0.79 than the next one.": 38 / 49,
        "Right slide, too few places: give three.": 0.80,
        "That is 39 of 50; there are 49.": 0.78,
        "That is the number of slides: divide by 49.": 39,
    }
    expect_number(answer, 39 / 49, "the sensitivity", 0.001, mistakes)
    return (
        "39 of 49 is 0.796, which rounds to 0.80; 38 of 49 rounds to 0.78: one run cannot give 0.79"
    )


@exercise
def check_auc_standard_error(answer: Any) -> str:
    """Check ``auc_standard_error(auc, n_positive, n_negative)``."""
    cases = {
        "AUC 0.93, 49 positive and 80 negative slides": (0.93, 49, 80),
        "AUC 0.7, 30 positive and 5 negative slides": (0.7, 30, 5),
        "AUC 0.82, one slide of each": (0.82, 1, 1),
        "AUC 1": (1.0, 49, 80),
    }
    got = attempt_each(answer, cases)
    truth = [auc_standard_error(*case) for case in cases.values()]
    expect_each(got, truth, "the standard error", values_of(ERROR_MISTAKES, cases), cases)
    return "0.026 for an AUC of 0.93 on 49 and 80 slides"


def _row(got: Any, n: int) -> np.ndarray:
    """Refuse what is no row of n numbers."""
    try:
        values = np.asarray(got, dtype=float)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(f"got {type(got).__name__}, expected {n} numbers") from error
    if values.shape != (n,) or not np.isfinite(values).all():
        raise Wrong(f"the differences came in shape {values.shape}, expected {n} finite numbers")
    return values


def _in_order_of_seeds(losses: Any, values: Any, r: int) -> np.ndarray:
    n = len(values) // r * r
    places = np.reshape(losses[:n], (-1, r)).argmin(axis=1) + np.arange(0, n, r)
    return values[places]


def _one_too_many(losses: Any, values: Any, r: int) -> float:
    wins = [comb(len(values) - i, r - 1) for i in range(len(values))]
    return float(np.average(values[np.argsort(losses)], weights=wins))


BEST_MISTAKES: list[tuple[str, Callable[..., Any]]] = [
    (
        "Those are the best test values: chosen on test slides, they are too good.",
        lambda losses, values, r: best_of(-values, values, r),
    ),
    (
        "That keeps the start with the highest loss: the lowest is the best.",
        lambda losses, values, r: best_of(-losses, values, r),
    ),
    (
        "Those are groups in the order of the seeds: take every possible group of r.",
        lambda losses, values, r: np.mean(_in_order_of_seeds(losses, values, r)),
    ),
    (
        "That is the mean of all starts: each group keeps one.",
        lambda losses, values, r: np.mean(values),
    ),
    (
        "That is the mean loss of the kept starts: return the mean of their values.",
        lambda losses, values, r: best_of(losses, losses, r),
    ),
    (
        "The values are still in the order of the seeds: sort them by loss.",
        lambda losses, values, r: best_of(np.arange(len(values)), values, r),
    ),
    (
        "One start too many: the start with i lower losses has S - 1 - i others to share with.",
        _one_too_many,
    ),
]


def _error(a: float, p: int, q: int, q1: float, q2: float, fewer: int = 1) -> float:
    return (a * (1 - a) + (p - fewer) * (q1 - a**2) + (q - fewer) * (q2 - a**2)) / (p * q)


ERROR_MISTAKES: list[tuple[str, Callable[..., Any]]] = [
    (
        "That is SE², the variance: take the square root.",
        lambda a, p, q: _error(a, p, q, a / (2 - a), 2 * a**2 / (1 + a)),
    ),
    (
        "Positive and negative slides changed places: Q₁ goes with p − 1.",
        lambda a, p, q: auc_standard_error(a, q, p),
    ),
    (
        "Use p − 1 and q − 1: a slide makes no pair with itself.",
        lambda a, p, q: _error(a, p, q, a / (2 - a), 2 * a**2 / (1 + a), 0) ** 0.5,
    ),
    (
        "That is the error of a share, such as a sensitivity; an AUC counts pairs.",
        lambda a, p, q: (a * (1 - a) / (p + q)) ** 0.5,
    ),
    (
        "Q₂ is 2A² / (1 + A): the square is missing.",
        lambda a, p, q: abs(_error(a, p, q, a / (2 - a), 2 * a / (1 + a))) ** 0.5,
    ),
]
