"""Whether bags of different sizes are padded to one batch as they should be."""

from typing import Any

import torch
from torch import Tensor

from mil_tutorial.checks.exercise import NotAttempted, Wrong
from mil_tutorial.checks.judging import attempt, expect_tensor, expect_values

FRONT = "Tiles come first, padding after them: fill place 0 to n_b - 1 of row b."
FROM_VALUES = (
    "That real tile has only zeros as features: build the mask from the sizes, not from the values."
)


def examine_batch(answer: Any, tiles: list[Tensor], labels: list[Any], case: str) -> None:
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
        "Only zeros: copy the instances into them.": torch.zeros_like(truth),
    }
    expect_values(bags, truth, "bags", mistakes, case)
    real = torch.arange(max(sizes)) < torch.tensor(sizes)[:, None]
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
        raise Wrong(f"{has}: all tiles were merged into one bag; no one can tell slides apart")
    if n_bags != largest and shape == (largest, n_bags, 4):
        raise Wrong(f"{has}: the axis of bags comes first; tell pad_sequence batch_first=True")
    if len(shape) == 3 and shape[1] > largest:
        why = ", the number of tiles in all" if shape[1] == total else ""
        raise Wrong(
            f"the bags are padded to {shape[1]} places{why} ({case}): pad to the largest bag of "
            f"the batch, here {largest}"
        )
    expect_tensor(bags, (n_bags, largest, 4), "bags", "float")
