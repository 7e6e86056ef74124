"""Known wrong answers of chapter 06 must fail, each with the message that names it."""

import pytest
import torch
from torch import nn
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_06 as checks
from mil_tutorial.models.pooling import AttentionPooling, GatedAttentionPooling


def right_by_einsum(h, V, U, w):
    detector = torch.tanh(torch.einsum("...h,ah->...a", h, V))
    gate = 1 / (1 + torch.exp(-torch.einsum("...h,ah->...a", h, U)))
    return torch.einsum("...a,...a,a->...", detector, gate, w)


class WithoutGate(GatedAttentionPooling):
    def scores(self, embeddings):
        return AttentionPooling.scores(self, embeddings)


class Swapped(GatedAttentionPooling):
    def scores(self, embeddings):
        gated = torch.sigmoid(self.V(embeddings)) * torch.tanh(self.U(embeddings))
        return self.w(gated).squeeze(-1)


class VotesFirst(GatedAttentionPooling):
    def scores(self, embeddings):
        votes = self.w(torch.tanh(self.V(embeddings)))
        return (votes * torch.sigmoid(self.U(embeddings))).squeeze(-1)


class SharedGate(GatedAttentionPooling):
    def __init__(self, *widths):
        super().__init__(*widths)
        self.U = self.V


class OneGate(GatedAttentionPooling):
    def __init__(self, embedding_dim, attention_dim):
        super().__init__(embedding_dim, attention_dim)
        self.U = nn.Linear(embedding_dim, 1)


class WithoutBias(GatedAttentionPooling):
    def __init__(self, embedding_dim, attention_dim):
        super().__init__(embedding_dim, attention_dim)
        self.U = nn.Linear(embedding_dim, attention_dim, bias=False)


class LastAxis(GatedAttentionPooling):
    def scores(self, embeddings):
        return super().scores(embeddings)[:, None]


class ReturnsEarly(GatedAttentionPooling):
    def scores(self, embeddings):
        return torch.softmax(super().scores(embeddings), dim=-1)


class ExtraLayer(GatedAttentionPooling):
    def __init__(self, *widths):
        super().__init__(*widths)
        self.extra = nn.Linear(2, 2)


class Detached(GatedAttentionPooling):
    def scores(self, embeddings):
        return super().scores(embeddings).detach()


class Halved(GatedAttentionPooling):
    def forward(self, values, sizes):
        pooled, attention = super().forward(values, sizes)
        return pooled / 2, attention


class OverAllBags(GatedAttentionPooling):
    def forward(self, values, sizes):
        pooled, _ = super().forward(values, sizes)
        return pooled, torch.softmax(self.scores(values), dim=0)


class Three(GatedAttentionPooling):
    def forward(self, values, sizes):
        return (*super().forward(values, sizes), None)


class NoSuper(nn.Module):
    def __init__(self, *widths):
        pass


class Gate(nn.Module):
    def __init__(self, embedding_dim, attention_dim):
        super().__init__()
        self.V = nn.Linear(embedding_dim, attention_dim)
        self.U = nn.Linear(embedding_dim, attention_dim)

    def forward(self, embeddings):
        return torch.tanh(self.V(embeddings)) * torch.sigmoid(self.U(embeddings))


class SwappedGate(Gate):
    def forward(self, embeddings):
        return torch.sigmoid(self.V(embeddings)) * torch.tanh(self.U(embeddings))


class DetachedGate(Gate):
    def forward(self, embeddings):
        return super().forward(embeddings).detach()


class SpareLayer(Gate):
    def __init__(self, *widths):
        super().__init__(*widths)
        self.U, self.W = self.V, self.U


class OneLayer(Gate):
    def __init__(self, *widths):
        super().__init__(*widths)
        self.U = self.V


