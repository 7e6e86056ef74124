"""Bags, batches and masks."""

import numpy as np
import torch
from toy_bags import separable

from mil_tutorial import MedicalBagDataset, collate_fn
from mil_tutorial.bags.loading import load_batches, plan_steps
from mil_tutorial.models.pooling import masked_softmax
from odd_inputs.case import Case

ROWS = np.arange(6, dtype=np.float32).reshape(2, 3)


def refused(name, function, error):
    """Make a case of a call that is refused."""
    return Case(name, lambda here: function(), error)


def bag(instances=ROWS, label=1, **options):
    return MedicalBagDataset([(instances, label)], **options)


def read_as(instances, expected=ROWS):
    """Make a bag of instances in some form; they are these numbers."""

    def act(here):
        made = bag(instances)
        np.testing.assert_array_equal(made.instances[0], expected)
        assert made.checksum() == bag(expected).checksum()

    return act


def subset_by_mask(here):
    bags = separable(4)
    assert bags.subset([True, False, True, False]).names == bags.subset([0, 2]).names
    assert bags.subset(np.array([-1])).names == bags.names[-1:]


def softmax(mask):
    return masked_softmax(torch.ones(2, 2), mask)


CASES = [
    Case("instances of another byte order", read_as(ROWS.astype(">f4"))),
    Case("instances mirrored", read_as(ROWS[::-1], ROWS[::-1].copy())),
    Case("instances with a gradient", read_as(torch.tensor(ROWS, requires_grad=True))),
    Case("sparse instances", read_as(torch.tensor(ROWS).to_sparse())),
    Case("a subset by a mask", subset_by_mask),
    refused("complex instances", lambda: bag(ROWS * 1j), "bag 0: .*their type is complex"),
    refused(
        "complex instances of torch",
        lambda: bag(torch.ones(2, 3, dtype=torch.complex64)),
        r"bag 0: .*their type is torch\.complex64",
    ),
    refused(
        "a bag of three parts",
        lambda: MedicalBagDataset([(ROWS, 1), (ROWS, 0, "name")]),
        r"bag 1 is .*, expected \(instances, label\)",
    ),
    refused("NaN places", lambda: bag(coords=[[[0, 0], [np.nan, 1]]]), "bag 0: coords must be"),
    refused("places as words", lambda: bag(coords=[[["a", "b"]] * 2]), "bag 0: coords must be"),
    refused("a subset of half bags", lambda: separable(4).subset([1.5]), r"subset \[1\.5\]"),
    refused("a subset beyond the bags", lambda: separable(4).subset([9]), "4 bags have no subset"),
    refused("a mask of fewer bags", lambda: separable(4).subset([True]), "4 bags have no subset"),
    refused("a mask of no bag", lambda: separable(2).subset([False] * 2), "at least one bag"),
    refused("a NaN label in a batch", lambda: collate_fn([(torch.ones(2, 3), np.nan)]), "is nan"),
    refused("a class 2 in a batch", lambda: collate_fn([(torch.ones(2, 3), 2)]), "is 2, expected"),
    refused("a mask of ints", lambda: softmax(torch.ones(2, 2, dtype=torch.int)), "torch.bool"),
    refused("a mask of floats", lambda: softmax(torch.ones(2, 2)), "expected torch.bool"),
    refused(
        "a mask of one row for all",
        lambda: softmax(torch.ones(1, 2, dtype=torch.bool)),
        r"of shape \(1, 2\), expected torch.bool of shape \(2, 2\)",
    ),
    refused(
        "half a reader",
        lambda: list(load_batches(separable(4), [[0]], workers=0.5)),
        "workers must be a whole number",
    ),
    refused("steps of -1 bags", lambda: list(plan_steps([0], [3], -1)), "batch_size must be a"),
]
