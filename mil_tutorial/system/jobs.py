"""Jobs: tasks that do not depend on each other, run side by side by worker processes (joblib).

A worker trains as this process would alone, so the results do not depend on how many there are. It
is another Python with another copy of torch: about half a gigabyte of memory.
"""

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing
from functools import cache
from pickle import PicklingError
from threading import Thread
from typing import Any

import torch
from joblib import Parallel, cpu_count, delayed
from joblib.externals.loky import get_reusable_executor

from mil_tutorial.system.memory import available_memory
from mil_tutorial.system.numbers import as_integer

WORKER_BYTES = 0.8e9
"""Free memory that a worker should find, with something to spare."""


def possible_jobs(most: int = 2) -> int:
    """Return how many workers find a core and memory here: 1 (no extra process) to ``most``."""
    free = available_memory()
    fitting = most if free is None else int(free / WORKER_BYTES)
    return max(1, min(most, cpu_count(), fitting))


def share_work(
    function: Callable[..., Any],
    tasks: Iterable[tuple],
    jobs: int = 1,
    on_done: Callable[[], Any] = lambda: None,
) -> list[Any]:
    """Return ``function(*task)`` for each task, in order.

    Parameters
    ----------
    function : callable
        It must not depend on what ran before it: random numbers come from seeds in the task.
    tasks : iterable of tuples
        Taken as workers become free, a few ahead.
    jobs : int
        Worker processes, with as many threads as this one; 1 is an ordinary loop in this process.
    on_done : callable
        Called here after each task.

    Raises
    ------
    ValueError
        When ``jobs`` is less than 1, or a task cannot be sent to a worker.
    OSError
        When a worker ends before its work does. What a task raises is raised here too.
    """
    jobs = as_integer(jobs, "jobs")
    setting = os.getpid(), torch.get_num_threads()
    calls = (delayed(_run)(number, *setting, function, task) for number, task in enumerate(tasks))
    parallel = Parallel(
        jobs,
        backend="loky",
        return_as="generator_unordered",
        pre_dispatch="n_jobs",
        batch_size=1,
        max_nbytes=None,  # arrays go as bytes, not by shared memory: containers have little
    )
    results = {}
    try:
        with closing(parallel(calls)) as finished:  # closed also when the user presses stop
            for number, result in finished:
                results[number] = result
                on_done()
    except PicklingError as error:
        reason = str(error.__cause__ or error).strip('"\n').splitlines()[-1]
        raise ValueError(f"a task cannot be sent to another process ({reason})") from error
    except BrokenProcessPool as error:
        raise OSError(
            "a worker process ended before its work; if memory is short, take jobs=1"
        ) from error
    finally:
        if jobs > 1:
            get_reusable_executor(reuse=True).shutdown()
    return [results[number] for number in range(len(results))]


def _run(
    number: int, parent: int, threads: int, function: Callable[..., Any], task: tuple
) -> tuple[int, Any]:
    if os.getpid() != parent:
        _end_with(parent)
    if torch.get_num_threads() != threads:  # in a worker: other sums would round differently
        torch.set_num_threads(threads)
    return number, function(*task)


@cache
def _end_with(parent: int) -> None:
    """End this worker soon after a killed parent, which cannot tell it to stop."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
