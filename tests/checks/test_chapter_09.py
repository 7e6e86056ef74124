"""Known wrong answers of chapter 09 must fail, each with the message that names it."""

import numpy as np
import pytest
import torch
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_09 as checks
from mil_tutorial.checks.chapter_09 import deletions
from mil_tutorial.checks.chapter_09 import logits_by_loop as by_loop
from mil_tutorial.metrics.attention import instance_confusion
from mil_tutorial.models.mil import build_model


def counted(called, truth):
    """TP, FP, FN, TN of two bool arrays."""
    return (
        int((called & truth).sum()),
        int((called & ~truth).sum()),
        int((~called & truth).sum()),
        int((~called & ~truth).sum()),
    )


def reordered(*places):
    def answer(scores, labels, threshold):
        counts = instance_confusion(scores, labels, threshold)
        return tuple(counts[place] for place in places)

    return answer


def rates(scores, labels, threshold):
    c = np.array(instance_confusion(scores, labels, threshold), dtype=float)
    with np.errstate(invalid="ignore"):
        return tuple(c / (c + c[[2, 3, 0, 1]]))


def all_called_second(scores, labels, threshold):
    tp, fp, fn, tn = instance_confusion(scores, labels, threshold)
    return tp, tp + fp, fn, tn


def own_size(attention, sizes, threshold):
    return attention * np.repeat(sizes, sizes) >= threshold


def one_bag_at_a_time(attention, sizes, threshold):
    parts = np.split(attention, np.cumsum(sizes)[:-1])
    return np.concatenate([part * len(part) >= threshold for part in parts])


def without_new_weights(a, s, order, n):
    return np.array([(a * s)[order[k:]].sum() for k in range(n + 1)])


def from_one_deletion_on(a, s, order, n):
    return by_loop(a, s, order, n)[1:]


def by_cumsum(a, s, order, n):
    a, s = a[order][::-1], s[order][::-1]
    return (np.cumsum(a * s) / np.cumsum(a))[::-1][: n + 1]


def in_torch(a, s, order, n):
    a, s = torch.tensor(a[order]), torch.tensor(s[order])
    return torch.stack([(a[k:] * s[k:]).sum() / a[k:].sum() for k in range(n + 1)])


def as_a_list(a, s, order, n):
    return [float(np.average(s[order[k:]], weights=a[order[k:]])) for k in range(n + 1)]


confusion = checks.check_instance_confusion
ceiling = checks.check_sensitivity_ceiling
hot = checks.check_hot_tiles
deleted = checks.check_logits_after_deletion

