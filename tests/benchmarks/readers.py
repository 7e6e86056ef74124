"""How fast each kind of feature file is read, and whether processes that read ahead help training.

python tests/benchmarks/readers.py [--slides 40] [--tiles 2000] [--rounds 3] [--quick] [--json FILE]

The same bags of 1,024 features are written in every kind to a temporary folder. Files were just
written and read, so they come from the page cache: nothing here measures a disk. Everything takes
turns in one run, and times are medians of the rounds with minimum and maximum. Asserted is only
that all kinds give the same values. They are random and hardly compress, so ``gzip`` shows what
decompressing costs, not what it saves. MB are those of the float32 bags, whatever the file holds.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import torch
from torch.multiprocessing import get_all_start_methods
from torch.utils.data import DataLoader

from mil_tutorial import build_model, collate_packed
from mil_tutorial.datasets.features.bags import FeatureBags
from mil_tutorial.datasets.features.files import describe

WIDTH = 1024
DRAWN = 64  # rows of a bag, as --instances-per-bag draws them
CSV_SLIDES = 2  # they are slow
METHODS = [m for m in ("fork", "spawn") if m in get_all_start_methods()]


class CsvFile(NamedTuple):
    """A CSV, which the package does not read, behind the interface of a ``FeatureFile``."""

    path: Path

    def read(self, rows=None):
        values = np.loadtxt(self.path, np.float32, delimiter=",", skiprows=1)
        return torch.from_numpy(values if rows is None else values[rows.numpy()])


class OpenedAnew(NamedTuple):
    """A feature file that is opened for each reading, as in a folder of very many slides."""

    path: Path

    def read(self, rows=None):
        return describe(self.path).read(rows)


class Kind(NamedTuple):
    """How a kind of file is written, from (path, features), and read; how close values stay."""

    ending: str
    write: Any
    tolerance: float = 0.0
    reader: Any = describe  # makes of a path what has ``path`` and ``read(rows=None)``


def write_csv(path, values):
    """Write what dsmil-wsi does: numbers of the columns, then four decimals."""
    header = ",".join(map(str, range(values.shape[1])))
    np.savetxt(path, values, "%.4f", ",", header=header, comments="")


def hdf5(kind=np.float32, **options):
    """Return a function that writes HDF5 with these options."""

    def write(path, values):
        with h5py.File(path, "w") as file:
            file.create_dataset("features", data=values.astype(kind), **options)

    return write


KINDS = {
    "csv, numpy.loadtxt": Kind("csv", write_csv, 6e-5, CsvFile),
    "pt": Kind("pt", lambda path, values: torch.save(torch.from_numpy(values), path)),
    "npz": Kind("npz", lambda path, values: np.savez(path, features=values)),
    "npy": Kind("npy", np.save),
    "h5": Kind("h5", hdf5()),
    "h5, opened anew": Kind("h5", hdf5(), reader=OpenedAnew),
    "h5, 1 row a chunk (CLAM)": Kind("h5", hdf5(chunks=(1, WIDTH))),
    "h5, 256 rows a chunk": Kind("h5", hdf5(chunks=(256, WIDTH))),  # as the package writes
    "h5, gzip": Kind("h5", hdf5(chunks=(256, WIDTH), compression="gzip")),
    "h5, float16": Kind("h5", hdf5(np.float16), 1e-3),
}


def make_bag(index, tiles):
    return np.random.default_rng(index).standard_normal((tiles, WIDTH), np.float32)


def draw_rows(index, tiles):
    generator = torch.Generator().manual_seed(index)
    return torch.randperm(tiles, generator=generator)[:DRAWN]


def write_files(folder, slides, tiles):
    """Write all kinds; return the files of each."""
    files = {name: [] for name in KINDS}
    for i in range(slides):
        values = make_bag(i, tiles)
        for number, (name, kind) in enumerate(KINDS.items()):
            if kind.ending != "csv" or i < CSV_SLIDES:
                path = folder / f"{number} {i:04}.{kind.ending}"
                kind.write(path, values)
                files[name].append(kind.reader(path))
    return files


def check_values(files, tiles):
    """Assert that all kinds give the bags, and their drawn rows."""
    for i in range(max(map(len, files.values()))):
        expected, rows = torch.from_numpy(make_bag(i, tiles)), draw_rows(i, tiles)
        for name, kind in KINDS.items():
            close = {"atol": kind.tolerance, "rtol": kind.tolerance}
            for file in files[name][i : i + 1]:  # none if there are few
                torch.testing.assert_close(file.read(), expected, **close)
                torch.testing.assert_close(file.read(rows), expected[rows], **close)


def seconds(function, *columns):
    """Return the time of calling it on each row of the columns; what it returns is not kept."""
    start = time.perf_counter()
    for arguments in zip(*columns):
        function(*arguments)
    return time.perf_counter() - start


def time_kind(files, tiles):
    """Return seconds for the bytes alone, for whole bags and for drawn rows of each."""
    rows = [draw_rows(i, tiles) for i in range(len(files))]
    if not isinstance(files[0], CsvFile):
        for file in files:  # HDF5 files that the package keeps open are open now
            file.read(rows[0][:1])
    return {
        "bytes": seconds(lambda file: np.fromfile(file.path, np.uint8), files),
        "bags": seconds(lambda file: file.read(), files),
        "rows": seconds(lambda file, drawn: file.read(drawn), files, rows),
    }


def load(data, workers, method=METHODS[0]):
    ahead = {"prefetch_factor": 2, "multiprocessing_context": method} if workers else {}
    return DataLoader(data, 8, collate_fn=collate_packed, num_workers=workers, **ahead)


def check_workers(data):
    """Assert that processes read what this one reads, however they are started."""
    for method in METHODS:
        for one, other in zip(load(data, 2, method), load(data, 0), strict=True):
            assert torch.equal(one.instances, other.instances)


def time_epochs(data):
    """Return seconds of an epoch with each number of workers, their start included."""
    model = build_model("gated", WIDTH, 128)
    optimizer = torch.optim.Adam(model.parameters())

    def step(batch):
        optimizer.zero_grad()
        logits, _ = model.forward_packed(batch.instances, batch.sizes)
        torch.nn.functional.binary_cross_entropy_with_logits(logits, batch.labels).backward()
        optimizer.step()

    times = {f"{n} workers": seconds(step, load(data, n)) for n in range(3)}
    return times | {"reading alone": seconds(len, load(data, 0))}


def measure(folder, slides, tiles, rounds):
    """Return the seconds of each round, by part of the benchmark, row and column."""
    files = write_files(folder, slides, tiles)
    check_values(files, tiles)
    labels = torch.arange(slides).remainder(2).float()
    sets = {n: FeatureBags(files[n], labels, range(slides)) for n in ("h5", "h5, gzip")}
    check_workers(sets["h5"].subset(range(min(slides, 16))))
    time_epochs(sets["h5"])  # warms up
    times = {"reading": {name: [] for name in KINDS}, "epochs": {name: [] for name in sets}}
    for _ in range(rounds):
        for name, kept in times["reading"].items():
            kept.append(time_kind(files[name], tiles))
        for name, kept in times["epochs"].items():
            kept.append(time_epochs(sets[name]))
    for name, slide_files in files.items():
        size = sum(file.path.stat().st_size for file in slide_files)
        times.setdefault("bytes", {})[name] = {"slides": len(slide_files), "on disk": size}
    return times


def spread(values, digits):
    middle, low, high = np.median(values), min(values), max(values)
    return f"{middle:,.{digits}f} ({low:,.{digits}f}–{high:,.{digits}f})"


def print_reading(times, tiles):
    print("All from the page cache. × raw: time beside numpy.fromfile; size: beside float32.")
    print(f"{'':26}{'MB/s':>24}{'× raw':>20}{'size':>7}   {DRAWN} of {tiles:,} rows, × all")
    for name, runs in times["reading"].items():
        count, size = times["bytes"][name].values()
        whole = 4 * WIDTH * tiles * count
        speed = spread([whole / 1e6 / t["bags"] for t in runs], 0)
        raw = spread([t["bags"] / t["bytes"] for t in runs], 1)
        some = spread([t["rows"] / t["bags"] for t in runs], 2)
        print(f"{name:26}{speed:>24}{raw:>20}{size / whole:7.2f}   {some}")


def print_epochs(times):
    threads = torch.get_num_threads()
    print(f"\nAn epoch of training; {os.cpu_count()} cores, torch threads: {threads}, {METHODS[0]}")
    for name, runs in times["epochs"].items():
        print(f"{name}: {spread([t['0 workers'] for t in runs], 2)} s without workers; beside it:")
        for what in runs[0]:
            print(f"  {what:14} {spread([t[what] / t['0 workers'] for t in runs], 2)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, default in (("slides", 40), ("tiles", 2000), ("rounds", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--quick", action="store_true", help="16 slides of 500 tiles, 2 rounds")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.quick:
        options.slides, options.tiles, options.rounds = 16, 500, 2
    with tempfile.TemporaryDirectory() as folder:
        times = measure(Path(folder), options.slides, options.tiles, options.rounds)
    print_reading(times, options.tiles)
    print_epochs(times)
    if options.json:
        shape = {"slides": options.slides, "tiles": options.tiles, "width": WIDTH}
        machine = {"cores": os.cpu_count(), "threads": torch.get_num_threads()}
        options.json.write_text(json.dumps(shape | machine | times, indent=2))


if __name__ == "__main__":
    main()
