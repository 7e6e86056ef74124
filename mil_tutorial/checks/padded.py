"""Padded bags for the checks: masks, the truth bag by bag, and what often goes wrong."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

INF = float("inf")
NOT_MASKED = "Padding takes part in the softmax: use the mask."
ZEROED_AFTER = (
    "Padding was set to 0 after the softmax, so real tiles sum to less than 1: mask before."
)
WRONG_AXIS = "It sums to 1 over the bags: run the softmax over the tiles of each bag, axis 1."
MASKS = {
    "bags of 3 and 1 tiles": torch.tensor([[1, 1, 1], [1, 0, 0]]).bool(),
    "one bag of one tile": torch.ones(1, 1).bool(),
    "real tiles after padding": torch.tensor([[0, 1, 1, 0], [1, 1, 0, 1]]).bool(),
}


def mask_of(sizes: list[int] | Tensor, width: int) -> Tensor:
    """Return the mask (B, K) of bags whose tiles come before their padding."""
    return torch.arange(width) < torch.as_tensor(sizes)[:, None]


def softmax_by_loop(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the real tiles of each bag (B, K); a bag without tiles gets zeros."""
    attention = torch.zeros_like(scores)
    for row, real in enumerate(mask):
        weights = torch.softmax(scores[row, real].double(), dim=0)
        attention[row, real] = weights.to(scores.dtype)
    return attention


def softmax_mistakes(scores: Tensor, mask: Tensor) -> list[tuple[str, Tensor]]:
    """Return pairs of advice and the attention that such a mistake gives."""
    unmasked = torch.softmax(scores, dim=1)
    hidden = scores.masked_fill(~mask, -INF)
    return [
        (NOT_MASKED, unmasked),
        (ZEROED_AFTER, unmasked * mask),
        (WRONG_AXIS, torch.softmax(hidden, dim=0)),
        (WRONG_AXIS, torch.softmax(scores, dim=0)),
    ]


def padded_bags(sizes: list[int], width: int, features: int) -> tuple[Tensor, Tensor]:
    """Return random values (B, K, features) and the mask (B, K)."""
    generator = torch.Generator().manual_seed(len(sizes) + 10 * width)
    values = torch.randn(len(sizes), width, features, generator=generator)
    return values, mask_of(sizes, width)


def padded_scores(sizes: list[int], width: int) -> tuple[Tensor, Tensor]:
    """Return random scores and the mask, both (B, K)."""
    values, mask = padded_bags(sizes, width, 1)
    return values[..., 0], mask


def max_by_loop(values: Tensor, mask: Tensor) -> Tensor:
    """Maximum over the real tiles of each bag (B, features)."""
    return torch.stack([bag[real].amax(dim=0) for bag, real in zip(values, mask)])


MAX_MISTAKES: dict[str, Callable[..., Any]] = {
    "That is the maximum over padding too: where does the mask act?": (
        lambda values, mask: values.amax(dim=1)
    ),
    "Padding became 0, and 0 beats negative values: make it -inf.": (
        lambda values, mask: (values * mask[..., None]).amax(dim=1)
    ),
    "The mask is turned round: True is a tile, so hide `~mask`.": (
        lambda values, mask: values.masked_fill(mask[..., None], -INF).amax(dim=1)
    ),
}


WEIGHT_MISTAKES: dict[str, Callable[..., Any]] = {
    "The empty bag has equal weights: multiply by the mask in the end.": lambda scores, mask: (
        torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=1)
    ),
    "Weights of a bag no longer sum to 1: hide padding before the softmax too.": (
        lambda scores, mask: torch.softmax(scores, dim=1) * mask
    ),
    "The empty bag is 0/0.": (
        lambda scores, mask: torch.softmax(scores.masked_fill(~mask, -INF), dim=1)
    ),
}


def attention_by_loop(scores: Tensor, sizes: Tensor) -> Tensor:
    """Softmax over the first tiles of each bag (B, K)."""
    return softmax_by_loop(scores, mask_of(sizes, scores.shape[1]))


ATTENTION_MISTAKES: dict[str, Callable[..., Any]] = {
    "The symptom is still there: the more places, the less for each tile.": (
        lambda scores, sizes: torch.softmax(scores, dim=1)
    ),
    "Weights of a bag no longer sum to 1: padding took its part before it was removed.": (
        lambda scores, sizes: torch.softmax(scores, dim=1) * mask_of(sizes, scores.shape[1])
    ),
    "A score of 0 is no mask: e⁰ is 1, as much as a dull tile. Take -inf.": (
        lambda scores, sizes: torch.softmax(scores * mask_of(sizes, scores.shape[1]), dim=1)
    ),
    "One tile too many: tiles are counted from 0, so keep places *below* the length.": (
        lambda scores, sizes: attention_by_loop(scores, sizes + 1)
    ),
    "All bags are cut to the same length; each has its own.": (
        lambda scores, sizes: attention_by_loop(scores, sizes.max().expand(len(sizes)))
    ),
}
