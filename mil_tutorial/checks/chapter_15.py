"""Checks of chapter 15: counting work, accumulating gradients, pooling in pieces."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from mil_tutorial.bags.batches import BagBatch, collate_packed
from mil_tutorial.checks.cases import attempt_each, expect_each, values_of
from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import attempt, expect_number
from mil_tutorial.models.mil import MIL, build_model


@exercise
def check_products(answer: Any) -> str:
    """Check the guess of the multiplications for a tile, in thousands."""
    mistakes = {
        "That is the embedding alone. V and U multiply, too.": 131.072,
        "There are two layers of 128 × 128, V and U.": 147.456,
        "That is in single multiplications. The question asks for thousands.": 163_840,
        "That counts additions, too. The question asks for multiplications.": 327.68,
        "V and U see the embedding (H = 128 numbers), not the 1,024 features.": 393.216,
    }
    expected = 163.84
    expect_number(answer, expected, "the number of multiplications", 2.5, mistakes)
    return "1,024 × 128 + 2 × 128 × 128 = 163,840: four fifths of it in the first layer"


@exercise
def check_accumulate(answer: Any) -> str:
    """Check ``accumulate(model, parts)``: the gradients of the mean loss over all bags."""
    for case, lengths in (("3 bags, then 1", (3, 1)), ("1 bag", (1,)), ("2, 1 and 3", (2, 1, 3))):
        model, parts = _parts(lengths)
        truth = _gradient(model, lambda m, p=parts: _mean_loss(m, p).backward())
        try:
            got = _gradient(model, lambda m, p=parts, c=case: _call(answer, m, p, c))
        except AttributeError as error:
            raise Wrong(f"a parameter has no gradient ({case}): is backward called?") from error
        if torch.allclose(got, truth, atol=1e-6):
            continue
        for advice, wrong in MISTAKES:
            if torch.allclose(
                got, _gradient(model, lambda m, p=parts, w=wrong: w(m, p)), atol=1e-6
            ):
                raise Wrong(f"{advice} ({case})")
        raise Wrong(f"the gradients are not those of the mean loss over all bags ({case})")
    return "a sum over the part, divided by the bags of the whole"


def _call(answer: Any, model: MIL, parts: list[BagBatch], case: str) -> None:
    """Call the learner's function, which returns nothing, with this very model."""

    def run(_: int) -> bool:
        answer(model, parts)
        return True

    if not callable(answer):
        attempt(answer)
    attempt(run, 0, case=case)


def _parts(lengths: tuple[int, ...]) -> tuple[MIL, list[BagBatch]]:
    generator = torch.Generator().manual_seed(7)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        model = build_model("gated", 5, 4)
    bags = iter(range(sum(lengths)))
    return model, [
        collate_packed(
            [(torch.randn(2 + i, 5, generator=generator), float(i % 2)) for i in _take(bags, n)]
        )
        for n in lengths
    ]


def _take(numbers: Any, n: int) -> list[int]:
    return [next(numbers) for _ in range(n)]


def _gradient(model: MIL, function: Any) -> Tensor:
    model.zero_grad()
    function(model)
    return torch.cat([p.grad.flatten().clone() for p in model.parameters()])  # type: ignore[union-attr]


def _losses(model: MIL, part: BagBatch) -> Tensor:
    logits = model.forward_packed(part.instances, part.sizes).logits
    return F.binary_cross_entropy_with_logits(logits, part.labels, reduction="none")


def _mean_loss(model: MIL, parts: list[BagBatch]) -> Tensor:
    return torch.cat([_losses(model, part) for part in parts]).mean()


def _mean_of_means(model: MIL, parts: list[BagBatch]) -> None:
    for part in parts:
        (_losses(model, part).mean() / len(parts)).backward()


def _sum_of_means(model: MIL, parts: list[BagBatch]) -> None:
    for part in parts:
        _losses(model, part).mean().backward()


def _plain_sum(model: MIL, parts: list[BagBatch]) -> None:
    for part in parts:
        _losses(model, part).sum().backward()


def _last_only(model: MIL, parts: list[BagBatch]) -> None:
    (_losses(model, parts[-1]).sum() / sum(map(len, parts))).backward()


def _mean_over_all(model: MIL, parts: list[BagBatch]) -> None:
    for part in parts:
        (_losses(model, part).mean() / sum(map(len, parts))).backward()


MISTAKES = (
    (
        "A bag in a small part counts more than one in a large part: each part's loss is a mean "
        "over its own bags.",
        _mean_of_means,
    ),
    ("The parts' means are added up, so two parts give twice the gradient.", _sum_of_means),
    ("The losses are added up and never divided by the number of bags.", _plain_sum),
    (
        "Only the last part's gradient is left: clear the gradients once, before the parts.",
        _last_only,
    ),
    ("It is divided twice: by the bags of the part (the mean) and by all bags.", _mean_over_all),
)


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
    mistakes = (
        ("The pieces are averaged as if they had equal weight.", _equal_pieces),
        (
            "The pieces are weighed by their number of tiles; a piece with high scores has more of "
            "the bag's weight.",
            _by_length,
        ),
        ("That is the last piece alone.", _last_piece),
        ("The pieces are weighed by their highest score; all of their scores count.", _by_highest),
        ("That is the plain mean: the scores are not used.", lambda s, v, n: v.mean(dim=0)),
    )
    got = attempt_each(answer, cases)
    truth = [torch.softmax(s, dim=0) @ v for s, v, _ in cases.values()]
    for name, value in zip(cases, got):
        if isinstance(value, Tensor) and not torch.isfinite(value).all():
            raise Wrong(
                f"it gives NaN or infinity ({name}): exp overflows, torch.logsumexp does not"
            )
    expect_each(got, truth, "the pooled value", values_of(mistakes, cases), cases)
    return "pieces are pooled by their logsumexp, as if they were tiles"


def _pieces(s: Tensor, v: Tensor, n: int) -> tuple[Tensor, list[Tensor]]:
    pairs = list(zip(s.split(n), v.split(n)))
    return torch.stack([torch.softmax(a, dim=0) @ b for a, b in pairs]), [a for a, _ in pairs]


def _equal_pieces(s: Tensor, v: Tensor, n: int) -> Tensor:
    return _pieces(s, v, n)[0].mean(dim=0)


def _by_length(s: Tensor, v: Tensor, n: int) -> Tensor:
    means, pieces = _pieces(s, v, n)
    lengths = torch.tensor([float(len(piece)) for piece in pieces])
    return lengths @ means / lengths.sum()


def _last_piece(s: Tensor, v: Tensor, n: int) -> Tensor:
    return _pieces(s, v, n)[0][-1]


def _by_highest(s: Tensor, v: Tensor, n: int) -> Tensor:
    means, pieces = _pieces(s, v, n)
    return torch.softmax(torch.stack([piece.max() for piece in pieces]), dim=0) @ means
