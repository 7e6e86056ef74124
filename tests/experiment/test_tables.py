"""What the printed tables say beside their numbers."""

import pytest

from mil_tutorial.experiment.summary import METRICS
from mil_tutorial.experiment.tables import FEW, as_markdown


def toy_results(n_bags, n_positive):
    data = {"name": "own", "description": "features", "test_bags": n_bags, "folds": 1}
    data |= {"test_groups": n_bags, "test_positive": n_positive}
    row = {"pooling": "max", "auc": 0.5, "auc_low": 0.4, "auc_high": 0.6}
    return {
        "data": data,
        "seeds": [0],
        "members": 1,
        "wanted_sensitivity": 0.95,
        "rows": [dict.fromkeys(METRICS) | row],
        "baselines": {},
        "paired": [],
    }


@pytest.mark.parametrize(
    ("positive", "negative", "shares"),
    [(4, 50, ("25%", "2%")), (50, 8, ("2%", "12%")), (FEW - 1, FEW - 1, ("5%", "5%"))],
)
def test_a_small_test_set_says_what_one_bag_is_worth(positive, negative, shares):
    text = as_markdown(toy_results(positive + negative, positive)).replace("\n", " ")
    one, other = shares
    assert f"one positive bag moves sensitivity by {one}, one negative bag specificity" in text
    assert f"specificity by {other}." in text


@pytest.mark.parametrize(
    ("n_bags", "words"),
    [(19, "not measured for so few"), (20, "90 to 100 %"), (59, "90 to"), (60, "91 to 100 %")],
)
def test_coverage_is_claimed_where_it_was_measured(n_bags, words):
    assert words in as_markdown(toy_results(n_bags, 8))


def test_a_large_test_set_says_nothing_of_it():
    assert "small test set" not in as_markdown(toy_results(2 * FEW, FEW))


def test_an_ensemble_and_a_missing_validation_set_are_told():
    plain = toy_results(80, 40)
    text = as_markdown(plain)
    assert "1 seed.\n" in text
    assert "95% sensitivity\non validation bags" in text
    text = as_markdown(plain | {"members": 5, "wanted_sensitivity": None})
    assert "1 seed, each the mean of 5 models.\n" in text
    assert "at a probability of 0.5" in text
    assert "sensitivity\non validation" not in text
