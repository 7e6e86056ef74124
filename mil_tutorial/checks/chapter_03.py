"""Checks of chapter 03: batches of bags of different sizes."""

import re
from typing import Any

import torch
from torch import Tensor

from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import (
    attempt,
    expect_gradients,
    expect_number,
    expect_tensor,
    expect_values,
)
from mil_tutorial.checks.padding import examine_batch
from mil_tutorial.checks.samplers import examine_sampler
from mil_tutorial.checks.softmax import one_by_one, softmax_mistakes

SIZES = {
    "bags of 3 and 2 tiles": (3, 2),
    "one bag of one tile": (1,),
    "bags of 2, 5 and 1 tiles": (2, 5, 1),
    "two bags of 2 tiles": (2, 2),
}
MASKS = {
    "bags of 3 and 1 tiles": [[1, 1, 1], [1, 0, 0]],
    "one bag of one tile": [[1]],
    "real tiles after padding": [[0, 1, 1, 0], [1, 1, 0, 1]],
}
ZERO_SCORE = "A score of 0 is not the weight 0, because e⁰ = 1: use minus infinity."
GARBAGE = (
    "NaN under the mask gets through: replace the padded scores with masked_fill; adding and "
    "multiplying keep what stood there"
)
TOO_LARGE = (
    "wrong for scores near 1000, because exp(1000) is infinite: subtract each row's highest score "
    "first, or let torch.softmax do it"
)
NOT_LOW_ENOUGH = (
    "wrong for scores near -1e10: padding must lie below every score, and only minus infinity does"
)
UPSIDE_DOWN = "The mask is used upside down: it is True at real tiles."


@exercise
def check_collate_fn(answer: Any) -> str:
    """Check ``collate_fn(batch)``."""
    generator = torch.Generator().manual_seed(3)
    for case, sizes in SIZES.items():
        tiles = [torch.randn(n, 4, generator=generator) for n in sizes]
        tiles[0][-1] = 0  # a real tile may be zero
        examine_batch(answer, tiles, [1, 1, 0][: len(tiles)], case)
    examine_batch(answer, tiles, [torch.tensor(0.0), torch.tensor(1.0)], "labels as tensors")
    return "right for bags of several sizes, a tile of zeros included"


@exercise
def check_padding_share(answer: Any) -> str:
    """Check the guess of the share of attention on 90 padded places of 100 with equal scores."""
    mistakes = {
        "That is what the ten real tiles keep.": 0.1,
        "A score of 0 does not mean the weight 0, and here all scores are equal.": 0.0,
        "That is the share of one place; 90 places are padding.": 0.01,
        "Padded *to* 100 places means 90 padded ones, not 100.": 100 / 110,
    }
    expect_number(answer, 0.9, "the share", 0.005, mistakes)
    return "90 of 100 equal weights: the real tiles keep a tenth"


@exercise
def check_masked_softmax(answer: Any) -> str:
    """Check ``masked_softmax(scores, mask)``."""
    generator = torch.Generator().manual_seed(3)
    for case, rows in MASKS.items():
        mask = torch.tensor(rows, dtype=torch.bool)
        scores = (2 * torch.randn(mask.shape, generator=generator)).requires_grad_()
        got = attempt(answer, scores, mask, case=case)
        expect_tensor(got, tuple(mask.shape), "the result", "float")
        plain = scores.detach()
        expect_values(got, one_by_one(plain, mask), "the weight", _mistakes(plain, mask), case)
        expect_gradients(got, {"scores": scores}, "the weights")
    for unusual, message in (
        (plain.masked_fill(~mask, float("nan")), GARBAGE),
        (plain + 1000, TOO_LARGE),
        (plain - 1e10, NOT_LOW_ENOUGH),
    ):
        got = attempt(answer, unusual, mask, case="unusual scores")
        got = expect_tensor(got, tuple(mask.shape), "the result", "float")
        near_zero = unusual - unusual[mask].max()  # gives the same weights
        if not torch.allclose(got.double(), one_by_one(near_zero, mask).double(), atol=1e-4):
            raise Wrong(message)
    for row in (2, 5):
        _examine_empty_row(answer, row)
    return "right with padding anywhere, NaN under the mask and large scores; refuses an empty bag"


@exercise
def check_epoch_sampler(answer: Any) -> str:
    """Check the class ``EpochSampler(dataset, n, seed)``."""
    examine_sampler(answer)
    return "new tiles each epoch, and the same again for the same seed and epoch"


@exercise
def check_packed_mean(answer: Any) -> str:
    """Check ``packed_mean(instances, sizes)``."""
    generator = torch.Generator().manual_seed(3)
    for case, counts in SIZES.items():
        for width in (4, len(counts)):
            x = torch.randn(sum(counts), width, generator=generator, requires_grad=True)
            sizes = torch.tensor(counts)
            got = attempt(answer, x, sizes, case=case)
            expect_tensor(got, (len(counts), width), "the result", "float")
            parts = x.split(list(counts))
            truth = torch.stack([part.mean(dim=0) for part in parts])
            totals = torch.stack([part.sum(dim=0) for part in parts])
            mistakes = {
                "That is the sum: divide by the bag's size.": totals,
                "Divided by N: divide by the bag's own size.": totals / len(x),
                "Divided by the largest size: divide by the bag's own size.": totals / max(counts),
                "That is the mean of all tiles: keep bags apart.": x.mean(0).expand_as(totals),
            }
            if width == len(counts):
                by_column = "Columns were divided by the sizes, not rows: use sizes[:, None]."
                mistakes[by_column] = totals / sizes
            expect_values(got, truth, "the mean", mistakes, case)
            expect_gradients(got, {"instances": x}, "the mean")
    return "right for bags of several sizes"


def _mistakes(scores: Tensor, mask: Tensor) -> list[tuple[str, Tensor]]:
    multiplied = torch.softmax(scores * mask, dim=1)
    return [
        *softmax_mistakes(scores, mask),
        (ZERO_SCORE, multiplied),
        (ZERO_SCORE, multiplied * mask),
        (UPSIDE_DOWN, torch.softmax(scores.masked_fill(mask, float("-inf")), dim=1)),
    ]


def _examine_empty_row(answer: Any, row: int) -> None:
    mask = torch.ones(7, 3, dtype=torch.bool)
    mask[row] = False
    try:
        got = answer(torch.zeros(7, 3), mask.clone())
    except ValueError as error:
        if re.search(rf"\b{row}\b", str(error)):
            return
        text = f'"{error}" does not say which row has no real tile: row {row}'
        counted = re.search(rf"\b{row + 1}\b", str(error))
        raise Wrong(text + (", counted from 0" if counted else "")) from error
    except Exception as error:
        raise Wrong(f"an empty row raised {type(error).__name__}, expected ValueError") from error
    given = got[row].tolist() if isinstance(got, Tensor) and got.shape == mask.shape else got
    raise Wrong(
        f"row {row} has no real tile and got the weights {given}: raise a ValueError instead"
    )
