"""Whether an attention MIL model that was built from an empty cell behaves like one.

Nothing is asked of names or layers inside: shapes, padding, order, gradients and learning decide.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mil_tutorial.checks.exercise import NotAttempted, Wrong
from mil_tutorial.checks.judging import (
    attempt,
    expect_gradients,
    expect_module,
    expect_tensor,
    expect_values,
)
from mil_tutorial.checks.padded import (
    INF,
    MASKS,
    padded_bags,
    softmax_by_loop,
    softmax_mistakes,
)

SIZES = [4, 2, 3]
METHODS = ("__init__", "forward")
OVERFLOW = "e to a large score is infinite: torch.softmax subtracts the highest score first."


def examine_scorer(answer: Any) -> None:
    """Judge ``Scorer(hidden_dim, attention_dim)``: embeddings (B, K, H) → scores (B, K)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        _examine_scorer(answer)


def _examine_scorer(answer: Any) -> None:
    scorer = _built(answer, (5, 3), "Scorer(5, 3)")
    h = torch.randn(2, 4, 5)
    got = attempt(scorer, h, case="2 bags of 4 tiles")
    if isinstance(got, Tensor) and got.shape in {(2, 4, 1), (2, 4, 3)}:
        advice = "remove the last axis with squeeze(-1)" if got.shape[2] == 1 else "w is missing"
        raise Wrong(f"the scores came in shape {tuple(got.shape)}, expected (2, 4): {advice}")
    scores = expect_tensor(got, (2, 4), "the scores", "float")
    expect_gradients(scores, dict(scorer.named_parameters()), "the scores")
    if torch.allclose(scores.sum(dim=1), torch.ones(2), atol=1e-5):
        raise Wrong("the scores of a bag sum to 1: leave the softmax to stage 2")
    changed = h.clone()
    changed[:, 0] += 1
    if not torch.allclose(scorer(changed)[:, 1:], scores[:, 1:], atol=1e-5):
        raise Wrong("the score of a tile changes when another tile changes: score each on its own")
    at_zero, once, twice = (scorer(factor * h) for factor in (0, 1, 2))
    if torch.allclose(twice - at_zero, 2 * (once - at_zero), atol=1e-4):
        raise Wrong("the scorer is linear: without a tanh between them, two layers are one")
    with torch.no_grad():
        for parameter in scorer.parameters():
            parameter.mul_(100)
    if scorer(h).abs().max() <= 1:
        raise Wrong(
            "however large the weights, every score stays between -1 and 1, so no tile can "
            "stand out: nothing may squeeze the score after w"
        )


def examine_weights(answer: Any) -> None:
    """Judge ``weights_of(scores, mask)``."""
    generator = torch.Generator().manual_seed(5)
    for scale, size in ((1.0, ""), (1000.0, ", scores around 1000")):
        for case, mask in MASKS.items():
            scores = (scale * torch.randn(mask.shape, generator=generator)).requires_grad_()
            got = attempt(answer, scores, mask, case=case + size)
            weights = expect_tensor(got, tuple(mask.shape), "the attention", "float")
            truth = softmax_by_loop(scores.detach(), mask)
            hidden = scores.masked_fill(~mask, -INF)
            mistakes = [
                *softmax_mistakes(scores, mask),
                ("Those are the scores: the softmax is missing.", scores),
                (OVERFLOW, hidden.exp() / hidden.exp().sum(dim=1, keepdim=True)),
                (OVERFLOW, (scores.exp() * mask) / (scores.exp() * mask).sum(1, keepdim=True)),
            ]
            expect_values(weights, truth, "the attention", mistakes, case + size)
            expect_gradients(weights, {"scores": scores}, "the attention")


def examine_model(answer: Any) -> None:
    """Judge ``WholeModel(input_dim, hidden_dim, attention_dim)``."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = _built(answer, (6, 8, 4), "WholeModel(6, 8, 4)").eval()
        bags, mask = padded_bags(SIZES, 5, 6)
        logits, attention = _outputs(model, bags, mask)
        _examine_attention(attention, mask)
        _examine_invariances(model, bags, mask, logits)
        _examine_gradients(model, bags, mask)
        _examine_range(model)
        _examine_learning(_built(answer, (6, 8, 4), "WholeModel(6, 8, 4)"))


def _built(answer: Any, widths: tuple[int, ...], what: str) -> Any:
    """Make the learner's module; a class that is still a stub is not attempted."""
    if isinstance(answer, type) and issubclass(answer, nn.Module):
        own = [getattr(answer, name) is not getattr(nn.Module, name) for name in METHODS]
        if not any(own):
            raise NotAttempted
    return expect_module(attempt(answer, *widths, case=what), what)


