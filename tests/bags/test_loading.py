import os

import pytest
import torch
from toy_bags import separable

from mil_tutorial.bags.loading import fill_batches, load_batches
from mil_tutorial.bags.sampling import InstanceSampler

BATCHES = [[3, 0], [1], [2, 4, 5]]


class Broken:
    """A data set of which one bag cannot be read."""

    def __init__(self, dataset, failure):
        self.dataset, self.failure = dataset, failure

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, index):
        if index == 2:
            self.failure()
        return self.dataset[index]


def bad_row():
    raise ValueError("slide_7.h5: row 3 holds NaN")


def die():
    os._exit(3)


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_come_in_order_whoever_reads_them(workers):
    dataset = separable(6)
    for view in (dataset, InstanceSampler(dataset, 2)):
        batches = list(load_batches(view, BATCHES, workers=workers))
        assert [len(batch) for batch in batches] == [2, 1, 3]
        for batch, bags in zip(batches, BATCHES):
            assert torch.equal(batch.instances, torch.cat([view[i].instances for i in bags]))


def test_reading_draws_from_the_given_numbers_only():
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    list(load_batches(separable(6), BATCHES, generator=torch.Generator()))
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_wrong_with_a_bag_is_one_line(workers):
    with pytest.raises(ValueError, match="slide_7") as caught:
        list(load_batches(Broken(separable(6), bad_row), BATCHES, workers=workers))
    assert str(caught.value) == "slide_7.h5: row 3 holds NaN"


def test_a_reader_that_dies_is_one_line_and_not_a_hang():
    with pytest.raises(OSError, match="a process that reads bags ended .* fewer workers") as caught:
        list(load_batches(Broken(separable(6), die), BATCHES, workers=1))
    assert "\n" not in str(caught.value)


def test_batches_hold_so_many_numbers_or_one_bag():
    dataset = separable(6)
    sizes = dataset.sizes.tolist()
    for batches in (fill_batches(dataset, 4, 10 * 4), fill_batches(dataset, 2, 10**9)):
        assert [bag for batch in batches for bag in batch] == list(range(6))
    for batch in fill_batches(dataset, 4, 10 * 4):
        assert len(batch) == 1 or sum(sizes[bag] for bag in batch) <= 10
    assert max(map(len, fill_batches(dataset, 2, 10**9))) == 2
