"""How long importing the package takes beyond torch, and which modules cost most.

python tests/benchmarks/import_time.py [--rounds 7] [--quick] [--json FILE]

Each statement runs in fresh interpreters that take turns; files come from the page cache. Tables
show medians with minimum and maximum. Nothing is asserted about times.
"""

import argparse
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

FIRST = "import torch"
STATEMENTS = {
    "import mil_tutorial": "import mil_tutorial",
    "names to train": "from mil_tutorial import MedicalBagDataset, build_model, fit, predict",
    "load_benchmark": "from mil_tutorial import load_benchmark",
    "all names": "from mil_tutorial import *",
    "widgets": "from mil_tutorial.widgets import SlideExplorer",
}
TRACED = "names to train", "all names"
MOST = 8  # packages that are listed


def run(code, *options):
    """Run code in a fresh interpreter; return its seconds and what it wrote to stderr."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *options, "-c", code], capture_output=True, text=True, check=True
    )
    return time.perf_counter() - start, done.stderr


def time_statements(rounds):
    """Return the seconds of each round: of torch alone, and of torch with each statement."""
    codes = {"torch": FIRST} | {name: f"{FIRST}; {code}" for name, code in STATEMENTS.items()}
    times = {name: [] for name in codes}
    for i in range(rounds + 1):
        for name, code in codes.items():
            elapsed = run(code)[0]
            if i:  # the first round warms up
                times[name].append(elapsed)
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
    found = Counter()
    for module, milliseconds in modules.items():
        found[module.split(".")[0]] += milliseconds
    return found


def print_times(times):
    print("| beyond `import torch` | median s | min to max |")
    print("|---|---|---|")
    for name in STATEMENTS:
        beyond = np.subtract(times[name], times["torch"])
        print(f"| {name} | {np.median(beyond):.3f} | {beyond.min():.3f} to {beyond.max():.3f} |")
    alone = times["torch"]
    print(f"`import torch`: {np.median(alone):.2f} s ({min(alone):.2f}–{max(alone):.2f})")


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
    times = time_statements(2 if options.quick else options.rounds)
    traced = {name: costs(STATEMENTS[name]) for name in TRACED}
    print_times(times)
    print_costs(traced)
    if options.json:
        options.json.write_text(json.dumps({"seconds": times, "milliseconds": traced}, indent=2))


if __name__ == "__main__":
    main()
