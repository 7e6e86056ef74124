"""Whether a sampler shows new tiles each epoch, and the same ones again when asked again."""

from typing import Any

import torch
from torch import Tensor

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.checks.exercise import Wrong
from mil_tutorial.checks.judging import attempt, expect_number


def examine_sampler(answer: Any) -> None:
    """Judge the class ``EpochSampler(dataset, n, seed)``."""
    dataset = MedicalBagDataset(
        [(1000 * b + torch.arange(n)[:, None], b) for b, n in enumerate((40, 3))]
    )
    first, second, other = (
        attempt(answer, dataset, 5, seed, case=f"EpochSampler(dataset, 5, {seed})")
        for seed in (0, 0, 1)
    )
    epochs = [_shown(first, epoch, 0) for epoch in (0, 1, 2)]
    for shown in epochs:
        _examine_draw(shown, range(40), 5)
    _examine_draw(_shown(first, 2, 1), range(1000, 1003), 3)
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
    _examine_seeds(epochs, [_shown(other, epoch, 0) for epoch in (0, 1, 2)])


def _shown(sampler: Any, epoch: int | None, bag: int) -> list[int]:
    """Return the tiles that a sampler shows of a bag, sorted; None means the present epoch."""

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
    return sorted(map(int, numbers))


def _examine_draw(shown: list[int], tiles: range, n: int) -> None:
    if len(shown) != n or len(set(shown)) != n or not set(shown) <= set(tiles):
        raise Wrong(
            f"a bag of {len(tiles)} tiles shows {shown}, expected {n} different ones of "
            f"{tiles[0]} to {tiles[-1]}"
        )


def _examine_seeds(of_seed_0: list[list[int]], of_seed_1: list[list[int]]) -> None:
    same = [epoch for epoch, shown in enumerate(of_seed_1) if shown == of_seed_0[epoch]]
    if same and len(same) < len(of_seed_1):
        raise Wrong(
            f"seeds 0 and 1 show the same tiles in epoch {same[0]}, though not in all epochs: the "
            "seed must count in every epoch"
        )
    if same:
        raise Wrong("seeds 0 and 1 show the same tiles in epoch 1: the seed is not used any more")
    for epoch, shown in enumerate(of_seed_1):
        if shown in of_seed_0:
            raise Wrong(
                f"seed 1 shows in epoch {epoch} what seed 0 shows in epoch "
                f"{of_seed_0.index(shown)}: the two runs would share most of their draws. Put seed "
                "and epoch together so that no two pairs give one number"
            )
