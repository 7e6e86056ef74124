"""The softmax over the tiles of a padded bag, and what often goes wrong with it."""

import torch
from torch import Tensor

NOT_MASKED = "Padding takes part in the softmax: use the mask."
ZEROED_AFTER = (
    "Padding was set to 0 after the softmax, so real tiles sum to less than 1: mask before."
)
WRONG_AXIS = "It sums to 1 over the bags: run the softmax over the tiles of each bag, axis 1."


def one_by_one(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the real tiles of each bag (B, K), without the code under test."""
    attention = torch.zeros_like(scores)
    for row, real in enumerate(mask):
        real_scores = scores[row, real].double()
        powers = torch.exp(real_scores - real_scores.max())
        attention[row, real] = (powers / powers.sum()).to(scores.dtype)
    return attention


def softmax_mistakes(scores: Tensor, mask: Tensor) -> list[tuple[str, Tensor]]:
    """Return (what to say, the attention that such a mistake gives)."""
    unmasked = torch.softmax(scores, dim=1)
    hidden = scores.masked_fill(~mask, float("-inf"))
    return [
        (NOT_MASKED, unmasked),
        (ZEROED_AFTER, unmasked * mask),
        (WRONG_AXIS, torch.softmax(hidden, dim=0)),
        (WRONG_AXIS, torch.softmax(scores, dim=0)),
    ]
