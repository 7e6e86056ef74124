"""Processes that train one model together, each on its share of the bags.

``accelerate launch`` and ``torchrun`` start them; Accelerate finds the device of each and
exchanges their data. A program that was started alone is the only process.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor, nn

from mil_tutorial.system.versions import import_extra

T = TypeVar("T")

PRECISIONS = {"no": "float32", "bf16": "bfloat16", "fp16": "float16"}
"""Names of Accelerate's launcher and those of ``TrainingConfig``."""

PATIENCE = timedelta(days=1)
"""How long a process waits for the others: one of them may have a slide that takes hours. A process
that ends is noticed at once."""

NOTICE = 60.0
"""Seconds before a process reports that it waits, and between two reports."""


@dataclass(frozen=True)
class Processes:
    """One of several processes.

    Every process calls the same methods in the same order; a call waits for the others.
    """

    rank: int = 0  # its number; 0 is the main process, which writes and prints
    number: int = 1  # of processes
    device: str | torch.device = "cpu"  # where this one computes
    # The launcher's, named as in ``TrainingConfig``; None without a launcher
    precision: str | None = None

    @property
    def is_main(self) -> bool:
        """Return True if this process writes and prints."""
        return self.rank == 0

    def gather(self, value: T) -> list[T]:
        """Return the values of all processes, in their order."""
        if self.number == 1:
            return [value]
        from accelerate.utils import gather_object

        with _waiting(self.rank, self.number):
            return gather_object([value])

    def check_alike(self, device: torch.device, identity: Callable[[], dict[str, str]]) -> None:
        """Refuse processes with different bags, or a model where they cannot exchange weights.

        Parameters
        ----------
        device : torch.device
            Where the model of this process is.
        identity : callable
            Returns the values, by name, that must be equal on all processes.
        """
        if self.number == 1:
            return
        if (expected := torch.device(self.device).type) != device.type:
            raise ValueError(
                f"the model is on {device.type}, but the launched processes work on {expected}; "
                "move it: model.to(this_process().device)"
            )
        first, *others = self.gather(identity())
        names = [name for name in first if any(other[name] != first[name] for other in others)]
        if names:
            raise ValueError(
                f"the processes have a different {' and '.join(names)}; take the same seeds, "
                "and draw nothing before fit that depends on the process"
            )

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace each gradient by its sum over the processes; one that has none counts as 0."""
        if self.number == 1:
            return
        trained = [p for p in parameters if p.requires_grad]
        used = torch.tensor([float(p.grad is not None) for p in trained]).to(trained[0].device)
        for parameter in trained:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        self._reduce([used, *(p.grad for p in trained if p.grad is not None)], "sum")
        for parameter, processes in zip(trained, used.tolist()):
            if processes == 0:  # no process has a gradient; the optimiser skips it
                parameter.grad = None

    def average_buffers(self, model: nn.Module) -> None:
        """Average the statistics of layers such as batch normalisation."""
        if self.number > 1:
            self._reduce([b for b in model.buffers() if b.is_floating_point()], "mean")

    def copy_from_main(self, model: nn.Module) -> None:
        """Give the model of every process the weights that it has in the main process."""
        if self.number > 1:
            from accelerate.utils import broadcast

            with _waiting(self.rank, self.number), torch.no_grad():
                for value in model.state_dict().values():
                    value.copy_(broadcast(value.clone()))

    @torch.no_grad()
    def _reduce(self, tensors: Sequence[Tensor], how: str) -> None:
        if not tensors:
            return
        from accelerate.utils import reduce

        with _waiting(self.rank, self.number):  # one message for all
            total = reduce(torch.cat([t.flatten() for t in tensors]), how)
            if total.is_cuda:  # where a call returns before the others have come
                torch.cuda.synchronize(total.device)
        for tensor, part in zip(tensors, total.split([t.numel() for t in tensors])):
            tensor.copy_(part.view_as(tensor))


def this_process() -> Processes:
    """Return this process, and join the others if a launcher started it.

    Raises
    ------
    ImportError
        When a launcher started it and Accelerate is not installed.
    """
    names = ("WORLD_SIZE", "RANK", "ACCELERATE_MIXED_PRECISION")
    # By process: a forked one inherits its parent's cache, but is not in the group.
    return _join(os.getpid(), *(os.environ.get(name) for name in names))


@cache
def _join(_: int, world_size: str | None, rank: str | None, precision: str | None) -> Processes:
    expected = int(world_size or 1)
    if expected == 1 and precision is None:
        return Processes()
    accelerate = import_extra("accelerate", "scale")
    if expected > 1:
        threading.Thread(target=_watch, daemon=True).start()
    with _waiting(int(rank or 0), expected):
        # Without cpu=True and without a GPU, Accelerate would take each process for the only one.
        accelerator = accelerate.Accelerator(
            cpu=not torch.cuda.is_available(),
            kwargs_handlers=[accelerate.InitProcessGroupKwargs(timeout=PATIENCE)],
        )
    if accelerator.num_processes != expected:
        raise OSError(
            f"{expected} processes were launched, but Accelerate joined "
            f"{accelerator.num_processes}; update accelerate"
        )
    return Processes(
        rank=accelerator.process_index,
        number=accelerator.num_processes,
        device=accelerator.device,
        precision=PRECISIONS.get(accelerator.mixed_precision),
    )


_wait: tuple[int, int, float] | None = None
"""While a call waits for the other processes: rank, number of processes, start of the call."""


@contextmanager
def _waiting(rank: int, number: int) -> Iterator[None]:
    """Wrap a call that waits for the others: it is watched, ends on signals, fails in one line."""
    global _wait
    # Handlers written in Python run after the call, which may never return.
    handlers = {}
    if threading.current_thread() is threading.main_thread():
        for stop in (signal.SIGINT, signal.SIGTERM):
            handlers[stop] = signal.signal(stop, signal.SIG_DFL)
    _wait = (rank, number, time.monotonic())
    try:
        yield
    except RuntimeError as error:
        if not isinstance(error, torch.distributed.DistError) and "onnect" not in str(error):
            raise
        raise OSError(
            f"process {rank} of {number} cannot reach the others "
            f"({str(error).strip().splitlines()[0][:120]}): one of them ended, and said why above "
            "if it could; the same command resumes from the last checkpoint"
        ) from error
    finally:
        _wait = None
        for stop, handler in handlers.items():
            signal.signal(stop, handler)


def _watch() -> None:
    """Print a notice, at most once every ``NOTICE`` seconds, while one call waits."""
    while True:
        wait = _wait
        time.sleep(NOTICE / 2)
        if wait is not None and wait is _wait:
            rank, number, start = wait
            others = ", ".join(str(other) for other in range(number) if other != rank)
            whom = f"{'one or more of processes' if number > 2 else 'process'} {others}"
            address = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
            print(
                f"process {rank} of {number} has waited {time.monotonic() - start:.0f} s "
                f"for {whom} at {address}",
                file=sys.stderr,
                flush=True,
            )
            time.sleep(NOTICE / 2)
