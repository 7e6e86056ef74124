"""Known wrong answers of chapter 00 must fail, each with the message that names it."""

import numpy as np
import pytest
import torch
from verdicts import by_check, expect_state

from mil_tutorial import load_slides, load_trained_model, predict
from mil_tutorial.checks import chapter_00 as checks

ZOO = [
    (checks.check_half_attention, 111, "if all tiles had the same weight"),
    (checks.check_half_attention, 7, "does not need all of them"),
    (checks.check_half_attention, 1, "add the next one"),
    (checks.check_half_attention, 0.5, "Count tiles"),
    (checks.check_half_attention, 20, "too large"),
    (checks.check_witness_rate, lambda y: y.sum(), "number of positive instances"),
    (checks.check_witness_rate, lambda y: 1 - y.mean(), "share of negative"),
    (checks.check_witness_rate, lambda y: y.sum() / max((1 - y).sum(), 1), "over negatives"),
    (checks.check_witness_rate, lambda y: y.max(), "bag's label"),
    (checks.check_witness_rate, lambda y: len(y) / y.sum(), "upside down"),
    (checks.check_witness_rate, lambda y: 100 * y.mean(), "not in per cent"),
    (checks.check_witness_rate, lambda y: y.nonsense, "your code raised AttributeError"),
    (checks.check_calls_positive, lambda z: z >= 0.5, "The bug is still there"),
    (checks.check_calls_positive, lambda z: z > 0.2, "the answer at [3] is 0, expected 1"),
    (checks.check_calls_positive, lambda z: z > 0, "(logits [0.0]). A probability of exactly 0.5"),
    (checks.check_calls_positive, lambda z: z.sigmoid().sigmoid() >= 0.5, "one is enough"),
    (checks.check_calls_positive, torch.sigmoid, "expected bool"),
    (checks.check_calls_positive, lambda z: torch.sigmoid(z) < 0.5, "have changed places"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


def test_nothing_is_not_attempted():
    expect_state(checks.check_half_attention, [(None, "not attempted")], "open")


def test_a_right_answer_passes():
    assert checks.check_half_attention.judge(2).state == "right"
    assert checks.check_witness_rate.judge(lambda y: sum(y) / len(y)).state == "right"
    assert checks.check_calls_positive.judge(lambda z: z >= 0).state == "right"
    assert checks.check_calls_positive.judge(lambda z: z.sigmoid_() >= 0.5).state == "right"


def test_the_numbers_of_the_page_are_those_of_its_slide():
    _, val, _ = load_slides("slides")
    slide = val.subset([val.names.index("default-143")])  # as notebooks/images/first_slide.py
    attention = np.asarray(predict(load_trained_model(), slide).attention)
    hottest = np.argsort(-attention)
    assert np.sum(np.cumsum(attention[hottest]) < 0.5) + 1 == 2
    truth = slide.instance_labels[0]
    assert (len(truth), truth.sum(), truth[hottest[:6]].all()) == (222, 7, True)
