"""Checks of chapter 07: training for recall."""

from typing import Any

from mil_tutorial.checks.exercise import exercise
from mil_tutorial.checks.judging import expect_number
from mil_tutorial.checks.loops import examine_fit, examine_mean_loss
from mil_tutorial.checks.thresholds import examine_sensitivity, examine_threshold


@exercise
def check_mean_loss(answer: Any) -> str:
    """Check ``mean_loss(model, batches)``."""
    examine_mean_loss(answer)
    return "the same number at each call, and no weight has changed"


@exercise
def check_fit(answer: Any) -> str:
    """Check ``fit(model, train, val, config)``."""
    examine_fit(answer)
    return "the right epochs, losses and weights, with patience and without"


@exercise
def check_weighted_probability(answer: Any) -> str:
    """Check the guess of the best probability of one positive in four with pos_weight 6."""
    mistakes = {
        "That is the frequency, the best answer without a weight.": 0.25,
        "That is the best answer for a weight of 3.": 0.5,
        "The positive counts as six beside the *three* negatives: 6 of 9, not of 10.": 0.6,
        "The positive counts as six, but there are three negatives beside it.": 6 / 7,
    }
    expect_number(answer, 2 / 3, "the probability", 0.01, mistakes)
    return "6 / (6 + 3) = 0.667: all four slides would be called positive at 0.5"


@exercise
def check_threshold_for_sensitivity(answer: Any) -> str:
    """Check ``threshold_for_sensitivity(labels, probabilities, sensitivity)``."""
    examine_threshold(answer)
    return "right for one positive slide, for equal probabilities, and when all must be found"


@exercise
def check_sensitivity_at_specificity(answer: Any) -> str:
    """Check ``sensitivity_at_specificity(labels, probabilities, specificity)``."""
    examine_sensitivity(answer)
    return "right for one negative slide, for equal probabilities, and when anything goes"
