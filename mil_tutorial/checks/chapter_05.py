"""Checks of chapter 05: attention."""

import math
from typing import Any

import torch
from torch import Tensor

from mil_tutorial.checks.built_model import examine_model, examine_scorer, examine_weights
from mil_tutorial.checks.exercise import NotAttempted, Wrong, exercise
from mil_tutorial.checks.judging import (
    attempt,
    expect_gradients,
    expect_module,
    expect_number,
    expect_tensor,
    expect_values,
)
from mil_tutorial.checks.padded import MASKS, softmax_by_loop, softmax_mistakes
from mil_tutorial.models.mil import AttentionMIL

SIGMOID = "The scores went through a sigmoid, which lets no tile stand out: leave the sigmoid out."
NO_TANH = "That is the attention without tanh."
TANH_LAST = "The tanh came last: put it around V h, before w."
SIGMOID_FOR_TANH = "There is a sigmoid in place of the tanh."
RELU_FOR_TANH = (
    "There is a ReLU in place of the tanh: it has no upper limit, and never answers below 0."
)
NO_W = "That has a number for each tile and detector: add up the answers with w, as in `@ w`"
NO_SOFTMAX = "Those are the scores: the softmax is missing."
TWICE = "The softmax was taken twice."
WHOLE_BATCH = "The softmax ran over the whole batch: each bag must sum to 1."


@exercise
def check_attend(answer: Any) -> str:
    """Check ``attend(h, mask, V, w)``."""
    generator = torch.Generator().manual_seed(5)
    for case, mask in MASKS.items():
        h = torch.randn(*mask.shape, 3, generator=generator)
        V = torch.randn(4, 3, generator=generator).requires_grad_()
        w = (2 * torch.randn(4, generator=generator)).requires_grad_()
        got = _attended(answer, h, mask, V, w, case)
        scores = torch.tanh(h @ V.T) @ w
        mistakes = [
            *_attention_mistakes(scores, mask),
            (NO_TANH, softmax_by_loop(h @ V.T @ w, mask)),
            (TANH_LAST, softmax_by_loop(torch.tanh(h @ V.T @ w), mask)),
            (SIGMOID_FOR_TANH, softmax_by_loop(torch.sigmoid(h @ V.T) @ w, mask)),
            (RELU_FOR_TANH, softmax_by_loop(torch.relu(h @ V.T) @ w, mask)),
        ]
        expect_values(got, softmax_by_loop(scores, mask), "the attention", mistakes, case)
        expect_gradients(got, {"V": V, "w": w}, "the attention")
    return "right for bags of several sizes, with padding before, between and after the tiles"


@exercise
def check_attention_mil(answer: Any) -> str:
    """Check the class ``AttentionMIL(input_dim, hidden_dim, attention_dim)``."""
    torch.manual_seed(5)
    what = "AttentionMIL(6, 4, 3)"
    model = expect_module(attempt(answer, 6, 4, 3, case=what), what)
    truth: Any = AttentionMIL(6, 4, attention_dim=3)
    try:
        truth.load_state_dict(model.state_dict())
    except RuntimeError as error:
        raise Wrong(
            "leave __init__ as it was: the names or sizes of the layers have changed"
        ) from error
    for case, mask in MASKS.items():
        bags = torch.randn(*mask.shape, 6)
        pair = attempt(model, bags, mask, case=case)
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise Wrong(f"forward returned {type(pair).__name__}, expected (logits, attention)")
        logits, attention = pair
        if logits is None or attention is None:
            raise NotAttempted
        expect_tensor(attention, tuple(mask.shape), "the attention", "float")
        expect_tensor(logits, (len(mask),), "the logits", "float")
        expected = truth(bags, mask)
        h = model.embedding(bags)
        mistakes = _attention_mistakes(truth.pooling.scores(h), mask)
        expect_values(attention, expected.attention, "the attention", mistakes, case)
        expect_values(logits, expected.logits, "the logits", _logit_mistakes(model, h, mask), case)
        expect_gradients(logits, dict(model.named_parameters()), "the logits")
    return "same logits and attention as the package's"


