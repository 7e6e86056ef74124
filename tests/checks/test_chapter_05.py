"""Known wrong answers of chapter 05 must fail, each with the message that names it."""

import pytest
import torch
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_05 as checks
from mil_tutorial.models.mil import AttentionMIL
from mil_tutorial.models.pooling import masked_softmax


def scores_of(h, V, w):
    return torch.tanh(h @ V.T) @ w


def in_float(h, mask, V, w):
    return masked_softmax(scores_of(h, V, w), mask)


def forgets_the_mask(h, mask, V, w):
    return torch.softmax(scores_of(h, V, w), dim=1)


def masks_too_late(h, mask, V, w):
    return torch.softmax(scores_of(h, V, w), dim=1) * mask


def over_the_bags(h, mask, V, w):
    return torch.softmax(scores_of(h, V, w), dim=0)


def sigmoid_first(h, mask, V, w):
    return masked_softmax(torch.sigmoid(scores_of(h, V, w)), mask)


def without_w(h, mask, V, w):
    return masked_softmax(torch.tanh(h @ V.T), mask)


def prints(h, mask, V, w):
    print(in_float(h, mask, V, w))


def without_tanh(h, mask, V, w):
    return masked_softmax(h @ V.T @ w, mask)


class Probabilities(AttentionMIL):
    def forward(self, bags, mask=None):
        logits, attention = super().forward(bags, mask)
        return torch.sigmoid(logits), attention


class Averaged(AttentionMIL):
    def forward(self, bags, mask=None):
        h = self.embedding(bags)
        attention = masked_softmax(self.pooling.scores(h), mask)
        return self.head((attention[..., None] * h).mean(dim=1)).squeeze(-1), attention


class Unmasked(AttentionMIL):
    def forward(self, bags, mask=None):
        return super().forward(bags, torch.ones_like(mask))


class OneOutput(AttentionMIL):
    def forward(self, bags, mask=None):
        return super().forward(bags, mask).logits


class LastAxis(AttentionMIL):
    def forward(self, bags, mask=None):
        logits, attention = super().forward(bags, mask)
        return logits[:, None], attention


def zeroes_its_input(h, mask, V, w):
    return masked_softmax(scores_of(h.zero_(), V, w), mask)


def without_graph(h, mask, V, w):
    return in_float(h, mask, V, w).detach()


def tiles_come_first(h, mask, V, w):
    real = torch.arange(mask.shape[1]) < mask.sum(dim=1, keepdim=True)
    return masked_softmax(scores_of(h, V, w), real)


class FrozenAttention(AttentionMIL):
    def forward(self, bags, mask=None):
        h = self.embedding(bags)
        attention = torch.tensor(masked_softmax(self.pooling.scores(h), mask).tolist())
        return self.head((attention[..., None] * h).sum(dim=1)).squeeze(-1), attention


def build(model):
    return lambda input_dim, hidden_dim, attention_dim: model(
        input_dim, hidden_dim, attention_dim=attention_dim
    )


ZOO = [
    (checks.check_attend, forgets_the_mask, "Padding takes part in the softmax"),
    (checks.check_attend, masks_too_late, "set to 0 after the softmax"),
    (checks.check_attend, over_the_bags, "softmax over the tiles of each bag, axis 1"),
    (checks.check_attend, sigmoid_first, "leave the sigmoid out"),
    (checks.check_attend, without_tanh, "without tanh"),
    (
        checks.check_attend,
        lambda h, mask, V, w: h @ V.T,
        "came in shape (2, 3, 4), expected (2, 3)",
    ),
    (checks.check_attend, lambda h, mask, V, w: h @ V, "has to be transposed: x @ y.T"),
    (checks.check_attend, lambda h, mask, V, w: h @ w, "your code raised RuntimeError"),
    (checks.check_attend, without_w, "add up the answers with w"),
    (
        checks.check_attend,
        lambda h, mask, V, w: torch.softmax(torch.tanh(h @ V.T), dim=1),
        "add up the answers with w",
    ),
    (
        checks.check_attend,
        lambda h, mask, V, w: masked_softmax(torch.relu(h @ V.T) @ w, mask),
        "a ReLU in place of the tanh",
    ),
    (checks.check_attend, prints, "write return in place of print"),
    (checks.check_attend, lambda h, mask, V, w: [0.5], "came as list, expected a tensor"),
    (checks.check_attend, zeroes_its_input, "the attention at"),
    (checks.check_attend, lambda h, mask, V, w: scores_of(h, V, w), "softmax is missing"),
    (
        checks.check_attend,
        lambda h, mask, V, w: torch.softmax(in_float(h, mask, V, w), 1),
        "the attention at",
    ),
    (
        checks.check_attend,
        lambda h, mask, V, w: masked_softmax(in_float(h, mask, V, w), mask),
        "taken twice",
    ),
    (
        checks.check_attend,
        lambda h, mask, V, w: masked_softmax(torch.tanh(h @ V.T @ w), mask),
        "tanh came last",
    ),
    (
        checks.check_attend,
        lambda h, mask, V, w: masked_softmax(torch.sigmoid(h @ V.T) @ w, mask),
        "in place of the tanh",
    ),
    (checks.check_attend, without_graph, "no gradient flows through"),
    (checks.check_attend, tiles_come_first, "real tiles after padding"),
    (checks.check_attention_mil, build(FrozenAttention), "no gradient reaches pooling.V.weight"),
    (checks.check_attention_mil, "AttentionMIL", "expected a function or class"),
    (checks.check_attention_mil, build(Probabilities), "return the logits"),
    (checks.check_attention_mil, build(Averaged), "the weights sum to 1 already"),
    (checks.check_attention_mil, build(Unmasked), "Padding takes part in the softmax"),
    (checks.check_attention_mil, build(OneOutput), "expected (logits, attention)"),
    (checks.check_attention_mil, build(LastAxis), "the logits came in shape (2, 1), expected (2,)"),
    (checks.check_sigmoid_cap, 1.0, "the nine others have"),
    (checks.check_sigmoid_cap, 0.1, "equal share"),
    (checks.check_sigmoid_cap, 0.5, "too large"),
    (checks.check_sigmoid_cap, 0.73, "there are nine"),
    (checks.check_sigmoid_cap, 23, "not in per cent"),
    (checks.check_sigmoid_cap, "much", "expected a number"),
    (checks.check_one_bag_at_a_time, lambda s: torch.softmax(s, 0), "The bug is still there"),
    (checks.check_one_bag_at_a_time, lambda s: torch.softmax(2 * s, 1), "the attention at [0, 0]"),
    (checks.check_sigmoid_cap, 10**400, "expected a number"),
    (checks.check_sigmoid_cap, float("nan"), "is NaN"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


def test_a_right_answer_passes():
    assert checks.check_attend.judge(in_float).state == "right"
    assert checks.check_attention_mil.judge(build(AttentionMIL)).state == "right"
    assert checks.check_sigmoid_cap.judge(0.232).state == "right"
