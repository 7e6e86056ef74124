"""Run a notebook in a fresh kernel; measure time and memory; leave outputs that do not drift."""

import os
import re
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

from tools.memory_watch import MemoryWatch
from tools.widget_state import tidy_widgets

CELL_TIMEOUT = 300  # seconds
ROOT = Path(__file__).parents[2]
PEAK = """
import sys
try:
    import resource
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, kilobytes on Linux
    print(unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
except ImportError:  # Windows
    print("nan")
"""


@dataclass(frozen=True)
class Run:
    """What a run cost.

    Memory is the kernel's largest resident set, and the most that it and the processes it started
    took together.
    """

    seconds: float
    peak_bytes: float
    together_bytes: float


def execute(notebook: NotebookNode, *, fast: bool) -> Run:
    """Run all cells in an empty folder and store their outputs in ``notebook``."""
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    environment = os.environ | {
        "MIL_TUTORIAL_FAST": "1" if fast else "",
        # What is stored shows the optional data sets; fast mode proves that a page does without.
        "MIL_TUTORIAL_DATA": "" if fast else os.environ.get("MIL_TUTORIAL_DATA", ""),
        "PYTHONPATH": str(ROOT),  # the package of this checkout, not an installed one
    }
    start, manager = time.perf_counter(), _this_python()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            km=manager,
            record_timing=False,
            coalesce_streams=True,
            store_widget_state=True,
            resources={"metadata": {"path": folder}},
        )
        with MemoryWatch(manager) as watch:
            client.execute(env=environment, cleanup_kc=True)  # else the kernel stays
    seconds = time.perf_counter() - start
    alone = float(notebook.cells.pop().outputs[0].text)
    notebook.metadata.language_info = {"name": "python"}
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
        cell.execution_count = count
        for output in cell.outputs:
            _without_drift(output, count)
    tidy_widgets(notebook)
    return Run(seconds, alone, max(watch.peak_bytes, alone))


def _this_python() -> AsyncKernelManager:
    """Return a manager whose kernel is this Python, whatever kernels are installed."""
    manager = AsyncKernelManager()
    manager.kernel_spec.argv[0] = sys.executable
    return manager


def _without_drift(output: NotebookNode, count: int) -> None:
    if "execution_count" in output:
        output.execution_count = count
    if "text" in output:
        output.text = _without_addresses(output.text)
    if "text/plain" in output.get("data", {}):
        output.data["text/plain"] = _without_addresses(output.data["text/plain"])


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