ZOO = [
    (confusion, lambda s, y, t: counted(s > t, y == 1), ">= instead of >"),
    (confusion, lambda s, y, t: counted(s <= t, y == 1), "the tiles below the threshold"),
    (confusion, lambda s, y, t: counted(s >= 1, y == 1), "The threshold is not used"),
    (confusion, reordered(0, 2, 1, 3), "False positives and false negatives"),
    (confusion, reordered(3, 1, 2, 0), "begins with the true negatives"),
    (confusion, reordered(0, 1, 3, 2), "the misses (FN) come third"),
    (confusion, all_called_second, "counts all called tiles"),
    (confusion, rates, "not fractions of the tiles"),
    (
        confusion,
        lambda s, y, t: tuple(np.array(instance_confusion(s, y, t)) / len(s)),
        "not fractions of the tiles",
    ),
    (confusion, lambda s, y, t: counted(s >= t, y == 1)[:2], "got 2 numbers, expected four"),
    (confusion, lambda s, y, t: int((s >= t).sum()), "got int, expected four counts"),
    (confusion, lambda s, y, t: {"TP": 1, "FP": 1, "FN": 1, "TN": 3}, "got dict, expected four"),
    (confusion, lambda s, y: counted(s >= 1, y == 1), "your code raised TypeError"),
    (ceiling, 0.2, "One tile in five of the slide"),
    (ceiling, 0.69, "witness rate"),
    (ceiling, 0.71, "must be missed"),
    (ceiling, 1, "160 of them share 232"),
    (ceiling, 0.0875, "what this model reaches"),
    (ceiling, 0.03, "How many tiles can have 5 shares"),
    (ceiling, 29, "not in per cent"),
    (ceiling, 0.4, "too large"),
    (hot, lambda a, n, t: a * len(a) >= t, "The bug is still there"),
    (hot, lambda a, n, t: a * len(n) >= t, "number of bags"),
    (hot, lambda a, n, t: a * n.mean() >= t, "mean size"),
    (hot, lambda a, n, t: a >= t, "raw weights"),
    (hot, lambda a, n, t: a * np.repeat(n, n) > t, ">= instead of >"),
    (hot, lambda a, n, t: a * np.repeat(n, n), "expected bool"),
    (hot, lambda a, n, t: a[: n[0]] * n[0] >= t, "came in shape (3,), expected (5,)"),
    (hot, lambda a, n, t: a * n >= t, "your code raised ValueError"),
    (deleted, without_new_weights, "must sum to 1 again"),
    (deleted, lambda a, s, o, n: by_loop(np.ones_like(a), s, o, n), "weight them by attention"),
    (deleted, lambda a, s, o, n: by_loop(a, s, np.arange(len(a)), n), "use order"),
    (deleted, lambda a, s, o, n: by_loop(a, s, o[::-1], n), "order[0] goes first"),
    (
        deleted,
        lambda a, s, o, n: np.cumsum((a * s)[o])[: n + 1] / np.cumsum(a[o])[: n + 1],
        "the logit of the deleted tiles",
    ),
    (deleted, lambda *args: 1 / (1 + np.exp(-by_loop(*args))), "return the logits"),
    (deleted, lambda *args: by_loop(*args)[0] - by_loop(*args), "Those are the drops"),
    (
        deleted,
        lambda a, s, o, n: [s[o[k:]].sum() for k in range(n + 1)],
        "without weights",
    ),
    (deleted, from_one_deletion_on, "came in shape (2,), expected (3,)"),
    (deleted, lambda a, s, o, n: by_cumsum(a, s, o, len(a)), "came in shape (7,), expected (4,)"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


RIGHT = [
    (confusion, instance_confusion),
    (confusion, lambda s, y, t: counted(s >= t, y > 0)),
    (confusion, lambda s, y, t: list(counted(s >= t, y.astype(bool)))),
    (confusion, lambda s, y, t: np.array(counted(~(s < t), y == 1))),
    (ceiling, 0.29),
    (ceiling, 46.4 / 160),
    (ceiling, np.float64(0.2875)),
    (hot, own_size),
    (hot, one_bag_at_a_time),
    (hot, lambda a, n, t: own_size(a, n, t).tolist()),
    (deleted, by_loop),
    (deleted, by_cumsum),
    (deleted, in_torch),
    (deleted, as_a_list),
]


@pytest.mark.parametrize(("check", "answers"), by_check(RIGHT))
def test_right_answers_pass_in_any_style(check, answers):
    expect_state(check, answers, "right")


def test_the_truth_of_deletion_is_what_a_model_does():
    torch.manual_seed(9)
    model = build_model("gated", input_dim=3, hidden_dim=4).eval()
    features = torch.randn(6, 3)
    with torch.inference_mode():
        attention = model(features[None]).attention[0].double().numpy()
        scores = model.instance_logits(model.embed(features)).double().numpy()
        order = np.array([4, 0, 5, 1, 3, 2])
        expected = [model(features[order[k:]][None]).logits.item() for k in range(4)]
    np.testing.assert_allclose(by_loop(attention, scores, order, 3), expected, atol=1e-5)


def test_bags_to_delete_from_have_weights_that_sum_to_1():
    for attention, scores, order, n_deletions in deletions().values():
        assert attention.sum() == pytest.approx(1)
        assert sorted(order) == list(range(len(scores)))
        assert 1 <= n_deletions < len(scores)
