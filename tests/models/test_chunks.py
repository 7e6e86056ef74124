import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mil_tutorial import build_model
from mil_tutorial.models.chunks import forward_in_chunks
from mil_tutorial.models.encoders import NucleusEncoder
from mil_tutorial.models.mil import MIL, POOLINGS, AttentionMIL, MILOutput
from mil_tutorial.models.pooling import (
    AttentionPooling,
    Pooled,
    bag_index,
    segment_softmax,
    segment_weighted_sum,
)

WIDTH = 5
some_sizes = st.lists(st.integers(1, 9), min_size=1, max_size=6)


def made(pooling, dropout=0.0):
    torch.manual_seed(1)
    return build_model(pooling, WIDTH, 7, dropout=dropout).double()


def packed(sizes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    instances = torch.randn(sum(sizes), WIDTH, generator=generator, dtype=torch.double)
    return instances, torch.tensor(sizes)


def with_gradients(model, forward):
    """Return what a model says and the gradients of a function of all of it."""
    model.zero_grad()
    logits, attention = forward()[:2]
    objective = (logits**2).sum()
    if attention.requires_grad:
        objective = objective + (attention * torch.arange(len(attention))).sum()
    objective.backward()
    return [logits, attention, *(p.grad.clone() for p in model.parameters())]


@pytest.mark.parametrize("pooling", POOLINGS)
@settings(deadline=None, max_examples=25)
@given(sizes=some_sizes, at_once=st.integers(1, 12))
def test_chunks_of_any_length_give_the_whole_in_values_and_gradients(pooling, sizes, at_once):
    model, (instances, n) = made(pooling), packed(sizes)
    whole = with_gradients(model, lambda: model.forward_packed(instances, n))
    parts = with_gradients(model, lambda: forward_in_chunks(model, instances, n, at_once))
    for one, other in zip(whole, parts, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("pooling", POOLINGS)
def test_each_instance_has_its_own_logit(pooling):
    model, (instances, n) = made(pooling), packed([3, 4, 1])
    logits = forward_in_chunks(model, instances, n, 2).instance_logits
    torch.testing.assert_close(logits, model.instance_logits(model.embed(instances)))


def test_scores_of_any_height_neither_overflow_nor_vanish():
    model, (instances, n) = made("attention"), packed([6, 3])
    with torch.no_grad():
        model.pooling.w.weight.mul_(1e4)
    logits, attention, _ = forward_in_chunks(model, instances, n, 2)
    assert torch.isfinite(logits).all()
    torch.testing.assert_close(torch.stack([a.sum() for a in attention.split([6, 3])]),
                               torch.ones(2, dtype=torch.double))  # fmt: skip


def test_dropout_is_the_same_when_a_chunk_is_computed_again():
    """A gradient check by finite differences fails where the backward pass drops other units."""
    model, (instances, n) = made("gated", dropout=0.5), packed([7, 2])
    model.train()

    def loss():
        torch.manual_seed(0)
        return forward_in_chunks(model, instances, n, 3).logits.sum()

    model.zero_grad()
    loss().backward()
    bias = model.embedding[0].bias
    step = 1e-6
    with torch.no_grad():
        bias[2] += step
        up = loss()
        bias[2] -= 2 * step
        down = loss()
    assert bias.grad[2].item() == pytest.approx(float(up - down) / (2 * step), abs=1e-5)


def test_nothing_is_kept_for_the_backward_pass_but_one_chunk():
    model = build_model("gated", 64, 64)
    instances, n = torch.randn(4096, 64), torch.tensor([4096])

    def kept(forward):
        held = []

        def pack(tensor):
            held.append(tensor.numel())
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            forward()
        return sum(held)

    whole = kept(lambda: model.forward_packed(instances, n))
    chunks = kept(lambda: forward_in_chunks(model, instances, n, 256))
    assert chunks < whole / 10


def test_batch_normalisation_is_refused_in_training_only():
    model = build_model("gated", NucleusEncoder.output_dim, 4, encoder=NucleusEncoder())
    patches, n = torch.randn(4, 3, 27, 27), torch.tensor([4])
    with pytest.raises(ValueError, match="batch normalisation"):
        forward_in_chunks(model.train(), patches, n, 2)
    model.eval()
    torch.testing.assert_close(
        forward_in_chunks(model, patches, n, 2).logits, model.forward_packed(patches, n).logits
    )


class Sharper(AttentionPooling):
    """A layer of one's own: its attention is not the softmax of its scores."""

    def forward(self, values, sizes):
        attention = segment_softmax(10 * self.scores(values), bag_index(sizes), len(sizes))
        return Pooled(segment_weighted_sum(values, attention, sizes), attention)


class Shifted(AttentionMIL):
    """A model of one's own."""

    def classify(self, embeddings, sizes):
        logits, attention = super().classify(embeddings, sizes)
        return MILOutput(logits + 5, attention)


@pytest.mark.parametrize(
    "model", [MIL(WIDTH, 7, Sharper(7, 3)), Shifted(WIDTH, 7)], ids=["pooling", "model"]
)
def test_layers_of_ones_own_are_used_as_they_are(model):
    model, (instances, n) = model.double(), packed([6, 3])
    expected, chunked = (
        model.forward_packed(instances, n),
        forward_in_chunks(model, instances, n, 2),
    )
    torch.testing.assert_close(chunked.logits, expected.logits)
    torch.testing.assert_close(chunked.attention, expected.attention)


def test_sizes_are_checked():
    with pytest.raises(ValueError, match="bag 1 of the batch has no real instance"):
        forward_in_chunks(made("gated"), torch.randn(5, WIDTH).double(), torch.tensor([2, 0, 3]), 2)
