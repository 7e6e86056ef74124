"""Checks of chapter 03: batches of bags of different sizes."""

import re
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.checks.exercise import NotAttempted, Wrong, exercise
from mil_tutorial.checks.judging import (
    attempt,
    expect_gradients,
    expect_number,
    expect_tensor,
    expect_values,
)
from mil_tutorial.checks.padded import INF, MASKS, mask_of, softmax_by_loop, softmax_mistakes

SIZES = {
    "bags of 3 and 2 tiles": (3, 2),
    "one bag of one tile": (1,),
    "bags of 2, 5 and 1 tiles": (2, 5, 1),
    "two bags of 2 tiles": (2, 2),
}
FRONT = "Tiles come first, padding after them: fill place 0 to n_b - 1 of row b."
FROM_VALUES = (
    "All features of that real tile are zero: build the mask from the sizes, not from the values."
)
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
    "wrong for scores near -1e10: padding must be below every score, and only minus infinity is"
)
DRAWN, N_DRAWN = (range(40), range(1000, 1003)), 5  # tiles of two bags, and how many to show
UPSIDE_DOWN = "The mask is used upside down: it is True at real tiles."


@exercise
def check_collate_fn(answer: Any) -> str:
    """Check ``collate_fn(batch)``."""
    generator = torch.Generator().manual_seed(3)
    for case, sizes in SIZES.items():
        tiles = [torch.randn(n, 4, generator=generator) for n in sizes]
        tiles[0][-1] = 0  # a real tile may be zero
        _examine_batch(answer, tiles, [1, 1, 0][: len(tiles)], case)
    _examine_batch(answer, tiles, [torch.tensor(0.0), torch.tensor(1.0)], "labels as tensors")
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
    for case, mask in MASKS.items():
        scores = (2 * torch.randn(mask.shape, generator=generator)).requires_grad_()
        got = attempt(answer, scores, mask, case=case)
        expect_tensor(got, tuple(mask.shape), "the result", "float")
        plain = scores.detach()
        multiplied = torch.softmax(plain * mask, dim=1)
        mistakes = [
            *softmax_mistakes(plain, mask),
            (ZERO_SCORE, multiplied),
            (ZERO_SCORE, multiplied * mask),
            (UPSIDE_DOWN, torch.softmax(plain.masked_fill(mask, -INF), dim=1)),
        ]
        expect_values(got, softmax_by_loop(plain, mask), "the weight", mistakes, case)
        expect_gradients(got, {"scores": scores}, "the weights")
    _examine_unusual(answer, plain.masked_fill(~mask, float("nan")), mask, GARBAGE)
    _examine_unusual(answer, plain + 1000, mask, TOO_LARGE)
    for row in (2, 5):
        _examine_empty_row(answer, row)
    _examine_unusual(answer, plain - 1e10, mask, NOT_LOW_ENOUGH)
    return "right with padding anywhere, NaN under the mask and large scores; refuses an empty bag"


@exercise
def check_epoch_sampler(answer: Any) -> str:
    """Check the class ``EpochSampler(dataset, n, seed)``."""
    dataset = MedicalBagDataset((torch.tensor(own)[:, None], y) for y, own in enumerate(DRAWN))
    first, second, other = (
        attempt(answer, dataset, N_DRAWN, seed, case=f"EpochSampler(dataset, 5, {seed})")
        for seed in (0, 0, 1)
    )
    epochs = [_shown(first, epoch, 0) for epoch in (0, 1, 2)]
    _shown(first, 2, 1)  # a bag that has too few
    if epochs[0] == epochs[1] or epochs[1] == epochs[2]:
        raise Wrong(
            f"two epochs in a row show the same tiles, {epochs[1]}. The bug is still there: what "
            "do the random numbers of __getitem__ depend on?"
        )
    once, twice = (_shown(first, None, 0) for _ in range(2))
    if once != twice:
        raise Wrong(
            f"two reads in one epoch show {once} and {twice}: random numbers must depend on the "
            "seed and the epoch, and not on how often a bag was read"
        )
    if (shown := _shown(second, 1, 0)) != epochs[1]:
        raise Wrong(
            f"a second sampler with the same seed shows {shown} in epoch 1, the first showed "
            f"{epochs[1]}: nobody could repeat the run"
        )
    others = [_shown(other, epoch, 0) for epoch in (0, 1, 2)]
    if same := [epoch for epoch, shown in enumerate(others) if shown == epochs[epoch]]:
        why = ", though not in all epochs: the seed must matter in every epoch"
        if len(same) == len(others):
            why = ": the seed is no longer used"
        raise Wrong(f"seeds 0 and 1 show the same tiles in epoch {same[0]}{why}")
    for epoch, shown in enumerate(others):
        if shown in epochs:
            raise Wrong(
                f"seed 1 shows in epoch {epoch} what seed 0 shows in epoch "
                f"{epochs.index(shown)}: the two runs would share most of their draws. Combine "
                "seed and epoch so that no two pairs give the same number"
            )
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
            truth = torch.stack([part.mean(dim=0) for part in x.split(list(counts))])
            totals = truth * sizes[:, None]
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
    _expect_no_loop(answer)
    return "right for bags of several sizes, without a loop"


def _examine_unusual(answer: Any, scores: Tensor, mask: Tensor, message: str) -> None:
    got = attempt(answer, scores, mask, case="unusual scores")
    got = expect_tensor(got, tuple(mask.shape), "the result", "float")
    near_zero = scores - scores[mask].max()  # gives the same weights
    if not torch.allclose(got.double(), softmax_by_loop(near_zero, mask).double(), atol=1e-4):
        raise Wrong(message)


