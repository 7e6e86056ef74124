"""Known wrong answers of chapter 03 must fail, each with the message that names it."""

import pytest
import torch
from torch.nn.utils.rnn import pad_sequence
from verdicts import by_check, expect_state

from mil_tutorial import InstanceSampler, collate_fn, masked_softmax
from mil_tutorial.checks import chapter_03 as checks

LOW = float("-inf")


def changed(bags=None, mask=None, labels=None):
    """Take the right batch and change one of its three parts."""

    def answer(batch):
        right = collate_fn(batch)
        changes = (bags, mask, labels)
        return tuple(change(x) if change else x for change, x in zip(changes, right))

    return answer


def at_the_front(batch):
    bags, mask, labels = collate_fn(batch)
    rolled = [bag.roll(int((~real).sum()), 0) for bag, real in zip(bags, mask)]
    return torch.stack(rolled), mask.flip(1), labels


def padded_to(places):
    def answer(batch):
        bags, mask, labels = collate_fn(batch)
        more = places(batch) - bags.shape[1]
        wide = torch.nn.functional.pad(bags, (0, 0, 0, more))
        return wide, torch.nn.functional.pad(mask, (0, more)), labels

    return answer


def merged(batch):
    bags = torch.cat([x for x, _ in batch])
    return bags, torch.ones(len(bags), dtype=torch.bool), torch.tensor([y for _, y in batch])


def merged_with_batch_axis(batch):
    bags, mask, labels = merged(batch)
    return bags[None], mask[None], labels


def mask_from_values(batch):
    bags, _, labels = collate_fn(batch)
    return bags, (bags != 0).any(dim=-1), labels


def without(*missing):
    """Leave parts of the batch out."""

    def answer(batch):
        return tuple(None if i in missing else part for i, part in enumerate(collate_fn(batch)))

    return answer


def stacked(batch):
    return torch.stack([x for x, _ in batch]), None, None


def short_form(batch):
    bags = pad_sequence([x for x, _ in batch], batch_first=True)
    sizes = torch.tensor([len(x) for x, _ in batch])
    mask = torch.arange(bags.shape[1]) < sizes[:, None]
    return bags, mask, torch.tensor([y for _, y in batch], dtype=torch.float32)


def plain_softmax(scores, mask):
    return torch.softmax(scores, dim=1)


def zeroed_after(scores, mask):
    return torch.softmax(scores, dim=1) * mask


def multiplied(scores, mask):
    return torch.softmax(scores * mask, dim=1)


def multiplied_twice(scores, mask):
    return torch.softmax(scores * mask, dim=1) * mask


def over_the_bags(scores, mask):
    return torch.softmax(scores.masked_fill(~mask, LOW), dim=0)


def upside_down(scores, mask):
    return torch.softmax(scores.masked_fill(mask, LOW), dim=1)


def gives_nan(scores, mask):
    return torch.softmax(scores.masked_fill(~mask, LOW), dim=1)


def gives_zero(scores, mask):
    return gives_nan(scores, mask).nan_to_num(0)


def adds_infinity(scores, mask):
    return torch.softmax(scores + torch.log(mask.float()), dim=1)


def without_shift(scores, mask):
    powers = torch.exp(scores).masked_fill(~mask, 0)
    return powers / powers.sum(dim=1, keepdim=True)


def finite_penalty(scores, mask):
    return torch.softmax(scores.masked_fill(~mask, -1e9), dim=1)


def refuses_empty_rows(function):
    def answer(scores, mask):
        masked_softmax(scores, mask)  # raises where there is one
        return function(scores, mask)

    return answer


def raises(kind, message):
    def answer(scores, mask):
        if not mask.any(dim=1).all():
            raise kind(message)
        return gives_nan(scores, mask)

    return answer


def from_one(scores, mask):
    if (empty := ~mask.any(dim=1)).any():
        raise ValueError(f"row {int(empty.nonzero()[0]) + 1} is empty")
    return masked_softmax(scores, mask)


def in_double(function):
    return lambda scores, mask: function(scores.double(), mask)


