import pytest
from hypothesis import given
from hypothesis import strategies as st

from mil_tutorial.bags.loading import cut_into_parts, plan_steps, share_bags

epochs = st.lists(st.integers(1, 50), min_size=1, max_size=30).flatmap(
    lambda sizes: st.tuples(st.just(sizes), st.permutations(range(len(sizes))))
)


@given(epoch=epochs, batch=st.integers(1, 8), number=st.integers(1, 5), at_once=st.integers(1, 80))
def test_no_bag_is_seen_twice_or_left_out(epoch, batch, number, at_once):
    sizes, order = epoch
    plans = [
        list(plan_steps(order, sizes, batch, at_once=at_once, rank=rank, number=number))
        for rank in range(number)
    ]
    assert len({len(plan) for plan in plans}) == 1  # all take the same number of steps
    for place, together in enumerate(zip(*plans)):
        expected = list(order[place * batch : (place + 1) * batch])
        assert all(step.bags == expected for step in together)
        seen = [bag for step in together for part in step.parts for bag in part]
        assert sorted(seen) == sorted(expected)


@given(epoch=epochs, number=st.integers(1, 5))
def test_shares_are_about_equally_large(epoch, number):
    sizes, order = epoch
    shares = share_bags(order, sizes, number)
    loads = [sum(sizes[bag] for bag in share) for share in shares]
    at_best = max(sum(sizes) / number, max(sizes))
    assert max(loads) <= 4 / 3 * at_best + max(sizes) / 3  # Graham's bound, of the best possible
    for share in shares:
        assert [bag for bag in order if bag in share] == share  # the order stays


def test_shares_by_hand():
    assert share_bags([0, 1, 2], [5, 1, 4], 2) == [[0], [1, 2]]
    assert share_bags([3], [1, 1, 1, 9], 2) == [[3], []]


@given(epoch=epochs, at_once=st.integers(1, 80))
def test_a_part_holds_at_most_so_many_instances_or_one_bag(epoch, at_once):
    sizes, order = epoch
    parts = cut_into_parts(order, sizes, at_once)
    assert [bag for part in parts for bag in part] == list(order)
    assert all(len(part) == 1 or sum(sizes[bag] for bag in part) <= at_once for part in parts)


@pytest.mark.parametrize(("bags", "expected"), [([4, 2], [[4, 2]]), ([], [])])
def test_without_a_limit_there_is_one_part(bags, expected):
    assert cut_into_parts(bags, [1] * 5, None) == expected
