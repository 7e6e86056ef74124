"""Jobs: tasks that do not depend on each other, run side by side by this process and workers.

A worker does a task as this process would, so the results do not depend on how many there are, but
for the last digits of sums that several threads share. It is another Python with another copy of
torch: about half a gigabyte of memory.
"""

import os
import time
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from functools import cache, partial
from pickle import PicklingError
from threading import Thread
from typing import Any

import torch
from joblib import cpu_count
from joblib.externals.loky import ProcessPoolExecutor

from mil_tutorial.system.memory import available_memory
from mil_tutorial.system.numbers import as_integer

WORKER_BYTES = 0.8e9
"""Free memory that a worker should find, with something to spare."""


def possible_jobs(most: int = 2) -> int:
    """Return for how many processes there is a core and memory: 1 (only this) to ``most``."""
    free = available_memory()
    fitting = most if free is None else 1 + int(free / WORKER_BYTES)
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
        Taken as processes become free, one ahead for each worker.
    jobs : int
        Processes: this one and ``jobs`` − 1 workers. They divide the threads of torch: more threads
        than cores wait for each other.
    on_done : callable
        Called here after each task.

    Raises
    ------
    ValueError
        When ``jobs`` is less than 1, or a task cannot be sent to a worker.
    OSError
        When a worker ends before its work does. What a task raises is raised here too, when this
        process has finished its own.
    """
    workers, all_threads = as_integer(jobs, "jobs") - 1, torch.get_num_threads()
    threads = max(1, all_threads // jobs)
    call = partial(_run, os.getpid(), threads, function)
    numbered = enumerate(tasks)
    results: dict[int, Any] = {}
    sent: dict[Future, int] = {}
    executor = ProcessPoolExecutor(workers) if workers else None

    def send(most: int) -> None:
        while executor and len(sent) < most and (taken := next(numbered, None)):
            sent[executor.submit(call, taken[1])] = taken[0]

    torch.set_num_threads(threads)
    failed = True
    try:
        while True:
            send(workers)
            own = next(numbered, None)
            send(2 * workers)  # so that none waits while this process is busy
            if own is not None:
                results[own[0]] = function(*own[1])
                on_done()
            elif not sent:
                break
            done, _ = wait(sent, 0 if own else None, FIRST_COMPLETED)
            for future in done:
                results[sent.pop(future)] = future.result()
                on_done()
        failed = False
    except PicklingError as error:
        reason = str(error.__cause__ or error).strip('"\n').splitlines()[-1]
        raise ValueError(f"a task cannot be sent to another process ({reason})") from error
    except BrokenProcessPool as error:
        raise OSError(
            "a worker process ended before its work; if memory is short, take jobs=1, which also "
            "shows an error that cannot be sent here"
        ) from error
    finally:
        if executor:  # after an error, or when the user presses stop, workers need not finish
            executor.shutdown(kill_workers=failed)
        torch.set_num_threads(all_threads)
    return [results[number] for number in range(len(results))]


def _run(parent: int, threads: int, function: Callable[..., Any], task: tuple) -> Any:
    """Do a task in a worker."""
    _end_with(parent)
    torch.set_num_threads(threads)
    return function(*task)


@cache
def _end_with(parent: int) -> None:
    """End this worker soon after a killed parent, which cannot tell it to stop."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
