"""Loading: the bags of a list of batches, read one after the other or ahead by other processes."""

import math
from collections.abc import Iterator, Sequence

import torch
from torch.utils.data import DataLoader

from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.batches import BagBatch, collate_packed
from mil_tutorial.sampling import InstanceSampler


def load_batches(
    dataset: MedicalBagDataset | InstanceSampler,
    batches: Sequence[list[int]],
    *,
    workers: int = 0,
    generator: torch.Generator | None = None,
) -> Iterator[BagBatch]:
    """Yield a packed batch for each list of bags.

    Parameters
    ----------
    dataset : MedicalBagDataset or InstanceSampler
    batches : sequence of lists of int
    workers : int
        Processes that read ahead, two batches each; 0 reads when a batch is asked for. They are
        started anew for every pass, so they pay where reading takes long, and for bags in memory
        they cost more than they bring.
    generator : torch.Generator, optional
        Where a loader takes the seed of its workers, one number; else from the global numbers.

    Raises
    ------
    OSError
        When a reading process ends before its work.
    ValueError
        What a reading process found wrong, in one line.
    """
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
    if failure:  # raised here, where the loader is gone and its other workers are stopped
        raise failure


def _in_a_line(error: Exception) -> Exception:
    """Reword what torch raises for its workers."""
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
    values = (dataset.sizes * math.prod(dataset.instance_shape)).tolist()
    batches: list[list[int]] = []
    held = 0
    for bag, size in enumerate(values):
        if not batches or len(batches[-1]) == batch_size or held + size > most_values:
            batches.append([])
            held = 0
        batches[-1].append(bag)
        held += size
    return batches
