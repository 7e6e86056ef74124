"""Known wrong answers of chapter 07 must fail, each with the message that names it."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_curve
from torch.nn import functional as F
from torch.utils.data import DataLoader
from verdicts import by_check, expect_state

from mil_tutorial import TrainingConfig, collate_packed, predict
from mil_tutorial.checks import chapter_07 as checks
from mil_tutorial.checks import loops
from mil_tutorial.metrics import decisions as metrics


def loss_of(model, batch, reduction="mean"):
    logits, _ = model.forward_packed(batch.instances, batch.sizes)
    return F.binary_cross_entropy_with_logits(logits, batch.labels, reduction=reduction)


def in_training_mode(model, batches):
    with torch.no_grad():
        total = sum(loss_of(model, b, "sum").item() for b in batches)
    return total / sum(len(b) for b in batches)


def in_evaluation_mode(model, batches):
    model.eval()
    return in_training_mode(model, batches)


def by_predictions(model, batches):
    """Another right style: it puts the mode back and returns a tensor."""
    model.eval()
    with torch.inference_mode():
        parts = [model.forward_packed(b.instances, b.sizes).logits for b in batches]
    model.train()
    labels = torch.cat([b.labels for b in batches])
    return F.binary_cross_entropy_with_logits(torch.cat(parts), labels)


def mean_of_means(model, batches):
    model.eval()
    return np.mean([loss_of(model, b).item() for b in batches])


def sum_of_losses(model, batches):
    return in_evaluation_mode(model, batches) * sum(len(b) for b in batches)


def freezes(model, batches):
    model.requires_grad_(False)
    return in_evaluation_mode(model, batches)


def teaches(model, batches):
    answer = in_evaluation_mode(model, batches)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss_of(model, batches[0]).backward()
    optimizer.step()
    return answer


def seeds_dropout(model, batches):
    torch.manual_seed(0)
    return in_training_mode(model, batches)


class Loop:
    """The exercise's loop, with one step at a time to be replaced by a mistake."""

    def __call__(self, model, train, val, config):
        self.optimizer = torch.optim.Adam(model.parameters(), lr=config.learning_rate)
        loader = partial(DataLoader, batch_size=config.batch_size, collate_fn=collate_packed)
        batches, losses, taught = loader(train, shuffle=True), [], []
        for epoch in range(config.epochs):
            taught.append(self.teach(model, batches))
            losses.append(self.measure(model, val))
            if self.is_best(epoch, losses):
                best, best_epoch = self.keep(model), epoch
            if self.is_over(epoch, best_epoch, config.patience, losses):
                break
        self.finish(model, best)
        return self.result(losses, taught)

    def teach(self, model, batches):
        model.train()
        for batch in batches:
            loss = loss_of(model, batch)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
        return loss.item()

    def measure(self, model, val):
        predictions = predict(model, val)
        logits, labels = torch.from_numpy(predictions.logits), torch.from_numpy(predictions.labels)
        return F.binary_cross_entropy_with_logits(logits, labels).item()

    def is_best(self, epoch, losses):
        return np.argmin(losses) == epoch

    def keep(self, model):
        return copy.deepcopy(model.state_dict())

    def is_over(self, epoch, best_epoch, patience, losses):
        return patience is not None and epoch - best_epoch >= patience

    def finish(self, model, best):
        model.load_state_dict(best)

    def result(self, losses, taught):
        return losses


def loop(**steps):
    """Return the loop with some steps replaced."""
    made = Loop()
    for name, step in steps.items():
        setattr(made, name, step)
    return made


def clones(model):
    return {name: value.clone() for name, value in model.state_dict().items()}


def twice(model, val):
    return 2 * Loop().measure(model, val)


def without_none(epoch, best_epoch, patience, losses):
    return epoch - best_epoch >= patience


def one_epoch_later(epoch, best_epoch, patience, losses):
    return patience is not None and epoch - best_epoch > patience


def counts_every_rise(epoch, best_epoch, patience, losses):
    rises = sum(loss > min(losses[: i + 1]) for i, loss in enumerate(losses))
    return patience is not None and rises >= patience


def naive_threshold(labels, probabilities, sensitivity):
    positives = np.sort(probabilities[labels == 1])[::-1]
    return positives[int(sensitivity * len(positives)) - 1]


def of_needed(change):
    def answer(labels, probabilities, sensitivity):
        positives = np.sort(probabilities[labels == 1])[::-1]
        needed = int(np.ceil(sensitivity * len(positives)))
        return positives[min(needed + change, len(positives)) - 1]

    return answer


def by_roc_curve(labels, probabilities, sensitivity, **options):
    _, sensitivities, thresholds = roc_curve(labels, probabilities, **options)
    return thresholds[np.argmax(sensitivities >= sensitivity - 1e-9)]


def from_a_grid(points):
    def answer(labels, probabilities, sensitivity):
        for threshold in np.linspace(1, 0, points):
            if (probabilities[labels == 1] >= threshold).mean() >= sensitivity:
                return threshold

    return answer


def by_arange(labels, probabilities, sensitivity):
    grid = np.arange(0, 1.01, 0.01)
    reached = [t for t in grid if (probabilities[labels == 1] >= t).mean() >= sensitivity]
    return max(reached)


THRESHOLD = checks.check_threshold_for_sensitivity

