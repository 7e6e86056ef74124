import pytest
import torch
from toy_bags import make_bags

from mil_tutorial import collate_fn, collate_packed, pack, pad


def test_small_batch_by_hand():
    batch = [(torch.tensor([[1.0], [2.0]]), 1), (torch.tensor([[3.0]]), 0)]
    bags, mask, labels = collate_fn(batch)
    assert bags.tolist() == [[[1.0], [2.0]], [[3.0], [0.0]]]
    assert mask.tolist() == [[True, True], [True, False]]
    assert mask.dtype == torch.bool
    assert labels.tolist() == [1.0, 0.0]
    packed = collate_packed(batch)
    assert packed.instances.tolist() == [[1.0], [2.0], [3.0]]
    assert packed.sizes.tolist() == [2, 1]
    assert len(packed) == 2
    assert packed.to("cpu").labels.tolist() == [1.0, 0.0]


def test_pack_undoes_pad_for_tiles_too():
    instances, sizes = torch.randn(9, 3, 4, 4), torch.tensor([2, 1, 6])
    bags, mask = pad(instances, sizes)
    assert bags.shape == (3, 6, 3, 4, 4)
    back, back_sizes = pack(bags, mask)
    assert torch.equal(back, instances)
    assert torch.equal(back_sizes, sizes)


def test_a_mask_may_have_holes():
    bags = torch.arange(6.0).view(2, 3, 1)
    mask = torch.tensor([[True, False, True], [False, True, False]])
    instances, sizes = pack(bags, mask)
    assert instances.flatten().tolist() == [0.0, 2.0, 4.0]
    assert sizes.tolist() == [2, 1]


def test_without_a_mask_all_are_real():
    assert pack(torch.ones(2, 3, 1))[1].tolist() == [3, 3]


BAD = {
    "all-masked row": (
        lambda: pack(torch.ones(2, 3, 1), torch.tensor([[True] * 3, [False] * 3])),
        "bag 1 of the batch has no real instance",
    ),
    "mask of numbers": (lambda: pack(torch.ones(2, 3, 1), torch.ones(2, 3)), "expected torch.bool"),
    "mask too narrow": (
        lambda: pack(torch.ones(2, 3, 1), torch.ones(2, 2, dtype=torch.bool)),
        r"expected torch.bool of shape \(2, 3\)",
    ),
    "empty bag": (lambda: collate_fn([(torch.ones(0, 2), 1)]), "bag 0 of the batch has no real"),
    "unequal width": (
        lambda: collate_packed([*make_bags((2,), 3), *make_bags((2,), 4)]),
        r"one shape, got \[\(3,\), \(4,\)\]",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case):
    make, message = BAD[case]
    with pytest.raises(ValueError, match=message):
        make()