ZOO = [
    (checks.check_half_open_gate, 0.881, "without the gate"),
    (checks.check_half_open_gate, 0.44, "not the weight"),
    (checks.check_half_open_gate, 0.5, "equal scores"),
    (checks.check_half_open_gate, 0.95, "too large"),
    (checks.check_gated_scores, lambda h, V, U, w: torch.tanh(h @ V.T) @ w, "gate is missing"),
    (
        checks.check_gated_scores,
        lambda h, V, U, w: (torch.tanh(h @ V.T) + torch.sigmoid(h @ U.T)) @ w,
        "multiply, so that it can close",
    ),
    (
        checks.check_gated_scores,
        lambda h, V, U, w: (torch.sigmoid(h @ V.T) * torch.tanh(h @ U.T)) @ w,
        "swapped",
    ),
    (
        checks.check_gated_scores,
        lambda h, V, U, w: (torch.tanh(h @ V.T) * torch.sigmoid(h @ V.T)) @ w,
        "it needs U",
    ),
    (
        checks.check_gated_scores,
        lambda h, V, U, w: (torch.tanh(h @ V.T) * torch.tanh(h @ U.T)) @ w,
        "between 0 and 1",
    ),
    (
        checks.check_gated_scores,
        lambda h, V, U, w: torch.sigmoid(torch.tanh(h @ V.T) @ w),
        "final score went through the sigmoid",
    ),
    (
        checks.check_gated_scores,
        lambda h, V, U, w: torch.tensor(right_by_einsum(h, V, U, w).tolist()),
        "no gradient flows through",
    ),
    (checks.check_gated_scores, lambda h, V, U, w: right_by_einsum(h, V, U, w.mul_(5)), "at [0]"),
    (
        checks.check_gated_scores,
        lambda h, V, U, w: torch.tanh(h @ V.T) * torch.sigmoid(h @ U.T),
        "add up with w in the end",
    ),
    (
        checks.check_gated_scores,
        lambda h, V, U, w: (torch.tanh(h @ V.T) @ w) * torch.sigmoid(h @ U.T),
        "w comes before the gate",
    ),
    (
        checks.check_gated_scores,
        lambda h, V, U, w: (torch.tanh(h @ V.T) @ w) * (torch.sigmoid(h @ U.T) @ w),
        "w comes before the gate",
    ),
    (checks.check_gated_scores, lambda h, V, U, w: h @ V, "has to be transposed"),
    (checks.check_gated_attention_pooling, VotesFirst, "w comes before the gate"),
    (checks.check_gated_attention_pooling, WithoutGate, "gate is missing"),
    (checks.check_gated_attention_pooling, Swapped, "swapped"),
    (checks.check_gated_attention_pooling, SharedGate, "V under another name"),
    (checks.check_gated_attention_pooling, OneGate, "a gate for each detector"),
    (checks.check_gated_attention_pooling, WithoutBias, "no bias"),
    (checks.check_gated_attention_pooling, LastAxis, "came in shape (5, 1), expected (5,)"),
    (checks.check_gated_attention_pooling, ReturnsEarly, "after the softmax"),
    (checks.check_gated_attention_pooling, AttentionPooling, "no layer U"),
    (checks.check_gated_attention_pooling, ExtraLayer, "and no others"),
    (checks.check_gated_attention_pooling, Detached, "no gradient flows through"),
    (checks.check_gated_attention_pooling, Halved, "the bag embedding at"),
    (checks.check_gated_attention_pooling, OverAllBags, "the attention at"),
    (checks.check_gated_attention_pooling, Three, "leave the inherited forward"),
    (checks.check_own_gate, OneLayer, "The bug is still there"),
    (checks.check_own_gate, SpareLayer, "The bug is still there"),
    (checks.check_own_gate, SwappedGate, "the gated answers at"),
    (checks.check_own_gate, DetachedGate, "no gradient flows through"),
    (checks.check_own_gate, NoSuper, "no linear layer V"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


def test_a_right_answer_passes():
    assert checks.check_gated_scores.judge(right_by_einsum).state == "right"
    assert checks.check_gated_attention_pooling.judge(GatedAttentionPooling).state == "right"
    assert checks.check_own_gate.judge(Gate).state == "right"
