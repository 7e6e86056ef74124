"""How much memory a kernel and the processes that it starts take together at most."""

import threading
from collections.abc import Iterator

import psutil
from jupyter_client.manager import AsyncKernelManager

INTERVAL = 0.25  # seconds


class MemoryWatch:
    """Looks now and then while its ``with`` block runs.

    Pages that processes share are counted once where the system tells them apart (Linux), as the
    limit of a container counts them.
    """

    def __init__(self, manager: AsyncKernelManager) -> None:
        self.manager, self.peak_bytes = manager, 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(INTERVAL):
            self.peak_bytes = max(self.peak_bytes, sum(map(_taken, self._processes())))

    def _processes(self) -> Iterator[psutil.Process]:
        pid = getattr(self.manager.provisioner, "pid", None)
        if pid is not None:
            try:
                kernel = psutil.Process(pid)
                yield from (kernel, *kernel.children(recursive=True))
            except psutil.Error:  # it has just ended
                return


def _taken(process: psutil.Process) -> float:
    try:
        memory = process.memory_full_info()
        return float(getattr(memory, "pss", memory.uss))
    except psutil.Error:
        return 0.0
