"""Small bags for tests."""

import numpy as np
import torch

from mil_tutorial import MedicalBagDataset


def make_bags(sizes=(1, 4, 7, 2), width=5, seed=0):
    """Random bags with alternating labels."""
    generator = torch.Generator().manual_seed(seed)
    return [(torch.randn(n, width, generator=generator), i % 2) for i, n in enumerate(sizes)]


def separable(n_bags=40, width=4, seed=0, shift=3.0, groups=None):
    """Bags in which one instance of each positive bag stands out in every feature."""
    rng = np.random.default_rng(seed)
    bags, truth = [], []
    for i in range(n_bags):
        instances = rng.normal(size=(rng.integers(3, 9), width)).astype(np.float32)
        is_witness = np.zeros(len(instances), dtype=int)
        if i % 2:
            is_witness[rng.integers(len(instances))] = 1
        instances[is_witness == 1] += shift
        bags.append((instances, i % 2))
        truth.append(is_witness)
    names = [f"s{seed}b{i}" for i in range(n_bags)]
    return MedicalBagDataset(bags, instance_labels=truth, names=names, groups=groups)
