from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mil_tutorial import best_of


def test_the_lowest_validation_loss_of_each_group_decides():
    losses, values = [0.9, 0.2, 0.5], [1, 2, 3]
    assert best_of(losses, values, 1) == pytest.approx(2)
    assert best_of(losses, values, 2) == pytest.approx((2 + 3 + 2) / 3)
    assert best_of(losses, values, 3) == pytest.approx(2)


@given(st.integers(1, 8).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n))))
def test_it_is_the_mean_over_all_groups(sizes):
    n, r = sizes
    losses, values = np.random.default_rng(n).permuted(np.arange(2.0 * n).reshape(2, n), axis=1)
    kept = [values[min(group, key=losses.__getitem__)] for group in combinations(range(n), r)]
    assert best_of(losses, values, r) == pytest.approx(np.mean(kept))


@pytest.mark.parametrize("r", [0, 4])
def test_impossible_groups_are_refused(r):
    with pytest.raises(ValueError, match=f"r is {r}, expected 1 to 3"):
        best_of(np.ones(3), np.ones(3), r)
    with pytest.raises(ValueError, match=r"must both be \(S,\)"):
        best_of(np.ones(3), np.ones(2), 1)
