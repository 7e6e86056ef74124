"""Batches: the two ways to put bags of different sizes into one batch.

Letters used everywhere: B bags in a batch, n_b instances in bag b, N = Σ n_b, K = max n_b,
D features of an instance.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.system.numbers import check_kind, shown


@dataclass(frozen=True)
class BagBatch:
    """B bags, packed: their instances one after the other, nothing between them.

    Attributes
    ----------
    instances : Tensor, shape (N, …)
    sizes : Tensor of int64, shape (B,)
        n_b, in the order of the bags; they sum to N.
    labels : Tensor of float, shape (B,)
    """

    instances: Tensor
    sizes: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.sizes)

    def to(self, device: torch.device | str) -> "BagBatch":
        """Return the batch on another device."""
        return BagBatch(*(t.to(device) for t in (self.instances, self.sizes, self.labels)))

    def padded(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return the same batch as ``collate_fn`` makes it: bags, mask, labels."""
        bags, mask = pad(self.instances, self.sizes)
        return bags, mask, self.labels


def collate_packed(batch: Sequence[tuple[Tensor, Any]]) -> BagBatch:
    """Pack bags into one batch without padding.

    Parameters
    ----------
    batch : sequence of (instances (n_b, …), label)

    Returns
    -------
    BagBatch
        instances (N, …), sizes (B,), labels (B,).

    Raises
    ------
    ValueError
        When a bag is empty, instances differ in shape, or a label is not 0 or 1.
    """
    for bag in batch:
        if not (isinstance(bag, tuple | list) and len(bag) == 2 and isinstance(bag[0], Tensor)):
            raise ValueError(f"a batch is a list of (Tensor, label), got {shown(bag)} in it")
    shapes = {tuple(instances.shape[1:]) for instances, _ in batch}
    if len(shapes) != 1:
        raise ValueError(f"bags of a batch need instances of one shape, got {sorted(shapes)}")
    sizes = torch.tensor([len(instances) for instances, _ in batch])
    _refuse_empty(sizes)
    labels = torch.tensor([float(label) for _, label in batch])
    if len(odd := labels[(labels != 0) & (labels != 1)]):
        raise ValueError(f"a label of the batch is {float(odd[0]):g}, expected 0 or 1")
    # One bag is not copied: it may be as large as the memory that is left.
    instances = batch[0][0] if len(batch) == 1 else torch.cat([x for x, _ in batch])
    return BagBatch(instances, sizes, labels)


def collate_fn(batch: Sequence[tuple[Tensor, Any]]) -> tuple[Tensor, Tensor, Tensor]:
    """Pad bags to the largest of the batch.

    Parameters
    ----------
    batch : sequence of (instances (n_b, …), label)

    Returns
    -------
    bags : Tensor, shape (B, K, …)
        Zeros where a bag has no further instance.
    mask : Tensor of bool, shape (B, K)
        True at a real instance.
    labels : Tensor of float, shape (B,)
    """
    return collate_packed(batch).padded()


def pad(values: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
    """Turn packed values (N, …) into padded ones (B, K, …) and their mask (B, K).

    Raises
    ------
    ValueError
        When a bag is empty, or the sizes do not sum to N.
    """
    check_kind(Tensor, values=values)
    check_sizes(sizes, len(values))
    mask = torch.arange(int(sizes.max()), device=values.device) < sizes[:, None]
    padded = values.new_zeros(*mask.shape, *values.shape[1:])
    padded[mask] = values
    return padded, mask


def pack(bags: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Turn padded bags (B, K, …) into packed instances (N, …) and sizes (B,).

    Without a mask every place counts as a real instance. What lies under the mask is never read.

    Raises
    ------
    ValueError
        When the mask does not fit, is not boolean, or leaves a bag without a real instance.
    """
    check_kind(Tensor, bags=bags)
    if mask is None:
        mask = torch.ones(bags.shape[:2], dtype=torch.bool, device=bags.device)
    check_kind(Tensor, mask=mask)
    check_mask(mask, bags.shape[:2])
    sizes = mask.sum(dim=1)
    _refuse_empty(sizes)
    if bool((mask[:, :-1] >= mask[:, 1:]).all()):  # padding at the end: slices are copied faster
        return torch.cat([bag[:n] for bag, n in zip(bags, sizes.tolist())]), sizes
    return bags[mask], sizes


def check_mask(mask: Tensor, shape: tuple[int, ...]) -> None:
    """Refuse a mask that is not boolean, or of another shape than (B, K)."""
    if mask.dtype != torch.bool or mask.shape != shape:
        raise ValueError(
            f"the mask is {mask.dtype} of shape {tuple(mask.shape)}, "
            f"expected torch.bool of shape {tuple(shape)}"
        )


def as_tensor(value: Any, name: str) -> Tensor:
    """Return an array as a tensor, which may keep its gradient; refuse what is no array."""
    try:
        if isinstance(value, np.ndarray):
            value = np.asarray(value, order="C")  # torch takes no reversed array
        return torch.as_tensor(value)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name} must be an array of numbers, got {shown(value)}") from error


def check_sizes(sizes: Tensor, n_instances: int) -> None:
    """Refuse sizes that leave a bag empty or do not sum to the number of instances N."""
    wrong = not isinstance(sizes, Tensor) or sizes.ndim != 1 or sizes.dtype == torch.bool
    if wrong or sizes.is_floating_point():
        raise ValueError("sizes must be a tensor of integers of shape (B,): n_b of each bag")
    _refuse_empty(sizes)
    if int(sizes.sum()) != n_instances:
        raise ValueError(f"sizes sum to {int(sizes.sum())}, but there are {n_instances} instances")


def _refuse_empty(sizes: Tensor) -> None:
    if not bool((sizes > 0).all()):
        empty = int((sizes <= 0).nonzero()[0])
        raise ValueError(
            f"bag {empty} of the batch has no real instance (an all-False mask row, or an empty "
            "bag); leave it out"
        )
