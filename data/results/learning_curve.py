"""Measure a learning curve: ``python data/results/learning_curve.py --sizes 25 50 --out FILE``."""

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from mil_tutorial import learning_curve, load_benchmark
from mil_tutorial.experiment import FOUR_POOLINGS
from mil_tutorial.system.versions import environment


def main(arguments: list[str] | None = None) -> None:
    """Measure the curve of the poolings and write it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="slides", help="as for compare (default: slides)")
    parser.add_argument("--sizes", type=int, nargs="+", required=True, help="training bags")
    parser.add_argument("--poolings", nargs="+", default=FOUR_POOLINGS, metavar="NAME")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1, help="as for compare (default: 1)")
    parser.add_argument("--out", type=Path, required=True, help="a JSON file")
    options = parser.parse_args(arguments)
    benchmark = load_benchmark(options.data)
    points = learning_curve(
        benchmark,
        options.sizes,
        poolings=options.poolings,
        seeds=options.seeds,
        jobs=options.jobs,
    )
    record = {
        "data": {"name": benchmark.name, "checksum": benchmark.test.checksum()},
        "config": asdict(benchmark.config),
        "environment": environment(),
        "points": [asdict(point) for point in points],
    }
    options.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
