"""Known wrong answers of chapter 17 must fail, each with the message that names it."""

import numpy as np
import pytest
from scipy.stats import rankdata
from sklearn.metrics import roc_auc_score
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_17 as checks
from mil_tutorial.datasets.rendering.flaws import FLAWS, hidden_flaw
from mil_tutorial.datasets.slides import load_slides
from mil_tutorial.experiment.audit import (
    fingerprints,
    hospital_distance,
    most_doubtful,
    near_copies,
    training_means,
)


def unit(rows):
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def cosines(first, second):
    return unit(first) @ unit(second).T


def pair_by_pair(first, second, threshold):
    return [
        (i, j)
        for i, one in enumerate(first)
        for j, two in enumerate(second)
        if one @ two / (np.linalg.norm(one) * np.linalg.norm(two)) >= threshold
    ]


def best_only(first, second, threshold):
    return [(i, row.argmax()) for i, row in enumerate(cosines(first, second))]


def swapped(first, second, threshold):
    return near_copies(first, second, threshold)[:, ::-1]


def centred(first, second, threshold):
    first, second = (x - x.mean(axis=1, keepdims=True) for x in (first, second))
    return np.argwhere(cosines(first, second) >= threshold)


def whole_length(first, second, threshold):
    first, second = (x / np.linalg.norm(x) for x in (first, second))
    return np.argwhere(first @ second.T >= threshold)


def column_lengths(first, second, threshold):
    with np.errstate(invalid="ignore"):  # a column of zeros
        first, second = (x / np.linalg.norm(x, axis=0) for x in (first, second))
    return np.argwhere(first @ second.T >= threshold)


def limits(cosine=0.6, colours=0.65, distance=1.5):
    return {"cosine": cosine, "colours": colours, "distance": distance}


def sums(labels, values):
    positive = labels == 1
    return rankdata(values)[positive].sum(), positive.sum(), (~positive).sum()


def negatives_ranked(labels, values):
    total, _, n = sums(1 - labels, values)
    n1 = (labels == 0).sum()
    return (total - n1 * (n1 + 1) / 2) / (n1 * n)


def undivided(labels, values):
    total, n1, _ = sums(labels, values)
    return total - n1 * (n1 + 1) / 2


def unsubtracted(labels, values):
    total, n1, n0 = sums(labels, values)
    return total / (n1 * n0)


def from_zero(labels, values):
    total, n1, n0 = sums(labels, values)
    return (total - n1 * (n1 - 1) / 2) / (n1 * n0)


def without_ties(labels, values):
    ranks = values.argsort().argsort() + 1
    n1, n0 = (labels == 1).sum(), (labels == 0).sum()
    return (ranks[labels == 1].sum() - n1 * (n1 + 1) / 2) / (n1 * n0)


def queue(doubt):
    return lambda y, p, n: np.argsort(-doubt(y, p), kind="stable")[:n]


(RIGHT,) = (flaw for flaw in FLAWS if flaw == hidden_flaw("NEW", 0))
OTHERS = [flaw for flaw in FLAWS if flaw != RIGHT]

