import numpy as np
import pytest

from mil_tutorial import best_of


def test_the_lowest_validation_loss_of_each_group_decides():
    losses, values = [0.9, 0.2, 0.5, 0.4, 0.1], [1, 2, 3, 4, 5]
    assert best_of(losses, values, 1).tolist() == [1, 2, 3, 4, 5]
    assert best_of(losses, values, 2).tolist() == [2, 4]
    assert best_of(losses, values, 5).tolist() == [5]


@pytest.mark.parametrize("r", [0, 4])
def test_impossible_groups_are_refused(r):
    with pytest.raises(ValueError, match=f"r is {r}, expected 1 to 3"):
        best_of(np.ones(3), np.ones(3), r)
    with pytest.raises(ValueError, match=r"must both be \(S,\)"):
        best_of(np.ones(3), np.ones(2), 1)
