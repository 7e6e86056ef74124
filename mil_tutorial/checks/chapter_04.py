"""Checks of chapter 04: max and mean pooling."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import (
    Mistakes,
    attempt,
    expect_gradients,
    expect_number,
    expect_tensor,
    expect_values,
)
from mil_tutorial.checks.padded import INF

NAN = float("nan")
MASKS = {
    "bags of 4 and 2 tiles": [[1, 1, 1, 1], [1, 1, 0, 0]],
    "one bag of one tile": [[1]],
    "one real tile among padding": [[0, 0, 1, 0], [1, 1, 1, 1]],
    "real tiles after padding": [[0, 1, 1, 0, 1], [1, 1, 0, 1, 0], [0, 0, 0, 0, 1]],
}
AXIS_0 = "That pools over the bags: the tiles lie along axis 1."
AXIS_2 = "That pools over the columns: the tiles lie along axis 1."
COUNTED_PADDING = "You divided by K: divide by the number of real tiles of each bag."
NOT_MASKED = "Padding takes part: use the mask."
OTHER_BAGS = "You divided by the number of bags: divide by the real tiles of each bag."
OTHER_COUNTS = "The counts (B,) were spread along H: keep their axis, as in keepdim=True."
ALL_BAGS = "You divided by the real tiles of the whole batch: count them bag by bag, over axis 1."
NO_DIVISION = "That is the sum: divide by the number of real tiles of each bag."
TIMES_NAN = "There is NaN under the mask, and 0 × NaN is NaN: overwrite it instead of multiplying."
ZEROS_WIN = "The zeros of the padding win where all real values are negative: padding needs -inf."
NOT_LOW = "What you put under the mask is not low enough here: use -inf."
LOWER_K = "A bag with fewer than k tiles was divided by k: divide by the tiles it has."
CUT_SHORT = "-inf took part: a bag with fewer than k tiles has no kth highest."


@exercise
def check_masked_mean(answer: Any) -> str:
    """Check ``masked_mean(values, mask)``."""
    for case, values, mask in _bags(-4.0):
        got = _pooled(attempt(answer, values, mask, case=case), values, "the mean")
        expect_values(
            got, _each(_mean, values, mask), "the mean", _mean_mistakes(values, mask), case
        )
        expect_gradients(got, {"values": values}, "the mean")
    return "right for bags of several sizes, whatever is under the mask"


@exercise
def check_masked_max(answer: Any) -> str:
    """Check ``masked_max(values, mask)``."""
    for level in (-4.0, 0.0, -1e5):  # nearly all values negative, half of them, all far below 0
        for case, values, mask in _bags(level):
            got = _pooled(attempt(answer, values, mask, case=case), values, "the maximum")
            truth = _each(_max, values, mask)
            mistakes = _max_mistakes(values, mask, got, truth)
            where = case if level > -1e5 else f"{case}, values around -100000"
            expect_values(got, truth, "the maximum", mistakes, where)
            expect_gradients(got, {"values": values}, "the maximum")
    return "right for bags of several sizes, and where every real value is negative"


@exercise
def check_witnesses_needed(answer: Any) -> str:
    """Check the guess of how many witnesses raise a mean by two standard deviations."""
    mistakes = {
        "Nine raise the mean by 9 × 3 / 200 = 0.135, which is just short of 0.141.": 9.0,
        "One witness raises the mean by only 3 / 200 = 0.015, a fifth of one deviation.": 1.0,
        "That is enough for one standard deviation; two are asked for.": 4.9,
        "A witness scores 3, not 1, so each adds 3 / 200.": 28.6,
        "You took the deviation of one tile, 1; the mean of 200 tiles has 0.071.": 133.7,
    }
    expect_number(answer, 10.0, "the number of witnesses", 0.6, mistakes)
    return "each adds 3/200 = 0.015, and 2 × 0.071 = 0.141 takes 9.4 of them: ten tiles, or 5 %"


@exercise
def check_masked_topk_mean(answer: Any) -> str:
    """Check ``masked_topk_mean(values, mask, k)``."""
    for k in (1, 2, 3, 10):
        for case, values, mask in _bags(-4.0):
            where = f"k = {k}, {case}"
            got = _pooled(attempt(answer, values, mask, k, case=where), values, "the mean")
            truth = _each(_top(k), values, mask)
            expect_values(got, truth, "the mean", _topk_mistakes(values, mask, k), where)
            expect_gradients(got, {"values": values}, "the mean")
    return "max for k = 1, the mean for a large k, and right between them and for small bags"


def _bags(level: float) -> Iterator[tuple[str, Tensor, Tensor]]:
    """Yield cases: padding of 50, which tells mistakes apart, of 0, as from collate_fn, of NaN.

    The first two columns stand around ``level``, the third around 0.
    """
    generator = torch.Generator().manual_seed(4)
    for padding, name in ((50.0, "50"), (0.0, "0"), (NAN, "NaN")):
        for case, rows in MASKS.items():
            mask = torch.tensor(rows, dtype=torch.bool)
            values = torch.randn(*mask.shape, 3, generator=generator)
            values = values + torch.tensor([level, level, 0.0])
            values = values.masked_fill(~mask[..., None], padding).requires_grad_()
            yield f"{case}, padding of {name}", values, mask


def _pooled(got: Any, values: Tensor, what: str) -> Tensor:
    """Refuse what is no (B, H), and name the axis where the shape tells it."""
    n_bags, longest, width = values.shape
    if isinstance(got, tuple) and hasattr(got, "indices"):
        raise Wrong(f"{what} is a pair: max(dim=1) returns values and indices, so take .values")
    shape = tuple(got.shape) if isinstance(got, Tensor) else None
    if shape == (longest, width) != (n_bags, width):
        raise Wrong(f"{what} came in shape {shape}, expected {(n_bags, width)}. {AXIS_0}")
    if shape == (n_bags, longest) != (n_bags, width):
        raise Wrong(f"{what} came in shape {shape}, expected {(n_bags, width)}. {AXIS_2}")
    return expect_tensor(got, (n_bags, width), what, "float")


def _each(pool: Callable[[Tensor], Tensor], values: Tensor, mask: Tensor) -> Tensor:
    """Pool the real tiles of bag by bag."""
    return torch.stack([pool(tiles[real]) for tiles, real in zip(values, mask)])


def _mean(tiles: Tensor) -> Tensor:
    return tiles.mean(dim=0)


def _top(k: int) -> Callable[[Tensor], Tensor]:
    return lambda tiles: _mean(tiles.sort(dim=0).values[-k:])


def _max(tiles: Tensor) -> Tensor:
    return tiles.amax(dim=0)


def _mean_mistakes(values: Tensor, mask: Tensor) -> Mistakes:
    weights, counts = mask[..., None].to(values.dtype), mask.sum(dim=1, keepdim=True)
    total = values.masked_fill(~mask[..., None], 0.0).sum(dim=1)
    mistakes = {
        TIMES_NAN: (values * weights).sum(dim=1) / counts,
        COUNTED_PADDING: total / mask.shape[1],
        NOT_MASKED: values.mean(dim=1),
        NOT_MASKED + " Only the count is right.": values.sum(dim=1) / counts,
        OTHER_BAGS: total / len(mask),
        ALL_BAGS: total / mask.sum(),
        NO_DIVISION: total,
        "That is the maximum.": _each(_max, values, mask),
        AXIS_0: values.mean(dim=0),
    }
    if len(mask) == values.shape[2]:
        mistakes[OTHER_COUNTS] = total / mask.sum(dim=1)
    return mistakes


def _max_mistakes(values: Tensor, mask: Tensor, got: Tensor, truth: Tensor) -> Mistakes:
    padding = ~mask[..., None]
    mistakes = {
        ZEROS_WIN: values.masked_fill(padding, 0.0).amax(dim=1),
        TIMES_NAN: (values * mask[..., None]).amax(dim=1),
        NOT_MASKED: values.amax(dim=1),
        "That is the mean.": _each(_mean, values, mask),
        "That is the minimum.": _each(lambda tiles: tiles.amin(dim=0), values, mask),
    }
    wrong = got[got > truth]
    if len(wrong):  # which number under the mask would give this answer?
        mistakes[NOT_LOW] = values.masked_fill(padding, wrong[0].item()).amax(dim=1)
    return mistakes


def _topk_mistakes(values: Tensor, mask: Tensor, k: int) -> Mistakes:
    def best(fill: float) -> Tensor:
        ordered = values.masked_fill(~mask[..., None], fill).sort(dim=1, descending=True).values
        return ordered[:, :k]

    real = best(-INF)
    total = real.masked_fill(real == -INF, 0.0).sum(dim=1)
    return {
        LOWER_K: total / k,
        COUNTED_PADDING: total / real.shape[1],
        CUT_SHORT: real.mean(dim=1),
        "The zeros of the padding were among the k highest: padding needs -inf.": best(0.0).mean(1),
        NOT_MASKED: values.sort(dim=1, descending=True).values[:, :k].mean(dim=1),
        NO_DIVISION: total,
        "That is the mean of the k lowest.": _each(
            lambda tiles: _mean(tiles.sort(dim=0).values[:k]), values, mask
        ),
        "That is the kth highest alone: average the k highest.": _each(
            lambda tiles: tiles.sort(dim=0).values[-k:][0], values, mask
        ),
        "That is the mean of all tiles.": _each(_mean, values, mask),
        "That is the maximum.": _each(_max, values, mask),
    }