def by_powers(scores, mask):
    if (empty := ~mask.any(dim=1)).any():
        raise ValueError(f"empty rows: {empty.nonzero().flatten().tolist()}")
    scores = torch.where(mask, scores, torch.tensor(LOW, dtype=scores.dtype))
    powers = torch.exp(scores - scores.max(dim=1, keepdim=True).values)
    return powers / powers.sum(dim=1, keepdim=True)


class Sampler:
    """Draws from what ``generator`` returns; the base of right and wrong answers."""

    def __init__(self, dataset, n, seed=0):
        self.dataset, self.n, self.seed, self.epoch = dataset, n, seed, 0
        self.kept = torch.Generator().manual_seed(seed)

    def set_epoch(self, epoch):
        self.epoch = epoch

    def generator(self, i):
        return torch.Generator().manual_seed(1000 * self.seed + self.epoch)

    def draw(self, size, i):
        return torch.randperm(size, generator=self.generator(i))[: self.n]

    def __getitem__(self, i):
        instances, label = self.dataset[i]
        return instances[self.draw(len(instances), i)], label


class Reseeded(Sampler):
    def generator(self, i):
        return torch.Generator().manual_seed(self.seed)


class SeededByBag(Sampler):
    def generator(self, i):
        return torch.Generator().manual_seed(self.seed + i)


class Kept(Sampler):
    def generator(self, i):
        return self.kept


class Unseeded(Sampler):
    def generator(self, i):
        return None


class DrawnWithoutSeed(Sampler):
    def set_epoch(self, epoch):
        self.chosen = [torch.randperm(len(x))[: self.n] for x, _ in self.dataset]

    def draw(self, size, i):
        return self.chosen[i]


class SeedForgotten(Sampler):
    def generator(self, i):
        return torch.Generator().manual_seed(self.epoch)


class SeedPlusEpoch(Sampler):
    def generator(self, i):
        return torch.Generator().manual_seed(self.seed + self.epoch)


class TwiceTheSeed(Sampler):
    def generator(self, i):
        return torch.Generator().manual_seed(2 * self.seed + self.epoch)


class SharedStart(Sampler):
    def generator(self, i):
        return torch.Generator().manual_seed(self.epoch * (self.seed + 1))


class NaN(Sampler):
    def __getitem__(self, i):
        instances, label = super().__getitem__(i)
        return instances * float("nan"), label


class Fractions(Sampler):
    def __getitem__(self, i):
        instances, label = super().__getitem__(i)
        return instances + 0.5, label


class WithReplacement(Sampler):
    def draw(self, size, i):
        return torch.zeros(self.n, dtype=torch.long)


class All(Sampler):
    def draw(self, size, i):
        return torch.arange(size)


class NoLabel(Sampler):
    def __getitem__(self, i):
        return super().__getitem__(i)[0]


class ByBagToo(Sampler):
    def generator(self, i):
        return torch.Generator().manual_seed(hash((self.seed, self.epoch, i)))


def index_of(sizes):
    return torch.repeat_interleave(torch.arange(len(sizes)), sizes)


def sums(x, sizes):
    return x.new_zeros(len(sizes), x.shape[1]).index_add(0, index_of(sizes), x)


def means_by_loop(x, sizes):
    return torch.stack([part.mean(dim=0) for part in x.split(sizes.tolist())])


def means_of_parts(x, sizes):
    means, first = x.new_zeros(len(sizes), x.shape[1]), 0
    for b, n in enumerate(sizes):
        means[b] = x[first : first + n].mean(dim=0)
        first += n
    return means


def by_matrix(x, sizes):
    member = torch.nn.functional.one_hot(index_of(sizes), len(sizes)).to(x.dtype)  # (N, B)
    return member.T @ x / sizes[:, None]


