"""Whether a training loop measures without learning, keeps its best epoch, and stops in time."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mil_tutorial.bags.batches import BagBatch, collate_packed
from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.checks.exercise import Wrong
from mil_tutorial.checks.judging import as_numbers, attempt, expect_values
from mil_tutorial.models.mil import MIL, build_model
from mil_tutorial.training.config import TrainingConfig

RUNS = {  # epochs and patience; losses fall, rise, fall lower, and rise for good
    "14 epochs, patience 3": (14, 3),
    "15 epochs, patience 5": (15, 5),
    "6 epochs, patience None": (6, None),  # the last is lower than the one before, not the lowest
}
LAST = (
    "it has those of the last epoch. state_dict() hands out the weights themselves, which go on "
    "changing: keep a copy, and load it at the end"
)
LOWER = "it has those of an epoch that is lower than the one before: ask for the lowest so far"
LIST = "the list of validation losses, one number for each epoch"
WHEN = "stop when so many epochs *in a row* brought no new lowest loss, and not before"


def examine_mean_loss(answer: Any) -> None:
    """Judge ``mean_loss(model, batches)``."""
    bags = toy_bags(5, seed=2)
    batches = [packed(bags, range(4)), packed(bags, [4])]
    model, numbers = measured_twice(answer, batches)
    if not all(parameter.requires_grad for parameter in model.parameters()):
        raise Wrong("requires_grad was switched off, so the model can no longer learn")
    model.eval()
    with torch.no_grad():
        parts = [bag_loss(model, batch).item() for batch in batches]
    if abs(np.diff([as_numbers(number) for number in numbers], axis=0)).max() > 1e-6:
        raise Wrong(
            "two calls with the same model give two numbers. The bug is still there: no_grad "
            "switches off gradients, but not dropout"
        )
    truth = (4 * parts[0] + parts[1]) / 5
    mistakes = {
        "That is the mean over batches: the first holds four bags, the second one.": np.mean(parts),
        "That is the sum over bags: divide by their number.": 5 * truth,
    }
    expect_values(numbers[0], truth, "the mean loss", mistakes)


def measured_twice(answer: Any, batches: Sequence[BagBatch]) -> tuple[MIL, list[Any]]:
    """Return a model with dropout, and what ``answer(model, batches)`` gives in two calls."""
    with torch.random.fork_rng(devices=[]):
        model = toy_model(dropout=0.5)
        before = copy.deepcopy(model.state_dict())
        results = []
        for _ in range(2):
            model.train()  # as an epoch of training leaves it
            results.append(attempt(answer, model, batches, case="two batches", copied=False))
    if not same_weights(model.state_dict(), before):
        raise Wrong("the weights have changed: measuring must not change the model")
    return model, results


def examine_fit(answer: Any) -> None:
    """Judge ``fit(model, train, val, config)``."""
    train, val = toy_bags(8, seed=48), toy_bags(6, seed=148)
    for case, (epochs, patience) in RUNS.items():
        config = TrainingConfig(
            epochs=epochs,
            batch_size=64,  # one batch, so that the order of bags does not matter
            learning_rate=0.1,
            weight_decay=0.0,
            patience=patience,
        )
        with torch.random.fork_rng(devices=[]):
            model = toy_model()
            got = attempt(answer, model, train, val, config, case=case, copied=False)
        losses = as_numbers(got, LIST, ndim=1)
        truth, train_losses, weights = reference(train, val, config)
        kept, stopped = best_and_last(truth, patience)
        _examine_losses(losses, np.array(truth), np.array(train_losses), stopped + 1, case)
        if not same_weights(model.state_dict(), weights[kept]):
            _name_weights(model, truth[: stopped + 1], weights, kept, case)


def reference(
    train: MedicalBagDataset, val: MedicalBagDataset, config: TrainingConfig
) -> tuple[list[float], list[float], list[dict[str, Tensor]]]:
    """Return validation losses, training losses and weights of every epoch, in one batch each."""
    with torch.random.fork_rng(devices=[]):
        model = toy_model()
    optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
    batches = [packed(bags, range(len(bags))) for bags in (train, val)]
    losses, train_losses, weights = [], [], []
    for _ in range(config.epochs):
        loss = bag_loss(model, batches[0])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        train_losses.append(loss.item())
        losses.append(bag_loss(model, batches[1]).item())
        weights.append(copy.deepcopy(model.state_dict()))
    return losses, train_losses, weights


def best_and_last(losses: Sequence[float], patience: int | None) -> tuple[int, int]:
    """Return the epoch to keep and the last one to run."""
    for last in range(len(losses)):
        kept = int(np.argmin(losses[: last + 1]))
        if patience is not None and last - kept >= patience:
            break
    return kept, last


def toy_bags(n: int, seed: int) -> MedicalBagDataset:
    """Make bags of 3 to 5 instances, every other one positive."""
    generator = torch.Generator().manual_seed(seed)
    bags = []
    for i in range(n):
        instances = torch.randn(3 + i % 3, 3, generator=generator)
        instances[0, 0] += 1.5 * (i % 2)
        bags.append((instances, i % 2))
    return MedicalBagDataset(bags)


def toy_model(dropout: float = 0.0) -> MIL:
    """Make a small model, the same each time; it sets torch's random numbers."""
    torch.manual_seed(7)
    return build_model("gated", 3, 8, dropout=dropout)


