import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mil_tutorial import aopc, build_model, deletion_curve
from mil_tutorial.models.mil import POOLINGS


def make_model(pooling="gated", width=4, seed=0):
    torch.manual_seed(seed)
    return build_model(pooling, input_dim=width, hidden_dim=8, dropout=0.5).eval()


def one_by_one(model, features, order, n_deletions):
    """Delete from the bag itself, and run the whole model each time."""
    logits = []
    for k in range(n_deletions + 1):
        kept = np.setdiff1d(np.arange(len(features)), order[:k])
        with torch.inference_mode():
            logits.append(model(features[kept][None]).logits.item())
    return np.array(logits)


@settings(max_examples=40, deadline=None)
@given(
    pooling=st.sampled_from(POOLINGS),
    n=st.integers(2, 12),
    seed=st.integers(0, 99),
    tiles_at_once=st.sampled_from([1, 7, 2**17]),
)
def test_it_equals_deleting_one_by_one(pooling, n, seed, tiles_at_once):
    model, rng = make_model(pooling, seed=seed), np.random.default_rng(seed)
    features = torch.randn(n, 4, generator=torch.Generator().manual_seed(seed))
    order, n_deletions = rng.permutation(n), int(rng.integers(1, n))
    curve = deletion_curve(
        model, features, order, n_deletions, output="logit", tiles_at_once=tiles_at_once
    )
    expected = one_by_one(model, features, order, n_deletions)
    assert curve.shape == (n_deletions + 1,)
    np.testing.assert_allclose(curve, expected, atol=1e-5)
    probabilities = deletion_curve(model, features, order, n_deletions)
    np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-expected)), atol=1e-5)


def decisive(n=30, witness=11):
    """A model whose attention and head follow one feature, and a bag with one tile that has it."""
    model = build_model("attention", input_dim=2, hidden_dim=2)
    with torch.no_grad():
        model.embedding[0].weight.copy_(torch.eye(2))
        model.embedding[0].bias.zero_()
        for layer in (model.pooling.V, model.head):
            layer.bias.zero_()
            layer.weight.zero_()
        model.pooling.V.weight[:, 0] = 1.0
        model.pooling.w.weight.fill_(20 / 128)
        model.head.weight[0, 0] = 8.0
        model.head.bias.fill_(-4.0)
    features = torch.zeros(n, 2)
    features[witness, 0] = 1.0
    return model.eval(), features, witness


def test_one_decisive_tile_is_found_by_the_order_that_takes_it_first():
    model, features, witness = decisive()
    rest = np.delete(np.arange(30), witness)
    first = deletion_curve(model, features, np.r_[witness, rest], 10)
    last = deletion_curve(model, features, np.r_[rest, witness], 10)
    assert first[0] > 0.97
    np.testing.assert_allclose(first[1:], 1 / (1 + np.exp(4)), atol=1e-6)
    assert (last > 0.97).all()
    assert aopc(first) > 0.8
    assert abs(aopc(last)) < 0.01
    random = [np.random.default_rng(seed).permutation(30) for seed in range(40)]
    drops = [aopc(deletion_curve(model, features, order, 10)) for order in random]
    assert aopc(last) < np.mean(drops) < aopc(first)


def test_what_is_not_deleted_has_no_order():
    model, features = make_model(), torch.randn(9, 4)
    order = np.array([3, 1, 7, 0, 2, 4, 5, 6, 8])
    other = np.array([3, 1, 7, 8, 6, 5, 4, 2, 0])
    np.testing.assert_allclose(
        deletion_curve(model, features, order, 3),
        deletion_curve(model, features, other, 3),
        atol=1e-6,
    )


def test_by_default_one_tile_stays():
    model, features = make_model(), torch.randn(5, 4)
    order = np.arange(5)[::-1]  # negative strides, as of argsort(...)[::-1]
    curve = deletion_curve(model, features.numpy(), order, output="logit")
    assert curve.shape == (5,)
    alone = model(features[None, :1]).logits.item()
    assert curve[-1] == pytest.approx(alone, abs=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_is_restored_and_dropout_is_off(training):
    model, features = make_model().train(training), torch.randn(6, 4)
    curves = [deletion_curve(model, features, range(6)) for _ in range(2)]
    np.testing.assert_array_equal(*curves)
    assert model.training is training
    with pytest.raises(ValueError, match="width 3"):
        deletion_curve(model, torch.randn(6, 3), range(6))
    assert model.training is training


BAD_INPUT = (
    (dict(order=[0, 1, 2]), r"order \[0, 1, 2\] is no permutation of the bag's 4 tiles"),
    (dict(order=[0, 1, 2, 2]), "no permutation"),
    (dict(order=[1, 2, 3, 4]), "give each of 0 … 3 once"),
    (dict(order=np.arange(20)), r"order of shape \(20,\) is no permutation"),
    (dict(n_deletions=4), "n_deletions is 4, expected 1 to 3: the bag has 4 tiles, and one"),
    (dict(n_deletions=0), "n_deletions is 0"),
    (dict(features=torch.randn(4, 7)), "features have width 7, the model expects 4"),
    (dict(features=torch.randn(1, 4), order=[0]), "at least two tiles"),
    (dict(features=torch.randn(4)), r"shape \(4,\), expected \(n, D\)"),
    (dict(output="logits"), "unknown output 'logits'; choose from probability, logit"),
)


def test_bad_input_is_named():
    good = dict(model=make_model(), features=torch.randn(4, 4), order=[2, 0, 1, 3])
    for changes, message in BAD_INPUT:
        with pytest.raises(ValueError, match=message):
            deletion_curve(**(good | changes))


def test_aopc_by_hand():
    assert aopc([0.9, 0.6, 0.3]) == pytest.approx((0.0 + 0.3 + 0.6) / 3)
    assert aopc([0.2, 0.5]) == pytest.approx(-0.15)  # the output rose
    assert aopc([0.7, 0.7, 0.7]) == 0


def test_a_bad_curve_is_named():
    for curve, message in (
        ([0.5], r"shape \(1,\), expected \(L \+ 1,\) with L ≥ 1"),
        ([[0.5, 0.4]], r"shape \(1, 2\)"),
        ([0.5, np.nan], "nan somewhere"),
    ):
        with pytest.raises(ValueError, match=message):
            aopc(curve)
