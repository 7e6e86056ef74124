"""MUSK1 and MUSK2: molecules as bags, their conformations as instances.

Dietterich, Lathrop & Lozano-Pérez 1997, "Solving the multiple instance problem with axis-parallel
rectangles"; UCI Machine Learning Repository, CC BY 4.0.
"""

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.datasets.npz import read_npz
from mil_tutorial.system.paths import data_dir, verify_checksum


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