def packed(bags: MedicalBagDataset, rows: Sequence[int]) -> BagBatch:
    """Return some bags as one batch."""
    return collate_packed([bags[row] for row in rows])


def bag_loss(model: MIL, batch: BagBatch, weight: Tensor | None = None) -> Tensor:
    """Return the mean loss of a bag, where a positive one counts ``weight`` times."""
    logits, _ = model.forward_packed(batch.instances, batch.sizes)
    return F.binary_cross_entropy_with_logits(logits, batch.labels, pos_weight=weight)


def same_weights(weights: dict[str, Tensor], others: dict[str, Tensor]) -> bool:
    """Return whether two states of a model are equal, but for rounding."""
    return all(torch.allclose(weights[k], others[k], rtol=1e-3, atol=1e-3) for k in others)


def _examine_losses(
    losses: np.ndarray, truth: np.ndarray, train_losses: np.ndarray, n: int, case: str
) -> None:
    if losses.shape != (n,):
        why = "the patience is not used" if losses.size == len(truth) else WHEN
        raise Wrong(f"{losses.size} epochs were run, expected {n} ({case}): {why}")
    wrong = ~np.isclose(losses, truth[:n], rtol=1e-3, atol=1e-4)
    if not wrong.any():
        return
    if np.allclose(losses, train_losses[:n], rtol=1e-3, atol=1e-4):
        raise Wrong("Those are the training losses: validation chooses the epoch.")
    epoch = int(wrong.argmax())
    raise Wrong(
        f"the validation loss of epoch {epoch} is {losses[epoch]:.4f}, expected {truth[epoch]:.4f} "
        f"({case}). Leave the given lines as they were"
    )


def _name_weights(
    model: MIL, losses: list[float], weights: list[dict[str, Tensor]], kept: int, case: str
) -> None:
    text = f"the model should have the weights of epoch {kept}, counted from 0 ({case})"
    has = [
        epoch for epoch in range(len(losses)) if same_weights(model.state_dict(), weights[epoch])
    ]
    if not has:
        raise Wrong(f"{text}; it has those of no epoch")
    if has[0] == len(losses) - 1:
        raise Wrong(f"{text}; {LOWER if losses[-1] < losses[-2] else LAST}")
    if has[0] == int(np.argmax(losses)):
        raise Wrong(f"{text}; it has those of the highest validation loss")
    raise Wrong(f"{text}; it has those of epoch {has[0]}")
