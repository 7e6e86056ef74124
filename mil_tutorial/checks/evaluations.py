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
from mil_tutorial.metrics import auc

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
                    f"{b} bags went in, but there is one entry in {what} ({case}): the bags were "
                    "merged, and the model sees one large slide"
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


def examine_make_folds(answer: Any) -> None:
    """Judge ``make_folds(patients, n_folds)`` by its properties."""
    rng = np.random.default_rng(3)
    many = np.repeat([f"P{i:02}" for i in range(30)], rng.integers(1, 5, 30))
    for patients, n_folds in ((rng.permutation(many), 5), (np.repeat(np.arange(8), 3), 4)):
        case = f"{len(np.unique(patients))} patients, {n_folds} folds"
        got = attempt(answer, patients, n_folds, case=case)
        folds = [_rows(fold, len(patients)) for fold in _listed(got)]
        if len(folds) != n_folds:
            raise Wrong(f"{len(folds)} folds came, expected {n_folds} ({case})")
        for train, test in folds:
            if both := set(patients[train]) & set(patients[test]):
                raise Wrong(
                    f"{len(both)} patients have slides in training and test of one fold ({case}): "
                    "divide patients, not slides"
                )
            if sorted([*train, *test]) != list(range(len(patients))):
                raise Wrong(f"a fold does not hold every slide once, in training or test ({case})")
        tested = np.concatenate([test for _, test in folds])
        if sorted(tested) != list(range(len(patients))):
            raise Wrong(f"over all folds, every slide is tested once ({case})")


def examine_report_auc(answer: Any) -> None:
    """Judge ``report_auc(val_labels, val_scores, test_labels, test_scores)``."""
    cases = {f"{e} epochs": _epochs(e, seed) for seed, e in enumerate((12, 7, 30))}
    got = attempt_each(answer, cases)
    truth = [test[int(np.argmax(val))] for val, test in map(_aucs, cases.values())]
    expect_each(got, truth, "the AUC", values_of(REPORT_MISTAKES, cases), cases)


def _recorder(seen: dict[float, list[Tensor]]) -> Rule:
    """Return a model that notes which tiles of which slide it is given."""

    def score(tiles: Tensor) -> float:
        seen.setdefault(round(float(tiles[0, 0]), 4), []).append(tiles[:, 1])
        return float(tiles[:, 0].mean())

    return score


def _expect_scores(got: Any, truth: tuple[list[float], np.ndarray], case: str) -> None:
    if not isinstance(got, tuple | list) or len(got) != 2:
        raise Wrong("score_slides returns two arrays: labels and logits")
    for what, values, right in zip(("labels", "logits"), got, truth):
        if np.ndim(values) == 1 and len(values) < len(right):
            raise Wrong(
                f"{len(right)} slides went in, {len(values)} {what} came out ({case}): the rest is "
                "not wrong, it is not there"
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


def _listed(got: Any) -> list[Any]:
    try:
        return list(got)
    except TypeError as error:
        raise Wrong(f"got {type(got).__name__}, expected pairs of training and test") from error


def _rows(fold: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        train, test = (np.asarray(rows) for rows in fold)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong("a fold is a pair: rows of training, rows of test") from error
    for rows in (train, test):
        if rows.ndim != 1 or rows.dtype.kind not in "iu" or rows.min(initial=0) < 0:
            raise Wrong("a fold holds row numbers of slides, as whole numbers")
        if rows.max(initial=0) >= n:
            raise Wrong(f"a row is {rows.max()}, but there are {n} slides")
    return train, test


def _epochs(epochs: int, seed: int) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    labels = [np.array([0, 1, *rng.integers(0, 2, n)]) for n in (18, 25)]
    val, test = (y + rng.normal(0, 1.5, (epochs, len(y))) for y in labels)
    return labels[0], expit(val), labels[1], expit(test)


def _aucs(case: tuple[np.ndarray, ...]) -> tuple[list[float], list[float]]:
    val_labels, val, test_labels, test = case
    return [auc(val_labels, s) for s in val], [auc(test_labels, s) for s in test]


PROBABILITY_MISTAKES: list[tuple[str, Rule]] = [
    (
        "Logits that all lie between 0 and 1 are still taken for probabilities.",
        lambda z: z if z.min() >= 0 and z.max() <= 1 else expit(z),
    ),
    ("Those are the logits themselves.", lambda z: z),
    ("Cutting off at 0 and 1 is no sigmoid.", lambda z: z.clip(0, 1)),
    ("The sigmoid was taken twice.", lambda z: expit(expit(z))),
    ("Each logit is asked by itself now; the guess is the same.", lambda z: _each_guessed(z)),
]
REPORT_MISTAKES: list[tuple[str, Rule]] = [
    ("The highest test AUC: test slides still choose.", lambda *case: max(_aucs(case)[1])),
    ("That is the validation AUC: it chose, so it is too good.", lambda *case: max(_aucs(case)[0])),
    ("That is the last epoch: validation slides may choose.", lambda *case: _aucs(case)[1][-1]),
    (
        "That is the epoch that validation likes least.",
        lambda *case: _aucs(case)[1][int(np.argmin(_aucs(case)[0]))],
    ),
    ("That is the mean over epochs: report one of them.", lambda *case: np.mean(_aucs(case)[1])),
]


def _each_guessed(z: np.ndarray) -> np.ndarray:
    return np.where((z >= 0) & (z <= 1), z, expit(z))
