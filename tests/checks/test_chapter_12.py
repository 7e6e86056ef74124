"""Known wrong answers of chapter 12 must fail, each with the message that names it."""

import numpy as np
import pytest
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_12 as checks
from mil_tutorial.metrics.attention import smooth_scores


def size_of(rng):
    return max(1, round(rng.normal(10, 2)))


def as_printed(digits, positive, rng):
    while True:
        places = rng.choice(len(digits), size=size_of(rng))
        if (digits[places] == 9).any() == positive:
            return places


def as_a_list(digits, positive, rng):
    return list(as_printed(digits, positive, rng))


def any_label(digits, positive, rng):
    return rng.integers(len(digits), size=size_of(rng))


def one_nine_put_in(digits, positive, rng):
    places = rng.choice(np.flatnonzero(digits != 9), size=size_of(rng))
    if positive:
        places[rng.integers(len(places))] = rng.choice(np.flatnonzero(digits == 9))
    return places


def nine_first(digits, positive, rng):
    if not positive:
        return as_printed(digits, False, rng)
    places = rng.integers(len(digits), size=size_of(rng))
    places[0] = rng.choice(np.flatnonzero(digits == 9))
    return places


def sorted_by_digit(digits, positive, rng):
    places = as_printed(digits, positive, rng)
    return places[np.argsort(-digits[places])]


def nines_taken_out(digits, positive, rng):
    places = as_printed(digits, True, rng)
    return places if positive else places[digits[places] != 9]


def always_ten(digits, positive, rng):
    while True:
        places = rng.integers(len(digits), size=10)
        if (digits[places] == 9).any() == positive:
            return places


def size_kept(digits, positive, rng):
    size = size_of(rng)
    while True:
        places = rng.integers(len(digits), size=size)
        if (digits[places] == 9).any() == positive:
            return places


def size_kept_in_a_loop_of_digits(digits, positive, rng):
    places = rng.integers(len(digits), size=size_of(rng))
    while (digits[places] == 9).any() != positive:
        places = rng.integers(len(digits), size=len(places))
    return places


def labels_swapped(digits, positive, rng):
    return as_printed(digits, not positive, rng)


def the_digits(digits, positive, rng):
    return digits[as_printed(digits, positive, rng)] * 1.0


def best_on_test(losses, accuracies):
    return accuracies[np.arange(len(losses)), accuracies.argmax(axis=1)].mean()


def one_epoch_for_all(losses, accuracies):
    return accuracies[:, losses.mean(axis=0).argmin()].mean()


def kept(losses, accuracies):
    return float(np.mean([a[np.argmin(row)] for row, a in zip(losses, accuracies)]))


def by_loop(scores, coords, radius):
    out = []
    for place in coords:
        weights = np.exp(-((coords - place) ** 2).sum(axis=1) / (2 * radius**2))
        out.append((weights * scores).sum() / weights.sum())
    return out


def weights_of(coords, radius):
    squares = ((coords[:, None] - coords[None]) ** 2).sum(axis=2)
    return np.exp(-squares / (2 * radius**2))


def not_squared(scores, coords, radius):
    weights = np.exp(-np.linalg.norm(coords[:, None] - coords[None], axis=2) / (2 * radius))
    return weights @ scores / weights.sum(axis=1)


def without_itself(scores, coords, radius):
    weights = weights_of(coords, radius) - np.eye(len(scores))
    return weights @ scores / np.maximum(weights.sum(axis=1), 1e-12)


def without_two(scores, coords, radius):
    weights = weights_of(coords, radius) ** 2
    return weights @ scores / weights.sum(axis=1)


ZOO = [
    (checks.check_molecules_apart, 0.008, "How many of the 460"),
    (checks.check_molecules_apart, 0.8, "Take 0.008 of the 460"),
    (checks.check_molecules_apart, 0.736, "That is one run"),
    (checks.check_molecules_apart, 410.3, "Subtract it from those of gated"),
    (checks.check_molecules_apart, 414, "Subtract those of attention"),
    (checks.check_molecules_apart, 5, "too large"),
    (checks.check_draw_bag, any_label, "until the bag has the right label"),
    (checks.check_draw_bag, size_kept, "Draw a new size with every attempt"),
    (checks.check_draw_bag, size_kept_in_a_loop_of_digits, "Draw a new size with every attempt"),
    (checks.check_draw_bag, labels_swapped, "2000 of 2000 positive bags contain no 9"),
    (checks.check_draw_bag, one_nine_put_in, "puts one 9 into each bag by hand"),
    (checks.check_draw_bag, nine_first, "draw all digits uniformly"),
    (checks.check_draw_bag, sorted_by_digit, "no position is special"),
    (checks.check_draw_bag, nines_taken_out, "take nothing out of a bag"),
    (checks.check_draw_bag, always_ten, "expected about 10 ± 2"),
    (checks.check_draw_bag, the_digits, "expected the positions of its digits"),
    (checks.check_draw_bag, lambda d, p, rng: np.array([len(d)]), "but there are 20000 digits"),
    (checks.check_draw_bag, lambda d, p, rng: np.array([], int), "a bag is empty"),
    (checks.check_draw_bag, lambda d, p, rng: d[None], "of shape (1, 20000)"),
    (checks.check_kept_accuracy, best_on_test, "the test fold has helped to choose"),
    (checks.check_kept_accuracy, lambda v, a: a.mean(axis=0).max(), "the test folds still choose"),
    (checks.check_kept_accuracy, lambda v, a: kept(-v, a), "the lowest is the best"),
    (checks.check_kept_accuracy, lambda v, a: a.mean(), "keep one epoch for each fold"),
    (checks.check_kept_accuracy, lambda v, a: a[:, -1].mean(), "the last epoch"),
    (checks.check_kept_accuracy, one_epoch_for_all, "an epoch in each"),
    (checks.check_kept_accuracy, lambda v, a: a[:, 0], "expected ()"),
    (checks.check_smooth_scores, lambda s, c, r: weights_of(c, r) @ s, "a mean, not a sum"),
    (
        checks.check_smooth_scores,
        lambda s, c, r: weights_of(c, r) @ s / len(s),
        "not by the number of nuclei",
    ),
    (checks.check_smooth_scores, without_itself, "counts too"),
    (checks.check_smooth_scores, not_squared, "Square the distance"),
    (checks.check_smooth_scores, without_two, "The 2 is missing"),
    (checks.check_smooth_scores, lambda s, c, r: s, "came back unchanged"),
    (checks.check_smooth_scores, lambda s, c, r: 0 * s + s.mean(), "near ones must count more"),
    (checks.check_smooth_scores, lambda s, c, r: s.mean(), "one for each nucleus"),
    (checks.check_smooth_scores, lambda s, c, r: s[9], "your code raised IndexError"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


@pytest.mark.parametrize(
    ("check", "answers"),
    by_check(
        [
            (checks.check_molecules_apart, 3.7),
            (checks.check_molecules_apart, 3.68),
            (checks.check_draw_bag, as_printed),
            (checks.check_draw_bag, as_a_list),
            (checks.check_kept_accuracy, kept),
            (checks.check_smooth_scores, by_loop),
            (checks.check_smooth_scores, smooth_scores),
        ]
    ),
)
def test_right_answers_pass_in_any_style(check, answers):
    expect_state(check, answers, "right")
