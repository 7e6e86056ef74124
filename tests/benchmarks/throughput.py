"""How fast training is, beside other ways to train the same network on the same bags.

python tests/benchmarks/throughput.py [--quick] [--only features|mnist|auc] [--json FILE]

Everything takes turns in one run: ``packed`` is the package (in parts of 16 MB whose gradients add
up), ``packed, one pass`` the same without parts, ``padded`` computes on padding,
``model(bags, mask)`` packs inside, ``bag by bag`` takes a step a bag, ``one by one, accumulated``
computes on a bag at a time and takes a step a batch, ``torchmil`` is its ABMIL, and ``bare`` is the
matrix products alone. Ratios are of one round, their median and quartiles over rounds. "Step" is an
epoch without making the batches, "epoch" is with it.

The races to a validation AUC start from the same weights. All ways have the learning rate 5e-4, the
default of the package and of the authors' code, whatever the bags a step, so those with few bags a
step take more steps an epoch and need fewer epochs: compare ways of equal batches to see what the
implementation does. The time is that of training until the end of the first epoch that reaches the
AUC; validation is left out.

MNIST is used if the environment variable MIL_TUTORIAL_DATA names where it is.
"""

import argparse
import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import torch
from timing import measure
from to_auc import race_features, race_mnist
from ways import HAS_TORCHMIL
from workloads import QUICK, Scale, feature_workloads, mnist_is_there, mnist_workload

from mil_tutorial.system.versions import environment


def versions():
    if not HAS_TORCHMIL:
        return environment()
    from importlib.metadata import version

    return environment() | {"torchmil": version("torchmil")}


def spread(values):
    """Return median and quartiles as text."""
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{middle:.3g} ({low:.3g}–{high:.3g})"


def ratio(times, way, other, what):
    return spread(np.array(times[way][what]) / np.array(times[other][what]))


def print_times(workload, times):
    print(
        f"\n{workload.name}: {len(workload.bags)} bags, {sum(workload.sizes):,} instances, ", end=""
    )
    print(f"{workload.padding():.2f} times as many places when padded")
    heads = ("step ÷ packed", "epoch ÷ packed", "step, s", "epoch, s")
    print(f"{'':24}" + "".join(f"{head:>24}" for head in heads))
    for way in times:
        cells = [ratio(times, way, "packed", what) for what in ("step", "epoch")]
        cells += [spread(times[way][what]) for what in ("step", "epoch")]
        print(f"{way:24}" + "".join(f"{cell:>24}" for cell in cells))
    if "bare" in times:
        cells = [ratio(times, "packed", "bare", what) for what in ("step", "epoch")]
        print(f"{'packed ÷ bare':24}" + "".join(f"{cell:>24}" for cell in cells))


def print_races(name, races, target):
    """Print what each way took; ratios are over seeds for which it and packed got there."""
    print(f"\n{name}, to a validation AUC of {target}: {len(races)} seeds")
    print(f"{'':24}{'÷ packed':>24}{'seconds':>24}{'epochs':>24}{'reached':>9}")
    first = next(iter(races[0]))
    for way in races[0]:
        ends = [race[way] for race in races if race[way]["reached"]]
        both = [race for race in races if race[way]["reached"] and race[first]["reached"]]
        ratios = [race[way]["seconds"] / race[first]["seconds"] for race in both]
        columns = (ratios, [end["seconds"] for end in ends], [len(end["aucs"]) for end in ends])
        cells = "".join(f"{spread(column) if column else '-':>24}" for column in columns)
        print(f"{way:24}{cells}{len(ends):>6}/{len(races)}")


def skip(what, why):
    print(f"skipped: {what}, {why}")


def run_times(scale, only):
    """Measure and print the ways to train; return the figures."""
    workloads = feature_workloads(scale) if only != "mnist" else []
    if only != "features" and mnist_is_there():
        workloads.append(mnist_workload(scale))
    times = measure(workloads, scale.rounds)
    for workload in workloads:
        print_times(workload, times[workload.name])
    return {
        workload.name: {"sizes": workload.sizes, "seconds": times[workload.name]}
        for workload in workloads
    }


def run_races(scale, target):
    """Measure and print the times to an AUC; return the figures."""
    kinds = {"features": race_features} | ({"MNIST": race_mnist} if mnist_is_there() else {})
    races = {}
    for name, kind in kinds.items():
        races[name] = [kind(scale, seed, target) for seed in range(scale.seeds)]
        print_races(name, races[name], target)
    return races


def parse():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bags", type=int, help="bags of features")
    parser.add_argument("--rounds", type=int, help="counted rounds")
    parser.add_argument("--seeds", type=int, help="races")
    parser.add_argument("--to-auc", type=float, default=0.9, help="where a race ends")
    parser.add_argument("--only", choices=("features", "mnist", "auc"))
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def main():
    options = parse()
    overrides = {name: getattr(options, name) for name in ("bags", "rounds", "seeds")}
    scale = replace(
        QUICK if options.quick else Scale(), **{k: v for k, v in overrides.items() if v is not None}
    )
    figures = {"versions": versions(), "scale": asdict(scale), "to_auc": options.to_auc}
    print(", ".join(f"{name} {value}" for name, value in figures["versions"].items()))
    if not HAS_TORCHMIL:
        skip("torchmil", "it is not installed")
    if not mnist_is_there() and options.only != "features":
        skip("MNIST", "MIL_TUTORIAL_DATA is not set")
    torch.manual_seed(0)
    if options.only != "auc":
        figures["times"] = run_times(scale, options.only)
    if options.only in (None, "auc"):
        figures["races"] = run_races(scale, options.to_auc)
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