class _CallCounter(TorchFunctionMode):
    """Counts the calls of torch made inside its ``with``."""

    calls = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.calls += 1
        return func(*args, **(kwargs or {}))


def _expect_no_loop(answer: Any) -> None:
    """Refuse an answer that calls torch more often when there are more bags."""
    few, many = _CallCounter(), _CallCounter()
    for n_bags, counter in ((3, few), (30, many)):
        with counter:
            answer(torch.ones(2 * n_bags, 4), torch.full((n_bags,), 2))
    if few.calls != many.calls:
        raise Wrong(
            f"the means are right, but there is a loop over bags: {few.calls} calls of torch for 3 "
            f"bags, {many.calls} for 30. index_add adds up the rows of all bags at once"
        )


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
    weights = got[row].tolist() if isinstance(got, Tensor) and got.shape == mask.shape else got
    raise Wrong(
        f"row {row} has no real tile and got the weights {weights}: raise a ValueError instead"
    )


def _examine_batch(answer: Any, tiles: list[Tensor], labels: list[Any], case: str) -> None:
    """Judge the batch that ``collate_fn`` makes of these bags."""
    got = attempt(answer, list(zip(tiles, labels)), case=case)
    if not isinstance(got, tuple) or len(got) != 3:
        raise Wrong(f"it returned {type(got).__name__}, expected (bags, mask, labels)")
    parts = dict(zip(("bags", "mask", "labels"), got))
    if missing := [name for name, part in parts.items() if part is None or part is ...]:
        if len(missing) == len(parts):
            raise NotAttempted
        raise Wrong(f"of (bags, mask, labels) {' and '.join(missing)} came back as None ({case})")
    bags, mask, got_labels = got
    sizes = [len(x) for x in tiles]
    _examine_shape(bags, sizes, case)
    gaps = [x.new_zeros(max(sizes) - len(x), 4) for x in tiles]
    truth = torch.stack([torch.cat(pair) for pair in zip(tiles, gaps)])
    mistakes = {
        FRONT: torch.stack([torch.cat(pair) for pair in zip(gaps, tiles)]),
        "There are only zeros: copy the instances into them.": torch.zeros_like(truth),
    }
    expect_values(bags, truth, "bags", mistakes, case)
    real = mask_of(sizes, max(sizes))
    expect_tensor(mask, tuple(real.shape), "the mask")
    if mask.dtype != torch.bool:
        raise Wrong(
            f"the mask came in dtype {mask.dtype}, expected torch.bool: only that can index"
        )
    mistakes = {
        "It is True at padding: True must stand at a real tile.": ~real,
        "All places count as real.": torch.ones_like(real),
        FRONT: real.flip(1),
        FROM_VALUES: (truth != 0).any(dim=-1),
    }
    expect_values(mask, real, "the mask", mistakes, case)
    expect_tensor(got_labels, (len(sizes),), "labels")
    if not got_labels.is_floating_point():
        raise Wrong(
            f"the labels are of dtype {got_labels.dtype}, expected float: the loss compares them "
            "with probabilities and refuses integers"
        )
    expect_values(got_labels, [float(label) for label in labels], "labels", case=case)


def _examine_shape(bags: Any, sizes: list[int], case: str) -> None:
    n_bags, largest, total = len(sizes), max(sizes), sum(sizes)
    shape = tuple(bags.shape) if isinstance(bags, Tensor) else ()
    has = f"bags came in shape {shape} ({case})"
    if n_bags > 1 and shape in ((total, 4), (1, total, 4)):
        raise Wrong(f"{has}: all tiles were merged into one bag; nobody can tell the slides apart")
    if n_bags != largest and shape == (largest, n_bags, 4):
        raise Wrong(f"{has}: the axis of bags comes first; give pad_sequence batch_first=True")
    if len(shape) == 3 and shape[1] > largest:
        why = ", the number of tiles in all" if shape[1] == total else ""
        raise Wrong(
            f"the bags are padded to {shape[1]} places{why} ({case}): pad to the largest bag of "
            f"the batch, here {largest}"
        )
    expect_tensor(bags, (n_bags, largest, 4), "bags", "float")


def _shown(sampler: Any, epoch: int | None, bag: int) -> list[int]:
    """Return what a sampler shows of a bag, examined, sorted; None means the present epoch."""

    def read() -> Any:
        if epoch is not None:
            sampler.set_epoch(epoch)
        return sampler[bag]

    shown = attempt(read, case=f"bag {bag}")
    if not isinstance(shown, tuple) or len(shown) != 2:
        raise Wrong(f"a bag is {type(shown).__name__}, expected (instances, label)")
    tiles, label = shown
    if not isinstance(tiles, Tensor) or tiles.ndim != 2 or tiles.shape[1] != 1:
        raise Wrong("the instances of a bag must be a tensor (n, D), as in the data set")
    expect_number(label, bag, "the label", 0)
    numbers = [float(tile) for tile in tiles[:, 0]]
    if strange := [number for number in numbers if not number.is_integer()]:
        raise Wrong(f"bag {bag} shows the value {strange[0]:g}, which none of its tiles holds")
    drawn, own, n = sorted(map(int, numbers)), DRAWN[bag], min(N_DRAWN, len(DRAWN[bag]))
    if len(drawn) != n or len(set(drawn)) != n or not set(drawn) <= set(own):
        raise Wrong(
            f"a bag of {len(own)} tiles shows {drawn}, expected {n} different ones of "
            f"{own[0]} to {own[-1]}"
        )
    return drawn
