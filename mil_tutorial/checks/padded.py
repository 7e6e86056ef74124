"""Padded bags for the checks: masks, the truth bag by bag, and what often goes wrong."""

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
