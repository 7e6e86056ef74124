"""The doctor: what is installed, whether the data are whole, and how long things take here."""

import argparse
import platform
import re
import time
from collections.abc import Iterator

from mil_tutorial.system.errors import in_a_line
from mil_tutorial.system.findings import Finding, print_findings
from mil_tutorial.system.memory import available_memory
from mil_tutorial.system.paths import data_dir, read_checksums, user_data_dir

EXTRAS = {"wsi": "whole slides", "scale": "several processes"}
"""Extras of the package that are worth a line, and what needs them."""

LARGE_SLIDE = (50_000, 1024)
"""Tiles of a large slide at 20x, and features of each from a usual encoder."""


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare nothing: the command takes no arguments."""


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; return 1 if something is wrong."""
    return print_findings(examine())


def examine() -> Iterator[Finding]:
    """Yield the findings one by one, the slow ones last; what cannot be examined is a finding."""
    yield Finding("python", platform.python_version())
    healthy = True
    for part in (_packages, _machine, _memory, _data, _user_data, _speed):
        if part is _speed and not healthy:
            yield Finding("speed", "not measured because of the above", healthy=False)
            return
        try:
            for finding in part():
                healthy &= finding.healthy
                yield finding
        except Exception as error:
            healthy = False
            yield Finding(part.__name__.strip("_"), in_a_line(error), healthy=False)


def _packages() -> Iterator[Finding]:
    from importlib.metadata import PackageNotFoundError, requires, version

    try:
        requirements = requires("mil-tutorial") or []
    except PackageNotFoundError:
        yield Finding("mil-tutorial", "runs from a folder, not installed: no packages to check")
        return
    for requirement in requirements:
        name = re.split(r"[<>=;\s]", requirement)[0]
        extra = requirement.partition("extra ==")[2].strip(" '\"")
        if extra not in ("", *EXTRAS):
            continue
        try:
            yield Finding(name, version(name))
        except PackageNotFoundError:
            if extra:
                need = f'not installed (needed for {EXTRAS[extra]}): pip install ".[{extra}]"'
                yield Finding(name, need, optional=True)
            else:
                yield Finding(name, f"missing: pip install {name}", healthy=False)


def _machine() -> Iterator[Finding]:
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    threads = torch.get_num_threads()
    if device != "CPU":
        device += " (used where accelerate launch starts a command)"
    yield Finding("device", f"{device}, {threads} {'thread' if threads == 1 else 'threads'}")
    memory = available_memory()
    if memory is not None:
        advice = "" if memory >= 1.2e9 else "; the chapters need 1.2 GB: close something"
        yield Finding("free memory", f"{memory / 1e9:.1f} GB{advice}", healthy=memory >= 1.2e9)


def _memory() -> Iterator[Finding]:
    """Predict what a large slide of one's own would need beside what is in use now."""
    from mil_tutorial.training.memory import bytes_to_predict, bytes_to_train

    n, width = LARGE_SLIDE
    needs = {
        "to predict": bytes_to_predict(n, width),
        "to train": bytes_to_train(n, width),
        "with --instances-at-once 4096": bytes_to_train(n, width, at_once=4096),
    }
    text = ", ".join(f"{need / 1e9:.1f} GB {what}" for what, need in needs.items())
    yield Finding("a large slide", f"{n:,} tiles of {width:,} numbers: {text}")


def _data() -> Iterator[Finding]:
    from pooch import file_hash

    root = data_dir()
    for sums in sorted(root.glob("*/SHA256SUMS")):
        expected = read_checksums(sums)
        wrong = [
            name
            for name, digest in expected.items()
            if not (sums.parent / name).is_file() or file_hash(str(sums.parent / name)) != digest
        ]
        text = f"{len(expected)} files, checksums agree"
        if wrong:
            text = f"damaged or missing: {', '.join(wrong[:5])}; install the package again"
        yield Finding(f"data/{sums.parent.name}", text, healthy=not wrong)


def _user_data() -> Iterator[Finding]:
    yield Finding("MIL_TUTORIAL_DATA", str(user_data_dir() or "not set (optional)"))


def _speed() -> Iterator[Finding]:
    """Time an epoch of gated attention on the shipped slides; predict ``compare`` from it."""
    from dataclasses import replace

    from mil_tutorial.experiment.catalogue import load_benchmark
    from mil_tutorial.experiment.run import FOUR_POOLINGS
    from mil_tutorial.experiment.trials import train_one

    benchmark = load_benchmark("slides")
    split = next(iter(benchmark.splits(0)))
    start = time.perf_counter()
    _, history = train_one(benchmark, "gated", split, replace(benchmark.config, epochs=3))
    epoch = float(history.column("seconds")[1:].mean())  # the first one warms up
    spent = time.perf_counter() - start
    most = len(FOUR_POOLINGS) * 5 * benchmark.config.epochs * epoch / 60
    yield Finding(
        "speed",
        f"{epoch:.2f} s an epoch of gated attention on the slides (measured in {spent:.0f} s); "
        f"expect compare with 5 seeds to take at most {most:.0f} min",
    )
