"""Checks of chapter 14: the pitfalls clinic. A case is a mended function and the cause's letter."""

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import expit

from mil_tutorial.checks.cases import attempt_each, expect_each, values_of
from mil_tutorial.checks.diagnoses import examine_case
from mil_tutorial.checks.evaluations import (
    examine_join_bags,
    examine_report_auc,
    examine_score_slides,
    examine_to_probabilities,
)
from mil_tutorial.checks.exercise import exercise
from mil_tutorial.checks.folds import examine_make_folds
from mil_tutorial.checks.judging import expect_number
from mil_tutorial.checks.masks import (
    examine_attention_of,
    examine_max_of_bags,
    examine_rows_to_weights,
)
from mil_tutorial.metrics.calibration import fit_temperature


@exercise
def check_max_of_bags(answer: Any) -> str:
    """Check ``max_of_bags(values, mask)`` and its diagnosis."""
    examine_case(answer, "C", examine_max_of_bags)
    return "the mask has an axis for the values, whatever the shape"


@exercise
def check_rows_to_weights(answer: Any) -> str:
    """Check ``rows_to_weights(scores, mask)`` and its diagnosis."""
    examine_case(answer, "I", examine_rows_to_weights)
    return "an empty bag gets weights of 0, and no NaN flows back"


@exercise
def check_padded_share(answer: Any) -> str:
    """Check the guess of the attention that 90 places of padding get."""
    mistakes = {
        "That would be right if all weighed the same; the tumour tile weighs 8.": 0.9,
        "Count the padding, 90 places, not all 100.": 100 / 107,
        "That is what the tiles keep: padding gets the rest.": 17 / 107,
        "The tumour tile weighs e^2.08 = 8, not 2.08.": 90 / 101.08,
        "That is the attention of the tumour tile.": 8 / 107,
    }
    expect_number(answer, 90 / 107, "the share", 0.006, mistakes)
    return "90 / (90 + 9 + 8) = 0.84: the tiles share what is left"


@exercise
def check_attention_of(answer: Any) -> str:
    """Check ``attention_of(scores, lengths)`` and its diagnosis."""
    examine_case(answer, "F", examine_attention_of)
    return "padding gets nothing, however long it is"


@exercise
def check_to_probabilities(answer: Any) -> str:
    """Check ``to_probabilities(logits)`` and its diagnosis."""
    examine_case(answer, "G", examine_to_probabilities)
    return "a logit has one probability, whatever comes with it"


@exercise
def check_join_bags(answer: Any) -> str:
    """Check ``join_bags(batch)`` and its diagnosis."""
    examine_case(answer, "E", examine_join_bags)
    return "as many sizes and labels as bags"


@exercise
def check_score_slides(answer: Any) -> str:
    """Check ``score_slides(score, slides, limit)`` and its diagnosis."""
    examine_case(answer, "H", examine_score_slides)
    return "every slide is judged, the large ones by tiles from all over"


@exercise
def check_make_folds(answer: Any) -> str:
    """Check ``make_folds(patients, n_folds)`` and its diagnosis."""
    examine_case(answer, "J", examine_make_folds)
    return "every slide is tested once, by a model that never saw its patient"


@exercise
def check_report_auc(answer: Any) -> str:
    """Check ``report_auc(val_labels, val_scores, test_labels, test_scores)`` and its diagnosis."""
    examine_case(answer, "B", examine_report_auc)
    return "validation slides choose the epoch, test slides judge it"


@exercise
def check_best_temperature(answer: Any) -> str:
    """Check ``best_temperature(labels, logits)``."""
    cases = {
        "a model that is too sure": _stated(3.0, 0),
        "a model that is not sure enough": _stated(0.4, 1),
        "a model that is right": _stated(1.0, 2),
    }
    got = attempt_each(answer, cases)
    truth = [fit_temperature(*case) for case in cases.values()]
    mistakes = values_of(TEMPERATURE_MISTAKES, cases)
    near = [_rounded(value, right) for value, right in zip(got, truth)]
    expect_each(near, truth, "the temperature", mistakes, cases)
    return "the lowest cross-entropy, for models too sure and not sure enough"


def _stated(temperature: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make labels that come true as ``logits / temperature`` say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, 300)
    return (rng.uniform(size=300) < expit(logits / temperature)).astype(int), logits


def _rounded(value: Any, right: float) -> Any:
    """Take what is one per cent from a known answer for it: a grid or an optimiser stops early."""
    try:
        number = float(value)
    except (TypeError, ValueError, RuntimeError, OverflowError):
        return value
    known = (right, 1 / right, np.log(right), 1.0)
    return next((one for one in known if abs(number - one) <= 0.01 * abs(one)), value)


TEMPERATURE_MISTAKES: list[tuple[str, Callable[..., Any]]] = [
    (
        "That is 1 / T, by which logits are multiplied.",
        lambda labels, logits: 1 / fit_temperature(labels, logits),
    ),
    (
        "That is log T: take its exponential.",
        lambda labels, logits: np.log(fit_temperature(labels, logits)),
    ),
    ("That is 1: nothing was fitted.", lambda labels, logits: 1.0),
]
