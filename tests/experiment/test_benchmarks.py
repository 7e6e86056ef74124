import numpy as np
import pytest
import torch
from toy_bags import separable

from mil_tutorial import check_groups
from mil_tutorial.experiment.benchmarks import cross_validation

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
        torch.testing.assert_close(deviation, torch.ones(4), atol=1e-4, rtol=0)
