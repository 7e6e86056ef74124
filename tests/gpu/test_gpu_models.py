"""Poolings: packed, padded and in chunks, with gradients, in float32 and bfloat16."""

import copy

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mil_tutorial import (
    BagBatch,
    attention_entropy,
    build_model,
    collate_packed,
    deletion_curve,
    forward_in_chunks,
)
from mil_tutorial.bags.augmentation import Affine, InOrder, StainJitter, TurnAndFlip
from mil_tutorial.models.mil import POOLINGS

WIDTH, HIDDEN = 32, 16
SIZES = ((3, 1, 40, 7), (700, 1, 300))  # pooled in one pass over all bags, and bag by bag
TOLERANCE = {None: 1e-4, torch.bfloat16: 3e-2}
"""Of the norm of a difference, relative to the norm. float32 keeps seven digits, and sums of 1,000
terms in another order lose two of them. On a CPU, bfloat16 differs from float32 by at most 0.012
here; two devices that round differently, each that far from float32, differ by twice as much."""


def make(pooling, sizes):
    """Return a model and bags whose embeddings come out without rounding, on every device.

    Otherwise the largest of two that are nearly equal would depend on the device, and with it all
    the attention and gradient of max pooling.
    """
    torch.manual_seed(0)
    model = build_model(pooling, WIDTH, HIDDEN)
    layer = model.embedding[0]
    with torch.no_grad():
        layer.weight.copy_(torch.randint(-4, 5, layer.weight.shape) / 16)
        layer.bias.copy_(torch.randint(-4, 5, layer.bias.shape) / 16)
    bags = [(torch.randint(-2, 3, (n, WIDTH)).float(), i % 2) for i, n in enumerate(sizes)]
    return model, collate_packed(bags)


def packed(model, batch):
    return model.forward_packed(batch.instances, batch.sizes)


def padded(model, batch):
    bags, mask, _ = batch.padded()
    logits, attention = model(bags, mask)
    assert not attention[~mask].any()
    return logits, attention[mask]


def chunked(model, batch):
    return forward_in_chunks(model, batch.instances, batch.sizes, at_once=64)[:2]


def computed(way, model, batch, device, precision=None):
    """Return logits, attention and the gradient of each parameter, by name, on the CPU."""
    model, batch = copy.deepcopy(model).to(device), batch.to(device)
    with torch.autocast(device, precision, enabled=precision is not None):
        logits, attention = way(model, batch)
    assert logits.device.type == attention.device.type == device
    assert logits.dtype == attention.dtype == torch.float32  # whatever the products are
    F.binary_cross_entropy_with_logits(logits, batch.labels).backward()
    values = {"logits": logits.detach(), "attention": attention.detach()}
    values |= {n: p.grad for n, p in model.named_parameters() if p.grad is not None}
    return {name: value.cpu() for name, value in values.items()}


def assert_alike(values, expected, tolerance):
    assert values.keys() == expected.keys()
    for name, value in expected.items():
        difference = float((values[name] - value).norm() / value.norm())
        assert difference < tolerance, f"{name} differs by {difference:.1e}"


@pytest.mark.parametrize("sizes", SIZES, ids=["small", "large"])
@pytest.mark.parametrize("precision", TOLERANCE, ids=["float32", "bfloat16"])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_packed_padded_and_in_chunks_are_those_of_the_cpu(device, pooling, precision, sizes):
    model, batch = make(pooling, sizes)
    expected = computed(packed, model, batch, "cpu", precision)
    for way in (packed, padded, chunked):
        values = computed(way, model, batch, device, precision)
        assert_alike(values, expected, TOLERANCE[precision])


@pytest.mark.parametrize("pooling", POOLINGS)
def test_garbage_under_the_mask_changes_nothing(device, pooling):
    model, batch = make(pooling, SIZES[0])
    bags, mask, _ = batch.to(device).padded()
    model = model.to(device)
    spoilt = bags.masked_fill(~mask[:, :, None], float("nan"))
    for value, expected in zip(model(spoilt, mask), model(bags, mask), strict=True):
        torch.testing.assert_close(value, expected)


def test_entropy_and_deletions_are_those_of_the_cpu(device):
    model, batch = make("gated", SIZES[0])
    features, order = batch.instances[4:44], np.arange(40)
    curves = [deletion_curve(copy.deepcopy(model).to(d), features, order) for d in ("cpu", device)]
    np.testing.assert_allclose(*curves, rtol=1e-4)
    attention = packed(model, batch).attention.detach()
    entropies = [
        attention_entropy(attention.to(d), sizes=batch.sizes.to(d)).cpu() for d in ("cpu", device)
    ]
    torch.testing.assert_close(*entropies)


def test_augmentation_draws_the_same_on_every_device(device):
    augment = InOrder((TurnAndFlip(), Affine(degrees=20, shift=2, shear=0.1), StainJitter(0.1)))
    torch.manual_seed(0)
    batch = BagBatch(torch.rand(9, 3, 16, 16), torch.tensor([4, 5]), torch.tensor([0.0, 1.0]))
    made = []
    for where in ("cpu", device):
        torch.manual_seed(1)
        moved = batch.to(where)
        made.append(augment(moved.instances, moved.sizes).cpu())
    torch.testing.assert_close(*made, rtol=1e-4, atol=1e-4)
