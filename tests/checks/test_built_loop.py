"""What is built from empty cells in chapter 07: each known mistake is named."""

import copy
import math

import torch
from torch.nn import functional as F
from verdicts import expect_state

from mil_tutorial.checks import built_loop, loops
from mil_tutorial.checks import chapter_07 as checks


def loss_of(model, batch, weight=None):
    logits, _ = model.forward_packed(batch.instances, batch.sizes)
    return F.binary_cross_entropy_with_logits(logits, batch.labels, pos_weight=weight)


class Epoch:
    """A right pass; a mistake switches one of its steps off, or changes it."""

    def __init__(self, mode=True, zero=True, step=True, weighted=True, read=torch.Tensor.item):
        self.mode, self.zero, self.step = mode, zero, step
        self.weighted, self.read = weighted, read

    def __call__(self, model, batches, optimizer, weight):
        if self.mode:
            model.train()
        total = bags = 0
        for batch in batches:
            loss = loss_of(model, batch, weight if self.weighted else None)
            if self.zero:
                optimizer.zero_grad()
            loss.backward()
            if self.step:
                optimizer.step()
            total += self.read(loss) * len(batch)
            bags += len(batch)
        return total / bags


def after(change):
    return lambda *inputs: change(Epoch()(*inputs))


def of_means(model, batches, optimizer, weight):
    return sum(Epoch()(model, [b], optimizer, weight) for b in batches) / len(batches)


def first_batch_only(model, batches, optimizer, weight):
    return Epoch()(model, batches[:1], optimizer, weight)


def without_gradients(model, batches, optimizer, weight):
    with torch.no_grad():
        return sum(loss_of(model, batch).item() for batch in batches)


class Evaluation:
    def __init__(self, mode=True, grad=False, logits=False, weigh=True):
        self.mode, self.grad, self.logits, self.weigh = mode, grad, logits, weigh

    def __call__(self, model, batches):
        if self.mode:
            model.eval()
        with torch.set_grad_enabled(self.grad):
            logits = torch.cat([model.forward_packed(b.instances, b.sizes)[0] for b in batches])
        labels = torch.cat([b.labels for b in batches])
        loss = F.binary_cross_entropy_with_logits(logits, labels)
        if not self.weigh:
            loss = torch.stack([loss_of(model, b) for b in batches]).mean().detach()
        return loss, logits if self.logits else torch.sigmoid(logits)


def teaches(model, batches):
    result = Evaluation()(model, batches)
    Epoch()(model, batches, torch.optim.SGD(model.parameters(), 0.5), None)
    return result


class Loop:
    """A right loop; a mistake replaces one of its steps."""

    epoch, weighted, copies, restores = Epoch(), True, True, True
    lowest = math.inf

    def __init__(self, **steps):
        vars(self).update(steps)

    def is_best(self, losses, lowest):
        return losses[-1] < lowest

    def is_over(self, epoch, best_epoch, patience):
        return patience is not None and epoch - best_epoch >= patience

    def result(self, losses, taught):
        return losses

    def __call__(self, model, optimizer, train, val, epochs, patience):
        labels = torch.cat([batch.labels for batch in train])
        weight = (labels == 0).sum() / (labels == 1).sum() if self.weighted else None
        losses, taught, lowest, best_epoch = [], [], self.lowest, 0
        best = copy.deepcopy(model.state_dict())
        for epoch in range(epochs):
            taught.append(self.epoch(model, train, optimizer, weight))
            losses.append(Evaluation()(model, val)[0].item())
            if self.is_best(losses, lowest):
                lowest, best_epoch, best = losses[-1], epoch, model.state_dict()
                best = copy.deepcopy(best) if self.copies else best
            if self.is_over(epoch, best_epoch, patience):
                break
        if self.restores:
            model.load_state_dict(best)
        return self.result(losses, taught)


def in_train_mode_once(model, batches, optimizer, weight):
    if not model.steps:
        model.train()
    return Epoch(mode=False)(model, batches, optimizer, weight)


def test_epochs():
    wrong = [
        (Epoch(mode=False), "evaluation mode"),
        (Epoch(step=False), "no weight has moved"),
        (Epoch(zero=False), "optimizer.zero_grad()"),
        (Epoch(weighted=False), "pass pos_weight"),
        (Epoch(read=lambda loss: loss), "still holds its graph"),
        (first_batch_only, "a return inside the loop"),
        (without_gradients, "use torch.no_grad only"),
        (of_means, "the mean over batches"),
        (after(lambda loss: 5 * loss), "the sum over bags"),
        (after(print), "return in place of print"),
    ]
    expect_state(checks.check_one_epoch, wrong, "wrong")
    right = [(Epoch(),), (Epoch(read=torch.Tensor.detach),)]
    expect_state(checks.check_one_epoch, right, "right")


def test_evaluations():
    wrong = [
        (Evaluation(mode=False), "call model.eval() first"),
        (Evaluation(grad=True), "torch.no_grad()"),
        (Evaluation(logits=True), "put a sigmoid around them"),
        (Evaluation(weigh=False), "the mean over batches"),
        (teaches, "the weights have changed"),
        (lambda *inputs: Evaluation()(*inputs)[0], "expected (loss, probabilities)"),
    ]
    expect_state(checks.check_evaluate, wrong, "wrong")
    expect_state(checks.check_evaluate, [(Evaluation(),)], "right")


def test_loops():
    wrong = [
        (Loop(epoch=Epoch(mode=False)), "it trains in evaluation mode"),
        (Loop(epoch=in_train_mode_once), "after the first epoch"),
        (Loop(weighted=False), "negatives per positive"),
        (Loop(copies=False), "keep a copy of the best"),
        (Loop(restores=False), "load it at the end"),
        (Loop(is_best=lambda losses, lowest: True), "12 epochs were run, expected 5"),
        (Loop(is_best=lambda losses, low: losses[-1] > low, lowest=-1.0), "expected 5"),
        (Loop(is_over=lambda *args: False), "12 epochs were run, expected 5"),
        (Loop(is_over=lambda e, b, p: e - b >= p), "your code raised TypeError"),
        (Loop(is_best=lambda v, low: len(v) == 1 or v[-1] < low), "NaN is never the best"),
        (Loop(is_best=lambda v, low: torch.tensor(v).argmin() == len(v) - 1), "NaN"),
        (Loop(result=lambda losses, taught: taught), "the training losses"),
        (Loop(result=lambda losses, taught: min(losses)), "the list of validation losses"),
    ]
    expect_state(checks.check_train_model, wrong, "wrong")
    expect_state(checks.check_train_model, [(Loop(),)], "right")


def test_the_runs_that_judge_the_loop_tell_mistakes_apart():
    train, val = built_loop.toy_data()
    losses, taught, _ = built_loop.whole_run(train, val)
    ends = []
    for patience, bad in built_loop.SCRIPTS.values():
        seen = [math.inf if epoch in bad else loss for epoch, loss in enumerate(losses)]
        ends.append(loops.best_and_last(seen, patience))
    assert ends == [(1, 4), (7, 11), (7, 10), (7, 11)]
    assert taught.index(min(taught)) != 7  # so choosing by the training loss is noticed
