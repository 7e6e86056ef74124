"""Checks of chapter 08: entropy of the attention."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from mil_tutorial.checks.exercise import NotAttempted, Wrong, exercise
from mil_tutorial.checks.judging import (
    attempt,
    expect_gradients,
    expect_number,
    expect_tensor,
    expect_values,
)

# Weights of each bag by place; None is padding.
BATCHES: dict[str, list[list[float | None]]] = {
    "bags of 4 and 2 tiles": [[0.5, 0.25, 0.2, 0.05], [0.5, 0.5, None, None]],
    "one bag without padding": [[0.1, 0.2, 0.7]],
    "a tile with the weight 0": [[0.5, 0.5, 0.0, None], [1.0, 0.0, 0.0, 0.0]],
    "a bag of one tile": [[1.0, None, None], [0.3, 0.3, 0.4]],
    "padding in front": [[None, 0.6, None, 0.4, None], [0.2, 0.2, 0.2, 0.2, 0.2]],
}
LOG_K = (
    "You divided by log K: divide by the log of each bag's number of real tiles, mask.sum(dim=1)."
)
NATS = "That is not normalised: divide by the log of the number of real tiles."
OTHER_LOG = "The logarithms differ: log2 in the entropy, log in the number you divide by."
ABOVE_0 = "You counted the weights above 0: a real tile can have the weight 0. Count the mask."
ZERO = "0 · log 0 gave NaN: clamp the weights before the logarithm."
ONE = "A bag of one tile divides by log 1 = 0, and 0/0 is NaN: clamp n to at least 2."
STEEP = (
    "the gradient is not finite where a weight is 0: the logarithm is infinitely steep there. "
    "Clamp the weights before the logarithm"
)
WORDS = ("collapsed", "healthy", "uniform")
LOOK = {
    "A": "Its entropy is below 0.2 at the end: how many tiles is that, of 217?",
    "B": "Its entropy starts near 1 and settles well away from 0 and from 1, while the loss falls.",
    "C": "Its entropy never leaves 1: what did all tiles get?",
}


@exercise
def check_half_on_one(answer: Any) -> str:
    """Check the guess of the effective instances of a bag of 101 tiles."""
    mistakes = {
        "That would be two tiles with half each. The other half here is spread over 100.": 2.0,
        "That is the bag with equal weights. One tile has fifty times its share here.": 101.0,
        "One tile has only half of the attention; the rest counts too.": 1.0,
        "That is the entropy in nats. Take exp of it.": math.log(20),
        "That is the entropy in bits. Raise 2 to that power.": math.log2(20),
        "You left out the part of the one tile, 0.5 · log 2.": math.sqrt(200),
        "That is the mean of 1 and 101; entropies are averaged, not counts.": 51.0,
    }
    expect_number(answer, 20.0, "the number of effective instances", 0.4, mistakes)
    return "0.5 · log 2 + 0.5 · log 200 = log 20, so 20 tiles, though one of them has half"


@exercise
def check_attention_entropy(answer: Any) -> str:
    """Check ``attention_entropy(attention, mask)``."""
    for case, rows in BATCHES.items():
        mask = torch.tensor([[weight is not None for weight in row] for row in rows])
        attention = torch.tensor([[weight or 0.0 for weight in row] for row in rows])
        attention.requires_grad_()
        got = attempt(answer, attention, mask, case=case)
        expect_tensor(got, (len(rows),), "the entropy", "float")
        real = [[weight for weight in row if weight is not None] for row in rows]
        truth = torch.tensor([_nats(row) / math.log(max(len(row), 2)) for row in real])
        expect_values(got, truth, "the entropy", _mistakes(attention.detach(), mask), case)
        expect_gradients(got, {"attention": attention}, "the entropy")
        (gradient,) = torch.autograd.grad(got.sum(), attention)
        if not bool(torch.isfinite(gradient).all()):
            raise Wrong(f"{STEEP} ({case})")
    return "right for bags of all sizes, with padding anywhere and weights of 0"


@exercise
def check_diagnosis(answer: Any) -> str:
    """Check the diagnosis of the runs A, B and C."""
    if answer is None or answer is ...:
        raise NotAttempted
    if not isinstance(answer, Mapping) or set(answer) != set(LOOK):
        raise Wrong(f"got {answer!r}, expected a word for each of A, B and C in a dict")
    if all(word is ... for word in answer.values()):
        raise NotAttempted
    words = {letter: str(answer[letter]).strip().lower() for letter in LOOK}
    for letter, word in words.items():
        if word not in WORDS:
            raise Wrong(f"{letter} is {answer[letter]!r}; choose from {', '.join(WORDS)}")
    right = dict(zip(LOOK, WORDS))
    for letter, word in words.items():
        if word != right[letter]:
            raise Wrong(f"{letter} is not {word}. {LOOK[letter]}")
    return "A has collapsed, B narrows as it learns, C stays uniform"


@exercise
def check_effective_tiles(answer: Any) -> str:
    """Check ``effective_tiles(attention)``."""
    bags = {
        "54 equal weights": torch.full((54,), 1 / 54),
        "four weights": torch.tensor([0.5, 0.25, 0.125, 0.125]),
        "half on one of 101 tiles": torch.tensor([0.5] + [0.005] * 100),
        "one tile": torch.ones(1),
    }
    for case, attention in bags.items():
        got = attempt(answer, attention, case=case)
        nats = _nats(attention.tolist())
        bits = nats / math.log(2)
        mistakes = {
            "The bug is still there: bits go with powers of 2, nats with exp.": math.exp(bits),
            "You took 2 to the power of nats: nats go with exp.": 2**nats,
            "That is the entropy, in nats.": nats,
            "That is the entropy, in bits.": bits,
            "That is the number of tiles: use their weights.": float(len(attention)),
            "The sign is lost: entropy is minus the sum.": math.exp(-nats),
        }
        expect_values(got, math.exp(nats), "the number of tiles", mistakes, case)
    return "never more than the slide has: 54 for 54 equal weights"


def _nats(weights: list[float]) -> float:
    return sum(-weight * math.log(weight) for weight in weights if weight > 0)


def _mistakes(attention: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Return the entropy that such a mistake gives, by the advice."""
    nats = torch.special.entr(attention).sum(dim=1)
    raw = -(attention * torch.log(attention)).sum(dim=1)  # NaN where a weight is 0
    real = mask.sum(dim=1)
    log_n, log_k = torch.log(real.clamp(min=2)), math.log(max(mask.shape[1], 2))
    above = (attention > 0).sum(dim=1).clamp(min=2)
    return {
        ONE: nats / torch.log(real),  # first: an unclamped 0 is found by earlier cases
        ZERO: raw / log_n,
        LOG_K: nats / log_k,
        NATS: nats,
        "The sign is lost: entropy is minus the sum.": -nats / log_n,
        OTHER_LOG: nats / math.log(2) / log_n,
        ABOVE_0: nats / torch.log(above),
        "That is the mean over tiles: sum over them.": nats / mask.shape[1] / log_n,
        "You divided by n: divide by its logarithm.": nats / real,
        "That is the number of effective instances: return the entropy.": torch.exp(nats),
    }
