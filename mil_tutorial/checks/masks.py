"""Whether pooling of padded bags sees the tiles, all of them, and nothing else."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from mil_tutorial.checks.cases import attempt_each, expect_each, values_of
from mil_tutorial.checks.exercise import Wrong
from mil_tutorial.checks.judging import attempt, expect_tensor, expect_values

INF = float("inf")
Rule = Callable[..., Any]


def examine_max_of_bags(answer: Any) -> None:
    """Judge ``max_of_bags(values, mask)``."""
    cases = {
        "2 bags, 3 tiles, 4 values": _bags([3, 2], 3, 4),
        "3 bags, 3 tiles, 3 values": _bags([1, 3, 2], 3, 3),
        "1 bag, 4 tiles, 1 value": _bags([2], 4, 1),
        "2 bags, 5 tiles, 5 values, all negative": (
            -1 - _bags([5, 1], 5, 5)[0].abs(),
            _bags([5, 1], 5, 5)[1],
        ),
    }
    got = attempt_each(answer, cases)
    truth = [_max_by_loop(*case) for case in cases.values()]
    for values, right, case in zip(got, truth, cases):
        expect_tensor(values, tuple(right.shape), f"the maximum ({case})", "float")
    expect_each(got, truth, "the maximum", values_of(MAX_MISTAKES, cases), cases)


def examine_rows_to_weights(answer: Any) -> None:
    """Judge ``rows_to_weights(scores, mask)``, its values and its gradients."""
    cases = {
        "bags of 3 and 0 tiles": _scores([3, 0], 3),
        "bags of 1, 4 and 0 tiles": _scores([1, 4, 0], 4),
        "an empty bag alone": _scores([0], 2),
        "bags of 2 and 1 tiles": _scores([2, 1], 2),
    }
    for case, (scores, mask) in cases.items():
        truth = _weights_by_loop(scores, mask)
        given = scores.clone().requires_grad_()
        got = expect_tensor(
            attempt(answer, given, mask, case=case), tuple(scores.shape), "the weights", "float"
        )
        mistakes = [(text, rule(scores, mask).detach()) for text, rule in WEIGHT_MISTAKES]
        expect_values(got, truth.detach(), "a weight", mistakes, case)
        if not got.requires_grad:
            raise Wrong("no gradient flows back to the scores: nothing would be learnt")
        slopes = torch.linspace(-1, 2, scores.numel()).view(scores.shape)
        (gradient,) = torch.autograd.grad((got * slopes).sum(), given)
        if not torch.isfinite(gradient).all():
            raise Wrong(
                f"the weights are right, but their gradient holds NaN ({case}): one step spoils "
                "the network"
            )
        own = scores.clone().requires_grad_()
        (right,) = torch.autograd.grad((_weights_by_loop(own, mask) * slopes).sum(), own)
        expect_values(gradient, right, "the gradient", (), case)


def examine_attention_of(answer: Any) -> None:
    """Judge ``attention_of(scores, lengths)``."""
    cases = {
        "10 tiles padded to 100": (_scores([10], 100)[0], torch.tensor([10])),
        "bags of 3, 1 and 4 tiles": (_scores([3, 1, 4], 4)[0], torch.tensor([3, 1, 4])),
        "no padding": (_scores([3, 3], 3)[0], torch.tensor([3, 3])),
        "high scores on padding": (
            torch.tensor([[0.0, 1.0, 9.0], [2.0, 9.0, 9.0]]),
            torch.tensor([2, 1]),
        ),
    }
    got = attempt_each(answer, cases)
    truth = [_weights_by_loop(s, _mask(n, s.shape[1])) for s, n in cases.values()]
    for values, right, case in zip(got, truth, cases):
        expect_tensor(values, tuple(right.shape), f"the attention ({case})", "float")
    expect_each(got, truth, "the attention", values_of(ATTENTION_MISTAKES, cases), cases)


def _mask(lengths: Any, width: int) -> Tensor:
    return torch.arange(width) < torch.as_tensor(lengths)[:, None]


def _bags(lengths: list[int], width: int, features: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(len(lengths) + 10 * width)
    values = torch.randn(len(lengths), width, features, generator=generator)
    return values, _mask(lengths, width)


def _scores(lengths: list[int], width: int) -> tuple[Tensor, Tensor]:
    values, mask = _bags(lengths, width, 1)
    return values[..., 0], mask


def _max_by_loop(values: Tensor, mask: Tensor) -> Tensor:
    return torch.stack([bag[real].amax(dim=0) for bag, real in zip(values, mask)])


def _weights_by_loop(scores: Tensor, mask: Tensor) -> Tensor:
    rows = []
    for row, real in zip(scores, mask):
        n = int(real.sum())
        rows.append(torch.cat([torch.softmax(row[:n], dim=0), row[n:] * 0]))
    return torch.stack(rows)


def _softmax(scores: Tensor) -> Tensor:
    return torch.softmax(scores, dim=1)


MAX_MISTAKES: list[tuple[str, Rule]] = [
    (
        "That is the maximum over padding too: where does the mask act?",
        lambda values, mask: values.amax(dim=1),
    ),
    (
        "Padding became 0, and 0 beats negative values: make it -inf.",
        lambda values, mask: (values * mask[..., None]).amax(dim=1),
    ),
    (
        "The mask is turned round: True is a tile, so hide `~mask`.",
        lambda values, mask: values.masked_fill(mask[..., None], -INF).amax(dim=1),
    ),
]
WEIGHT_MISTAKES: list[tuple[str, Rule]] = [
    (
        "The empty bag has equal weights: multiply by the mask in the end.",
        lambda scores, mask: _softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min)),
    ),
    (
        "Weights of a bag no longer sum to 1: hide padding before the softmax too.",
        lambda scores, mask: _softmax(scores) * mask,
    ),
    (
        "The empty bag is 0/0.",
        lambda scores, mask: _softmax(scores.masked_fill(~mask, -INF)),
    ),
]
ATTENTION_MISTAKES: list[tuple[str, Rule]] = [
    (
        "The symptom is still there: the more places, the less for each tile.",
        lambda scores, lengths: _softmax(scores),
    ),
    (
        "Weights of a bag no longer sum to 1: padding took its part before it was removed.",
        lambda scores, lengths: _softmax(scores) * _mask(lengths, scores.shape[1]),
    ),
    (
        "A score of 0 is no mask: e⁰ is 1, as much as a dull tile. Take -inf.",
        lambda scores, lengths: _softmax(scores * _mask(lengths, scores.shape[1])),
    ),
    (
        "One tile too many: tiles are counted from 0, so keep places *below* the length.",
        lambda scores, lengths: _softmax(
            scores.masked_fill(~_mask(lengths + 1, scores.shape[1]), -INF)
        ),
    ),
    (
        "All bags are cut to the same length; each has its own.",
        lambda scores, lengths: _weights_by_loop(
            scores, _mask(lengths.max().expand(len(lengths)), scores.shape[1])
        ),
    ),
]
