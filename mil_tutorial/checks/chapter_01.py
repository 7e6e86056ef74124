"""Checks of chapter 01: one label per slide."""

import math
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from mil_tutorial.checks.exercise import exercise
from mil_tutorial.checks.judging import (
    attempt,
    examine_each,
    expect_number,
    expect_tensor,
    expect_values,
)

TRUTHS = {
    "slide of one healthy tile": [0],
    "slide of one tumour tile": [1],
    "slide without tumour, 217 tiles": [0] * 217,
    "slide with tumour in 1 tile of 217": [0] * 100 + [1] + [0] * 116,
    "slide with tumour in 1 tile of 2": [1, 0],
    "slide with tumour in 160 tiles of 217": [1] * 160 + [0] * 57,
}
HALF = "That asks whether half of the tiles hold tumour; the rule asks for one tile."
WRONG_LABELS = [
    (HALF, lambda t: round(float(t.mean()))),
    (HALF, lambda t: t.mean() >= 0.5),
    ("That demands tumour in every tile; one is enough.", lambda t: t.all()),
    ("That counts the tumour tiles; the label is 0 or 1.", lambda t: t.sum()),
    ("That is the witness rate; the label is 0 or 1.", lambda t: t.mean()),
    ("Positive and healthy have changed places.", lambda t: not t.any()),
]

RATES = {
    "rate 0.01, 2 tiles": (0.01, 2),
    "rate 0.01, 100 tiles": (0.01, 100),
    "rate 0.3, 1 to 300 tiles": (0.3, np.arange(1, 301)),
    "rates (3, 1), tiles (4,)": (
        np.array([[0.0], [0.001], [0.05]]),
        np.array([1, 10, 217, 10_000]),
    ),
}
ADDED_UP = "Do not add the chances of alarms: a slide with two alarms would count twice."
QUIET = "That is the share of slides that stay quiet; the flagged ones are the others."
ALL_ERR = "That is the chance that every tile errs; one false alarm is enough."
ONE_RIGHT = "That is the chance that at least one tile is right: put 1 - rate where rate stands."
PERCENT_IN = "The rate is already a fraction: 0.01 means 1 %, so do not divide by 100."
PERCENT_OUT = "Give the share as a fraction between 0 and 1, not in per cent."
WRONG_SHARES = [
    (ADDED_UP, lambda rate, n: rate * n),
    (ADDED_UP, lambda rate, n: np.minimum(rate * n, 1)),
    (QUIET, lambda rate, n: (1 - rate) ** n),
    (ALL_ERR, lambda rate, n: rate**n),
    (ONE_RIGHT, lambda rate, n: 1 - rate**n),
    (PERCENT_IN, lambda rate, n: 1 - (1 - rate / 100) ** n),
    (PERCENT_OUT, lambda rate, n: 100 * (1 - (1 - rate) ** n)),
    ("Return the share unrounded.", lambda rate, n: np.round(1 - (1 - rate) ** n, 3)),
]

WANTED = {
    "1 tile, share 0.05": (1, 0.05),
    "2 tiles, share 0.19": (2, 0.19),
    "100 tiles, share 0.634": (100, 0.634),
    "217 tiles, share 0.05": (217, 0.05),
    "1,000 tiles, share 0.5": (1000, 0.5),
}
DIVIDED = (
    "share / n_tiles adds chances up. It comes close when the share is small (the Bonferroni "
    "bound); take the root for the exact rate."
)
LOGARITHM = (
    "-log(1 - share) / n_tiles comes close for many tiles; take the root for the exact rate."
)
TILE_QUIET = "That is how often a tile must stay quiet; subtract it from 1."
FORWARD = "That is the share for a given rate: the formula before it is turned round."
SHARE_AS_QUIET = "You took share for the slides that stay quiet: it is the share that is flagged."
RATE_IN_PERCENT = "Give the rate as a fraction between 0 and 1, not in per cent."
WRONG_RATES = [
    (DIVIDED, lambda n, share: share / n),
    (LOGARITHM, lambda n, share: -math.log(1 - share) / n),
    (TILE_QUIET, lambda n, share: (1 - share) ** (1 / n)),
    (SHARE_AS_QUIET, lambda n, share: 1 - share ** (1 / n)),
    (SHARE_AS_QUIET, lambda n, share: share ** (1 / n)),
    (FORWARD, lambda n, share: 1 - (1 - share) ** n),
    (RATE_IN_PERCENT, lambda n, share: 100 * (1 - (1 - share) ** (1 / n))),
]

