"""Known wrong answers of the comparison built in stages must fail, each with its message."""

import numpy as np
import pytest
import torch
from scipy.stats import rankdata
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from verdicts import by_check, expect_state

from mil_tutorial import auc, paired_difference
from mil_tutorial.checks import comparison_stages as checks


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
    return auc(labels, first) - auc(labels, second), np.array(out)


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


WRONG = [
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
RIGHT = [
    (checks.check_patients_held_out, halves),
    (checks.check_patients_held_out, lambda p, seed: torch.tensor(halves(p, seed))),
    (checks.check_held_out_scores, scores),
    (checks.check_held_out_scores, lambda *case: scores(*case).tolist()),
    (checks.check_paired_interval, interval),
    (checks.check_paired_interval, by_formula),
    (checks.check_call_it, call_it),
    (checks.check_call_it, lambda *args: f" {call_it(*args)} ".upper()),
]


@pytest.mark.parametrize(("check", "answers"), by_check(WRONG))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


@pytest.mark.parametrize(("check", "answers"), by_check(RIGHT))
def test_right_answers_pass_in_any_style(check, answers):
    expect_state(check, answers, "right")
