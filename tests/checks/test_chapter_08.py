"""Known wrong answers of chapter 08 must fail, each with the message that names it."""

import math

import pytest
import torch
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_08 as checks
from mil_tutorial.metrics.attention import attention_entropy

TINY = 1e-30


def nats(attention):
    return -(attention * torch.log(attention.clamp(min=TINY))).sum(dim=1)


def log_n(mask):
    return torch.log(mask.sum(dim=1).clamp(min=2))


def without_clamp(attention, mask):
    return -(attention * torch.log(attention)).sum(dim=1) / log_n(mask)


def by_log_k(attention, mask):
    return nats(attention) / math.log(mask.shape[1])


def bag_of_one(attention, mask):
    return nats(attention) / torch.log(mask.sum(dim=1))


def in_bits(attention, mask):
    return nats(attention) / math.log(2) / log_n(mask)


def counts_weights(attention, mask):
    return nats(attention) / torch.log((attention > 0).sum(dim=1).clamp(min=2))


def steep(attention, mask):
    """Right values, but 0 · ∞ in the gradient."""
    logs = torch.where(attention > 0, torch.log(attention), 0.0)
    return -(attention * logs).sum(dim=1) / log_n(mask)


def detached(attention, mask):
    return attention_entropy(attention.detach(), mask=mask)


def one_number(attention, mask):
    return attention_entropy(attention, mask=mask).mean()


def by_loop(attention, mask):
    """Right, in another style."""
    entropies = []
    for a, m in zip(attention, mask):
        real = a[m]
        entropy = -(real * torch.log(real + 1e-12)).sum()
        entropies.append(entropy / math.log(len(real)) if len(real) > 1 else 0 * entropy)
    return torch.stack(entropies)


RIGHT = {"A": "collapsed", "B": "healthy", "C": "uniform"}

ZOO = [
    (checks.check_half_on_one, 2, "two tiles with half each"),
    (checks.check_half_on_one, 101, "equal weights"),
    (checks.check_half_on_one, 1.0, "the rest counts too"),
    (checks.check_half_on_one, 2.996, "in nats. Take exp"),
    (checks.check_half_on_one, 4.32, "in bits"),
    (checks.check_half_on_one, 14.14, "left out the part of the one tile"),
    (checks.check_half_on_one, 51, "not counts"),
    (checks.check_half_on_one, 40, "too large"),
    (checks.check_half_on_one, "many", "expected a number"),
    (checks.check_attention_entropy, without_clamp, "clamp the weights before"),
    (checks.check_attention_entropy, by_log_k, "You divided by log K"),
    (checks.check_attention_entropy, bag_of_one, "A bag of one tile"),
    (checks.check_attention_entropy, lambda a, m: nats(a), "not normalised"),
    (checks.check_attention_entropy, lambda a, m: -nats(a) / log_n(m), "The sign is lost"),
    (checks.check_attention_entropy, in_bits, "The logarithms differ"),
    (checks.check_attention_entropy, counts_weights, "a real tile can have the weight 0"),
    (checks.check_attention_entropy, lambda a, m: nats(a) / m.shape[1] / log_n(m), "sum over them"),
    (checks.check_attention_entropy, lambda a, m: nats(a) / m.sum(dim=1), "its logarithm"),
    (checks.check_attention_entropy, lambda a, m: torch.exp(nats(a)), "return the entropy"),
    (checks.check_attention_entropy, steep, "the gradient is not finite"),
    (checks.check_attention_entropy, detached, "no gradient flows through"),
    (checks.check_attention_entropy, one_number, "came in shape (), expected (2,)"),
    (checks.check_attention_entropy, lambda a, m: [0.75, 1.0], "expected a tensor"),
    (checks.check_attention_entropy, lambda a: a, "your code raised TypeError"),
    (checks.check_diagnosis, RIGHT | {"A": "healthy"}, "A is not healthy. Its entropy"),
    (checks.check_diagnosis, RIGHT | {"B": "uniform"}, "B is not uniform"),
    (checks.check_diagnosis, RIGHT | {"C": "collapsed"}, "C is not collapsed. Its entropy"),
    (checks.check_diagnosis, RIGHT | {"C": "flat"}, "C is 'flat'; choose from collapsed"),
    (checks.check_diagnosis, {"A": "collapsed"}, "a word for each of A, B and C"),
    (checks.check_diagnosis, "collapsed", "a word for each of A, B and C"),
    (
        checks.check_effective_tiles,
        lambda a: torch.exp(-(a * torch.log2(a)).sum()),
        "The bug is still there",
    ),
    (checks.check_effective_tiles, lambda a: 2 ** -(a * a.log()).sum(), "nats go with exp"),
    (checks.check_effective_tiles, lambda a: -(a * a.log()).sum(), "in nats"),
    (checks.check_effective_tiles, lambda a: -(a * a.log2()).sum(), "in bits"),
    (checks.check_effective_tiles, lambda a: torch.exp((a * a.log()).sum()), "The sign is lost"),
    (checks.check_effective_tiles, len, "use their weights"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


@pytest.mark.parametrize(
    ("check", "answers"),
    by_check(
        [
            (checks.check_half_on_one, 20.0),
            (checks.check_half_on_one, 20),
            (checks.check_attention_entropy, lambda a, m: attention_entropy(a, mask=m)),
            (checks.check_attention_entropy, by_loop),
            (checks.check_diagnosis, RIGHT),
            (checks.check_diagnosis, {k: f" {v.title()} " for k, v in reversed(RIGHT.items())}),
            (checks.check_effective_tiles, lambda a: torch.exp(-(a * a.log()).sum())),
            (checks.check_effective_tiles, lambda a: 2 ** -(a * a.log2()).sum().item()),
        ]
    ),
)
def test_right_answers_pass(check, answers):
    expect_state(check, answers, "right")


def test_a_diagnosis_that_was_not_made_is_open():
    answers = [(...,), (None,), ({"A": ..., "B": ..., "C": ...},)]
    expect_state(checks.check_diagnosis, answers, "open")


def test_what_the_check_says_of_the_runs_is_so():
    from mil_tutorial.experiment.records import load_recorded_runs

    runs = {letter: load_recorded_runs(letter) for letter in "ABC"}
    entropy = {
        letter: [run.columns["val_attention_entropy"] for run in five]
        for letter, five in runs.items()
    }
    assert max(curve[-1] for curve in entropy["A"]) < 0.2
    assert all(curve[0] > 0.95 and 0.2 < curve[-1] < 0.6 for curve in entropy["B"])
    assert min(curve.min() for curve in entropy["C"]) > 0.99
