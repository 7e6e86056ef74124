from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import CONFIG, loss_of, model, weights

from mil_tutorial import MedicalBagDataset, build_model, fit
from mil_tutorial.metrics.attention import entropy_term


def weighted(weight, data, pooling="gated", **changes):
    """Train with an entropy weight; return the model and its history."""
    torch.manual_seed(0)
    net = build_model(pooling, 4, 8, dropout=0.5)
    return net, fit(net, *data, replace(CONFIG, entropy_weight=weight, **changes), progress=False)


def test_an_entropy_weight_of_0_is_as_if_there_were_none(train_val, monkeypatch):
    def refuse(*_):
        raise AssertionError("the term was computed")

    monkeypatch.setattr("mil_tutorial.training.loop.entropy_term", refuse)
    runs = [weighted(0.0, train_val), weighted(-0.0, train_val)]
    plain = model()
    fit(plain, *train_val, CONFIG, progress=False)
    assert all(torch.equal(weights(net), weights(plain)) for net, _ in runs)


@pytest.mark.parametrize("pooling", [pytest.param("attention", marks=pytest.mark.full), "gated"])
def test_a_positive_entropy_weight_sharpens_and_a_negative_one_spreads(pooling, train_val):
    last = {
        weight: weighted(weight, train_val, pooling, epochs=20)[1].epochs[-1].val_attention_entropy
        for weight in (-0.5, 0.0, 0.5)
    }
    assert last[0.5] < last[0.0] - 0.05
    assert last[-0.5] > last[0.0] + 0.02


def test_the_entropy_term_takes_part_in_training_only(train_val):
    """Losses are recorded without it, so that epochs are chosen by one measure."""
    net, history = weighted(0.5, train_val)
    assert history.best.val_loss == pytest.approx(loss_of(net, train_val[1]), abs=1e-6)
    one_batch = {"batch_size": 40, "epochs": 1}
    first = [weighted(w, train_val, **one_batch)[1].epochs[0].train_loss for w in (0.0, 0.5)]
    assert first[0] == first[1]  # taken before the first step


def test_bags_of_one_instance_add_no_entropy_and_no_nan(train_val):
    single = [(tiles[:1], label) for tiles, label in train_val[0]]
    plain, _ = weighted(0.0, (MedicalBagDataset(single), train_val[1]))
    for weight in (-0.3, 0.3):
        net, history = weighted(weight, (MedicalBagDataset(single), train_val[1]))
        assert torch.isfinite(weights(net)).all()
        torch.testing.assert_close(weights(net), weights(plain))
        assert np.isfinite(history.column("train_loss")).all()


def test_the_entropy_term_is_the_mean_over_bags_of_several_and_has_its_gradient():
    sizes = torch.tensor([3, 1, 4])
    scores = torch.randn(8, dtype=torch.float64, requires_grad=True)

    def term(s):
        return entropy_term(torch.cat([torch.softmax(x, 0) for x in s.split([3, 1, 4])]), sizes)

    bags = [torch.softmax(x, 0) for x in scores.detach().split([3, 1, 4])]
    truth = [-(a * a.log()).sum() / np.log(len(a)) for a in (bags[0], bags[2])]
    assert term(scores).item() == pytest.approx(float(sum(truth)) / 2)
    assert torch.autograd.gradcheck(term, scores)


def test_attention_that_is_not_learned_takes_no_entropy_weight(train_val):
    for pooling in ("max", "mean", "max_embedding", "mean_instance"):
        with pytest.raises(ValueError, match="needs attention that is learned.*no gradient"):
            weighted(0.1, train_val, pooling)
