"""Jobs: tasks that do not depend on each other, run side by side by this process and workers.

A worker does a task as this process would, so the results do not depend on how many there are, but
for the last digits of sums that several threads share. It is another Python with another copy of
torch: about half a gigabyte of memory.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
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
        Sent to each worker once, with the data that it holds; tasks are best small. Its results
        must not depend on what ran before: random numbers come from seeds in the task.
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
        When ``jobs`` is less than 1, or the function or a task cannot be sent to a worker.
    OSError
        When a worker ends before its work does. What a task raises is raised here too, when this
        process has finished its own.
    """
    workers, all_threads = as_integer(jobs, "jobs") - 1, torch.get_num_threads()
    threads = max(1, all_threads // jobs)
    numbered = enumerate(tasks)
    results: dict[int, Any] = {}
    sent: dict[Future, int] = {}
    executor = None
    if workers:
        executor = ProcessPoolExecutor(
            workers, initializer=_start, initargs=(os.getpid(), threads, function)
        )

    def send(most: int) -> None:
        while executor and len(sent) < most and (taken := next(numbered, None)):
            try:
                with _interrupts_held():
                    future = executor.submit(_run, taken[1])
            except TypeError as error:  # some of what cannot be pickled
                raise _unsendable(error) from error
            sent[future] = taken[0]

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
        raise _unsendable(error) from error
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


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Hold Ctrl-C back, and from workers that start now for good: this process ends them."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _unsendable(error: Exception) -> ValueError:
    reason = str(error.__cause__ or error).strip('"\n').splitlines()[-1]
    return ValueError(f"the work cannot be sent to another process ({reason})")


_started: dict[str, Callable[..., Any]] = {}


def _start(parent: int, threads: int, function: Callable[..., Any]) -> None:
    """Prepare this worker; it ends soon after a killed parent, which cannot tell it to stop."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    Thread(target=watch, daemon=True).start()
    torch.set_num_threads(threads)
    _started["function"] = function


def _run(task: tuple) -> Any:
    """Do a task in a worker."""
    return _started["function"](*task)
