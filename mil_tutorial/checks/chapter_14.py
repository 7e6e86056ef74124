"""Checks of chapter 14: patients on both sides, what a site gives away, what to believe.

All patients, sites and results here are made up.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import as_numbers, chosen_words, examine_each, expect_number


def _slides(*names: str) -> list[str]:
    """Turn site, patient, sample and slide, such as A1 0001 01Z 1, into barcodes."""
    parts = (name.split() for name in names)
    return [f"TCGA-{site}-{patient}-{sample}-00-DX{n}" for site, patient, sample, n in parts]


SIDES = {
    "two slides of one patient": (
        _slides("A1 0001 01Z 1", "B2 0007 01Z 1"), _slides("A1 0001 01Z 2", "B2 0008 01Z 1")),
    "other patients of the same site": (
        _slides("A1 0001 01Z 1", "A1 0002 01Z 1"), _slides("A1 0003 01Z 1", "A1 0004 01Z 1")),
    "two samples of one patient": (
        _slides("A1 0001 01Z 1", "C3 0005 01Z 1"), _slides("A1 0001 06Z 1", "C3 0006 01Z 1")),
    "one patient with five slides": (
        _slides("B2 0009 01Z 1", "B2 0009 01Z 2"),
        _slides("B2 0009 01Z 3", "B2 0009 01Z 4", "B2 0009 01Z 5")),
    "the same number at two sites": (
        _slides("A1 0001 01Z 1", "B2 0002 01Z 1"), _slides("B2 0001 01Z 1", "C3 0002 01Z 1")),
    "three of four test patients": (
        _slides("A1 0001 01Z 1", "A1 0002 01Z 1", "B2 0003 01Z 1", "B2 0003 01Z 2"),
        _slides("A1 0001 01Z 2", "A1 0002 01Z 2", "B2 0003 01Z 3", "C3 0004 01Z 1")),
}  # fmt: skip

WHOLE_NAMES = (
    "No slide is on both sides, but patients are: compare the first twelve characters of the names."
)
SITES = "Those are shared sites: the patient is site *and* number, the first twelve characters."
SAMPLES = (
    "Two samples of one patient are one patient: cut the name before the sample, after twelve "
    "characters."
)
NUMBERS = "The same number at another site is another patient: keep the site in the name."
TEST_SLIDES = "You counted test slides: a patient with several slides counts once."
ALL_PATIENTS = "You counted the patients of either side: take those on both."

_RNG = np.random.default_rng(14)
_SITES = np.repeat(np.arange(8), 10)
_LABELS = np.concatenate([np.arange(10) < n for n in (1, 9, 5, 0, 10, 3, 7, 2)]).astype(int)

BAGS = {
    "two sites with both classes": (
        np.array([1, 0, 1, 0, 0]), np.array([0.9, 0.2, 0.3, 0.6, 0.1]),
        np.array(["A", "A", "B", "B", "B"])),
    "a site with one class": (
        np.array([1, 0, 0, 1, 1]), np.array([0.4, 0.7, 0.1, 0.9, 0.8]),
        np.array(["A", "A", "A", "B", "B"])),
    "equal scores": (
        np.array([1, 1, 0, 0, 0]), np.array([0.5, 0.8, 0.5, 0.5, 0.9]),
        np.array(["A", "A", "A", "A", "B"])),
    "one class at each site": (
        np.array([1, 1, 0, 0]), np.array([0.9, 0.8, 0.2, 0.1]), np.array(["A", "A", "B", "B"])),
    "eight sites": (
        _LABELS, np.round(_RNG.normal(size=80) + _LABELS + 0.3 * _SITES, 1), _SITES),
}  # fmt: skip

ALL_PAIRS = "That is the AUC of all pairs: leave out those from two sites."
MEAN_OF_SITES = (
    "You averaged the AUCs of the sites, so that a site with one pair counts as much as a site "
    "with fifty. Add up pairs, and divide at the end."
)
TIES_LOST = "A pair with equal scores counts one half, not nothing."
TIES_WON = "A pair with equal scores counts one half, not one."
OTHER_WAY = "You counted pairs in the wrong order: the positive bag should score higher."
UNDIVIDED = "That is a number of pairs: divide by how many pairs there are."
PER_ALL = "Divide by the pairs of the same site, not by all pairs."

CLAIMS = {
    "A": (
        "cannot say",
        "The interval of the paired difference contains 0, and also values that would matter: "
        "neither a lead nor equality is shown.",
    ),
    "B": (
        "yes",
        "Every hospital has both classes, and holding hospitals out costs 0.01, at most 0.03: that "
        "is evidence for the claim.",
    ),
    "C": (
        "cannot say",
        "Each hospital has one class and is on both sides: 0.95 is what a model would reach that "
        "reads tumours, and also one that reads hospitals.",
    ),
    "D": (
        "no",
        "Among slides of one subtype the model ranks at chance, and the narrow interval leaves "
        "little room: what it sees is the subtype.",
    ),
    "E": (
        "no",
        "The model's answer hardly depends on these regions: deleting any others does the same.",
    ),
}


@exercise
def check_count_shared(answer: Any) -> str:
    """Check ``count_shared(train, test)``."""

    def read(count: Any, expected: int, case: str) -> float:
        if isinstance(count, set | frozenset | list | tuple | dict):
            raise Wrong(f"got a {type(count).__name__} for {case}, expected its length: a number")
        return as_numbers(count, "a number of patients", ndim=0).item()

    examine_each(answer, SIDES, _shared, "the number of patients", WRONG_COUNTS, read)
    return "patients on both sides are counted, whatever their slides are called"


@exercise
def check_site_only_auc(answer: Any) -> str:
    """Check the guess of the AUC of a model that knows the hospital and nothing else."""
    mistakes = {
        "That leaves out the pairs from one hospital. Their scores are equal: each counts one "
        "half.": 0.5625,
        "Pairs from one hospital have equal scores, and count one half, not one.": 0.9375,
        "For 1, each hospital would need to have one class only.": 1.0,
        "For 0.5, both hospitals would need the same share of each class.": 0.5,
        "That is a share of slides at one hospital that are positive.": 0.25,
    }
    expect_number(answer, 0.75, "the AUC", 0.005, mistakes)
    return "0.5625 in order plus half of 0.375 equal, without a look at the tissue"


@exercise
def check_auc_within(answer: Any) -> str:
    """Check ``auc_within(labels, scores, sites)``."""

    def read(value: Any, expected: float, case: str) -> float:
        return as_numbers(value, f"one number for {case}", ndim=0).item()

    examine_each(answer, BAGS, _within, "the AUC within sites", WRONG_WITHIN, read)
    return "only pairs of one site count, and where there are none, nothing is claimed"


@exercise
def check_verdicts(answer: Any) -> str:
    """Check the verdict on each of five claims."""
    words = sorted({verdict for verdict, _ in CLAIMS.values()})
    for claim, word in chosen_words(answer, CLAIMS, words).items():
        verdict, why = CLAIMS[claim]
        if word != verdict:
            raise Wrong(f"claim {claim}, not {word!r}. {why}")
    return "each verdict follows from the numbers beside the claim"


def _shared(train: list[str], test: list[str]) -> int:
    return len(_heads(train, 12) & _heads(test, 12))


def _heads(names: list[str], length: int, start: int = 0) -> set[str]:
    return {name[start:length] for name in names}


WRONG_COUNTS = [
    (WHOLE_NAMES, lambda a, b: len(set(a) & set(b))),
    (SITES, lambda a, b: len(_heads(a, 7) & _heads(b, 7))),
    (SAMPLES, lambda a, b: len(_heads(a, 16) & _heads(b, 16))),
    (NUMBERS, lambda a, b: len(_heads(a, 12, 8) & _heads(b, 12, 8))),
    (TEST_SLIDES, lambda a, b: sum(name[:12] in _heads(a, 12) for name in b)),
    (ALL_PATIENTS, lambda a, b: len(_heads(a, 12) | _heads(b, 12))),
]


def _within(labels: np.ndarray, scores: np.ndarray, sites: np.ndarray, tie: float = 0.5) -> float:
    """Return the share of pairs of one site in the right order; NaN where there are none."""
    same, won = _pairs(labels, scores, sites, tie)
    return won[same].mean() if same.any() else float("nan")


def _pairs(
    labels: np.ndarray, scores: np.ndarray, sites: np.ndarray, tie: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return of each positive and negative bag whether they share a site, and who won: (P, N)."""
    ahead = scores[labels == 1][:, None] - scores[labels == 0]
    same = sites[labels == 1][:, None] == sites[labels == 0]
    return same, np.where(ahead == 0, tie, ahead > 0)


def _mean_of_sites(labels: np.ndarray, scores: np.ndarray, sites: np.ndarray) -> float:
    rows = [sites == site for site in np.unique(sites)]
    both = [r for r in rows if len(np.unique(labels[r])) == 2]
    values = [roc_auc_score(labels[r], scores[r]) for r in both]
    return float(np.mean(values)) if values else float("nan")


def _counted(divide: Callable[[np.ndarray], float]) -> Callable[..., float]:
    def count(labels: np.ndarray, scores: np.ndarray, sites: np.ndarray) -> float:
        same, won = _pairs(labels, scores, sites, 0.5)
        return float(won[same].sum() / divide(same))

    return count


WRONG_WITHIN = [
    (ALL_PAIRS, lambda y, s, sites: roc_auc_score(y, s)),
    (MEAN_OF_SITES, _mean_of_sites),
    (TIES_LOST, lambda y, s, sites: _within(y, s, sites, tie=0)),
    (TIES_WON, lambda y, s, sites: _within(y, s, sites, tie=1)),
    (OTHER_WAY, lambda y, s, sites: _within(y, -s, sites)),
    (UNDIVIDED, _counted(lambda same: 1)),
    (PER_ALL, _counted(lambda same: same.size)),
]
