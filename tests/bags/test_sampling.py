import pytest
import torch
from toy_bags import make_bags

from mil_tutorial import InstanceSampler, MedicalBagDataset


def view(seed=0, epoch=0, n=5, sizes=(50, 3)):
    dataset = MedicalBagDataset(make_bags(sizes))
    sampler = InstanceSampler(dataset, n, seed)
    sampler.set_epoch(epoch)
    return dataset, sampler


def test_shows_at_most_n_different_instances_of_the_right_bag():
    dataset, sampler = view()
    assert len(sampler) == 2
    chosen, label = sampler[0]
    assert chosen.shape == (5, 5)
    assert label == dataset[0].label
    assert len(torch.unique(chosen, dim=0)) == 5
    assert all(any(torch.equal(row, x) for x in dataset[0].instances) for row in chosen)


def test_small_bags_keep_all_they_have():
    dataset, sampler = view()
    assert sorted(map(tuple, sampler[1].instances.tolist())) == sorted(
        map(tuple, dataset[1].instances.tolist())
    )


def test_same_within_an_epoch_new_in_the_next_same_again_by_seed():
    first = view(seed=3, epoch=0)[1]
    assert torch.equal(first[0].instances, first[0].instances)
    assert torch.equal(first[0].instances, view(seed=3, epoch=0)[1][0].instances)
    assert not torch.equal(first[0].instances, view(seed=3, epoch=1)[1][0].instances)
    assert not torch.equal(first[0].instances, view(seed=4, epoch=0)[1][0].instances)


def test_reading_order_does_not_matter():
    forwards, backwards = view()[1], view()[1]
    a = [forwards[i].instances for i in (0, 1)]
    b = [backwards[i].instances for i in (1, 0)][::-1]
    assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_every_instance_is_seen_sooner_or_later():
    _, sampler = view(n=5, sizes=(20,))
    seen = set()
    for epoch in range(40):
        sampler.set_epoch(epoch)
        seen |= set(sampler.indices[0].tolist())
    assert seen == set(range(20))


def test_zero_instances_are_refused():
    with pytest.raises(ValueError, match="per bag must be a positive whole number, got 0"):
        view(n=0)