ZOO = [
    (checks.check_copies_across, lambda a, b, t: np.argwhere(a @ b.T >= t), "any length"),
    (
        checks.check_copies_across,
        lambda a, b, t: np.argwhere(unit(a) @ b.T >= t),
        "only one of them",
    ),
    (
        checks.check_copies_across,
        lambda a, b, t: np.argwhere(a @ unit(b).T >= t),
        "only one of them",
    ),
    (checks.check_copies_across, lambda a, b, t: np.argwhere(cosines(a, b) > t + 1e-9), ">= in"),
    (checks.check_copies_across, swapped, "are swapped"),
    (checks.check_copies_across, best_only, "kept only the best match"),
    (
        checks.check_copies_across,
        lambda a, b, t: np.argwhere(abs(cosines(a, b)) >= t),
        "leave out the absolute",
    ),
    (checks.check_copies_across, whole_length, "one length for all rows"),
    (checks.check_copies_across, column_lengths, "lengths of the columns"),
    (checks.check_copies_across, centred, "expected"),
    (checks.check_copies_across, lambda a, b, t: cosines(a, b) >= t, "try np.argwhere"),
    (checks.check_copies_across, lambda a, b, t: "pairs", "expected pairs of row numbers"),
    (checks.check_rank_auc, negatives_ranked, "wrong order"),
    (checks.check_rank_auc, undivided, "divide by the number of pairs"),
    (checks.check_rank_auc, unsubtracted, "Subtract the ranks"),
    (checks.check_rank_auc, from_zero, "ranks begin at 1"),
    (checks.check_rank_auc, without_ties, "share the mean of their ranks"),
    (checks.check_alarm_limits, limits(cosine=0.3), "cosine: a limit of 0.3 raises an alarm"),
    (checks.check_alarm_limits, limits(cosine=0.9), "a copy may stay below"),
    (checks.check_alarm_limits, limits(colours=0.5), "clean hospitals reach 0.51"),
    (checks.check_alarm_limits, limits(colours=0.95), "a shortcut may stay below"),
    (checks.check_alarm_limits, limits(distance=1.0), "where nothing is wrong"),
    (checks.check_alarm_limits, limits(distance=9), "an unknown stain may stay below"),
    (checks.check_alarm_limits, limits(distance=...), "the limit for distance is missing"),
    (checks.check_alarm_limits, limits(distance="far"), "a number for distance"),
    (checks.check_alarm_limits, [0.6, 0.65, 1.5], "keys cosine, colours, distance"),
    (checks.check_perfect_auc, 0.64, "count one half"),
    (checks.check_perfect_auc, 1.0, "the table says"),
    (checks.check_perfect_auc, 0.96, "one half, not one"),
    (checks.check_perfect_auc, 0.6, "half of the equal pairs"),
    (checks.check_perfect_auc, 0.2, "share of wrong labels"),
    (checks.check_perfect_auc, 80, "between 0 and 1"),
    (checks.check_doubtful, queue(lambda y, p: abs(p - 0.5)), "bug is still there"),
    (checks.check_doubtful, queue(lambda y, p: -abs(p - 0.5)), "is unsure"),
    (checks.check_doubtful, queue(lambda y, p: -abs(y - p)), "least doubtful slides come first"),
    (checks.check_doubtful, queue(lambda y, p: p - y), "Only negatives"),
    (checks.check_doubtful, queue(lambda y, p: y - p), "Only positives"),
    (checks.check_verdict, (OTHERS[0], "NEW", 0), "not this one"),
    (checks.check_verdict, ("dust", "NEW", 0), "expected one of leak, stain, labels, shortcut"),
    (checks.check_verdict, (RIGHT, "NEW", -1), "there is no hospital"),
    (checks.check_verdict, RIGHT, "expected (verdict, hospital, seed)"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


@pytest.mark.parametrize(
    ("check", "answers"),
    by_check(
        [
            (checks.check_copies_across, pair_by_pair),
            (checks.check_copies_across, near_copies),
            (checks.check_copies_across, lambda *args: list(reversed(pair_by_pair(*args)))),
            (checks.check_rank_auc, roc_auc_score),
            (checks.check_alarm_limits, limits()),
            (checks.check_alarm_limits, limits(0.45, 0.7, np.float64(2))),
            (checks.check_perfect_auc, 0.8),
            (checks.check_doubtful, most_doubtful),
            (checks.check_doubtful, lambda *args: most_doubtful(*args).tolist()),
            (checks.check_verdict, (RIGHT.upper() + " ", "NEW", 0)),
        ]
    ),
)
def test_right_answers_pass_in_any_style(check, answers):
    expect_state(check, answers, "right")


def test_a_wrong_verdict_does_not_give_the_answer_away():
    for wrong in OTHERS:
        assert RIGHT not in checks.check_verdict.judge((wrong, "NEW", 0)).text.lower()
    assert checks.check_verdict.judge((..., "NEW", 0)).state == "open"


def test_limits_that_nobody_has_set_are_open():
    for stub in (..., limits(..., ..., ...)):
        assert checks.check_alarm_limits.judge(stub).state == "open"


def test_the_clean_values_of_the_limits_are_those_of_the_shipped_hospitals():
    train, _, test = load_slides("slides")
    highest = (fingerprints(train) @ fingerprints(test).T).max()
    means, hospital = training_means()
    gaps = [
        hospital_distance(
            means[hospital == name], means[hospital != name], hospital[hospital != name]
        )
        for name in np.unique(hospital)
    ]
    assert round(float(highest), 2) == checks.LIMITS["cosine"][0]
    assert round(max(gaps), 1) == checks.LIMITS["distance"][0]


def test_another_hospital_has_its_own_answer():
    for seed in range(8):
        right = hidden_flaw("Rowan", seed)
        states = [checks.check_verdict.judge((flaw, "Rowan", seed)).state for flaw in FLAWS]
        assert states == ["right" if flaw == right else "wrong" for flaw in FLAWS]
