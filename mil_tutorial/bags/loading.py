"""Loading: the bags of a list of batches, read one after the other or ahead by other processes."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch.utils.data import DataLoader

from mil_tutorial.bags.batches import BagBatch, collate_packed
from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.sampling import InstanceSampler
from mil_tutorial.system.numbers import as_integer


def load_batches(
    dataset: MedicalBagDataset | InstanceSampler,
    batches: Sequence[list[int]],
    *,
    workers: int = 0,
    generator: torch.Generator | None = None,
) -> Iterator[BagBatch]:
    """Yield a packed batch for each list of bags.

    ``workers`` processes read ahead, two batches each; 0 reads when a batch is asked for. They are
    started anew for every pass, so they pay where reading takes long, and for bags in memory they
    cost more than they bring. ``generator`` gives the seed of the workers, one number. What a
    worker refuses is raised in its own words, in one line.
    """
    workers = as_integer(workers, "workers", least=0)
    loader = DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=collate_packed,
        num_workers=workers,
        generator=generator,
    )
    if workers == 0:
        yield from loader
        return
    failure = None
    try:
        yield from loader
    except (ValueError, OSError, RuntimeError) as error:
        failure = _in_a_line(error)
    if failure:  # raised here, after the loader has stopped its other workers
        raise failure


def _in_a_line(error: Exception) -> Exception:
    """Return an error of torch's readers in one line."""
    text = str(error)
    if text.startswith("Caught"):  # raised by a worker; torch hands on its whole traceback
        return type(error)(text.splitlines()[-1].split(": ", 1)[-1])
    if isinstance(error, ConnectionError) or "DataLoader worker" in text:
        return OSError(
            f"a process that reads bags ended ({text.splitlines()[0]}); memory, or the shared "
            "memory in /dev/shm, may be short: take fewer workers, or 0"
        )
    return error


def fill_batches(
    dataset: MedicalBagDataset | InstanceSampler, batch_size: int, most_values: int
) -> list[list[int]]:
    """Put bags together in their order, as many as memory should hold at once, but at least one."""
    batch_size = as_integer(batch_size, "batch_size")
    at_once = most_values // math.prod(dataset.instance_shape)
    return cut_into_parts(range(len(dataset)), dataset.sizes.tolist(), at_once, batch_size)


PART_VALUES = 2**22
"""Numbers of a part on a CPU, 16 MB: 4,096 instances of 1,024 features. What is computed from so
many stays in the processor's cache and in memory that is used again: an epoch on bags of thousands
of instances took 0.8 to 0.9 of the time of one pass (``tests/benchmarks/throughput.py``)."""


class Step(NamedTuple):
    """One optimiser step of one process."""

    # The process's bags, put together as they are computed: a forward and a backward pass for
    # each part, whose gradients add up. Empty where the process has no bag in this step.
    parts: list[list[int]]
    bags: list[int]  # the bags of all processes


def plan_steps(
    order: Sequence[int],
    sizes: Sequence[int],
    batch_size: int,
    *,
    at_once: int | None = None,
    rank: int = 0,
    number: int = 1,
) -> Iterator[Step]:
    """Yield the steps of an epoch; over all processes every entry of ``order`` is seen once.

    A step has ``batch_size`` bags of all processes together. Its parts have at most ``at_once``
    instances; a bag that is larger is a part of its own. ``rank`` is this process of ``number``.
    """
    batch_size = as_integer(batch_size, "batch_size")
    for start in range(0, len(order), batch_size):
        bags = list(order[start : start + batch_size])
        own = share_bags(bags, sizes, number)[rank]
        yield Step(cut_into_parts(own, sizes, at_once), bags)


def instances_of_a_part(instance_shape: Sequence[int]) -> int:
    """Return how many instances a part should hold on a CPU."""
    return max(1, PART_VALUES // math.prod(instance_shape))


def share_bags(bags: Sequence[int], sizes: Sequence[int], number: int) -> list[list[int]]:
    """Give each process about as many instances: the largest bag first, to the smallest share.

    (The rule "longest processing time first", Graham 1969: the largest share is at most 4/3 of the
    best possible.) Within a share the order stays.
    """
    number = as_integer(number, "number of processes")
    if number == 1:
        return [list(bags)]
    shares: list[list[int]] = [[] for _ in range(number)]
    loads = [0] * number
    for place in sorted(range(len(bags)), key=lambda i: -sizes[bags[i]]):
        least = loads.index(min(loads))
        shares[least].append(place)
        loads[least] += sizes[bags[place]]
    return [[bags[place] for place in sorted(share)] for share in shares]


def cut_into_parts(
    bags: Sequence[int], sizes: Sequence[int], at_once: int | None, most_bags: int | None = None
) -> list[list[int]]:
    """Put bags together in their order, as many as have at most ``at_once`` instances.

    A bag that is larger is a part of its own. No part has more than ``most_bags`` bags.
    """
    if at_once is not None:
        at_once = as_integer(at_once, "at_once", least=0)  # 0: each bag by itself
    if most_bags is not None:
        most_bags = as_integer(most_bags, "most_bags")
    parts: list[list[int]] = []
    held = 0
    for bag in bags:
        too_large = at_once is not None and held + sizes[bag] > at_once
        if not parts or too_large or len(parts[-1]) == most_bags:
            parts.append([])
            held = 0
        parts[-1].append(bag)
        held += sizes[bag]
    return parts
