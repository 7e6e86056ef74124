"""What a step of training costs on a GPU: packed, padded and bag by bag, beside the bare products.

python tests/benchmarks/gpu.py [--rounds N] [--quick] [--json FILE]

Slides of about 10,000 and 100,000 tiles of 1,024 numbers, H = 512, in float32. Everything takes
turns in one run, as in ``throughput.py``; ratios are of one round, their median and quartiles over
rounds. "Step" is with the batch on the GPU, "epoch" is with collating it and copying it there.
``packed, one pass`` is what the package does on a GPU. Memory is the most that PyTorch held on the
card for an epoch, the batch included, beyond the weights of all ways and the matrices of ``bare``.
A way that needs more than the card has is left out. It is meant to end within five minutes.
"""

import argparse
import json
import sys
from pathlib import Path

import numpy as np
import torch
from bare import Bare
from timing import check_agreement, epoch
from ways import BagByBag, OneByOne, PackedAtOnce, Padded
from workloads import HIDDEN, QUICK, Scale, Workload, gated, lognormal_sizes

from mil_tutorial.system.versions import environment

WAYS = (PackedAtOnce, Padded, OneByOne, BagByBag)
REFERENCE = PackedAtOnce.name
SLIDES = {10_000: 16, 100_000: 4}
"""Median number of tiles → slides, all of them one batch."""


class OnCard:
    """A way whose batches are copied to the GPU; a step ends when the GPU has done it."""

    def __init__(self, way):
        self.way = way

    def __getattr__(self, name):
        return getattr(self.way, name)

    def collate(self, bags):
        return on_card(self.way.collate(bags))

    def step(self, inputs, labels):
        self.way.step(inputs, labels)
        torch.cuda.synchronize()


def on_card(value):
    """Copy the tensors of nested lists and tuples to the GPU; leave anything else as it is."""
    if isinstance(value, torch.Tensor):
        return value.cuda()
    return type(value)(map(on_card, value)) if isinstance(value, list | tuple) else value


def workload(median, number, width):
    """Return slides whose numbers of tiles spread as real ones do, up to three times the median."""
    scale = Scale(smallest=max(1, median // 10), largest=3 * median)
    sizes = lognormal_sizes(number, median, scale)
    bags = [(torch.randn(n, width), i % 2) for i, n in enumerate(sizes)]
    return Workload(f"slides of {median:,} tiles", bags, gated(width, HIDDEN[0]).cuda(), number)


def ways_for(one):
    """Make the ways with equal weights, after a check that they compute the same."""
    ways = [OnCard(kind(one.model)) for kind in WAYS]
    check_agreement(ways, [(x[:500], y) for x, y in one.bags[:4]])
    with torch.device("cuda"):
        return [*ways, OnCard(Bare(one.model, sum(one.sizes)))]


def measure(one, rounds):
    """Return for each way its "step" and "epoch" in seconds and its "bytes"; a list of rounds."""
    ways = ways_for(one)
    figures = {way.name: {"step": [], "epoch": [], "bytes": []} for way in ways}
    for number in range(rounds + 1):  # the first is not counted
        start = number % len(ways)
        for way in ways[start:] + ways[:start]:
            if way.name not in figures:
                continue
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
            before = torch.cuda.memory_allocated()
            try:
                seconds = epoch(way, one.bags, one.batch)
            except torch.cuda.OutOfMemoryError:
                print(f"{one.name}: {way.name} needs more memory than the card has")
                del figures[way.name]
                continue
            if number > 0:
                values = (*seconds, torch.cuda.max_memory_allocated() - before)
                for what, value in zip(("step", "epoch", "bytes"), values):
                    figures[way.name][what].append(value)
    return figures


def spread(values):
    low, middle, high = np.percentile(values, (25, 50, 75))
    return f"{middle:.3g} ({low:.3g}–{high:.3g})"


def print_figures(one, figures):
    print(f"\n{one.name}: {len(one.bags)} in a batch, {sum(one.sizes):,} tiles, ", end="")
    print(f"{one.padding():.2f} times as many places when padded")
    heads = ("step ÷ bare", "step ÷ packed", "epoch ÷ packed", "step, s", "GB")
    print(f"{'':26}" + "".join(f"{head:>24}" for head in heads))
    for name, own in figures.items():
        cells = []
        for what, other in (("step", "bare"), ("step", REFERENCE), ("epoch", REFERENCE)):
            base = figures.get(other, {}).get(what)
            cells.append(spread(np.array(own[what]) / np.array(base)) if base else "-")
        cells += [spread(own["step"]), f"{max(own['bytes']) / 1e9:.2f}"]
        print(f"{name:26}" + "".join(f"{cell:>24}" for cell in cells))


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, to see that it works")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print("error: there is no CUDA device here, and this measures one", file=sys.stderr)
        return 2
    card = torch.cuda.get_device_name()
    versions = environment() | {"device": card, "cuda": torch.version.cuda}
    print(", ".join(f"{name} {value}" for name, value in versions.items()))
    torch.manual_seed(0)
    found = {"versions": versions}
    for median, number in ({30: 4} if options.quick else SLIDES).items():
        one = workload(median, number, QUICK.width if options.quick else Scale.width)
        figures = measure(one, QUICK.rounds if options.quick else options.rounds)
        print_figures(one, figures)
        found[one.name] = {"sizes": one.sizes, "figures": figures}
    if options.json:
        options.json.write_text(json.dumps(found, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
