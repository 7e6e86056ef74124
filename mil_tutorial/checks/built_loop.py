"""Whether a training loop that was built from an empty cell behaves like one, stage by stage."""

import copy
import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from mil_tutorial.bags.batches import BagBatch
from mil_tutorial.checks.exercise import Wrong
from mil_tutorial.checks.judging import as_numbers, attempt, expect_values
from mil_tutorial.checks.loops import (
    LIST,
    WHEN,
    bag_loss,
    best_and_last,
    measured_twice,
    packed,
    same_weights,
    toy_bags,
    toy_model,
)
from mil_tutorial.models.mil import MIL, MILOutput

EVALUATES = "it trains in evaluation mode, where dropout is off: call model.train() first"
AGAIN = (
    "after the first epoch it trains in evaluation mode: evaluate switched the mode, so "
    "one_epoch must call model.train() each time"
)
RATE = 0.5
EPOCHS, WEIGHT, TRAIN_SEED, VAL_SEED = 12, 3.0, 44, 158  # losses fall, rise, fall lower, rise
SCRIPTS = {  # patience, and the epochs whose validation loss becomes NaN
    "patience 3": (3, ()),
    "patience None": (None, ()),
    "patience 3, NaN in epoch 1": (3, (1,)),
    "patience None, NaN in epoch 0": (None, (0,)),
}


class _Observed(MIL):
    """A small model that notes the mode of each training step; NaN in some validations."""

    steps: list[bool]
    bad: Sequence[int]

    def forward_packed(self, instances: Tensor, sizes: Tensor) -> Any:
        logits, attention = super().forward_packed(instances, sizes)
        if torch.is_grad_enabled():
            self.steps.append(self.training)
        elif len(self.steps) - 1 in self.bad:  # one step an epoch
            logits = logits * math.nan
        return MILOutput(logits, attention)


def observed(dropout: float = 0.0, bad: Sequence[int] = ()) -> Any:
    """Return the toy model under observation, in evaluation mode."""
    model: Any = toy_model(dropout=dropout).eval()
    model.__class__, model.steps, model.bad = _Observed, [], bad
    return model


def examine_one_epoch(answer: Any) -> None:
    """Judge ``one_epoch(model, batches, optimizer, weight)``."""
    batches, weight = _toy_batches(), torch.tensor(3.0)
    with torch.random.fork_rng(devices=[]):
        model = observed()
        before = copy.deepcopy(model.state_dict())
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
        got = attempt(answer, model, batches, optimizer, weight, case="two batches", copied=False)
        if not model.steps:
            raise Wrong("no gradient can flow: use torch.no_grad only to evaluate")
        if not all(model.steps):
            raise Wrong(EVALUATES)
        after = model.state_dict()
        if same_weights(after, before):
            raise Wrong("no weight has moved: loss.backward(), then optimizer.step()")
        truth = _after_an_epoch(batches, weight)
        mistakes = {
            "The gradients of both batches were added up: call optimizer.zero_grad() in each "
            "step": _after_an_epoch(batches, weight, zero=False),
            "The weight of positive bags is missing: pass pos_weight to the loss": _after_an_epoch(
                batches, None
            ),
            "Only the first batch was used: is there a return inside the loop?": _after_an_epoch(
                batches[:1], weight
            ),
        }
    for advice, (weights, _) in mistakes.items():
        if same_weights(after, weights) and not same_weights(after, truth[0]):
            raise Wrong(f"the weights are not those after one epoch. {advice}")
    if not same_weights(after, truth[0]):
        raise Wrong("the weights are not those of one step of the optimizer for each batch")
    if isinstance(got, Tensor) and got.requires_grad:
        raise Wrong("the loss still holds its graph, which keeps memory: add up loss.item()")
    losses = truth[1]
    expect_values(got, (4 * losses[0] + losses[1]) / 5, "the mean loss", _mean_mistakes(losses))


def examine_evaluate(answer: Any) -> None:
    """Judge ``evaluate(model, batches)``."""
    batches = _toy_batches()
    model, pairs = measured_twice(answer, batches)
    for pair in pairs:
        if not isinstance(pair, tuple) or len(pair) != 2:
            raise Wrong(f"it returned {type(pair).__name__}, expected (loss, probabilities)")
    if any(isinstance(value, Tensor) and value.requires_grad for value in pairs[0]):
        raise Wrong("the results hold a graph: compute them under torch.no_grad()")
    first, second = (as_numbers(pair[1], "probabilities (B,)", ndim=1) for pair in pairs)
    if first.shape == second.shape and abs(first - second).max() > 1e-6:
        raise Wrong("two calls differ, so dropout is on: call model.eval() first")
    model.eval()
    with torch.no_grad():
        logits = torch.cat([model.forward_packed(b.instances, b.sizes)[0] for b in batches])
        losses = [bag_loss(model, batch).item() for batch in batches]
    mistakes = {"Those are the logits: put a sigmoid around them.": logits}
    expect_values(pairs[0][1], torch.sigmoid(logits), "the probabilities", mistakes)
    truth = (4 * losses[0] + losses[1]) / 5
    expect_values(pairs[0][0], truth, "the mean loss", _mean_mistakes(losses))