ZOO = [
    (checks.check_mean_loss, in_training_mode, "The bug is still there: no_grad switches off"),
    (checks.check_mean_loss, mean_of_means, "the mean over batches"),
    (checks.check_mean_loss, sum_of_losses, "the sum over bags"),
    (checks.check_mean_loss, freezes, "requires_grad was switched off"),
    (checks.check_mean_loss, teaches, "the weights have changed"),
    (checks.check_mean_loss, seeds_dropout, "the mean loss is"),
    (checks.check_mean_loss, lambda model, batches: batches[3], "your code raised IndexError"),
    (checks.check_fit, loop(keep=lambda m: m.state_dict()), "weights themselves"),
    (checks.check_fit, loop(keep=lambda m: dict(m.state_dict())), "weights themselves"),
    (checks.check_fit, loop(finish=lambda m, best: None), "it has those of the last epoch"),
    (checks.check_fit, loop(is_best=lambda e, v: np.argmax(v) == e), "4 epochs were run"),
    (checks.check_fit, loop(is_best=lambda e, v: e == 0), "4 epochs were run, expected 5"),
    (checks.check_fit, loop(is_best=lambda e, v: e == 0 or v[-1] < v[-2]), "the lowest so far"),
    (checks.check_fit, loop(is_over=lambda *args: False), "the patience is not used"),
    (checks.check_fit, loop(is_over=without_none), "your code raised TypeError"),
    (checks.check_fit, loop(is_over=one_epoch_later), "6 epochs were run, expected 5"),
    (checks.check_fit, loop(is_over=counts_every_rise), "*in a row*"),
    (checks.check_fit, loop(result=lambda v, t: t), "training losses"),
    (checks.check_fit, loop(result=lambda v, t: min(v)), "expected the list of validation losses"),
    (checks.check_fit, loop(result=lambda v, t: ["a", "b"]), "one number for each epoch"),
    (checks.check_fit, loop(measure=twice), "of epoch 0 is 1.1952, expected 0.5976"),
    (checks.check_weighted_probability, 0.25, "That is the frequency"),
    (checks.check_weighted_probability, 0.6, "6 of 9, not of 10"),
    (checks.check_weighted_probability, 0.857, "three negatives beside it"),
    (checks.check_weighted_probability, 0.5, "a weight of 3"),
    (checks.check_weighted_probability, 67, "not in per cent"),
    (THRESHOLD, naive_threshold, "round the number needed up"),
    (THRESHOLD, of_needed(1), "one slide too far"),
    (THRESHOLD, lambda y, p, s: np.quantile(p[y == 1], 1 - s), "np.quantile interpolates"),
    (THRESHOLD, lambda y, p, s: p[y == 1].min(), "give the highest"),
    (THRESHOLD, lambda y, p, s: np.ceil(s * (y == 1).sum() - 1e-9), "not the probability"),
    (THRESHOLD, lambda y, p, s: by_roc_curve(y, p, s), "drop_intermediate=False"),
    (THRESHOLD, lambda y, p, s: np.sort(p[y == 1])[int(np.ceil(s * y.sum())) - 1], "the lowest"),
    (THRESHOLD, lambda y, p, s: np.sort(p)[::-1][int(np.ceil(s * len(p))) - 1], "all slides"),
    (THRESHOLD, lambda y, p, s: sorted(p[y == 1])[int((1 - s) * y.sum())], "a little below 1"),
    (THRESHOLD, from_a_grid(101), "from a grid"),
    (THRESHOLD, from_a_grid(1001), "from a grid"),
    (THRESHOLD, by_arange, "from a grid"),
    (THRESHOLD, lambda y, p, s: print(p[y == 1].min()), "return in place of print"),
    (THRESHOLD, lambda y, p, s: None if s == 1 else 0.5, "a branch without return"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


@pytest.mark.parametrize(
    ("check", "answers"),
    by_check(
        [
            (checks.check_mean_loss, in_evaluation_mode),
            (checks.check_mean_loss, by_predictions),
            (checks.check_fit, Loop()),
            (checks.check_fit, loop(keep=clones)),
            (checks.check_fit, loop(result=lambda v, t: np.array(v))),
            (checks.check_weighted_probability, 2 / 3),
            (checks.check_weighted_probability, 0.67),
            (THRESHOLD, metrics.threshold_for_sensitivity),
            (THRESHOLD, of_needed(0)),
            (THRESHOLD, partial(by_roc_curve, drop_intermediate=False)),
        ]
    ),
)
def test_right_answers_pass(check, answers):
    expect_state(check, answers, "right")


def test_the_runs_that_judge_fit_tell_mistakes_apart():
    config = TrainingConfig(epochs=15, learning_rate=0.1, weight_decay=0.0)
    losses, _, _ = loops.reference(loops.toy_bags(8, 48), loops.toy_bags(6, 148), config)
    ends = [loops.best_and_last(losses[:epochs], wait) for epochs, wait in loops.RUNS.values()]
    assert ends == [(1, 4), (7, 12), (1, 5)]


def test_checks_leave_the_random_numbers_of_the_notebook_alone():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    checks.check_fit.judge(Loop())
    checks.check_mean_loss.judge(in_evaluation_mode)
    assert torch.equal(torch.rand(2), expected)
