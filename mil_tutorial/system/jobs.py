"""Work shared between this process and helpers: trainings that do not depend on each other.

Every process trains as it would alone, so the results do not depend on how many there are. A
helper is a second Python with a second copy of torch: about half a gigabyte of memory.
"""

import os
import pickle
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from threading import Lock
from typing import Any

from mil_tutorial.system.memory import available_memory

HELPER_BYTES = 0.8e9
"""Free memory that a helper should find, with something to spare."""


def possible_jobs(most: int = 2) -> int:
    """Return how many processes, this one included, have a core and memory here: 1 to ``most``."""
    affinity = getattr(os, "sched_getaffinity", None)  # the cores of a container; Linux only
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    free = available_memory()
    helpers = most - 1 if free is None else int(free / HELPER_BYTES)
    return max(1, min(most, cores, 1 + helpers))


def share_work(
    function: Callable[..., Any],
    tasks: Iterable[tuple],
    jobs: int = 1,
    on_done: Callable[[], Any] = lambda: None,
) -> list[Any]:
    """Return ``function(*task)`` for each task, in order; helpers do their share.

    Parameters
    ----------
    function : callable
        At the top of a module. It must not depend on what ran before it: random numbers come from
        seeds in the task.
    tasks : iterable of tuples
        Taken one by one, as processes become free; plain values, arrays and tensors.
    jobs : int
        Processes, this one included: 1 is an ordinary loop. A script that asks for more needs
        ``if __name__ == "__main__":``, as always with processes in Python.
    on_done : callable
        Called after each task.

    Raises
    ------
    ValueError
        When ``jobs`` is less than 1, or a task cannot be sent to another process.
    OSError
        When a helper ends before its work does. What a task raises is raised here too.
    """
    if jobs < 1:
        raise ValueError(f"jobs is {jobs}; at least this process has to work")
    queue = _Queue(tasks, on_done)
    helpers = [_Helper() for _ in range(jobs - 1)]
    try:
        with ThreadPoolExecutor(max(len(helpers), 1)) as threads:  # each waits for one helper
            waiting = [threads.submit(queue.work_off, h.run, function) for h in helpers]
            try:
                queue.work_off(_here, function)
                for thread in waiting:
                    thread.result()
            except BaseException:  # also when the user presses stop
                for helper in helpers:
                    helper.process.terminate()  # its thread waits no longer
                raise
    finally:
        for helper in helpers:
            helper.close()
    return [result for _, result in sorted(queue.results.items())]


def _here(function: Callable[..., Any], task: tuple) -> Any:
    return function(*task)


class _Queue:
    """Tasks to be taken by several workers, and their results by number."""

    def __init__(self, tasks: Iterable[tuple], on_done: Callable[[], Any]) -> None:
        self.tasks, self.on_done, self.lock = iter(tasks), on_done, Lock()
        self.taken, self.results = 0, dict[int, Any]()

    def work_off(self, run: Callable[..., Any], function: Callable[..., Any]) -> None:
        """Take a task, run it, take the next; after an error nobody takes another."""
        try:
            while True:
                with self.lock:
                    number, task = self.taken, next(self.tasks, None)
                    self.taken += 1
                if task is None:
                    return
                result = run(function, task)
                with self.lock:
                    self.results[number] = result
                    self.on_done()
        except BaseException:
            with self.lock:
                self.tasks = iter(())
            raise


class _Helper:
    """Another Python process that runs tasks for this one."""

    def __init__(self) -> None:
        import torch

        context = get_context("spawn")  # a fork would copy threads and locks half-way
        self.line, other_end = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(other_end, torch.get_num_threads()), daemon=True
        )
        self.process.start()
        other_end.close()

    def run(self, function: Callable[..., Any], task: tuple) -> Any:
        """Send a task, wait for its result."""
        try:
            # Bytes, because tensors would be sent through shared memory, of which containers
            # have little.
            message = pickle.dumps((function, task))
        except (pickle.PicklingError, AttributeError, TypeError) as error:
            raise ValueError(f"a task cannot be sent to another process ({error})") from error
        try:
            self.line.send_bytes(message)
            done, result = pickle.loads(self.line.recv_bytes())
        except (EOFError, OSError) as error:
            raise OSError(
                "a helper process ended before its work; if memory is short, take jobs=1"
            ) from error
        if not done:
            raise result
        return result

    def close(self) -> None:
        """Let the process end by itself, and wait for it."""
        self.line.close()
        self.process.join()


def _serve(line: Any, threads: int) -> None:
    """Run what comes over the line until it is cut: the life of a helper."""
    import signal

    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    torch.set_num_threads(threads)  # as many as the parent, or sums would round differently
    while True:
        try:
            function, task = pickle.loads(line.recv_bytes())
        except EOFError:
            return
        try:
            answer = (True, function(*task))
        except Exception as error:
            answer = (False, error)
        line.send_bytes(pickle.dumps(answer))