BAGS = {
    "three tiles, positive slide": ([2.0, 1.0, -1.0], 1.0),
    "three tiles, healthy slide": ([2.0, 1.0, -1.0], 0.0),
    "one tile": ([-0.5], 1.0),
    "the highest tile last, all scores negative": ([-3.0, -2.0, -4.0, -1.5], 0.0),
}
OF_THE_MAX = "That is the gradient of the highest score itself: go on to the loss, then backward."
EVERY_TILE = (
    "Every tile learns the label, as if you had copied it: take the maximum before the loss."
)
MEAN_POOLED = "That pools by the mean: take the maximum."
SUM_POOLED = "That pools by the sum: take the maximum."
TWO_SIGMOIDS = (
    "There is a sigmoid before the loss, which takes logits and has its own: leave yours out."
)
DOWNHILL = "That is the step downhill: the gradient has the other sign."
NO_LABEL = "That ignores the label: give it to the loss."


@exercise
def check_slide_label(answer: Any) -> str:
    """Check ``slide_label(truth)``."""
    cases = {case: (np.array(values),) for case, values in TRUTHS.items()}
    examine_each(answer, cases, lambda truth: float(1 in truth), "the label", WRONG_LABELS)
    return "one tumour tile is enough, in slides of one tile and of 217"


@exercise
def check_one_in_a_thousand(answer: Any) -> str:
    """Check the guess of the healthy slides of 217 tiles flagged at 0.1 % false tiles."""
    truth = _flagged(0.001, 217)
    mistakes = {
        "Do not add the chances of alarms: 217 × 0.001 counts slides with two alarms twice.": (
            0.217
        ),
        "That is the share that stays quiet; the others are flagged.": 1 - truth,
        "That is one tile's chance; a slide has 217 tiles that may err.": 0.001,
        "The classifier is ten times better, but slides are not flagged ten times less often than "
        "63 %: they have more tiles now, and alarms do not grow in proportion.": 0.0634,
        "That is the share for 1 % false tiles; here it is 0.1 %.": _flagged(0.01, 217),
    }
    expect_number(answer, truth, "the share", 0.01, mistakes)
    return "1 - 0.999 to the power of 217 = 0.195: one healthy slide in five"


@exercise
def check_flagged_share(answer: Any) -> str:
    """Check ``flagged_share(rate, n_tiles)``."""
    examine_each(answer, RATES, np.vectorize(_flagged), "the share", WRONG_SHARES)
    return "right for numbers and for arrays: 0.634 for 1 % and 100 tiles"


@exercise
def check_tolerable_rate(answer: Any) -> str:
    """Check ``tolerable_rate(n_tiles, share)``."""
    examine_each(answer, WANTED, lambda n, share: _flagged(share, 1 / n), "the rate", WRONG_RATES)
    return "put into flagged_share, your rate gives the share back"


@exercise
def check_score_gradients(answer: Any) -> str:
    """Check ``score_gradients(scores, label)``."""
    for case, (values, target) in BAGS.items():
        scores, label = torch.tensor(values), torch.tensor(target)
        got = attempt(answer, scores, label, case=case)
        expect_tensor(got, tuple(scores.shape), "the gradient", "float")
        truth = _at_highest(values, expit(max(values)) - target)
        mistakes = _gradient_mistakes(values, target)
        expect_values(got, truth, "the gradient", mistakes, case)
    return "probability minus label at the highest tile, 0 at all others"


def _flagged(rate: float, n_tiles: float) -> float:
    """1 - (1 - rate)^n, in logarithms."""
    return -math.expm1(n_tiles * math.log1p(-rate))


def _at_highest(scores: list[float], value: float) -> Tensor:
    gradient = torch.zeros(len(scores))
    gradient[scores.index(max(scores))] = value
    return gradient


def _gradient_mistakes(scores: list[float], label: float) -> list[tuple[str, Tensor]]:
    n, p = len(scores), expit(max(scores))
    each = torch.tensor([expit(score) - label for score in scores])
    after_two = (expit(p) - label) * p * (1 - p)
    return [
        (OF_THE_MAX, _at_highest(scores, 1.0)),
        (EVERY_TILE, each),
        (EVERY_TILE, each / n),
        (MEAN_POOLED, torch.full((n,), (expit(sum(scores) / n) - label) / n)),
        (SUM_POOLED, torch.full((n,), expit(sum(scores)) - label)),
        (TWO_SIGMOIDS, _at_highest(scores, after_two)),
        (DOWNHILL, _at_highest(scores, label - p)),
        (NO_LABEL, _at_highest(scores, p - (1 - label))),
        (NO_LABEL, _at_highest(scores, p)),
    ]
