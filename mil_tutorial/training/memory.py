"""How much memory a bag needs, estimated before anything is computed.

Counts of numbers kept for each instance follow from the model (gated attention): its embedding (H)
and the two factors of its score and their product (A each), in training also their gradients. What
is kept for how long was measured (``tests/benchmarks/memory.py``); the result is within a fifth of
what a process really takes, for bags of 100 MB and more.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.system.distributed import this_process
from mil_tutorial.system.errors import in_a_line, short_of_memory
from mil_tutorial.system.memory import check_fits
from mil_tutorial.system.numbers import as_integer
from mil_tutorial.training.config import TrainingConfig
from mil_tutorial.training.prediction import CHUNK_VALUES

FLOAT = 4  # bytes

HELD = 25e6
"""Bytes that the allocator holds beyond the requested ones, as measured."""


def bytes_to_predict(n: int, width: int, hidden: int = 128, attention: int = 128) -> int:
    """Return the bytes that ``predict`` needs for a bag, the bag included.

    Parameters
    ----------
    n, width : int
        Instances of the bag, and D.
    hidden, attention : int
        H and A.
    """
    n, width = as_integer(n, "n"), as_integer(width, "width")
    chunk = min(n, max(1, CHUNK_VALUES // width))
    per_instance = 1.5 * hidden + 3.25 * attention
    numbers = n * width + chunk * per_instance + _parameters(width, hidden, attention)
    return round(HELD + FLOAT * numbers)


def bytes_to_train(
    n: int, width: int, hidden: int = 128, attention: int = 128, at_once: int | None = None
) -> int:
    """Return the bytes that a training step on a bag needs, the bag included.

    ``at_once`` is ``TrainingConfig.instances_at_once``; the others as in ``bytes_to_predict``.
    """
    n, width = as_integer(n, "n"), as_integer(width, "width")
    chunk = n if at_once is None else min(n, at_once)
    per_instance = 2.75 * hidden + 4.25 * attention
    if at_once is not None:
        per_instance *= 1.5  # a chunk is computed while another one's memory is freed
    # Each parameter has a gradient, two moments in Adam, and a copy of the best epoch.
    parameters = 5 * _parameters(width, hidden, attention)
    return round(HELD + FLOAT * (n * width + chunk * per_instance + parameters))


CHUNK = 4096
"""Instances that are proposed where whole bags are too much."""


def check_memory(
    dataset: MedicalBagDataset, config: TrainingConfig, hidden: int, *, trained: bool, jobs: int = 1
) -> None:
    """Refuse bags of features that do not fit into the free memory; nothing is read for it.

    ``hidden`` is H; ``trained`` says whether these bags are trained on too, or only tested;
    ``jobs`` is how many processes work at the same time, each with a bag.
    """
    if len(dataset.instance_shape) != 1 or str(this_process().device) != "cpu":
        return
    (name, n), (width,) = largest_bag([dataset]), dataset.instance_shape

    def to_train(at_once: int | None, sample: int | None) -> int:
        return jobs * bytes_to_train(min(n, sample or n), width, hidden, at_once=at_once)

    remedy = "close other programs" if jobs == 1 else "fewer --jobs take less"
    has = f"{name} has {n:,} instances;"
    if trained:
        check_fits(
            to_train(config.instances_at_once, config.instances_per_bag),
            f"{has} a training step on it takes about",
            f"--instances-at-once {CHUNK} trains in {to_train(CHUNK, None) / 1e9:.3g} GB, "
            f"--instances-per-bag {CHUNK} in {to_train(None, CHUNK) / 1e9:.3g} GB; or {remedy}",
        )
    tested = f"{has} to predict it takes about"
    check_fits(jobs * bytes_to_predict(n, width, hidden), tested, f"{remedy}, or leave it out")


def largest_bag(datasets: Iterable[MedicalBagDataset]) -> tuple[str, int]:
    """Return the name of the bag with the most instances, and their number."""
    bags = ((name, n) for each in datasets for name, n in zip(each.names, each.sizes.tolist()))
    return max(bags, key=lambda bag: bag[1])


@contextmanager
def naming_the_largest(*datasets: MedicalBagDataset) -> Iterator[None]:
    """Say in one line what to do where memory runs short, on the CPU or a GPU."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not short_of_memory(error):
            raise
        name, n = largest_bag(datasets)
        raise MemoryError(
            f"{in_a_line(error)}; the largest bag, {name}, has {n:,} instances: take "
            f"--instances-at-once {CHUNK}, --instances-per-bag {CHUNK}, or fewer processes"
        ) from error


def _parameters(width: int, hidden: int, attention: int) -> int:
    return (width + 1) * hidden + 2 * (hidden + 1) * attention + attention + hidden + 1
