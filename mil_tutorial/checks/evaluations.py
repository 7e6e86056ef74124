"""Whether an evaluation takes every slide, once, as it is, and chooses nothing on the test set."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from mil_tutorial.checks.cases import attempt_each, expect_each, values_of
from mil_tutorial.checks.exercise import Wrong
from mil_tutorial.checks.judging import attempt, expect_values
from mil_tutorial.metrics.decisions import auc

Rule = Callable[..., Any]


def examine_to_probabilities(answer: Any) -> None:
    """Judge ``to_probabilities(logits)``."""
    cases = {
        "logits from -4 to 3": (np.array([-4.0, 0.3, 3.0]),),
        "one logit, 0.3": (np.array([0.3]),),
        "logits 0.1, 0.5 and 0.9": (np.array([0.1, 0.5, 0.9]),),
        "logits 0 and 1": (np.array([0.0, 1.0]),),
    }
    got = attempt_each(answer, cases)
    truth = [expit(case[0]) for case in cases.values()]
    expect_each(got, truth, "the probability", values_of(PROBABILITY_MISTAKES, cases), cases)


def examine_join_bags(answer: Any) -> None:
    """Judge ``join_bags(batch)``."""
    for lengths, labels in (([3, 1, 4], [0, 1, 0]), ([2], [1]), ([1, 1], [0, 0])):
        case = f"bags of {', '.join(map(str, lengths))}"
        bags = [torch.full((n, 2), float(i)) for i, n in enumerate(lengths)]
        got = attempt(answer, list(zip(bags, map(float, labels))), case=case)
        if not isinstance(got, tuple | list) or len(got) != 3:
            raise Wrong("join_bags returns three things: instances, sizes, labels")
        instances, sizes, found = got
        expect_values(instances, torch.cat(bags), "an instance", (), case)
        b = len(lengths)
        for what, values in (("sizes", sizes), ("labels", found)):
            if np.shape(values) == (1,) and b > 1:
                raise Wrong(
                    f"{b} bags went in, but one entry came out in {what} ({case}): how many slides "
                    "will the model see?"
                )
        mistakes = {"Those are sums up to each bag: give each bag's own.": np.cumsum(lengths)}
        expect_values(sizes, lengths, "a size", mistakes, case)
        mistakes = {"Each bag keeps its own label.": np.full(b, max(labels))}
        expect_values(found, labels, "a label", mistakes, case)


def examine_score_slides(answer: Any) -> None:
    """Judge ``score_slides(score, slides, limit)`` by what it sends through the model."""
    for limit, sizes in ((40, [30, 120, 40, 75, 41]), (50, [20, 10]), (60, [600])):
        case = f"slides of {', '.join(map(str, sizes))} tiles, limit {limit}"
        logits = np.linspace(-1, 2, len(sizes))
        labels = [float(i % 2) for i in range(len(sizes))]
        slides = [
            (torch.stack([torch.full((n,), float(z)), torch.arange(n) / n], dim=1), y)
            for n, z, y in zip(sizes, logits, labels)
        ]
        seen: dict[float, list[Tensor]] = {}
        got = attempt(answer, _recorder(seen), slides, limit, case=case)
        _expect_scores(got, (labels, logits), case)
        _expect_tiles(seen, sizes, limit, case)


def examine_report_auc(answer: Any) -> None:
    """Judge ``report_auc(val_labels, val_scores, test_labels, test_scores)``."""
    cases = {f"{e} epochs": _epochs(e, seed) for seed, e in enumerate((12, 4, 8))}
    aucs = {case: _aucs(*given) for case, given in cases.items()}
    truth = [test[np.argmax(val)] for val, test in aucs.values()]
    mistakes = values_of(REPORT_MISTAKES, aucs)
    expect_each(attempt_each(answer, cases), truth, "the AUC", mistakes, cases)


def _recorder(seen: dict[float, list[Tensor]]) -> Rule:
    """Return a model that notes which tiles of which slide it is given."""

    def score(tiles: Tensor) -> float:
        seen.setdefault(round(float(tiles[0, 0]), 4), []).append(tiles[:, 1])
        return float(tiles[:, 0].mean())

    return score


def _expect_scores(got: Any, truth: tuple[Any, Any], case: str) -> None:
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise Wrong("score_slides returns two arrays: labels and logits")
    for what, values, right in zip(("labels", "logits"), got, truth):
        if np.ndim(values) == 1 and len(values) < len(right):
            raise Wrong(
                f"{len(right)} slides went in, {len(values)} {what} came out ({case}): what "
                "became of the others?"
            )
        expect_values(values, right, what, (), case)


def _expect_tiles(seen: dict[float, list[Tensor]], sizes: list[int], limit: int, case: str) -> None:
    for n, calls in zip(sizes, seen.values()):
        if (most := max(map(len, calls))) > limit:
            raise Wrong(f"{most} tiles were sent at once, but {limit} fit ({case})")
        places = torch.cat(calls)
        if n <= limit and len(places) < n:
            raise Wrong(f"a slide of {n} tiles fits, but only {len(places)} were sent ({case})")
        if n > limit and abs(float(places.mean()) - 0.5) > 0.15:
            raise Wrong(
                f"of {n} tiles those from one end were sent ({case}). Tiles lie in order: the "
                "first are the top of the slide. Take some from all over"
            )


def _epochs(epochs: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    labels = [np.array([0, 1, *rng.integers(0, 2, n)]) for n in (18, 25)]
    val, test = (y + rng.normal(0, 1.5, (epochs, len(y))) for y in labels)
    return labels[0], expit(val), labels[1], expit(test)


def _aucs(*sides: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the AUC of each epoch on validation slides and on test slides."""
    val_labels, val, test_labels, test = sides
    return (
        np.array([auc(val_labels, scores) for scores in val]),
        np.array([auc(test_labels, scores) for scores in test]),
    )


PROBABILITY_MISTAKES: list[tuple[str, Rule]] = [
    (
        "The symptom is still there: what 0.3 becomes depends on the logits beside it.",
        lambda z: z if z.min() >= 0 and z.max() <= 1 else expit(z),
    ),
    ("Those are the logits themselves.", lambda z: z),
    ("Cutting off at 0 and 1 is no sigmoid.", lambda z: z.clip(0, 1)),
    ("The sigmoid was taken twice.", lambda z: expit(expit(z))),
    ("Each logit is asked by itself now; the guess is the same.", lambda z: _each_guessed(z)),
]
REPORT_MISTAKES: list[tuple[str, Rule]] = [
    (
        "The symptom is still there: of all epochs, the one with the highest number is reported.",
        lambda val, test: test.max(),
    ),
    ("That is a validation AUC: it chose, so it is too good.", lambda val, test: val.max()),
    ("That is the last epoch: validation slides may choose.", lambda val, test: test[-1]),
    (
        "That is the epoch that validation slides like least.",
        lambda val, test: test[np.argmin(val)],
    ),
    ("That is the mean over epochs: report one of them.", lambda val, test: test.mean()),
]


def _each_guessed(z: np.ndarray) -> np.ndarray:
    return np.where((z >= 0) & (z <= 1), z, expit(z))
