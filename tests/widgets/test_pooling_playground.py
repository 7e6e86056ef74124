import math

import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from mil_tutorial.widgets.base import WIDGET_VIEW
from mil_tutorial.widgets.pooling_playground import PARAMETERS, PRESETS, PoolingPlayground


def by_hand(scores, w, gated):
    """Attention and the bag's logit, written out."""
    powers = []
    for s in scores:
        score = w * math.tanh(PARAMETERS["v"] * s + PARAMETERS["b"])
        if gated:
            score /= 1 + math.exp(-(PARAMETERS["u"] * s + PARAMETERS["c"]))
        powers.append(math.exp(score))
    weights = np.array(powers) / sum(powers)
    return weights, float(weights @ scores)


def test_attention_is_the_formula():
    scores = [-3.0, -1.0, 0.5, 4.0, 7.0]
    for name, gated in [("attention", False), ("gated", True)]:
        bag = PoolingPlayground(scores, sharpness=2.5).results()[name]
        weights, logit = by_hand(scores, 2.5, gated)
        np.testing.assert_allclose(bag.weights, weights, rtol=1e-12)
        assert bag.logit == pytest.approx(logit, rel=1e-12)
        assert bag.probability == pytest.approx(1 / (1 + math.exp(-logit)), rel=1e-12)


def test_max_and_mean_by_hand():
    results = PoolingPlayground([1.0, 3.0, 3.0, -2.0]).results()
    assert results["max"].weights.tolist() == [0, 0.5, 0.5, 0]  # equal winners share
    assert results["max"].logit == 3
    assert results["mean"].weights.tolist() == [0.25] * 4
    assert results["mean"].logit == 1.25


def test_without_sharpness_attention_is_the_mean():
    results = PoolingPlayground([-2.0, 4.0, 7.0], sharpness=0).results()
    for name in ("attention", "gated"):
        np.testing.assert_allclose(results[name].weights, 1 / 3)


def test_attention_lies_between_mean_and_max_and_sharpens_towards_max():
    logits = [PoolingPlayground(sharpness=w).results()["attention"].logit for w in (0, 1, 3, 10)]
    ends = PoolingPlayground().results()
    assert logits == sorted(logits)
    assert ends["mean"].logit <= logits[0] + 1e-9
    assert logits[-1] < ends["max"].logit


def test_presets_tell_what_they_are_for():
    called = {
        name: [
            pooling for pooling, bag in PoolingPlayground(scores).results().items() if bag.logit > 0
        ]
        for name, scores in PRESETS.items()
    }
    assert called == {
        "one tumour tile": ["max", "attention", "gated"],
        "a tenth tumour": ["max", "attention", "gated"],
        "no tumour": [],
        "no tumour, one artefact": ["max", "attention"],  # the gate shuts the artefact out
    }


def test_a_shut_gate_counts_like_a_detector_at_zero():
    weights = PoolingPlayground([-2.0, 8.0]).results()["gated"].weights
    assert weights[0] == pytest.approx(weights[1], rel=0.02)


def test_mean_drowns_the_tumour_and_max_does_not_notice_healthy_tiles():
    few, many = (PoolingPlayground([4.0, *[-2.0] * n]).results() for n in (2, 20))
    assert few["mean"].logit == 0
    assert many["mean"].logit < -1.5
    assert few["max"].logit == many["max"].logit


def test_setting_scores_changes_results_and_description():
    playground = PoolingPlayground()
    playground.scores = [1, 2]
    playground.sharpness = 0.0
    assert playground.results()["attention"].logit == 1.5
    assert "A bag of 2 tiles with the scores 1.0, 2.0; w = 0.0." in playground.description()
    assert "Mean: every tile has weight 0.500; logit 1.50" in playground.description()
    assert playground.start["sharpness"] == 3.0  # Reset goes back to the beginning


def test_scores_may_be_arrays_or_tensors():
    for scores in (np.array([1.0, 2.0]), torch.tensor([1.0, 2.0])):
        assert PoolingPlayground(scores).scores == [1.0, 2.0]


def test_scores_that_cannot_be_drawn_are_refused():
    for scores, message in [
        ([], "got 0 tiles, expected 1 to 24"),
        ([0.0] * 25, "got 25 tiles, expected 1 to 24"),
        ([0.0, 9.0], "the score of tile 2 is 9, expected -4 to 8"),
        ([float("nan")], "the score of tile 1 is nan"),
    ]:
        with pytest.raises(ValueError, match=message):
            PoolingPlayground(scores)
        playground = PoolingPlayground()
        with pytest.raises(ValueError, match=message):
            playground.scores = scores


def test_sharpness_out_of_range_is_refused():
    for sharpness in [-1, 11, float("nan")]:
        with pytest.raises(ValueError, match="expected 0 to 10"):
            PoolingPlayground(sharpness=sharpness)


def test_twin_and_view_stand_side_by_side():
    before = plt.get_fignums()
    playground = PoolingPlayground([1.0])
    bundle, _ = playground._repr_mimebundle_()
    assert {WIDGET_VIEW, "text/html", "image/png", "text/plain"} <= bundle.keys()
    assert bundle["text/plain"] == playground.description()
    assert '<img alt="A bag of 1 tile with' in bundle["text/html"]
    assert plt.get_fignums() == before


def test_twin_draws_the_weights():
    figure = PoolingPlayground().twin()
    heights = [[bar.get_height() for bar in axes.patches] for axes in figure.axes]
    plt.close(figure)
    assert heights[0] == PRESETS["one tumour tile"]
    for drawn, bag in zip(heights[1:], PoolingPlayground().results().values()):
        np.testing.assert_allclose(drawn, bag.weights)
    assert figure.get_figwidth() <= 8