def _outputs(model: Any, bags: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    n_bags, width = mask.shape
    pair = attempt(model, bags, mask, case=f"{n_bags} bags of up to {width} tiles")
    if not isinstance(pair, tuple) or len(pair) != 2:
        raise Wrong(f"forward returned {type(pair).__name__}, expected (logits, attention)")
    expect_tensor(pair[0], (n_bags,), "the logits", "float")
    expect_tensor(pair[1], (n_bags, width), "the attention", "float")
    return pair


def _examine_attention(attention: Tensor, mask: Tensor) -> None:
    sums = attention.sum(dim=1)
    if attention[~mask].abs().max() > 1e-6:
        raise Wrong(f"padding gets attention, up to {attention[~mask].max():.2f}: use the mask")
    if not torch.allclose(sums, torch.ones_like(sums), atol=1e-4):
        raise Wrong(
            f"the attention of bag 0 sums to {sums[0]:.2f}, expected 1: mask before the softmax, "
            "and run it over the tiles of each bag, axis 1"
        )
    if all(row[real].std() < 1e-6 for row, real in zip(attention, mask)):
        raise Wrong("every tile of a bag has the same weight, which is mean pooling")


def _examine_invariances(model: Any, bags: Tensor, mask: Tensor, logits: Tensor) -> None:
    order = torch.tensor([2, 0, 3, 1])
    first = torch.ones(1, 4, dtype=torch.bool)
    tests = {
        "the logit of a bag depends on what is in its padding": (
            bags.masked_fill(~mask[..., None], 100.0),
            mask,
        ),
        "the logit of a bag depends on how much padding it has: the weights sum to 1 already, so "
        "add up and do not average": (F.pad(bags, (0, 0, 0, 3)), F.pad(mask, (0, 3))),
        "the logit of a bag depends on the other bags in the batch": (bags[:1, :4], first),
        "the logit of a bag depends on the order of its tiles": (bags[:1, order], first),
        "the logit changes when every tile appears twice: pool by a weighted mean": (
            bags[:1, :4].repeat(1, 2, 1),
            first.repeat(1, 2),
        ),
    }
    for what, (changed, real) in tests.items():
        if not torch.allclose(_outputs(model, changed, real)[0][0], logits[0], atol=1e-4):
            raise Wrong(what)


def _examine_gradients(model: Any, bags: Tensor, mask: Tensor) -> None:
    bags = bags.clone().requires_grad_()
    logits, _ = model(bags, mask)
    expect_gradients(logits, dict(model.named_parameters()), "the logits")
    (slope,) = torch.autograd.grad(logits.sum(), bags)
    if slope[~mask].abs().max() > 0:
        raise Wrong("a gradient flows into the padding, which takes part in the logits")


def _examine_range(model: Any) -> None:
    logits, _ = model(10 * torch.randn(200, 3, 6), torch.ones(200, 3, dtype=torch.bool))
    if logits.min() >= 0:
        upper = "1: leave the sigmoid" if logits.max() <= 1 else "no end: leave the ReLU"
        raise Wrong(f"the logits of 200 random bags go from 0 to {upper} out of the head")


def _examine_learning(model: Any) -> None:
    """Train on bags with one tile that stands out, and look where attention goes."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    bags, labels = torch.randn(60, 5, 6), torch.arange(60) % 2.0
    bags[labels == 1, 0, 0] += 4
    mask = torch.ones(60, 5, dtype=torch.bool)
    for _ in range(100):
        logits, attention = model(bags, mask)
        loss = F.binary_cross_entropy_with_logits(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    if not loss < 0.35:
        raise Wrong(f"after 100 steps on 60 easy bags the loss is still {loss:.2f}")
    share = attention[labels == 1, 0].mean()
    if share < 0.5:
        raise Wrong(f"it learned, but puts only {share:.0%} of its attention on the tile to find")
