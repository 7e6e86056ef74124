"""Timing: epochs of all ways in turn, after a check that they compute the same."""

import time

from bare import Bare
from torch import nn
from ways import HAS_TORCHMIL, BagByBag, Forward, OneByOne, Packed, PackedAtOnce, Padded, Torchmil

TOLERANCE = 1e-4


def ways_for(workload):
    """Make the ways that make sense for a workload, with equal weights."""
    kinds = [Packed, PackedAtOnce, Padded, Forward, BagByBag]
    if workload.batch > 1:
        kinds.append(OneByOne)
    if HAS_TORCHMIL:
        kinds.append(Torchmil)
    return [kind(workload.model) for kind in kinds]


def check_agreement(ways, bags):
    """Assert that logits, and the gradients of the mean loss, are those of the first way.

    In double precision: the gradient of a bias is a sum that nearly cancels, and rounding to
    float32 alone can change it by more than the tolerance.
    """
    expected = None
    for way in ways:
        values = logits_and_gradients(way, bags)
        expected = values if expected is None else expected
        for a, b in zip(values, expected, strict=True):
            difference = float((a - b).abs().max() / b.abs().max())
            assert difference < TOLERANCE, f"{way.name} differs from packed by {difference:.1e}"


def logits_and_gradients(way, bags):
    way.model.double()
    inputs, labels = way.collate([(x.double(), y) for x, y in bags])
    values = [way.logits(*inputs).detach()]
    way.backward(inputs, labels.double())
    values += [parameter.grad for parameter in way.parameters()]
    way.optimizer.zero_grad()
    way.model.float()  # as it was, to the last digit
    return values


def epoch(way, bags, batch):
    """Train on all bags once; return the seconds of the steps alone, and with collating."""
    steps, start = 0.0, time.perf_counter()
    for i in range(0, len(bags), batch):
        inputs, labels = way.collate(bags[i : i + batch])
        before = time.perf_counter()
        way.step(inputs, labels)
        steps += time.perf_counter() - before
        del inputs, labels  # not kept while the next batch is made
    return steps, time.perf_counter() - start


def measure(workloads, rounds):
    """Return for each workload and way the seconds of "step" and "epoch", one of each a round.

    Everything takes turns, and another way begins in each round, because the first one finds the
    caches full of others' data; the first round is not counted.
    """
    ways = {workload.name: ways_for(workload) for workload in workloads}
    for workload in workloads:
        check_agreement(ways[workload.name], workload.bags[:4])
        if isinstance(workload.model.encoder, nn.Identity):
            largest = max(sum(len(x) for x, _ in bags) for bags in workload.batches())
            ways[workload.name].append(Bare(workload.model, largest))
    times = {
        workload.name: {way.name: {"step": [], "epoch": []} for way in ways[workload.name]}
        for workload in workloads
    }
    for number in range(rounds + 1):
        for workload in workloads:
            for way in _turned(ways[workload.name], number):
                seconds = epoch(way, workload.bags, workload.batch)
                if number > 0:
                    for what, value in zip(("step", "epoch"), seconds):
                        times[workload.name][way.name][what].append(value)
    return times


def _turned(ways, number):
    """Return the ways with another one first."""
    start = number % len(ways)
    return ways[start:] + ways[:start]
