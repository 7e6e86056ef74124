import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy as scipy_entropy

from mil_tutorial import (
    attention_entropy,
    effective_instances,
    instance_auc,
    instance_confusion,
    pad,
)
from mil_tutorial.metrics.attention import smooth_scores


@st.composite
def attentions(draw):
    sizes = draw(st.lists(st.integers(1, 12), min_size=1, max_size=6))
    scores = torch.randn(
        sum(sizes), generator=torch.Generator().manual_seed(draw(st.integers(0, 999)))
    )
    scores = (scores * draw(st.sampled_from([0.0, 1.0, 30.0]))).double()
    return torch.cat([torch.softmax(s, 0) for s in torch.split(scores, sizes)]), torch.tensor(sizes)


@settings(max_examples=60, deadline=None)
@given(data=attentions())
def test_entropy_equals_scipys_and_lies_between_0_and_1(data):
    attention, sizes = data
    entropy = attention_entropy(attention, sizes=sizes)
    assert ((entropy >= 0) & (entropy <= 1 + 1e-9)).all()
    nats = attention_entropy(attention, sizes=sizes, normalised=False)
    for e, normalised, a in zip(nats, entropy, torch.split(attention, sizes.tolist()), strict=True):
        assert e.item() == pytest.approx(scipy_entropy(a.numpy()), abs=1e-9)
        assert normalised.item() == pytest.approx(e.item() / max(np.log(len(a)), np.log(2)))
    effective = effective_instances(attention, sizes=sizes)
    assert (effective >= 1).all()
    assert (effective <= sizes + 1e-6).all()


@settings(max_examples=30, deadline=None)
@given(data=attentions())
def test_padded_with_mask_equals_packed(data):
    attention, sizes = data
    padded, mask = pad(attention, sizes)
    torch.testing.assert_close(
        attention_entropy(padded, mask=mask), attention_entropy(attention, sizes=sizes)
    )


def test_uniform_is_1_one_hot_is_0_one_instance_is_0():
    entropy = attention_entropy([0.25] * 4 + [1.0, 0.0] + [1.0], sizes=[4, 2, 1])
    assert entropy.tolist() == pytest.approx([1.0, 0.0, 0.0])
    assert effective_instances([[0.25] * 4, [1.0, 0, 0, 0]]).tolist() == pytest.approx([4.0, 1.0])


def test_entropy_can_join_a_loss():
    scores = torch.randn(5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda s: attention_entropy(torch.softmax(s, 0), sizes=torch.tensor([5])), scores
    )


def test_the_gradient_stays_finite_when_attention_collapses():
    scores = torch.tensor([0.0, 200.0], requires_grad=True)
    attention_entropy(torch.softmax(scores, 0), sizes=torch.tensor([2])).sum().backward()
    assert torch.isfinite(scores.grad).all()


def test_packed_weights_need_sizes():
    with pytest.raises(ValueError, match=r"shape \(2,\); give it padded \(B, K\) with mask"):
        attention_entropy([0.5, 0.5])


def test_scores_in_place_of_weights_are_refused():
    with pytest.raises(ValueError, match=r"attention of bag 1 sums to 1\.7, expected 1"):
        attention_entropy([0.5, 0.5, 0.9, 0.8], sizes=[2, 2])
    with pytest.raises(ValueError, match="sizes sum to 3, but there are 4 instances"):
        attention_entropy([0.5, 0.5, 0.5, 0.5], sizes=[2, 1])


def test_instance_confusion_by_hand():
    counts = instance_confusion([0.1, 3.0, 2.0, 0.5], [0, 1, 0, 1], threshold=2.0)
    assert counts == (1, 1, 1, 1)
    assert counts.false_positives == 1
    with pytest.raises(ValueError, match="differ in shape"):
        instance_confusion([0.1], [0, 1], 0.5)


def test_instance_auc_is_taken_within_each_bag():
    scores = [np.array([0.1, 0.9, 0.2]), np.array([5.0, 6.0]), np.array([1.0, 1.0])]
    truth = [np.array([0, 1, 0]), np.array([0, 0]), np.array([0, 1])]
    np.testing.assert_array_equal(instance_auc(scores, truth), [1.0, np.nan, 0.5])


def scene(n=40, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=n), rng.uniform(0, 100, (n, 2))


def by_hand(scores, coords, radius):
    smoothed = []
    for place in coords:
        distance = np.linalg.norm(coords - place, axis=1)
        weight = np.exp(-0.5 * (distance / radius) ** 2) * (distance <= 3 * radius)
        smoothed.append((weight * scores).sum() / weight.sum())
    return np.array(smoothed)


def test_smoothing_equals_a_loop():
    scores, coords = scene()
    for radius in (3.0, 20.0, 1000.0):
        np.testing.assert_allclose(
            smooth_scores(scores, coords, radius), by_hand(scores, coords, radius)
        )


def test_limits_of_smoothing():
    scores, coords = scene()
    np.testing.assert_array_equal(smooth_scores(scores, coords, 0), scores)
    np.testing.assert_allclose(smooth_scores(scores, coords, 1e6), scores.mean())
    np.testing.assert_array_equal(smooth_scores(scores[:1], coords[:1], 20), scores[:1])
    constant = np.full(40, 3.0)
    np.testing.assert_allclose(smooth_scores(constant, coords, 15), constant)


def test_smoothing_does_not_depend_on_order():
    scores, coords = scene()
    order = np.random.default_rng(1).permutation(40)
    np.testing.assert_allclose(
        smooth_scores(scores[order], coords[order], 10), smooth_scores(scores, coords, 10)[order]
    )


def test_smoothing_two_neighbours_by_hand():
    smoothed = smooth_scores([1.0, 0.0, 5.0], [(0, 0), (10, 0), (500, 0)], radius=10)
    weight = np.exp(-0.5)
    np.testing.assert_allclose(smoothed, [1 / (1 + weight), weight / (1 + weight), 5])


def test_bad_scores_places_and_radius_are_named():
    for scores, coords, radius, message in (
        ([1.0, 2.0], [(0, 0)], 5, "coords \\(1, 2\\), expected"),
        ([1.0, np.nan], [(0, 0), (1, 1)], 5, "must be finite"),
        ([1.0, 2.0], [(0, 0), (1, 1)], -5, "got -5"),
    ):
        with pytest.raises(ValueError, match=message):
            smooth_scores(scores, coords, radius)
