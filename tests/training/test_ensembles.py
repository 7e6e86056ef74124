import numpy as np
import pytest
import torch
from toy_bags import separable

from mil_tutorial import build_model, predict
from mil_tutorial.training.prediction import ensemble


def members(n=3, bags=None):
    bags = bags or separable(10, seed=0)
    found = []
    for seed in range(n):
        torch.manual_seed(seed)
        found.append(predict(build_model("gated", 4, 8), bags))
    return found


def test_it_averages_and_attention_still_sums_to_one():
    found = members()
    together = ensemble(found)
    np.testing.assert_allclose(together.logits, sum(m.logits for m in found) / 3, rtol=1e-5)
    scores = np.mean([m.instance_logits for m in found], axis=0)
    np.testing.assert_allclose(together.instance_logits, scores, rtol=1e-5)
    sums = [a.sum() for a in together.per_bag(together.attention)]
    np.testing.assert_allclose(sums, 1, rtol=1e-5)


def test_one_member_is_itself_and_order_does_not_matter():
    found = members()
    np.testing.assert_array_equal(ensemble(found[:1]).logits, found[0].logits)
    np.testing.assert_allclose(ensemble(found).logits, ensemble(found[::-1]).logits, rtol=1e-5)


def test_other_bags_are_refused():
    other = members(1, separable(10, seed=1))[0]
    with pytest.raises(ValueError, match="member 3 judged other bags than member 0"):
        ensemble([*members(), other])
    with pytest.raises(ValueError, match="at least one member"):
        ensemble([])
