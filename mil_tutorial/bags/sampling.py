"""Dynamic instance sampling: a fixed number of instances per bag, new ones each epoch."""

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from mil_tutorial.bags.dataset import Bag, MedicalBagDataset
from mil_tutorial.system.numbers import as_integer, check_kind


class InstanceSampler(Dataset[Bag]):
    """A view of a data set that shows at most ``n`` instances of each bag.

    The instances of an epoch are drawn, without replacement, when ``set_epoch`` is called, and not
    in ``__getitem__``: two reads in one epoch see the same instances, two epochs see different
    ones, and the same seed and epoch see the same again, whatever the order of reading.

    Parameters
    ----------
    dataset : MedicalBagDataset
    n : int
        Instances to keep; a bag that has no more keeps all it has.
    seed : int
        Start of the random numbers.

    Raises
    ------
    ValueError
        When ``n`` is no positive whole number, or the seed no whole number from 0 on.
    """

    def __init__(self, dataset: MedicalBagDataset, n: int, seed: int = 0) -> None:
        check_kind(MedicalBagDataset, dataset=dataset)
        self.dataset, self.n = dataset, as_integer(n, "instances per bag")
        self.seed = as_integer(seed, "seed", least=0)
        self.set_epoch(0)

    def set_epoch(self, epoch: int) -> None:
        """Draw the instances of ``epoch``; call it before each epoch's loader is made."""
        generator = random_generator(self.seed, as_integer(epoch, "epoch", least=0))
        self.indices: list[Tensor] = [
            torch.randperm(int(size), generator=generator)[: self.n] for size in self.dataset.sizes
        ]

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> Bag:
        return self.dataset.sample(index, self.indices[index])

    @property
    def sizes(self) -> Tensor:
        """Number of instances that each bag shows, shape (B,)."""
        return torch.tensor([len(rows) for rows in self.indices])

    @property
    def instance_shape(self) -> tuple[int, ...]:
        """Shape of one instance."""
        return self.dataset.instance_shape


def random_generator(*key: int) -> torch.Generator:
    """Return random numbers that depend on ``key`` alone, such as (seed, epoch)."""
    state = np.random.SeedSequence(key).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state) >> 1)
