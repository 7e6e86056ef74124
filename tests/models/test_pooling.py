import numpy as np
import pytest
import torch

from mil_tutorial import (
    AttentionPooling,
    GatedAttentionPooling,
    MaxPooling,
    MeanPooling,
    MeanProbabilityPooling,
    masked_softmax,
    segment_softmax,
)
from mil_tutorial.models.pooling import bag_index

SIZES = torch.tensor([3, 1, 4])


def per_bag(values):
    return torch.split(values, SIZES.tolist())


def test_bag_index():
    assert bag_index(torch.tensor([2, 3])).tolist() == [0, 0, 1, 1, 1]


def test_max_by_hand():
    values = torch.tensor([[1.0, 9.0], [5.0, 2.0], [5.0, 3.0], [-1.0, -2.0]], requires_grad=True)
    pooled = MaxPooling()(values, torch.tensor([3, 1]))
    assert pooled.values.tolist() == [[5.0, 9.0], [-1.0, -2.0]]
    assert pooled.attention.tolist() == [0.5, 0.25, 0.25, 1.0]  # equal winners share
    pooled.values.sum().backward()
    assert values.grad.tolist() == [[0, 1], [0.5, 0], [0.5, 0], [1, 1]]  # winners only


def test_mean_by_hand():
    values = torch.tensor([[1.0], [2.0], [6.0], [5.0]])
    pooled = MeanPooling()(values, torch.tensor([3, 1]))
    assert pooled.values.flatten().tolist() == pytest.approx([3.0, 5.0])
    assert pooled.attention.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 1.0])


def test_mean_probability_is_the_logit_of_the_mean_and_stands_extremes():
    logits = torch.tensor([[0.0], [2.0], [-1.0], [200.0], [-300.0]], dtype=torch.float64)
    pooled = MeanProbabilityPooling()(logits, torch.tensor([3, 2]))
    probability = torch.sigmoid(pooled.values).flatten()
    assert probability[0] == pytest.approx(torch.sigmoid(logits[:3]).mean())
    assert probability[1] == pytest.approx(0.5)


def numpy_attention(layer, h, gated):
    """Equations 8 and 9, written out in numpy for one bag."""
    parameters = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    inner = np.tanh(h @ parameters["V.weight"].T + parameters["V.bias"])
    if gated:
        inner = inner / (1 + np.exp(-(h @ parameters["U.weight"].T + parameters["U.bias"])))
    score = inner @ parameters["w.weight"][0]
    weight = np.exp(score) / np.exp(score).sum()
    return weight, weight @ h


@pytest.mark.parametrize("layer_type", [AttentionPooling, GatedAttentionPooling])
def test_attention_equals_the_equations(layer_type):
    torch.manual_seed(0)
    layer, values = layer_type(6, attention_dim=5).double(), torch.randn(8, 6).double()
    pooled = layer(values, SIZES)
    gated = layer_type is GatedAttentionPooling
    for h, attention, z in zip(
        per_bag(values), per_bag(pooled.attention), pooled.values, strict=True
    ):
        expected, expected_z = numpy_attention(layer, h.numpy(), gated)
        np.testing.assert_allclose(attention.detach(), expected, atol=1e-12)
        np.testing.assert_allclose(z.detach(), expected_z, atol=1e-12)


def test_segment_softmax_equals_torch_and_stands_large_scores():
    scores = torch.randn(8) * 50 + 1000
    weights = segment_softmax(scores, bag_index(SIZES), 3)
    expected = torch.cat([torch.softmax(s, 0) for s in per_bag(scores)])
    assert torch.allclose(weights, expected)


def test_segment_softmax_has_torchs_gradient():
    scores = torch.randn(8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: segment_softmax(s, bag_index(SIZES), 3), scores)


def test_masked_softmax():
    scores = torch.tensor([[0.0, 0.0, float("nan")], [1.0, 5.0, 2.0]])
    mask = torch.tensor([[True, True, False], [False, True, False]])
    assert masked_softmax(scores, mask).tolist() == [[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]
    with pytest.raises(ValueError, match="row 1 of the mask is all False"):
        masked_softmax(scores, torch.tensor([[True] * 3, [False] * 3]))
