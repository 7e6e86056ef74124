"""Run a notebook in a fresh kernel; measure time and memory; leave outputs that do not drift."""

import os
import re
import tempfile
import time
from dataclasses import dataclass

import nbformat
from nbclient import NotebookClient
from nbformat import NotebookNode

CELL_TIMEOUT = 300  # seconds
PEAK = "import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"


@dataclass(frozen=True)
class Run:
    """What a run cost; memory is the kernel's largest resident set."""

    seconds: float
    peak_bytes: float


def execute(notebook: NotebookNode, *, fast: bool) -> Run:
    """Run all cells in an empty folder and store their outputs in ``notebook``."""
    notebook.cells.append(nbformat.v4.new_code_cell(PEAK))
    environment = os.environ | {"MIL_TUTORIAL_FAST": "1" if fast else "", "MIL_TUTORIAL_DATA": ""}
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook,
            timeout=CELL_TIMEOUT,
            kernel_name="python3",
            record_timing=False,
            coalesce_streams=True,
            store_widget_state=True,
            resources={"metadata": {"path": folder}},
        )
        client.execute(env=environment)
    seconds = time.perf_counter() - start
    peak = 1024.0 * int(notebook.cells.pop().outputs[0].text)  # ru_maxrss counts kilobytes on Linux
    notebook.metadata.language_info = {"name": "python"}
    for count, cell in enumerate((c for c in notebook.cells if c.cell_type == "code"), 1):
        cell.execution_count = count
        for output in cell.outputs:
            _without_drift(output, count)
    return Run(seconds, peak)


def _without_drift(output: NotebookNode, count: int) -> None:
    if "execution_count" in output:
        output.execution_count = count
    if "text" in output:
        output.text = _without_addresses(output.text)
    if "text/plain" in output.get("data", {}):
        output.data["text/plain"] = _without_addresses(output.data["text/plain"])


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
