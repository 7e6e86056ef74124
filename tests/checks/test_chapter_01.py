"""Known wrong answers of chapter 01 must fail, each with the message that names it."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_01 as checks


def gradient_of(loss_of):
    """An answer that asks autograd for the gradient of ``loss_of(scores, label)``."""

    def answer(scores, label):
        scores = scores.clone().requires_grad_()
        loss_of(scores, label).backward()
        return scores.grad

    return answer


def bce(logits, label):
    return F.binary_cross_entropy_with_logits(logits, label)


def by_formula(scores, label):
    gradient = torch.zeros_like(scores)
    gradient[scores.argmax()] = torch.sigmoid(scores.max()) - label
    return gradient


def one_number_at_a_time(rate, n_tiles):
    return 1 - math.pow(1 - rate, n_tiles)


ZOO = [
    (checks.check_slide_label, lambda t: round(float(t.mean())), "whether half of the tiles"),
    (checks.check_slide_label, lambda t: t.mean() >= 0.5, "whether half of the tiles"),
    (checks.check_slide_label, lambda t: t.all(), "demands tumour in every tile"),
    (checks.check_slide_label, lambda t: t.sum(), "counts the tumour tiles"),
    (checks.check_slide_label, lambda t: t.mean(), "That is the witness rate"),
    (checks.check_slide_label, lambda t: not t.any(), "changed places"),
    (checks.check_slide_label, lambda t: t.mean() > 0.01, "slide with tumour in 1 tile of 217"),
    (checks.check_slide_label, lambda t: t, "came in shape (1,), expected ()"),
    (checks.check_slide_label, lambda t: "positive", "expected numbers"),
    (checks.check_slide_label, lambda t: 1 if 1 in t else None, "returned None for slide of one h"),
    (checks.check_slide_label, lambda t: None if 1 in t else 0, "is there a branch without return"),
    (checks.check_slide_label, lambda t: t.any, "expected numbers"),
    (checks.check_one_in_a_thousand, 0.217, "Do not add"),
    (checks.check_one_in_a_thousand, 0.8, "share that stays quiet"),
    (checks.check_one_in_a_thousand, 0.001, "one tile's chance"),
    (checks.check_one_in_a_thousand, 0.063, "ten times better"),
    (checks.check_one_in_a_thousand, 0.89, "for 1 % false tiles"),
    (checks.check_one_in_a_thousand, 19.5, "not in per cent"),
    (checks.check_one_in_a_thousand, "19.5", "not in per cent"),
    (checks.check_one_in_a_thousand, np.float32(19.5), "not in per cent"),
    (checks.check_one_in_a_thousand, torch.tensor(80.0), "not in per cent"),
    (checks.check_one_in_a_thousand, "rare", "expected a number"),
    (checks.check_one_in_a_thousand, 0.5, "too large"),
    (checks.check_flagged_share, lambda r, n: r * n, "Do not add"),
    (checks.check_flagged_share, lambda r, n: np.minimum(r * n, 1), "Do not add"),
    (checks.check_flagged_share, lambda r, n: (1 - r) ** n, "stay quiet"),
    (checks.check_flagged_share, lambda r, n: r**n, "every tile errs"),
    (checks.check_flagged_share, lambda r, n: 1 - r**n, "at least one tile is right"),
    (checks.check_flagged_share, lambda r, n: 1 - (1 - r / 100) ** n, "do not divide by 100"),
    (checks.check_flagged_share, lambda r, n: 100 * (1 - (1 - r) ** n), "not in per cent"),
    (checks.check_flagged_share, lambda r, n: np.round(1 - (1 - r) ** n, 3), "share unrounded"),
    (
        checks.check_flagged_share,
        lambda r, n: np.round(1 - (1 - r) ** n, 2),
        "expected 0.0199 (rat",
    ),
    (checks.check_flagged_share, one_number_at_a_time, "raised TypeError for rate 0.3"),
    (checks.check_tolerable_rate, lambda n, s: s / n, "Bonferroni"),
    (checks.check_tolerable_rate, lambda n, s: -math.log(1 - s) / n, "take the root"),
    (checks.check_tolerable_rate, lambda n, s: (1 - s) ** (1 / n), "subtract it from 1"),
    (checks.check_tolerable_rate, lambda n, s: 1 - s ** (1 / n), "took share for the slides"),
    (checks.check_tolerable_rate, lambda n, s: 1 - (1 - s) ** n, "before it is turned round"),
    (checks.check_tolerable_rate, lambda n, s: 100 * (1 - (1 - s) ** (1 / n)), "not in per cent"),
    (checks.check_tolerable_rate, lambda n, s: s if n < 9 else None, "returned None for 100 tiles"),
    (checks.check_tolerable_rate, lambda n, s: "rare", "expected numbers"),
    (checks.check_score_gradients, gradient_of(lambda s, y: s.max()), "highest score itself"),
    (
        checks.check_score_gradients,
        gradient_of(lambda s, y: bce(s, y.expand_as(s))),
        "as if you had copied it",
    ),
    (checks.check_score_gradients, gradient_of(lambda s, y: bce(s.mean(), y)), "by the mean"),
    (checks.check_score_gradients, gradient_of(lambda s, y: bce(s.sum(), y)), "by the sum"),
    (
        checks.check_score_gradients,
        gradient_of(lambda s, y: bce(torch.sigmoid(s.max()), y)),
        "leave yours out",
    ),
    (checks.check_score_gradients, lambda s, y: -by_formula(s, y), "the other sign"),
    (checks.check_score_gradients, lambda s, y: by_formula(s, 0), "ignores the label"),
    (
        checks.check_score_gradients,
        lambda s, y: by_formula(s, 1),
        "(three tiles, healthy slide). That ignores the label",
    ),
    (
        checks.check_score_gradients,
        lambda s, y: by_formula(s, 0.5),
        "(three tiles, positive slide)",
    ),
    (checks.check_score_gradients, lambda s, y: bce(s.max(), y), "came in shape ()"),
    (checks.check_score_gradients, lambda s, y: bce(s.max(), y).backward(), "raised RuntimeError"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


def test_a_mistake_is_named_only_if_it_explains_all_cases():
    verdict = checks.check_flagged_share.judge(lambda r, n: np.round(1 - (1 - r) ** n, 2))
    assert "Do not add" not in verdict.text


RIGHT = [
    (checks.check_slide_label, lambda t: int(t.max())),
    (checks.check_slide_label, lambda t: 1 in t),
    (checks.check_slide_label, lambda t: 1.0 if sum(t) > 0 else 0.0),
    (checks.check_one_in_a_thousand, 0.2),
    (checks.check_one_in_a_thousand, np.float64(0.1952)),
    (checks.check_flagged_share, lambda r, n: 1 - (1 - r) ** n),
    (checks.check_flagged_share, lambda r, n: -np.expm1(n * np.log1p(-r))),
    (checks.check_tolerable_rate, lambda n, s: 1 - (1 - s) ** (1 / n)),
    (checks.check_tolerable_rate, lambda n, s: 1 - math.exp(math.log(1 - s) / n)),
    (checks.check_score_gradients, gradient_of(lambda s, y: bce(s.max(), y))),
    (checks.check_score_gradients, by_formula),
]


@pytest.mark.parametrize(("check", "answers"), by_check(RIGHT))
def test_right_answers_pass_in_any_style(check, answers):
    expect_state(check, answers, "right")


def test_a_stub_is_open():
    for check in (
        checks.check_slide_label,
        checks.check_flagged_share,
        checks.check_tolerable_rate,
        checks.check_score_gradients,
    ):
        assert check.judge(lambda *arguments: ...).state == "open", check