def examine_train_model(answer: Any) -> None:
    """Judge ``train_model(model, optimizer, train, val, epochs, patience)``."""
    train, val = toy_data()
    for case, (patience, bad) in SCRIPTS.items():
        with torch.random.fork_rng(devices=[]):
            model = observed(bad=bad)
            optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
            got = attempt(
                answer, model, optimizer, train, val, EPOCHS, patience, case=case, copied=False
            )
            losses, taught, states = whole_run(train, val, bad)
            plain, _, _ = whole_run(train, val, bad, weighted=False)
        kept, last = best_and_last([math.inf if math.isnan(x) else x for x in losses], patience)
        numbers = as_numbers(got, LIST, ndim=1)
        if not all(model.steps):
            raise Wrong(AGAIN if model.steps[0] else EVALUATES)
        n = min(len(numbers), last + 1)
        mistakes = {
            "Those are the training losses: validation chooses the epoch.": taught[:n],
            "Training did not weight the rare positives: each counts as often as there are "
            "negatives per positive.": plain[:n],
        }
        expect_values(numbers[:n], losses[:n], "the validation loss", mistakes, case)
        if len(numbers) != last + 1:
            raise Wrong(f"{len(numbers)} epochs were run, expected {last + 1} ({case}): {WHEN}")
        _examine_kept(model, states[: last + 1], kept, case)


def whole_run(
    train: list[BagBatch], val: list[BagBatch], bad: Sequence[int] = (), *, weighted: bool = True
) -> tuple[list[float], list[float], list[dict[str, Tensor]]]:
    """Return validation losses, training losses and weights of every epoch."""
    model, weight = toy_model(), torch.tensor(WEIGHT) if weighted else None
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    losses, taught, states = [], [], []
    for epoch in range(EPOCHS):
        loss = bag_loss(model, train[0], weight)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        taught.append(loss.item())
        losses.append(math.nan if epoch in bad else bag_loss(model, val[0]).item())
        states.append(copy.deepcopy(model.state_dict()))
    return losses, taught, states


def toy_data() -> tuple[list[BagBatch], list[BagBatch]]:
    """Return training bags, three negative to one positive, and validation bags, a batch each."""
    bags = toy_bags(24, TRAIN_SEED)
    rows = [*range(0, 24, 2), *range(1, 24, 6)]
    return [packed(bags, rows)], [packed(toy_bags(6, VAL_SEED), range(6))]


def _toy_batches() -> list[BagBatch]:
    bags = toy_bags(5, seed=2)
    return [packed(bags, range(4)), packed(bags, [4])]


def _after_an_epoch(
    batches: list[BagBatch], weight: Tensor | None, *, zero: bool = True
) -> tuple[dict[str, Tensor], list[float]]:
    model, losses = toy_model(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    for batch in batches:
        loss = bag_loss(model, batch, weight)
        if zero:
            optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model.state_dict(), losses


def _mean_mistakes(losses: list[float]) -> dict[str, float]:
    total = 4 * losses[0] + losses[1]
    return {
        "That is the mean over batches: the first holds four bags, the second one.": sum(losses)
        / 2,
        "That is the sum over batches: weigh each by its bags, divide by all bags.": sum(losses),
        "That is the sum over bags: divide by their number.": total,
        "That is the loss of the last batch alone.": losses[-1],
    }


def _examine_kept(model: nn.Module, states: list[dict[str, Tensor]], kept: int, case: str) -> None:
    has = [epoch for epoch, state in enumerate(states) if same_weights(model.state_dict(), state)]
    if kept in has:
        return
    text = f"the model should have the weights of epoch {kept}, counted from 0 ({case})"
    if not has:
        raise Wrong(f"{text}; it has those of no epoch")
    if "NaN" in case:
        raise Wrong(f"{text}; it has those of epoch {has[0]}: a loss that is NaN is never the best")
    last = ": keep a copy of the best, and load it at the end" if has[0] == len(states) - 1 else ""
    raise Wrong(f"{text}; it has those of epoch {has[0]}{last}")
