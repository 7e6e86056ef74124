import pytest
import torch

from mil_tutorial.bags.augmentation import Affine, DropFeatures, InOrder, StainJitter, TurnAndFlip

SIZES = torch.tensor([3, 1, 6])


def tiles(channels=3, side=9):
    torch.manual_seed(1)
    return torch.rand(10, channels, side, side)


ALL = [
    Affine(degrees=20, stretch=0.2, shift=2, shear=0.2, background=-1.0),
    TurnAndFlip(),
    StainJitter(0.2),
    DropFeatures(0.3),
    InOrder((TurnAndFlip(), StainJitter(0.2))),
]


@pytest.mark.parametrize("augment", ALL, ids=repr)
def test_shape_kept_input_untouched_seed_decides(augment):
    x = tiles()
    before = x.clone()
    made = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        made.append(augment(x, SIZES))
    assert made[0].shape == x.shape
    assert torch.equal(x, before)
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])


@pytest.mark.parametrize("augment", [Affine(), StainJitter(0.0), DropFeatures(0.0)], ids=repr)
def test_nothing_asked_nothing_changed(augment):
    torch.testing.assert_close(augment(tiles(), SIZES), tiles())


def test_turn_and_flip_shows_the_eight_orientations_equally_often():
    corner = torch.zeros(4000, 1, 3, 3)
    corner[:, 0, 0, 1] = 1  # with a second mark, all eight orientations differ
    corner[:, 0, 0, 0] = 2
    torch.manual_seed(0)
    seen, counts = TurnAndFlip()(corner, torch.tensor([4000])).unique(dim=0, return_counts=True)
    assert len(seen) == 8
    assert counts.min() > 420
    assert counts.max() < 580


def test_a_shift_moves_whole_pixels_and_lets_background_in():
    x = torch.zeros(500, 1, 11, 11)
    x[:, 0, 5, 5] = 1
    torch.manual_seed(0)
    moved = Affine(shift=3)(x, torch.tensor([500]))
    y, column = torch.meshgrid(torch.arange(11.0), torch.arange(11.0), indexing="ij")
    centre = torch.stack([(moved[:, 0] * place).sum((1, 2)) for place in (column, y)])
    assert 2.8 < (centre - 5).abs().max() < 3.01
    assert (centre.mean(1) - 5).abs().max() < 0.3
    moved = Affine(shift=3, background=-2.0)(torch.zeros(50, 1, 11, 11), torch.tensor([50]))
    assert moved.min() < -1.9


def test_a_turn_by_at_most_so_many_degrees():
    x = torch.zeros(500, 1, 21, 21)
    x[:, 0, 10, 18] = 1
    torch.manual_seed(0)
    turned = Affine(degrees=30)(x, torch.tensor([500]))[:, 0]
    y, column = torch.meshgrid(torch.arange(21.0), torch.arange(21.0), indexing="ij")
    mass = turned.sum((1, 2))
    angle = torch.atan2(
        (turned * y).sum((1, 2)) / mass - 10, (turned * column).sum((1, 2)) / mass - 10
    ).rad2deg()
    assert 28 < angle.abs().max() < 31
    assert angle.std() > 14


def test_stain_jitter_is_one_change_a_bag_and_keeps_glass():
    x = torch.ones(10, 3, 4, 4)
    torch.manual_seed(0)
    made = StainJitter(0.2)(x, SIZES)
    for bag in made.split(SIZES.tolist()):
        assert torch.equal(bag, bag[:1].expand_as(bag))
    assert not torch.equal(made[0], made[3])
    assert torch.equal(StainJitter(0.2)(torch.zeros_like(x), SIZES), torch.zeros_like(x))


def test_in_order_applies_each_step():
    double = lambda x, sizes: 2 * x  # noqa: E731
    add = lambda x, sizes: x + 1  # noqa: E731
    assert torch.equal(
        InOrder((double, add))(torch.ones(1, 1, 2, 2), SIZES), torch.full((1, 1, 2, 2), 3.0)
    )


def test_dropped_features_keep_their_mean():
    x = torch.full((4000, 5), 2.0)
    torch.manual_seed(0)
    made = DropFeatures(0.3)(x, torch.tensor([4000]))
    assert ((made == 0).float().mean(0) - 0.3).abs().max() < 0.03
    assert (made.mean(0) - 2).abs().max() < 0.1
    with pytest.raises(ValueError, match="share to drop is 1, expected"):
        DropFeatures(1)
