"""How much memory a bag needs, estimated before anything is computed.

Counts of numbers kept for each instance follow from the model (gated attention): its embedding (H)
and the two factors of its score and their product (A each), in training also their gradients. What
is kept for how long was measured (``tests/benchmarks/memory.py``); the result is within a fifth of
what a process really takes, for bags of 100 MB and more.
"""

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
    chunk = n if at_once is None else min(n, at_once)
    per_instance = 2.75 * hidden + 4.25 * attention
    if at_once is not None:
        per_instance *= 1.5  # a chunk is computed while another one's memory is freed
    # Each parameter has a gradient, two moments in Adam, and a copy of the best epoch.
    parameters = 5 * _parameters(width, hidden, attention)
    return round(HELD + FLOAT * (n * width + chunk * per_instance + parameters))


def _parameters(width: int, hidden: int, attention: int) -> int:
    return (width + 1) * hidden + 2 * (hidden + 1) * attention + attention + hidden + 1
