"""What an epoch on a folder of features costs, beside reading the same bytes with h5py alone.

python tests/benchmarks/feature_folder.py [--slides 500] [--tiles 10000] [--width 1024]

The files are sparse (their features are zeros that take no room on the disk), so both sides read at
the speed of memory: from a real disk reading takes longer, and the ratio of an epoch is smaller.
Everything takes turns in one run, with the settings that ``compare`` uses for such a folder.
"""

import argparse
import json
import resource
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import h5py


def write_folder(folder, slides, tiles, width):
    """Write sparse feature files of one size, and labels that alternate."""
    plan = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plan.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
    plan.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    space = h5py.h5s.create_simple((tiles, width))
    rows = ["slide,label,patient"]
    for i in range(slides):
        with h5py.File(folder / f"slide_{i:04}.h5", "w") as file:
            h5py.h5d.create(file.id, b"features", h5py.h5t.IEEE_F32LE, space, plan)
        rows.append(f"slide_{i:04},{i % 2},patient {i // 2}{i % 2}")
    (folder / "labels.csv").write_text("\n".join(rows))


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def read_alone(files):
    for file in files:
        with h5py.File(file.path) as opened:
            opened["features"][...]


def read_bags(dataset):
    for i in range(len(dataset)):
        dataset[i]


def measure(folder):
    """Return times in seconds and the peak of memory in GB."""
    from mil_tutorial.experiment.catalogue import load_benchmark
    from mil_tutorial.experiment.trials import train_one

    times = {}
    start = time.perf_counter()
    benchmark = load_benchmark(folder, labels=folder / "labels.csv")
    times["look into all files"] = time.perf_counter() - start
    start = time.perf_counter()
    split = next(iter(benchmark.splits(0)))
    times["mean and deviation, once"] = time.perf_counter() - start
    parts = (split.train, split.val)  # an epoch trains on one and watches the other
    times["h5py alone"] = sum(seconds(lambda p=p: read_alone(p.files)) for p in parts)
    times["reading bags"] = sum(seconds(lambda p=p: read_bags(p)) for p in parts)
    config = replace(benchmark.config, epochs=1)
    _, history = train_one(benchmark, "gated", split, config)
    times["epoch"] = history.best.seconds
    times["h5py alone, again"] = sum(seconds(lambda p=p: read_alone(p.files)) for p in parts)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
    size = sum(int(p.sizes.sum()) for p in parts) * benchmark.input_dim * 4 / 1e9
    return times, {"peak GB": peak, "GB read an epoch": size, "bags a step": config.batch_size}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("slides", 500), ("tiles", 10_000), ("width", 1024)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_folder(Path(folder), options.slides, options.tiles, options.width)
        times, figures = measure(Path(folder))
    alone = (times["h5py alone"] + times["h5py alone, again"]) / 2
    for name, value in times.items():
        print(f"{name:26} {value:8.2f} s {value / alone:8.2f} x h5py")
    for name, value in figures.items():
        print(f"{name:26} {value:8.2f}")
    if options.json:
        options.json.write_text(json.dumps({"seconds": times, **figures}, indent=2))


if __name__ == "__main__":
    main()
