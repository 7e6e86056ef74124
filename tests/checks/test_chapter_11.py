"""Known wrong answers of chapter 11 must fail, each with the message that names it."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from verdicts import by_check, expect_state

from mil_tutorial import auc, best_of, paired_difference
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


def halves(patient, seed):
    """Half of the patients, drawn with the seed."""
    names = np.random.default_rng(seed).permutation(np.unique(patient))
    return np.isin(patient, names[: len(names) // 2])


def halves_of_slides(patient, seed):
    return np.random.default_rng(seed).permutation(len(patient)) < len(patient) // 2


def pipeline(features, labels, train):
    return make_pipeline(StandardScaler(), LogisticRegression()).fit(features[train], labels[train])


def scores(features, labels, test):
    return pipeline(features, labels, ~test).predict_proba(features[test])[:, 1]


def scaled_with_all(features, labels, test):
    scaled = StandardScaler().fit_transform(features)
    model = LogisticRegression().fit(scaled[~test], labels[~test])
    return model.predict_proba(scaled[test])[:, 1]


def of_class_0(features, labels, test):
    return 1 - scores(features, labels, test)


def calls(features, labels, test):
    return pipeline(features, labels, ~test).predict(features[test])


def trained_on_all(features, labels, test):
    model = pipeline(features, labels, np.full(len(test), True))
    return model.predict_proba(features[test])[:, 1]


def of_all_slides(features, labels, test):
    return pipeline(features, labels, ~test).predict_proba(features)[:, 1]


def both_columns(features, labels, test):
    return pipeline(features, labels, ~test).predict_proba(features[test])


def auc_by_ranks(labels, scores):
    """The AUC, quickly: hundreds of draws need it."""
    n = labels.sum()
    return (rankdata(scores)[labels == 1].sum() - n * (n + 1) / 2) / (n * (len(labels) - n))


def drawn_differences(labels, first, second, units, seed, paired=True):
    rng, names, out = np.random.default_rng(seed), np.unique(units), []
    rows = [np.flatnonzero(units == name) for name in names]
    for _ in range(300):
        mine, yours = (
            np.concatenate([rows[i] for i in rng.integers(len(rows), size=len(rows))])
            for _ in range(2)
        )
        yours = mine if paired else yours
        out.append(
            auc_by_ranks(labels[mine], first[mine]) - auc_by_ranks(labels[yours], second[yours])
        )
    return difference(labels, first, second, np.arange(len(labels))), np.array(out)


def interval(labels, first, second, patient, seed):
    found, differences = drawn_differences(labels, first, second, patient, seed)
    return found, *np.percentile(differences, [2.5, 97.5])


def by_formula(labels, first, second, patient, seed):
    found = paired_difference(auc, labels, first, second, list(patient))
    return found.value, found.low, found.high


def of_slides(labels, first, second, patient, seed):
    return interval(labels, first, second, np.arange(len(labels)), seed)


def of_two_draws(labels, first, second, patient, seed):
    found, differences = drawn_differences(labels, first, second, patient, seed, paired=False)
    return found, *np.percentile(differences, [2.5, 97.5])


def of_one_standard_error(labels, first, second, patient, seed):
    found, differences = drawn_differences(labels, first, second, patient, seed)
    return found, found - differences.std(), found + differences.std()


def turned_interval(labels, first, second, patient, seed):
    return interval(labels, second, first, patient, seed)


def around_0(labels, first, second, patient, seed):
    found, low, high = interval(labels, first, second, patient, seed)
    return found, low - found, high - found


def mean_of_draws(labels, first, second, patient, seed):
    _, differences = drawn_differences(labels, first, second, patient, seed)
    return differences.mean(), *np.percentile(differences, [2.5, 97.5])


def call_it(difference, low, high, margin):
    if -margin <= low and high <= margin:
        return "equal"
    return "first" if low > 0 else "second" if high < 0 else "cannot say"


def equal_where_0_is_held(difference, low, high, margin):
    return "first" if low > 0 else "second" if high < 0 else "equal"


def by_the_difference(difference, low, high, margin):
    return "equal" if abs(difference) < margin else "first" if difference > 0 else "second"


def without_margin(difference, low, high, margin):
    return "first" if low > 0 else "second" if high < 0 else "cannot say"


def turned_words(difference, low, high, margin):
    return {"first": "second", "second": "first"}.get(
        word := call_it(difference, low, high, margin), word
    )


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
    (checks.check_patients_held_out, halves_of_slides, "is on both sides"),
    (checks.check_patients_held_out, lambda patient, seed: halves(patient, 0), "the same split"),
    (checks.check_patients_held_out, lambda p, seed: halves(p, None), "default_rng(seed)"),
    (checks.check_patients_held_out, lambda p, seed: p == p[seed], "expected half of them"),
    (checks.check_patients_held_out, lambda p, seed: np.flatnonzero(halves(p, seed)), "a bool for"),
    (checks.check_patients_held_out, lambda p, seed: p[halves(p, seed)], "a bool for"),
    (checks.check_held_out_scores, scaled_with_all, "as in a pipeline"),
    (checks.check_held_out_scores, of_class_0, "the column of class 1"),
    (checks.check_held_out_scores, calls, "predict_proba"),
    (checks.check_held_out_scores, trained_on_all, "train on the other slides only"),
    (checks.check_held_out_scores, of_all_slides, "leave the training slides out"),
    (checks.check_held_out_scores, both_columns, "came in shape (30, 2), expected (30,)"),
    (checks.check_held_out_scores, lambda *case: scores(*case)[::-1], "order of the slides"),
    (checks.check_paired_interval, of_slides, "draw whole patients"),
    (checks.check_paired_interval, of_two_draws, "draw once for both"),
    (checks.check_paired_interval, of_one_standard_error, "97.5th percentiles"),
    (checks.check_paired_interval, turned_interval, "second minus first"),
    (checks.check_paired_interval, around_0, "leaves out its own difference"),
    (checks.check_paired_interval, mean_of_draws, "on all slides"),
    (checks.check_paired_interval, lambda *a: interval(*a)[1:], "got 2 numbers, expected three"),
    (checks.check_paired_interval, lambda *a: np.array(interval(*a))[[0, 2, 1]], "lower end"),
    (checks.check_paired_interval, lambda *a: drawn_differences(*a)[1], "got 300 numbers"),
    (checks.check_call_it, equal_where_0_is_held, "no proof of equality"),
    (checks.check_call_it, by_the_difference, "must lie on one side of 0"),
    (checks.check_call_it, without_margin, "too small a difference to matter"),
    (checks.check_call_it, turned_words, "above 0 the first is better"),
    (checks.check_call_it, lambda *args: "not significant", "expected one of first"),
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
            (checks.check_patients_held_out, halves),
            (checks.check_patients_held_out, lambda p, seed: torch.tensor(halves(p, seed))),
            (checks.check_held_out_scores, scores),
            (checks.check_held_out_scores, lambda *case: scores(*case).tolist()),
            (checks.check_paired_interval, interval),
            (checks.check_paired_interval, by_formula),
            (checks.check_call_it, call_it),
            (checks.check_call_it, lambda *args: f" {call_it(*args)} ".upper()),
        ]
    ),
)
def test_right_answers_pass_in_any_style(check, answers):
    expect_state(check, answers, "right")
