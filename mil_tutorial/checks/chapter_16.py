"""Checks of chapter 16: counting work, accumulating gradients, pooling in pieces."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mil_tutorial.bags.batches import BagBatch, collate_packed
from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import attempt, examine_each, expect_number
from mil_tutorial.models.mil import MIL, build_model


@exercise
def check_products(answer: Any) -> str:
    """Check the guess of the multiplications for a tile, in thousands."""
    mistakes = {
        "That is the embedding alone. V and U multiply too.": 131.072,
        "There are two layers of 128 × 128, V and U.": 147.456,
        "That is the number of multiplications. The question asks for thousands.": 163_840,
        "That counts additions too. The question asks for multiplications.": 327.68,
        "V and U see the embedding (H = 128 numbers), not the 1,024 features.": 393.216,
    }
    expect_number(answer, 163.84, "the number of multiplications", 2.5, mistakes)
    return "1,024 × 128 + 2 × 128 × 128 = 163,840: four fifths of it in the first layer"


MISTAKES: dict[str, Callable[..., Any]] = {  # losses of the bags of each part
    "A bag in a small part counts more than one in a large part: each loss is a mean over the "
    "bags of its part.": lambda parts: sum(part.mean() for part in parts) / len(parts),
    "The parts' means are added up, so two parts give twice the gradient.": (
        lambda parts: sum(part.mean() for part in parts)
    ),
    "You add up the losses and never divide by the number of bags.": (
        lambda parts: torch.cat(parts).sum()
    ),
    "Only the last part's gradient is left: clear the gradients once, before the loop.": (
        lambda parts: parts[-1].sum() / sum(map(len, parts))
    ),
    "You divide twice: by the bags of the part (in the mean) and by all bags.": (
        lambda parts: sum(part.mean() for part in parts) / sum(map(len, parts))
    ),
}


@exercise
def check_accumulate(answer: Any) -> str:
    """Check ``accumulate(model, parts)``: the gradients of the mean loss over all bags."""

    def run(model: MIL, parts: list[BagBatch]) -> bool:
        answer(model, parts)  # it returns nothing: its gradients are the answer
        return True

    for case, lengths in (("3 bags, then 1", (3, 1)), ("1 bag", (1,)), ("2, 1 and 3", (2, 1, 3))):
        model, parts = _parts(lengths)
        attempt(run if callable(answer) else answer, model, parts, case=case, copied=False)
        gradients = [parameter.grad for parameter in model.parameters()]
        if any(gradient is None for gradient in gradients):
            raise Wrong(f"a parameter has no gradient ({case}): is backward called?")
        got = torch.cat([gradient.flatten() for gradient in gradients])  # type: ignore[union-attr]
        if torch.allclose(got, _gradient(model, parts, lambda x: torch.cat(x).mean()), atol=1e-6):
            continue
        for advice, loss in MISTAKES.items():
            if torch.allclose(got, _gradient(model, parts, loss), atol=1e-6):
                raise Wrong(f"{advice} ({case})")
        raise Wrong(f"the gradients are not those of the mean loss over all bags ({case})")
    return "a sum over the part, divided by the number of all bags"


def _parts(lengths: tuple[int, ...]) -> tuple[MIL, list[BagBatch]]:
    generator = torch.Generator().manual_seed(7)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = build_model("gated", 5, 4)
    bags = [(torch.randn(2 + i, 5, generator=generator), float(i % 2)) for i in range(sum(lengths))]
    ends = [sum(lengths[: i + 1]) for i in range(len(lengths))]
    return model, [collate_packed(bags[end - n : end]) for n, end in zip(lengths, ends)]


def _gradient(model: MIL, parts: list[BagBatch], loss: Callable[..., Any]) -> Tensor:
    losses = [
        F.binary_cross_entropy_with_logits(
            model.forward_packed(part.instances, part.sizes).logits, part.labels, reduction="none"
        )
        for part in parts
    ]
    gradients = torch.autograd.grad(loss(losses), list(model.parameters()))
    return torch.cat([gradient.flatten() for gradient in gradients])


@exercise
def check_pool_pieces(answer: Any) -> str:
    """Check ``pool_pieces(scores, values, length)``: attention pooling of one bag."""
    generator = torch.Generator().manual_seed(3)

    def bag(n: int, height: float = 2.0) -> tuple[Tensor, Tensor]:
        return (
            height * torch.randn(n, generator=generator),
            torch.randn(n, 3, generator=generator),
        )

    cases = {
        "scores 0 0 0, values 3 6 9, two at a time": (
            torch.zeros(3),
            torch.tensor([[3.0], [6.0], [9.0]]),
            2,
        ),
        "7 tiles, three at a time": (*bag(7), 3),
        "6 tiles, one at a time": (*bag(6), 1),
        "4 tiles, all at once": (*bag(4), 9),
        "scores of a thousand": (*bag(8, 1000.0), 3),
    }

    def read(value: Any, expected: Tensor, case: str) -> Any:
        if isinstance(value, Tensor) and not torch.isfinite(value).all():
            raise Wrong(
                f"the result is NaN or infinite ({case}): exp overflows, torch.logsumexp does not"
            )
        return value

    examine_each(answer, cases, _pooled, "the pooled value", POOL_MISTAKES, read)
    return "pieces are pooled by their logsumexp as if they were tiles"


def _pooled(scores: Tensor, values: Tensor, length: int = 0) -> Tensor:
    return torch.softmax(scores, dim=0) @ values


def _pieces(scores: Tensor, values: Tensor, n: int) -> Tensor:
    return torch.stack([_pooled(*piece) for piece in zip(scores.split(n), values.split(n))])


def _by_length(scores: Tensor, values: Tensor, n: int) -> Tensor:
    lengths = torch.tensor([float(len(piece)) for piece in scores.split(n)])
    return lengths @ _pieces(scores, values, n) / lengths.sum()


def _by_highest(scores: Tensor, values: Tensor, n: int) -> Tensor:
    highest = torch.stack([piece.max() for piece in scores.split(n)])
    return _pooled(highest, _pieces(scores, values, n))


POOL_MISTAKES: dict[str, Callable[..., Tensor]] = {
    "You average the pieces as if they had equal weight.": lambda *bag: _pieces(*bag).mean(dim=0),
    "You weight the pieces by their number of tiles, but a piece with high scores has more of the "
    "bag's weight.": _by_length,
    "That is the last piece alone.": lambda *bag: _pieces(*bag)[-1],
    "You weight the pieces by their highest score, but all of their scores count.": _by_highest,
    "That is the plain mean: the scores are not used.": lambda s, v, n: v.mean(dim=0),
}
