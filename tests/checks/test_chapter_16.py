"""Known wrong answers of chapter 16 must fail, each with the message that names it."""

import pytest
import torch
from torch.nn import functional as F
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_16 as checks


def accumulate(model, parts, of=None):
    """Gradients of a function of each part's losses, the number of parts and of bags."""
    of = of or (lambda losses, parts, bags: losses.sum() / bags)
    model.zero_grad()
    for part in parts:
        logits = model.forward_packed(part.instances, part.sizes).logits
        losses = F.binary_cross_entropy_with_logits(logits, part.labels, reduction="none")
        of(losses, len(parts), sum(map(len, parts))).backward()


def whole(model, parts):
    """Another way: one backward pass of the concatenated losses."""
    model.zero_grad()
    logits = [model.forward_packed(p.instances, p.sizes).logits for p in parts]
    labels = torch.cat([p.labels for p in parts])
    F.binary_cross_entropy_with_logits(torch.cat(logits), labels).backward()


def by(of):
    return lambda model, parts: accumulate(model, parts, of)


def cleared_each_time(model, parts):
    n_bags = sum(map(len, parts))
    for part in parts:
        model.zero_grad()
        logits = model.forward_packed(part.instances, part.sizes).logits
        loss = F.binary_cross_entropy_with_logits(logits, part.labels, reduction="sum")
        (loss / n_bags).backward()


def no_backward(model, parts):
    model.zero_grad()


def pool(scores, values, length):
    top = [s.max() for s in scores.split(length)]
    weights = [torch.exp(s - t) for s, t in zip(scores.split(length), top)]
    masses = torch.stack([t + w.sum().log() for t, w in zip(top, weights)])
    means = [w @ v / w.sum() for w, v in zip(weights, values.split(length))]
    return (torch.exp(masses - masses.logsumexp(0))[:, None] * torch.stack(means)).sum(0)


def at_once(scores, values, length):
    return torch.softmax(scores, dim=0) @ values


def means(scores, values, length):
    pieces = zip(scores.split(length), values.split(length))
    return torch.stack([torch.softmax(s, dim=0) @ v for s, v in pieces])


def by_length(scores, values, length):
    lengths = torch.tensor([len(piece) for piece in scores.split(length)]).float()
    return (lengths / len(scores)) @ means(scores, values, length)


def by_highest(scores, values, length):
    highest = torch.stack([piece.amax() for piece in scores.split(length)])
    return torch.softmax(highest, dim=0) @ means(scores, values, length)


def overflowing(scores, values, length):
    total = sum(torch.exp(s) @ v for s, v in zip(scores.split(length), values.split(length)))
    return total / torch.exp(scores).sum()


RIGHT = [
    (checks.check_products, 164),
    (checks.check_products, 163.84),
    (checks.check_accumulate, accumulate),
    (checks.check_accumulate, whole),
    (checks.check_pool_pieces, pool),
    (checks.check_pool_pieces, at_once),
]

WRONG = [
    (checks.check_products, 131, "the embedding alone"),
    (checks.check_products, 147, "two layers"),
    (checks.check_products, 163_840, "thousands"),
    (checks.check_products, 328, "additions"),
    (checks.check_products, 393, "not the 1,024 features"),
    (checks.check_products, 12, "the number of multiplications"),
    (
        checks.check_accumulate,
        by(lambda x, parts, bags: x.mean() / parts),
        "small part counts more",
    ),
    (checks.check_accumulate, by(lambda x, parts, bags: x.mean()), "twice the gradient"),
    (checks.check_accumulate, by(lambda x, parts, bags: x.sum()), "never divide by"),
    (checks.check_accumulate, by(lambda x, parts, bags: x.mean() / bags), "You divide twice"),
    (
        checks.check_accumulate,
        by(lambda x, parts, bags: 2 * x.sum() / bags),
        "not those of the mean",
    ),
    (checks.check_accumulate, cleared_each_time, "Only the last part"),
    (checks.check_accumulate, no_backward, "no gradient"),
    (checks.check_accumulate, by(lambda x, parts, bags: x.nope()), "raised AttributeError"),
    (checks.check_pool_pieces, lambda *bag: means(*bag).mean(dim=0), "equal weight"),
    (checks.check_pool_pieces, by_length, "number of tiles"),
    (checks.check_pool_pieces, lambda *bag: means(*bag)[-1], "last piece alone"),
    (checks.check_pool_pieces, by_highest, "highest score"),
    (checks.check_pool_pieces, lambda s, v, n: v.mean(dim=0), "plain mean"),
    (checks.check_pool_pieces, overflowing, "overflows"),
    (checks.check_pool_pieces, lambda s, v, n: s[:n] @ v[:n], "the pooled value"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(RIGHT))
def test_right_answers_pass(check, answers):
    expect_state(check, answers, "right")


@pytest.mark.parametrize(("check", "answers"), by_check(WRONG))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


def test_a_stub_is_not_yet_an_answer():
    for check in (checks.check_products, checks.check_accumulate, checks.check_pool_pieces):
        expect_state(check, [(None,), (...,)], "open")
