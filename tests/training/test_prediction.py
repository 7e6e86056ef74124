import numpy as np
import pytest
import torch
from small_runs import model
from toy_bags import separable

from mil_tutorial import build_model, predict
from mil_tutorial.training.prediction import ensemble


def test_predict_keeps_order_and_mode_whatever_the_batch_size(train_val):
    net = model().train()
    one, many = (predict(net, train_val[0], batch_size=size) for size in (1, 7))
    assert net.training
    np.testing.assert_allclose(one.logits, many.logits, atol=1e-6)
    np.testing.assert_allclose(one.attention, many.attention, atol=1e-6)
    assert [len(a) for a in one.per_bag(one.attention)] == train_val[0].sizes.tolist()
    assert all(abs(a.sum() - 1) < 1e-5 for a in one.per_bag(one.attention))
    np.testing.assert_array_equal(one.labels, train_val[0].labels)


def members(n=3, bags=None):
    bags = bags or separable(10, seed=0)
    predictions = []
    for seed in range(n):
        torch.manual_seed(seed)
        predictions.append(predict(build_model("gated", 4, 8), bags))
    return predictions


def test_it_averages_and_attention_still_sums_to_one():
    predictions = members()
    together = ensemble(predictions)
    np.testing.assert_allclose(together.logits, sum(m.logits for m in predictions) / 3, rtol=1e-5)
    scores = np.mean([m.instance_logits for m in predictions], axis=0)
    np.testing.assert_allclose(together.instance_logits, scores, rtol=1e-5)
    sums = [a.sum() for a in together.per_bag(together.attention)]
    np.testing.assert_allclose(sums, 1, rtol=1e-5)


def test_one_member_is_itself_and_order_does_not_matter():
    predictions = members()
    np.testing.assert_array_equal(ensemble(predictions[:1]).logits, predictions[0].logits)
    np.testing.assert_allclose(
        ensemble(predictions).logits, ensemble(predictions[::-1]).logits, rtol=1e-5
    )


def test_other_bags_are_refused():
    other = members(1, separable(10, seed=1))[0]
    with pytest.raises(ValueError, match="member 3 judged other bags than member 0"):
        ensemble([*members(), other])
    with pytest.raises(ValueError, match="at least one member"):
        ensemble([])
