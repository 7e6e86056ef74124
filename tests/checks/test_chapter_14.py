"""Known wrong answers of chapter 14 must fail, each with the message that names it."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from verdicts import by_check, expect_state

from mil_tutorial import auc, confidence_interval
from mil_tutorial.checks import chapter_14 as checks


def cut(start, end):
    """Count shared parts of names."""
    return lambda train, test: len({n[start:end] for n in train} & {n[start:end] for n in test})


def slides_of_shared(train, test):
    patients = {name[:12] for name in train}
    return len([name for name in test if name[:12] in patients])


def either_side(train, test):
    return len({name[:12] for name in (*train, *test)})


def by_fields(train, test):
    train, test = ({tuple(name.split("-")[1:3]) for name in side} for side in (train, test))
    return np.int64(len(train.intersection(test)))


def loop_over_pairs(labels, scores, sites, tie=0.5, one_site=True):
    won, pairs = 0, 0
    for i in np.flatnonzero(labels == 1):
        for j in np.flatnonzero(labels == 0):
            if sites[i] == sites[j] or not one_site:
                pairs += 1
                won += (scores[i] > scores[j]) + tie * (scores[i] == scores[j])
    return won / pairs if pairs else np.nan


def site_by_site(labels, scores, sites, weigh=len):
    """Average the AUCs of sites, weighted by a number of their slides."""
    values, weights = [], []
    for site in set(sites.tolist()):
        y, s = labels[sites == site], scores[sites == site]
        if 0 < y.sum() < len(y):
            values.append(roc_auc_score(y, s))
            weights.append(weigh(y))
    return np.average(values, weights=weights) if values else np.nan


def verdicts(**changed):
    right = {claim: verdict for claim, (verdict, _) in checks.CLAIMS.items()}
    return right | changed


ZOO = [
    (checks.check_count_shared, lambda a, b: len(set(a) & set(b)), "first twelve characters"),
    (checks.check_count_shared, cut(0, 7), "shared sites"),
    (checks.check_count_shared, cut(0, 16), "Two samples of one patient"),
    (checks.check_count_shared, cut(8, 12), "at another site is another patient"),
    (checks.check_count_shared, slides_of_shared, "You counted test slides"),
    (checks.check_count_shared, either_side, "patients of either side"),
    (checks.check_count_shared, lambda a, b: {n[:12] for n in a} & {n[:12] for n in b}, "length"),
    (checks.check_count_shared, lambda a, b: "two", "expected a number of patients"),
    (checks.check_site_only_auc, 0.5625, "counts one half"),
    (checks.check_site_only_auc, 0.9375, "one half, not one"),
    (checks.check_site_only_auc, 1, "have one class only"),
    (checks.check_site_only_auc, 0.5, "the same share of each class"),
    (checks.check_site_only_auc, 0.25, "share of slides at one hospital"),
    (checks.check_site_only_auc, 75, "between 0 and 1"),
    (checks.check_auc_within, lambda y, s, sites: auc(y, 1 / (1 + np.exp(-s))), "all pairs"),
    (checks.check_auc_within, lambda *a: site_by_site(*a, weigh=lambda y: 1), "Add up pairs"),
    (checks.check_auc_within, lambda *a: loop_over_pairs(*a, tie=0), "one half, not nothing"),
    (checks.check_auc_within, lambda *a: loop_over_pairs(*a, tie=1), "one half, not one"),
    (checks.check_auc_within, lambda y, s, sites: loop_over_pairs(y, -s, sites), "wrong order"),
    (checks.check_auc_within, site_by_site, "expected"),
    (
        checks.check_auc_within,
        lambda y, s, sites: sum(
            (s[i] > s[j]) + 0.5 * (s[i] == s[j])
            for i in np.flatnonzero(y == 1)
            for j in np.flatnonzero(y == 0)
            if sites[i] == sites[j]
        ),
        "divide by how many pairs",
    ),
    (
        checks.check_auc_within,
        lambda y, s, sites: (
            np.nan_to_num(loop_over_pairs(y, s, sites))
            * (sites[y == 1][:, None] == sites[y == 0]).mean()
        ),
        "not by all pairs",
    ),
    (
        checks.check_auc_within,
        lambda y, s, sites: np.nan_to_num(loop_over_pairs(y, s, sites), nan=0.5),
        "(one class at each site)",
    ),
    (checks.check_auc_within, lambda y, s, sites: s, "expected one number"),
    (checks.check_verdicts, verdicts(A="yes"), "values that would matter"),
    (checks.check_verdicts, verdicts(B="cannot say"), "costs 0.01"),
    (checks.check_verdicts, verdicts(C="yes"), "reads hospitals"),
    (checks.check_verdicts, verdicts(D="cannot say"), "the subtype"),
    (checks.check_verdicts, verdicts(E="yes"), "deleting any others"),
    (checks.check_verdicts, verdicts(E="maybe"), "expected one of cannot say, no, yes"),
    (checks.check_verdicts, verdicts(E=...), "E: got Ellipsis"),
    (checks.check_verdicts, {"A": "yes"}, "keys A, B, C, D, E"),
    (checks.check_verdicts, "yes", "expected a dictionary"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


def package_within(labels, scores, sites):
    odds = 1 / (1 + np.exp(-scores))
    return confidence_interval(auc, labels, odds, range(len(labels)), within=sites).value


def weighted_by_pairs(labels, scores, sites):
    return site_by_site(labels, scores, sites, weigh=lambda y: y.sum() * (1 - y).sum())


RIGHT = [
    (checks.check_count_shared, cut(0, 12)),
    (checks.check_count_shared, by_fields),
    (checks.check_site_only_auc, 0.75),
    (checks.check_site_only_auc, np.float64(0.752)),
    (checks.check_auc_within, loop_over_pairs),
    (checks.check_auc_within, weighted_by_pairs),
    (checks.check_auc_within, package_within),
    (checks.check_verdicts, verdicts()),
    (checks.check_verdicts, verdicts(B=" Yes ", D="NO")),
]


@pytest.mark.parametrize(("check", "answers"), by_check(RIGHT))
def test_right_answers_pass_in_any_style(check, answers):
    expect_state(check, answers, "right")


def test_stubs_are_open():
    for check, _ in RIGHT:
        assert check.judge(...).state == "open"
    assert checks.check_auc_within.judge(lambda y, s, sites: ...).state == "open"


def test_a_wrong_verdict_names_the_claim():
    for claim, (right, _) in checks.CLAIMS.items():
        for wrong in {"yes", "no", "cannot say"} - {right}:
            text = checks.check_verdicts.judge(verdicts(**{claim: wrong})).text
            assert f"claim {claim}, not {wrong!r}" in text
