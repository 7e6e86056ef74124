"""Checks of chapter 15: the pitfalls clinic. A case is a fixed function and the cause's letter."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.special import expit
from torch import Tensor

from mil_tutorial.checks.diagnosis import diagnosed
from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.folds import examine_folds
from mil_tutorial.checks.judging import (
    answers_of,
    as_numbers,
    attempt,
    attempt_each,
    examine_each,
    expect_each,
    expect_number,
    expect_tensor,
    expect_values,
)
from mil_tutorial.checks.padded import (
    ATTENTION_MISTAKES,
    MAX_MISTAKES,
    WEIGHT_MISTAKES,
    attention_by_loop,
    max_by_loop,
    padded_bags,
    padded_scores,
    softmax_by_loop,
)
from mil_tutorial.metrics.calibration import fit_temperature
from mil_tutorial.metrics.decisions import auc


@exercise
def check_max_of_bags(answer: Any) -> str:
    """Check ``max_of_bags(values, mask)`` and its diagnosis."""
    low, mask = padded_bags([5, 1], 5, 5)
    cases = {
        "2 bags, 3 tiles, 4 values": padded_bags([3, 2], 3, 4),
        "3 bags, 3 tiles, 3 values": padded_bags([1, 3, 2], 3, 3),
        "1 bag, 4 tiles, 1 value": padded_bags([2], 4, 1),
        "2 bags, 5 tiles, 5 values, all negative": (-1 - low.abs(), mask),
    }
    with diagnosed(answer, "C") as max_of_bags:
        examine_each(max_of_bags, cases, max_by_loop, "the maximum", MAX_MISTAKES)
    return "the mask has an axis for the values, whatever the shape"


@exercise
def check_rows_to_weights(answer: Any) -> str:
    """Check ``rows_to_weights(scores, mask)``, its gradients and its diagnosis."""
    cases = {
        "bags of 3 and 0 tiles": padded_scores([3, 0], 3),
        "bags of 1, 4 and 0 tiles": padded_scores([1, 4, 0], 4),
        "an empty bag alone": padded_scores([0], 2),
        "bags of 2 and 1 tiles": padded_scores([2, 1], 2),
    }
    with diagnosed(answer, "I") as rows_to_weights:
        for case, (scores, mask) in cases.items():
            scores.requires_grad_()
            weights = attempt(rows_to_weights, scores, mask, case=case)
            expect_tensor(weights, tuple(scores.shape), "the weights", "float")
            truth = softmax_by_loop(scores, mask)
            mistakes = {text: rule(scores, mask) for text, rule in WEIGHT_MISTAKES.items()}
            expect_values(weights, truth, "a weight", mistakes, case)
            if not weights.requires_grad:
                raise Wrong("no gradient flows back to the scores: the model would learn nothing")
            slopes = torch.linspace(-1, 2, scores.numel()).view(scores.shape)
            gradient, expected = (
                torch.autograd.grad((one * slopes).sum(), scores)[0] for one in (weights, truth)
            )
            if not torch.isfinite(gradient).all():
                raise Wrong(
                    f"the weights are right, but their gradient holds NaN ({case}): one step "
                    "spoils the network"
                )
            expect_values(gradient, expected, "the gradient", (), case)
    return "an empty bag gets weights of 0, and no NaN flows back"


@exercise
def check_padded_share(answer: Any) -> str:
    """Check the guess of the attention that 90 places of padding get."""
    mistakes = {
        "That would be right if all positions weighed the same; the tumour tile weighs 8.": 0.9,
        "Count the padding, 90 positions, not all 100.": 100 / 107,
        "That is what the tiles keep; padding gets the rest.": 17 / 107,
        "The tumour tile weighs e^2.08 = 8, not 2.08.": 90 / 101.08,
        "That is the attention of the tumour tile.": 8 / 107,
    }
    expect_number(answer, 90 / 107, "the share", 0.006, mistakes)
    return "90 / (90 + 9 + 8) = 0.84: the tiles share the rest"


@exercise
def check_attention_of(answer: Any) -> str:
    """Check ``attention_of(scores, lengths)`` and its diagnosis."""
    high = torch.tensor([[0.0, 1.0, 9.0], [2.0, 9.0, 9.0]])
    cases = {
        "10 tiles padded to 100": (padded_scores([10], 100)[0], torch.tensor([10])),
        "bags of 3, 1 and 4 tiles": (padded_scores([3, 1, 4], 4)[0], torch.tensor([3, 1, 4])),
        "no padding": (padded_scores([3, 3], 3)[0], torch.tensor([3, 3])),
        "high scores on padding": (high, torch.tensor([2, 1])),
    }
    with diagnosed(answer, "F") as attention_of:
        examine_each(attention_of, cases, attention_by_loop, "the attention", ATTENTION_MISTAKES)
    return "padding gets nothing, however much there is"


PROBABILITY_MISTAKES: dict[str, Callable[..., Any]] = {
    "The symptom is still there: the result for 0.3 depends on the logits beside it.": (
        lambda z: z if z.min() >= 0 and z.max() <= 1 else expit(z)
    ),
    "Those are the logits themselves.": lambda z: z,
    "Clipping at 0 and 1 is no sigmoid.": lambda z: z.clip(0, 1),
    "That applies the sigmoid twice.": lambda z: expit(expit(z)),
    "Now each logit is examined alone, but it is still a guess.": (
        lambda z: np.where((z >= 0) & (z <= 1), z, expit(z))
    ),
}


@exercise
def check_to_probabilities(answer: Any) -> str:
    """Check ``to_probabilities(logits)`` and its diagnosis."""
    cases = {
        "logits from -4 to 3": (np.array([-4.0, 0.3, 3.0]),),
        "one logit, 0.3": (np.array([0.3]),),
        "logits 0.1, 0.5 and 0.9": (np.array([0.1, 0.5, 0.9]),),
        "logits 0 and 1": (np.array([0.0, 1.0]),),
    }
    with diagnosed(answer, "G") as to_probabilities:
        examine_each(to_probabilities, cases, expit, "the probability", PROBABILITY_MISTAKES)
    return "a logit has one probability, whatever else is in the batch"


@exercise
def check_join_bags(answer: Any) -> str:
    """Check ``join_bags(batch)`` and its diagnosis."""
    with diagnosed(answer, "E") as join_bags:
        for sizes, labels in (([3, 1, 4], [0, 1, 0]), ([2], [1]), ([1, 1], [0, 0])):
            case = f"bags of {', '.join(map(str, sizes))}"
            bags = [torch.full((n, 2), float(i)) for i, n in enumerate(sizes)]
            joined = attempt(join_bags, list(zip(bags, map(float, labels))), case=case)
            if not isinstance(joined, tuple | list) or len(joined) != 3:
                raise Wrong("join_bags returns three things: instances, sizes, labels")
            expect_values(joined[0], torch.cat(bags), "an instance", (), case)
            for what, values in zip(("sizes", "labels"), joined[1:]):
                if np.shape(values) == (1,) and len(bags) > 1:
                    raise Wrong(
                        f"{len(bags)} bags went in, but one entry came out in {what} ({case}): how "
                        "many slides will the model see?"
                    )
            mistakes = {"Those are cumulative sums: give each bag its own size.": np.cumsum(sizes)}
            expect_values(joined[1], sizes, "a size", mistakes, case)
            mistakes = {"Each bag keeps its own label.": np.full(len(bags), max(labels))}
            expect_values(joined[2], labels, "a label", mistakes, case)
    return "as many sizes and labels as bags"


@exercise
def check_score_slides(answer: Any) -> str:
    """Check ``score_slides(score, slides, limit)`` by what it sends through the model."""
    with diagnosed(answer, "H") as score_slides:
        for limit, sizes in ((40, [30, 120, 40, 75, 41]), (50, [20, 10]), (60, [600])):
            case = f"slides of {', '.join(map(str, sizes))} tiles, limit {limit}"
            logits = np.linspace(-1, 2, len(sizes))
            labels = [float(i % 2) for i in range(len(sizes))]
            slides = [
                (torch.stack([torch.full((n,), float(z)), torch.arange(n) / n], dim=1), y)
                for n, z, y in zip(sizes, logits, labels)
            ]
            sent: dict[float, list[Tensor]] = {}  # places of tiles, by the logit of their slide

            def score(tiles: Tensor, sent: Any = sent) -> float:
                sent.setdefault(round(float(tiles[0, 0]), 4), []).append(tiles[:, 1])
                return float(tiles[:, 0].mean())

            scored = attempt(score_slides, score, slides, limit, case=case)
            if not isinstance(scored, tuple | list) or len(scored) != 2:
                raise Wrong("score_slides returns two arrays: labels and logits")
            for what, values, right in zip(("labels", "logits"), scored, (labels, logits)):
                if np.ndim(values) == 1 and len(values) < len(slides):
                    raise Wrong(
                        f"{len(slides)} slides went in, {len(values)} {what} came out ({case}): "
                        "what became of the others?"
                    )
                expect_values(values, right, what, (), case)
            for n, calls in zip(sizes, sent.values()):
                _expect_tiles(n, calls, limit, case)
    return "every slide is judged, large ones by tiles from all over the slide"


def _expect_tiles(n: int, calls: list[Tensor], limit: int, case: str) -> None:
    if (most := max(map(len, calls))) > limit:
        raise Wrong(f"{most} tiles were sent at once, but {limit} fit ({case})")
    places = torch.cat(calls)
    if n <= limit and len(places) < n:
        raise Wrong(f"a slide of {n} tiles fits, but only {len(places)} were sent ({case})")
    if n > limit and abs(float(places.mean()) - 0.5) > 0.15:
        raise Wrong(
            f"of {n} tiles, only those from one end were sent ({case}). Tiles are in order: the "
            "first are the top of the slide. Take some from all over"
        )


@exercise
def check_make_folds(answer: Any) -> str:
    """Check ``make_folds(patients, n_folds)`` by its properties, and its diagnosis."""
    with diagnosed(answer, "J") as make_folds:
        examine_folds(make_folds)
    return "every slide is tested once, by a model that never saw its patient"


REPORT_MISTAKES: dict[str, Callable[..., Any]] = {
    "The symptom is still there: you report the epoch with the highest test AUC.": (
        lambda val, test: test.max()
    ),
    "That is a validation AUC: it chose the epoch, so it is too good.": lambda val, test: val.max(),
    "That is the last epoch: let the validation slides choose.": lambda val, test: test[-1],
    "That is the epoch with the lowest validation AUC.": lambda val, test: test[val.argmin()],
    "That is the mean over epochs: report one epoch.": lambda val, test: test.mean(),
}


@exercise
def check_report_auc(answer: Any) -> str:
    """Check ``report_auc(val_labels, val_scores, test_labels, test_scores)`` and its diagnosis."""
    cases, aucs = {}, {}
    for seed, epochs in enumerate((12, 4, 8)):
        case, rng = f"{epochs} epochs", np.random.default_rng(seed)
        labels = [np.array([0, 1, *rng.integers(0, 2, n)]) for n in (18, 25)]
        val, test = (expit(y + rng.normal(0, 1.5, (epochs, len(y)))) for y in labels)
        cases[case] = labels[0], val, labels[1], test
        aucs[case] = [
            np.array([auc(y, scores) for scores in side]) for y, side in zip(labels, (val, test))
        ]
    truth = [test[val.argmax()] for val, test in aucs.values()]
    with diagnosed(answer, "B") as report_auc:
        reported = attempt_each(report_auc, cases)
        expect_each(reported, truth, "the AUC", answers_of(REPORT_MISTAKES, aucs), cases)
    return "validation slides choose the epoch, test slides judge it"


TEMPERATURE_MISTAKES: dict[str, Callable[[float], float]] = {
    "That is 1 / T, the factor that multiplies the logits.": lambda t: 1 / t,
    "That is log T: take its exponential.": np.log,
    "That is 1: you have fitted nothing.": lambda t: 1.0,
}


@exercise
def check_best_temperature(answer: Any) -> str:
    """Check ``best_temperature(labels, logits)``."""
    cases = {
        "an overconfident model": _stated(3.0, 0),
        "an underconfident model": _stated(0.4, 1),
        "a calibrated model": _stated(1.0, 2),
    }
    got = [as_numbers(value) for value in attempt_each(answer, cases)]
    truth = [fit_temperature(*case) for case in cases.values()]
    mistakes = [(text, list(map(rule, truth))) for text, rule in TEMPERATURE_MISTAKES.items()]
    for i, known in enumerate(zip(truth, *(values for _, values in mistakes))):
        # Optimisers stop early: what is within one per cent of a known answer is taken for it.
        near = (one for one in known if got[i].shape == () and np.isclose(got[i], one, 0.01, 0))
        got[i] = next(near, got[i])
    expect_each(got, truth, "the temperature", mistakes, cases)
    return "the lowest cross-entropy, for overconfident and underconfident models"


def _stated(temperature: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Make labels that come true as ``logits / temperature`` say."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 3, 300)
    return (rng.uniform(size=300) < expit(logits / temperature)).astype(int), logits
