"""How long importing the package takes beyond torch, and which modules cost most.

python tests/benchmarks/import_time.py [--rounds 7] [--quick] [--json FILE]

Each statement runs in fresh interpreters that take turns. It is timed inside, once torch is there,
and from start to end, less the interpreter of that round which imports torch alone: a difference of
two long times, with the noise of both. Values are medians. Files come from the page cache, bytecode
from a temporary folder: the first round, which is not counted, compiles everything.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from importlib.util import find_spec
from pathlib import Path

import numpy as np

FIRST = "import torch"
TIMED = "{}; from time import perf_counter as t; start = t(); {}; print(t() - start)"
STATEMENTS = {
    "import mil_tutorial": "import mil_tutorial",
    "names to train": "from mil_tutorial import MedicalBagDataset, build_model, fit, predict",
    "load_benchmark": "from mil_tutorial import load_benchmark",
    "all names": "from mil_tutorial import *",
}
if find_spec("anywidget"):
    STATEMENTS["widgets"] = "from mil_tutorial.widgets import SlideExplorer"
MOST = 8  # packages that are listed


def run(code, *options):
    """Run code in a fresh interpreter; return its seconds and what it printed."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - start, done.stdout + done.stderr


def time_statements(rounds):
    """Return (seconds, those after torch) of each round: torch alone, and with each statement."""
    times = {"torch": []} | {name: [] for name in STATEMENTS}
    for i in range(rounds + 1):
        for name, runs in times.items():
            elapsed, printed = run(TIMED.format(FIRST, STATEMENTS.get(name, "pass")))
            if i:  # the first round warms up
                runs.append((elapsed, float(printed)))
    return times


def trace(code):
    """Return the own milliseconds of each module that a statement imports."""
    own = {}
    for line in run(code, "-X", "importtime")[1].splitlines():
        fields = line.removeprefix("import time:").split("|")
        if len(fields) == 3 and fields[0].strip().isdigit():
            own[fields[2].strip()] = int(fields[0]) / 1000
    return own


def costs(statement):
    """Return milliseconds by module, for those that torch alone does not import."""
    known = trace(FIRST)
    return {m: t for m, t in trace(f"{FIRST}; {statement}").items() if m not in known}


def by_package(modules):
    totals = Counter()
    for module, milliseconds in modules.items():
        totals[module.split(".")[0]] += milliseconds
    return totals


def print_times(times):
    print("| | s, after torch | min to max | s, end to end − torch's | min to max |")
    print("|---|---|---|---|---|")
    torch_alone = np.array(times["torch"])[:, 0]
    for name in STATEMENTS:
        whole, after = np.transpose(times[name])
        cells = (spread(after), spread(whole - torch_alone))
        print(f"| {name} | {' | '.join(cells)} |")
    print(f"| torch, for comparison | | | {spread(torch_alone)} |")


def spread(values):
    return f"{np.median(values):.3f} | {values.min():.3f} to {values.max():.3f}"


def print_costs(traced):
    for name, modules in traced.items():
        packages = by_package(modules)
        most = ", ".join(f"{p} {t:.0f}" for p, t in packages.most_common(MOST))
        print(f"\n{name}, ms in one traced run (tracing adds some): {most}")
        own = Counter({m: t for m, t in modules.items() if m.startswith("mil_tutorial")})
        print("  own: " + ", ".join(f"{m} {t:.1f}" for m, t in own.most_common(MOST)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--quick", action="store_true", help="2 rounds")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = folder
        times = time_statements(2 if options.quick else options.rounds)
        traced = {name: costs(STATEMENTS[name]) for name in list(STATEMENTS)[1:]}
    print_times(times)
    print_costs(traced)
    if options.json:
        options.json.write_text(json.dumps({"seconds": times, "milliseconds": traced}, indent=2))


if __name__ == "__main__":
    main()