COLLATE = [
    (changed(mask=lambda m: ~m), "True at padding"),
    (changed(mask=torch.ones_like), "All places count as real"),
    (changed(mask=lambda m: m.float()), "dtype torch.float32, expected torch.bool"),
    (changed(mask=lambda m: m.long()), "dtype torch.int64, expected torch.bool"),
    (changed(mask=lambda m: m.tolist()), "the mask came as list, expected a tensor"),
    (changed(mask=lambda m: m[..., None]), "the mask came in shape (2, 3, 1), expected (2, 3)"),
    (changed(labels=lambda y: y.long()), "refuses integers"),
    (changed(labels=lambda y: y[:, None]), "labels came in shape (2, 1), expected (2,)"),
    (changed(labels=lambda y: y.tolist()), "labels came as list"),
    (changed(labels=lambda y: y.max()), "labels came in shape (), expected (2,)"),
    (changed(bags=torch.zeros_like), "only zeros"),
    (changed(bags=lambda x: x.transpose(0, 1)), "the axis of bags comes first"),
    (padded_to(lambda batch: 10), "padded to 10 places (bags of 3 and 2 tiles)"),
    (padded_to(lambda batch: sum(len(x) for x, _ in batch)), "the number of tiles in all"),
    (at_the_front, "Tiles come first, padding after them"),
    (mask_from_values, "build the mask from the sizes"),
    (merged, "merged into one bag"),
    (merged_with_batch_axis, "merged into one bag"),
    (stacked, "your code raised RuntimeError"),
    (changed(labels=lambda y: torch.arange(len(y)) % 2.0), "labels at [0] is 0, expected 1"),
    (changed(labels=lambda y: torch.tensor([1.0, 1.0, 0.0][: len(y)])), "(labels as tensors)"),
    (changed(labels=torch.ones_like), "labels at [2] is 1, expected 0 (bags of 2, 5 and 1 tiles)"),
    (without(2), "of (bags, mask, labels) labels came back as None"),
    (without(1, 2), "mask and labels came back as None"),
    (lambda batch: collate_fn(batch)[:2], "expected (bags, mask, labels)"),
]
SOFTMAX = [
    (plain_softmax, "Padding takes part"),
    (zeroed_after, "set to 0 after the softmax"),
    (multiplied, "A score of 0 is not the weight 0"),
    (multiplied_twice, "A score of 0 is not the weight 0"),
    (over_the_bags, "over the tiles of each bag, axis 1"),
    (lambda scores, mask: torch.softmax(scores, dim=0), "over the tiles of each bag, axis 1"),
    (upside_down, "upside down"),
    (gives_nan, "row 2 has no real tile and got the weights [nan, nan, nan]: raise a"),
    (gives_zero, "row 2 has no real tile and got the weights [0.0, 0.0, 0.0]: raise a"),
    (adds_infinity, "NaN under the mask gets through"),
    (without_shift, "exp(1000) is infinite"),
    (finite_penalty, "row 2 has no real tile and got the weights [0.33"),
    (refuses_empty_rows(finite_penalty), "near -1e10: padding must be below every score"),
    (raises(ValueError, "a row is empty"), "does not say which row"),
    (raises(ValueError, "no real tile in 1 of 7 rows"), "does not say which row"),
    (raises(ValueError, "row 2 has no real tile"), "which row has no real tile: row 5"),
    (raises(ValueError, "row 25 has no real tile"), "does not say which row"),
    (from_one, "does not say which row has no real tile: row 2, counted from 0"),
    (lambda scores, mask: masked_softmax(scores, mask).detach(), "no gradient flows through"),
    (
        lambda scores, mask: torch.tensor(masked_softmax(scores, mask).tolist()),
        "the weights: no gradient flows through",
    ),
    (raises(RuntimeError, "row 1 is empty"), "raised RuntimeError, expected ValueError"),
    (lambda scores, mask: 0.5, "came as float, expected a tensor"),
    (
        lambda scores, mask: masked_softmax(scores, mask)[mask],
        "came in shape (4,), expected (2, 3)",
    ),
]
SAMPLER = [
    (Reseeded, "The bug is still there"),
    (SeededByBag, "The bug is still there"),
    (Kept, "two reads in one epoch"),
    (Unseeded, "two reads in one epoch"),
    (DrawnWithoutSeed, "nobody could repeat the run"),
    (SeedForgotten, "the seed is no longer used"),
    (SeedPlusEpoch, "seed 1 shows in epoch 0 what seed 0 shows in epoch 1"),
    (TwiceTheSeed, "seed 1 shows in epoch 0 what seed 0 shows in epoch 2"),
    (SharedStart, "seeds 0 and 1 show the same tiles in epoch 0"),
    (NaN, "bag 0 shows the value nan, which none of its tiles holds"),
    (Fractions, ".5, which none of its tiles holds"),
    (WithReplacement, "a bag of 40 tiles shows [0, 0, 0, 0, 0], expected 5 different ones"),
    (All, "expected 5 different ones of 0 to 39"),
    (NoLabel, "a bag is Tensor, expected (instances, label)"),
    (lambda dataset, n: None, "your code raised TypeError for EpochSampler(dataset, 5, 0)"),
]
MEAN = [
    (sums, "That is the sum"),
    (lambda x, sizes: sums(x, sizes) / len(x), "Divided by N"),
    (lambda x, sizes: sums(x, sizes) / sizes.max(), "Divided by the largest size"),
    (lambda x, sizes: sums(x, sizes) / sizes, "your code raised RuntimeError"),
    (lambda x, sizes: x.mean(0).expand(len(sizes), -1), "mean of all tiles"),
    (lambda x, sizes: x.mean(0), "came in shape (4,), expected (2, 4)"),
    (means_by_loop, "there is a loop over bags"),
    (means_of_parts, "there is a loop over bags"),
    (lambda x, sizes: means_by_loop(x, sizes).detach(), "the mean: no gradient flows through"),
    (lambda x, sizes: torch.tensor(means_by_loop(x, sizes).tolist()), "no gradient flows"),
]
SHARE = [
    (0.1, "what the ten real tiles keep"),
    (0, "all scores are equal"),
    (0.01, "the share of one place"),
    (100 / 110, "means 90 padded ones"),
    (90, "not in per cent"),
    (0.85, "too small"),
    ("most", "expected a number"),
]
ZOO = [
    (check, answer, message)
    for check, wrong in {
        checks.check_collate_fn: COLLATE,
        checks.check_masked_softmax: SOFTMAX,
        checks.check_epoch_sampler: SAMPLER,
        checks.check_packed_mean: MEAN,
        checks.check_padding_share: SHARE,
    }.items()
    for answer, message in wrong
]
RIGHT = [
    (checks.check_collate_fn, collate_fn),
    (checks.check_collate_fn, short_form),
    (checks.check_masked_softmax, masked_softmax),
    (checks.check_masked_softmax, by_powers),
    (checks.check_masked_softmax, in_double(masked_softmax)),
    (checks.check_masked_softmax, in_double(by_powers)),
    (checks.check_epoch_sampler, Sampler),
    (checks.check_epoch_sampler, ByBagToo),
    (checks.check_epoch_sampler, InstanceSampler),
    (checks.check_packed_mean, lambda x, sizes: sums(x, sizes) / sizes[:, None]),
    (checks.check_packed_mean, by_matrix),
    (checks.check_padding_share, 0.9),
]
STUBS = [
    (checks.check_collate_fn, lambda batch: None),
    (checks.check_collate_fn, lambda batch: (None, None, None)),
    (checks.check_collate_fn, lambda batch: (..., ..., ...)),
    (checks.check_masked_softmax, lambda scores, mask: None),
    (checks.check_padding_share, ...),
    (checks.check_packed_mean, lambda x, sizes: None),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


@pytest.mark.parametrize(("check", "answers"), by_check(RIGHT))
def test_right_answers_pass(check, answers):
    expect_state(check, answers, "right")


@pytest.mark.parametrize(("check", "answers"), by_check(STUBS))
def test_stubs_are_open(check, answers):
    expect_state(check, answers, "open")


def test_columns_divided_by_sizes_are_named_where_shapes_hide_it():
    def by_column(x, sizes):
        totals = sums(x, sizes)
        return totals / (sizes if x.shape[1] == len(sizes) else sizes[:, None])

    assert "use sizes[:, None]" in checks.check_packed_mean.judge(by_column).text
