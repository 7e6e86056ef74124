from copy import copy
from dataclasses import replace
from weakref import WeakSet

import numpy as np
import pytest
import torch
from toy_bags import separable

from mil_tutorial import check_groups
from mil_tutorial.experiment.benchmarks import Benchmark, Splits, cross_validation
from mil_tutorial.experiment.recipe import default_config

GROUPS = [f"P{i // 4}" for i in range(48)]  # positive and negative bags in each


@pytest.fixture(scope="module")
def bags():
    return separable(48, groups=GROUPS)


@pytest.mark.parametrize("validated", [True, False])
def test_every_bag_is_tested_once_and_trains_otherwise(bags, validated):
    splits = list(cross_validation(bags, 4, validated=validated)(seed=1))
    tested = np.concatenate([split.test_rows for split in splits])
    assert sorted(tested.tolist()) == list(range(48))
    for split in splits:
        assert ("val" in split.parts()) is validated
        check_groups(**split.parts())
        assert sum(map(len, split.parts().values())) == 48
        assert split.test.names == [bags.names[row] for row in split.test_rows]
    shares = {len(split.train) for split in splits}
    assert max(shares) <= 24 + 4 if validated else min(shares) >= 36 - 4


def test_the_test_folds_do_not_depend_on_validation(bags):
    one, other = (cross_validation(bags, 4, validated=v)(seed=1) for v in (True, False))
    for a, b in zip(one, other, strict=True):
        np.testing.assert_array_equal(a.test_rows, b.test_rows)


def test_all_bags_that_train_give_the_scale(bags):
    for split in cross_validation(bags, 4, validated=False)(seed=0):
        mean, deviation = split.train.mean_and_deviation()
        torch.testing.assert_close(mean, torch.zeros(4), atol=1e-5, rtol=0)
        torch.testing.assert_close(deviation.median(), torch.ones(()), atol=1e-4, rtol=0)


def test_each_bag_validates_for_one_member(bags):
    split = next(iter(cross_validation(bags, 4)(seed=0)))
    parts = split.for_members(3, seed=0)
    validated = [name for part in parts for name in part.val.names]
    assert sorted(validated) == sorted(split.train.names + split.val.names)
    for part in parts:
        check_groups(**part.parts())
        assert set(part.train.names) == set(validated) - set(part.val.names)
        assert part.test is split.test
        assert len(part.val.labels.unique()) == 2
        rows = dict(zip(split.train.names + split.val.names, [*split.train, *split.val]))
        for name, bag in zip(part.train.names, part.train):
            assert bag.instances is rows[name].instances  # nothing is copied
        raw = bags.subset([bags.names.index(name) for name in part.val.names])
        assert part.val.contents() == raw.contents()  # as they were before scaling


def test_members_share_a_split_where_there_is_nothing_to_divide(bags):
    split = next(iter(cross_validation(bags, 4)(seed=0)))
    few = replace(split, train=split.train.subset(range(4)), val=split.val.subset(range(4)))
    whole = next(iter(cross_validation(bags, 4, validated=False)(seed=0)))
    for one, members in ((split, 1), (few, 3), (whole, 3)):
        assert all(part is one for part in one.for_members(members, seed=0))


def test_the_fewer_the_bags_the_longer_a_run():
    epochs = [default_config(n).epochs for n in (8, 80, 276, 700, 5000)]
    assert epochs == sorted(epochs, reverse=True)
    assert (epochs[0], epochs[-1]) == (200, 10)
    assert all(default_config(n).patience <= default_config(n).epochs / 4 for n in (8, 700, 5000))


def test_one_split_at_a_time_is_in_memory():
    dataset = separable(30, seed=0)
    divide, alive = cross_validation(dataset, 3), WeakSet()

    def splits(seed):
        for split in divide(seed):
            alive.add(split.train)
            yield split
            del split

    benchmark = Benchmark("x", "x", dataset, splits, input_dim=4, n_folds=3)
    expected = {(s, f): split.test_rows for s in (0, 1) for f, split in enumerate(divide(s))}
    one = Splits(benchmark)
    places = [(0, 0), (0, 0), (0, 2), (1, 1), (1, 0), (1, 2), (0, 1)]
    for place in places:
        np.testing.assert_array_equal(one(*place).test_rows, expected[place])
        assert len(alive) == 1
    assert one(0, 1) is one(0, 1)
    sent = copy(one)  # as pickle copies it: without the splits that are on their way
    np.testing.assert_array_equal(sent(1, 2).test_rows, expected[1, 2])
