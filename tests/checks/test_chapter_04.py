"""Known wrong answers of chapter 04 must fail, each with the message that names it."""

import pytest
import torch
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_04 as checks


def real(values, mask, fill=0.0):
    return values.masked_fill(~mask[..., None], fill)


def count(mask):
    return mask.sum(dim=1, keepdim=True)


def times_the_mask(values, mask):
    return (values * mask[..., None]).sum(dim=1) / count(mask)


def divides_by_k(values, mask):
    return real(values, mask).mean(dim=1)


def forgets_the_mask(values, mask):
    return values.mean(dim=1)


def masks_the_count_only(values, mask):
    return values.sum(dim=1) / count(mask)


def divides_by_the_bags(values, mask):
    return real(values, mask).sum(dim=1) / len(values)


def divides_by_all_tiles(values, mask):
    return real(values, mask).sum(dim=1) / mask.sum()


def over_the_bags(values, mask):
    return real(values, mask).sum(dim=0) / mask.sum(dim=0)[:, None]


def over_the_columns(values, mask):
    return real(values, mask).mean(dim=2)


def counts_along_columns(values, mask):
    total, counts = real(values, mask).sum(dim=1), mask.sum(dim=1)
    return total / counts if len(counts) == values.shape[2] else total / counts[:, None]


def zeros_win(values, mask):
    return real(values, mask).max(dim=1).values


def multiplies(values, mask):
    return (values * mask[..., None]).max(dim=1).values


def fills_with(number):
    return lambda values, mask: real(values, mask, number).max(dim=1).values


def top(fill=float("-inf"), largest=True):
    """Top k without thought for bags that have fewer."""

    def answer(values, mask, k):
        best = real(values, mask, fill).topk(min(k, values.shape[1]), dim=1, largest=largest)
        return best.values.mean(dim=1)

    return answer


def divides_by_the_asked_k(values, mask, k):
    best = real(values, mask, float("-inf")).topk(min(k, values.shape[1]), dim=1).values
    return best.masked_fill(best.isinf(), 0.0).sum(dim=1) / k


def kth_alone(values, mask, k):
    ordered = real(values, mask, float("-inf")).sort(dim=1, descending=True).values
    at = (count(mask).clamp(max=k) - 1)[:, :, None].expand(-1, 1, values.shape[2])
    return ordered.gather(1, at).squeeze(1)


def asks_for_more_than_there_is(values, mask, k):
    return real(values, mask, float("-inf")).topk(k, dim=1).values.mean(dim=1)


MEAN, MAX = checks.check_masked_mean, checks.check_masked_max
GUESS, TOP = checks.check_witnesses_needed, checks.check_masked_topk_mean

ZOO = [
    (MEAN, divides_by_k, "You divided by K"),
    (MEAN, forgets_the_mask, "Padding takes part: use the mask"),
    (MEAN, masks_the_count_only, "Padding takes part: use the mask. Only the count is right."),
    (MEAN, divides_by_the_bags, "You divided by the number of bags"),
    (MEAN, divides_by_all_tiles, "the whole batch"),
    (MEAN, over_the_bags, "That pools over the bags"),
    (MEAN, over_the_columns, "That pools over the columns"),
    (MEAN, counts_along_columns, "spread along H"),
    (MEAN, times_the_mask, "0 × NaN is NaN"),
    (MEAN, lambda v, m: real(v, m).sum(dim=1), "That is the sum"),
    (MEAN, lambda v, m: v[m].mean(dim=0), "came in shape (3,), expected (2, 3)"),
    (MEAN, lambda v, m: v * m, "your code raised RuntimeError"),
    (MEAN, lambda v, m: [0.5], "came as list, expected a tensor"),
    (MAX, multiplies, "The zeros of the padding win"),
    (MAX, zeros_win, "The zeros of the padding win"),
    (MAX, lambda v, m: v.max(dim=1).values, "Padding takes part: use the mask"),
    (MAX, lambda v, m: (v * m[..., None]).max(dim=1).values + 0.5, "at [0, 0] is"),
    (MAX, fills_with(-1.0), "not low enough"),
    (MAX, fills_with(-1000.0), "not low enough"),
    (MAX, fills_with(float("inf")), "not low enough"),
    (MAX, lambda v, m: real(v, m, -torch.inf).max(dim=1), "so take .values"),
    (MAX, lambda v, m: real(v, m, -torch.inf).argmax(dim=1), "came in dtype torch.int64"),
    (MAX, lambda v, m: real(v, m, -torch.inf).amax(dim=0), "That pools over the bags"),
    (MAX, lambda v, m: real(v, m, -torch.inf).amax(dim=(1, 2)), "came in shape (2,)"),
    (MAX, lambda v, m: real(v, m, torch.inf).amin(dim=1), "That is the minimum"),
    (GUESS, 9, "just short"),
    (GUESS, 1, "only 3 / 200"),
    (GUESS, 5, "one standard deviation; two"),
    (GUESS, 29, "A witness scores 3"),
    (GUESS, 134, "the deviation of one tile"),
    (GUESS, 60, "too large"),
    (GUESS, "many", "expected a number"),
    (TOP, top(), "-inf took part"),
    (TOP, top(fill=0.0), "among the k highest"),
    (TOP, top(fill=float("inf"), largest=False), "k lowest"),
    (TOP, divides_by_the_asked_k, "was divided by k"),
    (TOP, kth_alone, "kth highest alone"),
    (TOP, asks_for_more_than_there_is, "your code raised RuntimeError for k = 2"),
    (TOP, lambda v, m, k: real(v, m, -torch.inf).amax(dim=1), "That is the maximum"),
    (TOP, lambda v, m, k: real(v, m).sum(dim=1) / count(m), "That is the mean of all tiles"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


def by_selection(values, mask):
    return torch.stack([tiles[one].mean(dim=0) for tiles, one in zip(values, mask)])


def by_where(values, mask):
    weights = mask / mask.sum(dim=1, keepdim=True)
    clean = torch.where(mask[..., None], values, 0.0)
    return torch.einsum("bk,bkh->bh", weights, clean)


def topk_by_selection(values, mask, k):
    bags = [tiles[one].sort(dim=0, descending=True).values for tiles, one in zip(values, mask)]
    return torch.stack([bag[:k].mean(dim=0) for bag in bags])


RIGHT = [
    (MEAN, by_selection),
    (MEAN, by_where),
    (MAX, fills_with(float("-inf"))),
    (MAX, fills_with(torch.finfo(torch.float32).min)),
    (MAX, lambda v, m: torch.stack([tiles[one].amax(dim=0) for tiles, one in zip(v, m)])),
    (GUESS, 10),
    (GUESS, 9.43),
    (TOP, topk_by_selection),
]


def test_values_without_their_graph_fail():
    answers = {MEAN: by_where, MAX: fills_with(float("-inf")), TOP: topk_by_selection}
    for check, answer in answers.items():
        what = "the maximum" if check is MAX else "the mean"
        for cut in (torch.Tensor.detach, lambda pooled: torch.tensor(pooled.tolist())):
            verdict = check.judge(lambda *bags, cut=cut, answer=answer: cut(answer(*bags)))
            assert verdict.state == "wrong", check
            assert f"{what}: no gradient flows through" in verdict.text


@pytest.mark.parametrize(("check", "answers"), by_check(RIGHT))
def test_right_answers_pass(check, answers):
    expect_state(check, answers, "right")