@exercise
def check_sigmoid_cap(answer: Any) -> str:
    """Check the guess of the largest weight of one tile in ten after a sigmoid."""
    mistakes = {
        "Only a sigmoid without a softmax would give that: the nine others have e⁰ = 1 each.": 1.0,
        "That is an equal share. The highest tile gets somewhat more.": 0.1,
        "You used 10 other tiles; there are nine.": math.e / (math.e + 10),
        "That is e / (e + 1), with one other tile; there are nine.": math.e / (math.e + 1),
    }
    truth = math.e / (math.e + 9)
    expect_number(answer, truth, "the weight", 0.01, mistakes)
    return "e / (e + 9) = 0.23, whatever the network learns"


@exercise
def check_one_bag_at_a_time(answer: Any) -> str:
    """Check ``attention_of_batch(scores)``."""
    scores = torch.tensor([[2.0, 1.0, 0.0], [0.0, 0.0, 5.0]])
    together = expect_tensor(attempt(answer, scores), (2, 3), "the attention", "float")
    alone = expect_tensor(attempt(answer, scores[:1]), (1, 3), "the attention", "float")
    if not torch.allclose(together[:1], alone):
        raise Wrong(
            f"tile 0 of bag 0 gets {together[0, 0]:.3f} beside another bag and {alone[0, 0]:.3f} "
            "alone. The bug is still there"
        )
    expect_values(together, softmax_by_loop(scores, torch.ones(2, 3).bool()), "the attention")
    return "a bag's attention no longer depends on its neighbours"


@exercise
def check_tile_scorer(answer: Any) -> str:
    """Check the class ``Scorer(hidden_dim, attention_dim)``."""
    examine_scorer(answer)
    return "one free score for each tile, and every weight can learn"


@exercise
def check_bag_weights(answer: Any) -> str:
    """Check ``weights_of(scores, mask)``."""
    examine_weights(answer)
    return "weights sum to 1 over each bag, padding gets 0, and large scores do no harm"


@exercise
def check_whole_model(answer: Any) -> str:
    """Check the class ``WholeModel(input_dim, hidden_dim, attention_dim)``."""
    examine_model(answer)
    return "padding, order and other bags do not matter, and it learns where to look"


def _attended(answer: Any, h: Tensor, mask: Tensor, V: Tensor, w: Tensor, case: str) -> Tensor:
    """Return the attention (B, K); scores that still have an axis A lack their w."""
    try:
        got = attempt(answer, h, mask, V, w, case=case)
    except Wrong as error:  # masked_softmax refuses such scores
        if f"of shape {(*mask.shape, len(V))}" in str(error):
            raise Wrong(f"{error}. {NO_W}") from error
        raise
    if isinstance(got, Tensor) and got.shape == (*mask.shape, len(V)):
        shapes = f"{tuple(got.shape)}, expected {tuple(mask.shape)}"
        raise Wrong(f"the attention came in shape {shapes}. {NO_W}")
    return expect_tensor(got, tuple(mask.shape), "the attention", "float")


def _attention_mistakes(scores: Tensor, mask: Tensor) -> list[tuple[str, Tensor]]:
    right = softmax_by_loop(scores, mask)
    return [
        *softmax_mistakes(scores, mask),
        (SIGMOID, softmax_by_loop(torch.sigmoid(scores), mask)),
        (NO_SOFTMAX, scores),
        (NO_SOFTMAX, scores * mask),
        (TWICE, softmax_by_loop(right, mask)),
        (WHOLE_BATCH, torch.softmax(scores.flatten(), dim=0).view(scores.shape)),
    ]


def _logit_mistakes(model: Any, h: Tensor, mask: Tensor) -> dict[str, Tensor]:
    def head(z: Tensor) -> Tensor:
        return model.head(z).squeeze(-1)

    attention = softmax_by_loop(model.pooling.scores(h), mask)
    pooled = (attention[..., None] * h).sum(dim=1)
    return {
        "These are probabilities: return the logits, without a sigmoid.": torch.sigmoid(
            head(pooled)
        ),
        "That is the mean of the weighted tiles: the weights sum to 1 already, so add up.": head(
            pooled / mask.shape[1]
        ),
        "That is mean pooling: use the attention as weights.": head(
            (h * mask[..., None]).sum(dim=1) / mask.sum(dim=1, keepdim=True)
        ),
        "That is the mean of the padded bag: use the attention as weights.": head(h.mean(dim=1)),
    }
