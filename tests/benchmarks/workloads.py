"""What the ways are compared on: bags of features, as slides have them, and MNIST bags."""

import math
import os
from dataclasses import dataclass

import numpy as np
import torch

from mil_tutorial import GatedAttentionMIL, LeNetEncoder
from mil_tutorial.models.mil import MIL


@dataclass(frozen=True)
class Scale:
    """How much is measured.

    Attributes
    ----------
    bags, width, median_size, smallest, largest : int
        Of bags of features; sizes are log-normal.
    race_median_size : int
        Of the bags of features that are trained on to a fixed AUC.
    mnist_bags, val_bags : int
        The second are also those of the race on features.
    rounds : int
        Counted ones, after one that is not.
    seeds, epochs : int
        Races, and epochs at most.
    """

    bags: int = 64
    width: int = 1024
    median_size: int = 1500
    smallest: int = 50
    largest: int = 20_000
    race_median_size: int = 300
    mnist_bags: int = 200
    val_bags: int = 100
    rounds: int = 5
    seeds: int = 3
    epochs: int = 40


QUICK = Scale(8, 64, 30, 5, 100, 30, mnist_bags=16, val_bags=20, rounds=2, seeds=1, epochs=2)

HIDDEN = (512, 128)
"""H of CLAM and TRIDENT, and the default of ``build_model``."""

ATTENTION = 128
MNIST_BATCH = 32


@dataclass(frozen=True)
class Workload:
    """Bags (instances, label), the network they are trained with, and bags a batch."""

    name: str
    bags: list
    model: MIL
    batch: int

    @property
    def sizes(self):
        return [len(x) for x, _ in self.bags]

    def batches(self):
        """Yield the bags of each batch."""
        for start in range(0, len(self.bags), self.batch):
            yield self.bags[start : start + self.batch]

    def padding(self):
        """Return how many places padded batches have for each instance."""
        places = sum(len(bags) * max(len(x) for x, _ in bags) for bags in self.batches())
        return places / sum(self.sizes)


def feature_workloads(scale):
    sizes = lognormal_sizes(scale.bags, scale.median_size, scale)
    bags = [(torch.randn(n, scale.width), i % 2) for i, n in enumerate(sizes)]
    return [
        Workload(
            f"features of width {scale.width}, H {hidden}, batch {batch}",
            bags,
            gated(scale.width, hidden),
            batch,
        )
        for hidden in HIDDEN
        for batch in (16, 1)
    ]


def mnist_workload(scale):
    train, _ = mnist_sets(scale, seed=0)
    return Workload(f"MNIST, LeNet, batch {MNIST_BATCH}", train, lenet(), MNIST_BATCH)


def mnist_is_there():
    return "MIL_TUTORIAL_DATA" in os.environ


def gated(width, hidden, encoder=None):
    return GatedAttentionMIL(width, hidden, attention_dim=ATTENTION, encoder=encoder)


def lenet():
    encoder = LeNetEncoder()
    return gated(encoder.output_dim, 500, encoder)


def lognormal_sizes(number, median, scale):
    sizes = torch.exp(math.log(median) + torch.randn(number))
    return sizes.round().int().clamp(scale.smallest, scale.largest).tolist()


def mnist_sets(scale, seed):
    """Draw training and validation bags that share no digit."""
    from mil_tutorial.datasets.mnist import mnist_bags, read_pixels

    order = np.random.default_rng(seed).permutation(len(read_pixels(train=True)[1]))
    parts = np.split(order, [len(order) * 4 // 5])
    sets = [
        mnist_bags(number, train=True, seed=2 * seed + i, digits=part)
        for i, (number, part) in enumerate(zip((scale.mnist_bags, scale.val_bags), parts), 1)
    ]
    return [[tuple(dataset[i]) for i in range(len(dataset))] for dataset in sets]


def feature_sets(scale, share=0.02, shift=8.0):
    """Draw training and validation bags; of a positive one a share of instances is shifted."""
    direction = torch.nn.functional.normalize(torch.randn(scale.width), dim=0)
    sets = []
    for number in (scale.bags, scale.val_bags):
        sizes = lognormal_sizes(number, scale.race_median_size, scale)
        bags = [(torch.randn(n, scale.width), i % 2) for i, n in enumerate(sizes)]
        for instances, label in bags:
            instances[: math.ceil(share * len(instances))] += label * shift * direction
        sets.append(bags)
    return sets
