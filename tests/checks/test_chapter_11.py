"""Known wrong answers of chapter 11 must fail, each with the message that names it."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from verdicts import by_check, expect_state

from mil_tutorial import auc, best_of
from mil_tutorial.checks import chapter_11 as checks


def rows_of(patient, drawn):
    return np.concatenate([np.flatnonzero(patient == name) for name in drawn])


def difference(labels, first, second, rows, others=None):
    others = rows if others is None else others
    return auc(labels[rows], first[rows]) - auc(labels[others], second[others])


def paired(labels, first, second, patient, draws):
    return [difference(labels, first, second, rows_of(patient, drawn)) for drawn in draws]


def by_weights(labels, first, second, patient, draws):
    """Another style: a generator of weights and scikit-learn."""
    from sklearn.metrics import roc_auc_score

    out = np.empty(len(draws))
    for i, drawn in enumerate(draws):
        w = np.array([np.sum(drawn == p) for p in patient])
        out[i] = roc_auc_score(labels, first, sample_weight=w) - roc_auc_score(
            labels, second, sample_weight=w
        )
    return out


def each_once(labels, first, second, patient, draws):
    rows = [np.flatnonzero(np.isin(patient, drawn)) for drawn in draws]
    return np.array([difference(labels, first, second, r) for r in rows])


def first_alone(labels, first, second, patient, draws):
    rows = [rows_of(patient, drawn) for drawn in draws]
    return np.array([auc(labels[r], first[r]) for r in rows])


def all_slides(labels, first, second, patient, draws):
    return np.full(len(draws), auc(labels, first) - auc(labels, second))


def turned_round(labels, first, second, patient, draws):
    return np.array(paired(labels, second, first, patient, draws))


def draw(patient, rng):
    names = np.unique(patient)
    return rows_of(patient, rng.choice(names, len(names)))


def same_rows(labels, first, second, patient, rng, n=200):
    return [difference(labels, first, second, draw(patient, rng)) for _ in range(n)]


def by_integers(labels, first, second, patient, rng, n=200):
    names, out = np.unique(patient), []
    for _ in range(n):
        rows = rows_of(patient, names[rng.integers(len(names), size=len(names))])
        out.append(difference(labels, first, second, rows))
    return np.array(out)


def two_draws(labels, first, second, patient, rng, n=200):
    return np.array(
        [
            difference(labels, first, second, draw(patient, rng), draw(patient, rng))
            for _ in range(n)
        ]
    )


def never_draws(labels, first, second, patient, rng, n=200):
    return np.full(n, difference(labels, first, second, np.arange(len(labels))))


def draws_once(labels, first, second, patient, rng, n=200):
    return np.full(n, difference(labels, first, second, draw(patient, rng)))


def turned(labels, first, second, patient, rng, n=200):
    return -np.array(same_rows(labels, first, second, patient, rng, n))


def draws_slides(labels, first, second, patient, rng, n=200):
    size = len(labels)
    return [difference(labels, first, second, rng.integers(size, size=size)) for _ in range(n)]


def few_patients(labels, first, second, patient, rng, n=200):
    out = []
    for _ in range(n):
        rows = rows_of(patient, rng.choice(np.unique(patient), 8))
        out.append(difference(labels, first, second, rows))
    return np.array(out)


def best_value(losses, values, r):
    return best_of(-values, values, r)


def highest_loss(losses, values, r):
    return best_of(-losses, values, r)


def kept_in_order(losses, values, r):
    return [values[s + np.argmin(losses[s : s + r])] for s in range(0, len(values) - r + 1, r)]


def unsorted(losses, values, r):
    return best_of(np.arange(len(values)), values, r)


def one_too_many(losses, values, r):
    order = np.argsort(losses)
    wins = [comb(len(values) - i, r - 1) for i in range(len(values))]
    return np.average(values[order], weights=wins)


def by_combinations(losses, values, r):
    return np.mean([min(group)[1] for group in combinations(zip(losses, values), r)])


ZOO = [
    (checks.check_paired_bootstrap, each_once, "a patient drawn twice counts twice"),
    (checks.check_paired_bootstrap, first_alone, "the first model alone"),
    (checks.check_paired_bootstrap, all_slides, "whatever was drawn"),
    (checks.check_paired_bootstrap, turned_round, "the sign is wrong"),
    (
        checks.check_paired_bootstrap,
        lambda *args: np.mean(paired(*args)),
        "came in shape (), expected (8,)",
    ),
    (
        checks.check_paired_bootstrap,
        lambda labels, first, second, patient, draws: [first[d] for d in draws],
        "your code raised IndexError",
    ),
    (checks.check_differences_of, two_draws, "judged on the same drawn rows"),
    (checks.check_differences_of, never_draws, "all differences are equal"),
    (checks.check_differences_of, draws_once, "all differences are equal"),
    (checks.check_differences_of, turned, "second minus first"),
    (checks.check_differences_of, draws_slides, "whole patients, as many as there are"),
    (checks.check_differences_of, few_patients, "whole patients, as many as there are"),
    (checks.check_differences_of, lambda *args: [0.0], "expected 60 finite numbers"),
    (checks.check_best_of, best_value, "chosen on test slides"),
    (checks.check_best_of, highest_loss, "the lowest is the best"),
    (checks.check_best_of, kept_in_order, "came in shape (4,), expected ()"),
    (checks.check_best_of, lambda *args: np.mean(kept_in_order(*args)), "every possible group"),
    (checks.check_best_of, lambda losses, values, r: values.mean(), "each group keeps one"),
    (checks.check_best_of, lambda losses, values, r: best_of(losses, losses, r), "mean loss"),
    (checks.check_best_of, unsorted, "sort them by loss"),
    (checks.check_best_of, one_too_many, "One start too many"),
    (checks.check_best_of, lambda losses, values, r: losses[::r], "expected"),
    (
        checks.check_best_of,
        lambda losses, values, r: values[np.argmin(losses)],
        "only now and then",
    ),
    (checks.check_best_of, lambda losses, values, r: values.max(), "the highest test value"),
    (
        checks.check_best_of,
        lambda losses, values, r: values[np.argsort(losses)[:r]].mean(),
        "the mean of the r best starts",
    ),
    (
        checks.check_best_of,
        lambda losses, values, r: np.sort(values)[-r:].mean(),
        "the r highest test values",
    ),
    (checks.check_slides_needed, 277, "square the ratio"),
    (checks.check_slides_needed, 2381, "Take half of the interval's width"),
    (checks.check_slides_needed, 4.6, "multiply by 129"),
    (checks.check_slides_needed, 466, "count the 129 as well"),
    (checks.check_slides_needed, 800, "too large"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


@pytest.mark.parametrize(
    ("check", "answers"),
    by_check(
        [
            (checks.check_paired_bootstrap, paired),
            (checks.check_paired_bootstrap, by_weights),
            (checks.check_differences_of, same_rows),
            (checks.check_differences_of, by_integers),
            (checks.check_best_of, best_of),
            (checks.check_best_of, by_combinations),
            (checks.check_slides_needed, 600),
            (checks.check_slides_needed, 129 * (0.058 / 0.027) ** 2),
        ]
    ),
)
def test_right_answers_pass_in_any_style(check, answers):
    expect_state(check, answers, "right")
