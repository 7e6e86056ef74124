"""Checks of chapter 11: a fair comparison."""

from collections.abc import Callable
from math import comb
from typing import Any

import numpy as np
from scipy.special import expit

from mil_tutorial.checks.comparison_stages import (
    check_call_it,
    check_held_out_scores,
    check_paired_interval,
    check_patients_held_out,
    weighted_auc,
)
from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import as_numbers, attempt, examine_each, expect_number
from mil_tutorial.metrics.bootstrap import best_of

__all__ = [
    "check_best_of",
    "check_call_it",
    "check_differences_of",
    "check_held_out_scores",
    "check_paired_bootstrap",
    "check_paired_interval",
    "check_patients_held_out",
    "check_slides_needed",
    "slides_of_patients",
    "weighted_differences",
]


@exercise
def check_paired_bootstrap(answer: Any) -> str:
    """Check ``paired_bootstrap(labels, first, second, patient, draws)``."""
    cases = {
        "two slides a patient": slides_of_patients([2, 2, 2, 2], 0),
        "patients with one, two and three slides": slides_of_patients([1, 3, 2, 3, 1], 1),
        "slides of a patient in any order": slides_of_patients([2, 3, 2, 2], 2, mixed=True),
    }
    examine_each(answer, cases, differences_by_weights, "the difference", PAIRED_MISTAKES)
    return "whole patients, as often as they are drawn, the same ones for both models"


@exercise
def check_differences_of(answer: Any) -> str:
    """Check ``differences_of(labels, first, second, patient, rng, n)``."""
    labels, first, second, patient, _ = slides_of_patients([6] * 30, 3)

    def draw(other: np.ndarray, n: int, case: str) -> np.ndarray:
        rng = np.random.default_rng(0)
        got = attempt(answer, labels, first, other, patient, rng, n, case=case)
        values = as_numbers(got, f"{n} numbers")
        if values.shape != (n,) or not np.isfinite(values).all():
            raise Wrong(
                f"the differences came in shape {values.shape}, expected {n} finite numbers"
            )
        return values

    if (apart := np.abs(draw(first, 60, "a model and itself")).max()) > 1e-12:
        raise Wrong(
            f"a model compared with itself differs by up to {apart:.2f}. Both models must be "
            "judged on the same drawn rows"
        )
    differences = draw(second, 400, "two models")
    if differences.std() < 1e-9:
        raise Wrong("all differences are equal: draw patients again for each of them")
    names = np.unique(patient)
    draws = np.random.default_rng(1).choice(names, (2000, len(names)))
    truth = differences_by_weights(labels, first, second, patient, draws)
    if abs(differences.mean() - truth.mean()) > 0.3 * truth.std():
        side = "second minus first" if differences.mean() * truth.mean() < 0 else "something else"
        raise Wrong(
            f"two models differ by {differences.mean():+.3f} on average, expected about "
            f"{truth.mean():+.3f}: that looks like {side}"
        )
    if not 0.8 < differences.std() / truth.std() < 1.25:
        raise Wrong(
            f"the differences scatter by {differences.std():.3f}, expected about "
            f"{truth.std():.3f}: draw whole patients, as many as there are"
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
    examine_each(answer, cases, best_of, "the mean value", BEST_MISTAKES)
    return "validation chooses, the test value of the chosen start is reported"


@exercise
def check_slides_needed(answer: Any) -> str:
    """Check the guess of the slides that a difference of 0.027 ± 0.058 on 129 slides needs."""
    n, half, difference = 129, 0.058, 0.027
    mistakes = {
        "The width falls with the square root of the number of slides: square the ratio.": (
            n * half / difference
        ),
        "Take half of the interval's width: it has to be smaller than the difference.": (
            n * (2 * half / difference) ** 2
        ),
        "That is how many times as many; multiply by 129.": (half / difference) ** 2,
        "Those are the slides to add; count the 129 as well.": n * ((half / difference) ** 2 - 1),
    }
    expect_number(answer, n * (half / difference) ** 2, "the number of slides", 45, mistakes)
    return "(0.058 / 0.027)² = 4.6 times 129: about 600 slides, if the difference stays"


def _in_order_of_seeds(losses: Any, values: Any, r: int) -> float:
    n = len(values) // r * r
    places = np.reshape(losses[:n], (-1, r)).argmin(axis=1) + np.arange(0, n, r)
    return values[places].mean()


def _one_too_many(losses: Any, values: Any, r: int) -> float:
    wins = [comb(len(values) - i, r - 1) for i in range(len(values))]
    return float(np.average(values[np.argsort(losses)], weights=wins))


BEST_MISTAKES: dict[str, Callable[..., Any]] = {
    "Those are the best test values: chosen on test slides, they are too good.": (
        lambda losses, values, r: best_of(-values, values, r)
    ),
    "That is the best of all starts: a group of r has it only now and then.": (
        lambda losses, values, r: values[np.argmin(losses)]
    ),
    "That is the highest test value of all starts: validation has to choose, group by group.": (
        lambda losses, values, r: np.max(values)
    ),
    "That is the mean of the r best starts: each group of r keeps one.": (
        lambda losses, values, r: np.mean(values[np.argsort(losses)[:r]])
    ),
    "That is the mean of the r highest test values: validation has to choose one start a group.": (
        lambda losses, values, r: np.mean(np.sort(values)[-r:])
    ),
    "That keeps the start with the highest loss: the lowest is the best.": (
        lambda losses, values, r: best_of(-losses, values, r)
    ),
    "Those are groups in the order of the seeds: take every possible group of r.": (
        _in_order_of_seeds
    ),
    "That is the mean of all starts: each group keeps one.": (
        lambda losses, values, r: np.mean(values)
    ),
    "That is the mean loss of the kept starts: return the mean of their values.": (
        lambda losses, values, r: best_of(losses, losses, r)
    ),
    "The values are still in the order of the seeds: sort them by loss.": (
        lambda losses, values, r: best_of(np.arange(len(values)), values, r)
    ),
    "One start too many: after the start at place i, S - 1 - i others follow.": (_one_too_many),
}


def slides_of_patients(sizes: list[int], seed: int, mixed: bool = False) -> tuple:
    """Make slides of patients with so many each, two models, and draws that hold both classes."""
    rng = np.random.default_rng(seed)
    patient = np.repeat([f"P{i}" for i in range(len(sizes))], sizes)
    labels = np.concatenate([(np.arange(n) + i) % 2 for i, n in enumerate(sizes)])
    if mixed:
        order = rng.permutation(len(patient))
        patient, labels = patient[order], labels[order]
    names, number = np.unique(patient, return_inverse=True)
    first, second = (  # a tumour is easy to see in all slides of a patient, or in none
        expit(labels * rng.normal(a, 2, len(names))[number] + rng.normal(size=len(labels)))
        for a in (2.0, 1.0)
    )
    draws: list[np.ndarray] = []
    while len(draws) < 8:
        drawn = rng.choice(names, len(names))
        if len(np.unique(labels[np.isin(patient, drawn)])) == 2 and len(set(drawn)) < len(names):
            draws.append(drawn)
    return labels, first, second, patient, np.array(draws)


def differences_by_weights(
    labels: Any, first: Any, second: Any, patient: Any, draws: Any
) -> np.ndarray:
    """The truth, by weights: how often each slide was drawn."""
    return weighted_differences(labels, first, second, _times(patient, draws))


def _times(patient: Any, draws: Any) -> np.ndarray:
    return (np.asarray(draws)[:, :, None] == patient).sum(axis=1).astype(float)


def weighted_differences(labels: Any, first: Any, second: Any, weights: np.ndarray) -> np.ndarray:
    """Return differences of the AUC (R,), each slide counted as each row of weights (R, B) says."""
    return weighted_auc(labels, first, weights) - weighted_auc(labels, second, weights)


PAIRED_MISTAKES: dict[str, Callable[..., Any]] = {
    "That is second minus first: the sign is wrong.": lambda *case: -differences_by_weights(*case),
    "Each patient is used once: a patient drawn twice counts twice. np.isin cannot count.": (
        lambda y, first, second, patient, draws: weighted_differences(
            y, first, second, (_times(patient, draws) > 0).astype(float)
        )
    ),
    "That is the AUC of the first model alone: subtract that of the second.": (
        lambda y, first, _, patient, draws: weighted_auc(y, first, _times(patient, draws))
    ),
    "That is the AUC of the second model alone.": (
        lambda y, _, second, patient, draws: weighted_auc(y, second, _times(patient, draws))
    ),
    "All slides are used, whatever was drawn.": lambda y, first, second, patient, draws: (
        weighted_differences(y, first, second, np.ones((len(draws), len(y))))
    ),
}
