"""Known wrong answers of chapter 15 must fail, each with the message that names it."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar
from scipy.special import expit
from sklearn.model_selection import GroupKFold, KFold, LeaveOneGroupOut
from torch.nn import functional as F
from verdicts import by_check, expect_state

from mil_tutorial import auc, fit_temperature
from mil_tutorial.checks import chapter_15 as checks
from mil_tutorial.checks.diagnosis import SHOWS

INF = float("inf")
SOURCE = Path(__file__).parents[2] / "notebooks" / "src" / "15_pitfalls_clinic.py"


def hidden_max(values, mask):
    return values.masked_fill(~mask[..., None], -INF).max(dim=1).values


def max_by_loop(values, mask):
    return torch.stack([bag[row].max(dim=0).values for bag, row in zip(values, mask)])


def crashing_max(values, mask):
    return values.masked_fill(~mask, -INF).max(dim=1).values


def multiplied_max(values, mask):
    return (values * mask[..., None]).max(dim=1).values


def max_over_values(values, mask):
    return values.masked_fill(~mask[..., None], -INF).max(dim=2).values


def low_rows(scores, mask):
    hidden = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    return torch.softmax(hidden, dim=1) * mask


def filled_rows(scores, mask):
    """Safe too: masked_fill lets no gradient through."""
    return torch.softmax(scores.masked_fill(~mask, -INF), dim=1).nan_to_num(0.0)


def rows_apart(scores, mask):
    rows = []
    for row, real in zip(scores, mask):
        n = int(real.sum())
        rows.append(F.pad(torch.softmax(row[:n], dim=0), (0, len(row) - n)))
    return torch.stack(rows)


def covered_rows(scores, mask):
    return torch.softmax(scores + mask.float().log(), dim=1).nan_to_num(0.0)


def where_rows(scores, mask):
    weights = torch.softmax(scores + mask.float().log(), dim=1)
    return torch.where(mask, weights, 0.0)


def nan_rows(scores, mask):
    return torch.softmax(scores + mask.float().log(), dim=1)


def equal_rows(scores, mask):
    return torch.softmax(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), dim=1)


def masked(scores, lengths):
    hidden = torch.arange(scores.shape[1]) >= lengths[:, None]
    return torch.softmax(scores.masked_fill(hidden, -INF), dim=1)


def renormalised(scores, lengths):
    weights = torch.softmax(scores, dim=1) * (torch.arange(scores.shape[1]) < lengths[:, None])
    return weights / weights.sum(dim=1, keepdim=True)


def masked_after(scores, lengths):
    return torch.softmax(scores, dim=1) * (torch.arange(scores.shape[1]) < lengths[:, None])


def zero_scores(scores, lengths):
    return torch.softmax(scores * (torch.arange(scores.shape[1]) < lengths[:, None]), dim=1)


def one_too_many(scores, lengths):
    return masked(scores, (lengths + 1).clamp(max=scores.shape[1]))


def unmasked(scores, lengths):
    return torch.softmax(scores, dim=1)


def one_length(scores, lengths):
    return masked(scores, lengths.max().expand(len(lengths)))


def guessed(logits):
    return logits if logits.min() >= 0 and logits.max() <= 1 else expit(logits)


def each_guessed(logits):
    return np.array([z if 0 <= z <= 1 else expit(z) for z in logits])


def joined(batch):
    tiles, labels = zip(*batch)
    return torch.cat(tiles), [len(bag) for bag in tiles], torch.tensor(labels)


def merged(batch):
    instances = torch.cat([tiles for tiles, _ in batch])
    return instances, torch.tensor([len(instances)]), torch.tensor([max(y for _, y in batch)])


def sizes_fixed(batch):
    instances, _, labels = merged(batch)
    return instances, torch.tensor([len(tiles) for tiles, _ in batch]), labels


def highest_labels(batch):
    instances, sizes, labels = joined(batch)
    return instances, sizes, torch.full((len(sizes),), max(labels).item())


def ends(batch):
    instances, sizes, labels = joined(batch)
    return instances, np.cumsum(sizes), labels


def scored(thin):
    """Score all slides, those that are too large thinned by a function."""

    def score_slides(score, slides, limit):
        labels = [y for _, y in slides]
        cut = [x if len(x) <= limit else thin(x, limit) for x, _ in slides]
        return np.array(labels), np.array([score(x) for x in cut])

    return score_slides


every_nth = scored(lambda x, limit: x[:: -(-len(x) // limit)])
spaced = scored(lambda x, limit: x[torch.linspace(0, len(x) - 1, limit).long()])
drawn = scored(lambda x, limit: x[torch.randperm(len(x))[:limit]])
first_tiles = scored(lambda x, limit: x[:limit])
all_tiles = scored(lambda x, limit: x)


def in_parts(score, slides, limit):
    """The mean of parts that fit is a way as well."""
    logits = [np.mean([score(part) for part in x.split(limit)]) for x, _ in slides]
    return [y for _, y in slides], logits


def skipping(score, slides, limit):
    kept = [(x, y) for x, y in slides if len(x) <= limit]
    return np.array([y for _, y in kept]), np.array([score(x) for x, _ in kept])


def zero_for_large(score, slides, limit):
    logits = [score(x) if len(x) <= limit else 0.0 for x, _ in slides]
    return np.array([y for _, y in slides]), np.array(logits)


def thinned_all(score, slides, limit):
    return np.array([y for _, y in slides]), np.array([score(x[::20]) for x, _ in slides])


def by_group(patients, n_folds=5):
    return list(GroupKFold(n_folds).split(patients, groups=patients))


def by_names(patients, n_folds=5):
    fold = np.unique(patients, return_inverse=True)[1] % n_folds
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(n_folds)]


def by_slide(patients, n_folds=5):
    return list(KFold(n_folds, shuffle=True, random_state=0).split(patients))


def one_patient_a_fold(patients, n_folds=5):
    return list(LeaveOneGroupOut().split(patients, groups=patients))


def one_fold_again(patients, n_folds=5):
    return [by_group(patients, n_folds)[0]] * n_folds


def half_the_slides(patients, n_folds=5):
    return [(train[::2], test) for train, test in by_group(patients, n_folds)]


def aucs(labels, scores):
    return np.array([auc(labels, row) for row in scores])


def chosen(val_labels, val, test_labels, test):
    return aucs(test_labels, test)[aucs(val_labels, val).argmax()]


def chosen_one_by_one(val_labels, val, test_labels, test):
    best = max(range(len(val)), key=lambda e: auc(val_labels, val[e]))
    return auc(test_labels, test[best])


def best_on_test(val_labels, val, test_labels, test):
    return aucs(test_labels, test).max()


def best_on_val(val_labels, val, test_labels, test):
    return aucs(val_labels, val).max()


def last_epoch(val_labels, val, test_labels, test):
    return auc(test_labels, test[-1])


def worst_on_val(val_labels, val, test_labels, test):
    return aucs(test_labels, test)[aucs(val_labels, val).argmin()]


def mean_epoch(val_labels, val, test_labels, test):
    return aucs(test_labels, test).mean()


def by_search(labels, logits):
    def loss(log_t):
        return np.logaddexp(0, np.where(labels == 1, -1, 1) * logits / np.exp(log_t)).mean()

    return np.exp(minimize_scalar(loss, bounds=(-3, 4), method="bounded").x)


def by_grid(labels, logits):
    grid = np.geomspace(0.05, 50, 2000)
    signs = np.where(labels == 1, -1, 1)
    return grid[np.argmin([np.logaddexp(0, signs * logits / t).mean() for t in grid])]


def by_torch(labels, logits):
    z, y = torch.tensor(logits), torch.tensor(labels).double()
    log_t = torch.zeros((), dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([log_t], max_iter=100, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = F.binary_cross_entropy_with_logits(z / log_t.exp(), y)
        loss.backward()
        return loss

    optimizer.step(closure)
    return log_t.exp().item()


CASES = {  # check: letter, the bug as it is planted, what the check says of it
    checks.check_max_of_bags: ("C", crashing_max, "your code raised RuntimeError"),
    checks.check_rows_to_weights: ("I", covered_rows, "their gradient holds NaN"),
    checks.check_attention_of: ("F", unmasked, "The symptom is still there"),
    checks.check_to_probabilities: ("G", guessed, "The symptom is still there"),
    checks.check_join_bags: ("E", merged, "one entry came out in sizes"),
    checks.check_score_slides: ("H", skipping, "5 slides went in, 2 labels came out"),
    checks.check_make_folds: ("J", by_slide, "are not independent"),
    checks.check_report_auc: ("B", best_on_test, "the highest test AUC"),
}
RIGHT = {
    checks.check_max_of_bags: (hidden_max, max_by_loop),
    checks.check_rows_to_weights: (low_rows, filled_rows, rows_apart),
    checks.check_attention_of: (masked, renormalised),
    checks.check_to_probabilities: (expit, lambda z: 1 / (1 + np.exp(-z))),
    checks.check_join_bags: (joined,),
    checks.check_score_slides: (every_nth, spaced, drawn, in_parts),
    checks.check_make_folds: (by_group, by_names),
    checks.check_report_auc: (chosen, chosen_one_by_one),
}
WRONG = [
    (checks.check_max_of_bags, multiplied_max, "0 beats negative values"),
    (checks.check_max_of_bags, lambda v, m: v.amax(dim=1), "over padding too"),
    (checks.check_max_of_bags, lambda v, m: hidden_max(v, ~m), "turned round"),
    (checks.check_max_of_bags, max_over_values, "came in shape"),
    (checks.check_rows_to_weights, where_rows, "their gradient holds NaN"),
    (checks.check_rows_to_weights, nan_rows, "0/0"),
    (checks.check_rows_to_weights, equal_rows, "equal weights"),
    (checks.check_rows_to_weights, lambda s, m: torch.softmax(s, 1) * m, "no longer sum to 1"),
    (checks.check_rows_to_weights, lambda s, m: low_rows(s, m).detach(), "no gradient flows"),
    (checks.check_attention_of, one_length, "All bags are cut to the same length"),
    (checks.check_attention_of, masked_after, "no longer sum to 1"),
    (checks.check_attention_of, zero_scores, "is no mask"),
    (checks.check_attention_of, one_too_many, "One tile too many"),
    (checks.check_to_probabilities, lambda z: z, "the logits themselves"),
    (checks.check_to_probabilities, lambda z: z.clip(0, 1), "no sigmoid"),
    (checks.check_to_probabilities, lambda z: expit(expit(z)), "applies the sigmoid twice"),
    (checks.check_to_probabilities, each_guessed, "still a guess"),
    (checks.check_join_bags, sizes_fixed, "one entry came out in labels"),
    (checks.check_join_bags, highest_labels, "keeps its own label"),
    (checks.check_join_bags, ends, "cumulative sums"),
    (checks.check_join_bags, lambda batch: joined(batch)[:2], "returns three things"),
    (checks.check_score_slides, first_tiles, "the top of the slide"),
    (checks.check_score_slides, all_tiles, "120 tiles were sent at once, but 40 fit"),
    (checks.check_score_slides, zero_for_large, "logits at [1] is 0"),
    (checks.check_score_slides, thinned_all, "a slide of 30 tiles fits, but only 2"),
    (checks.check_score_slides, lambda *args: every_nth(*args)[1], "returns two arrays"),
    (checks.check_make_folds, one_patient_a_fold, "30 folds came, expected 5"),
    (checks.check_make_folds, one_fold_again, "every slide is tested once"),
    (checks.check_make_folds, half_the_slides, "does not contain every slide once"),
    (checks.check_make_folds, lambda p, n=5: [p] * n, "a fold is a pair"),
    (checks.check_report_auc, best_on_val, "a validation AUC"),
    (checks.check_report_auc, last_epoch, "the last epoch"),
    (checks.check_report_auc, worst_on_val, "the lowest validation AUC"),
    (checks.check_report_auc, mean_epoch, "the mean over epochs"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(WRONG))
def test_wrong_functions_fail_with_their_messages_whatever_the_diagnosis(check, answers):
    letter = CASES[check][0]
    for why in (..., "Z", letter):
        pairs = [((answer, why), message) for answer, message in answers]
        expect_state(check, pairs, "wrong")
        right = [f"Your diagnosis {letter} is right" in str(check.judge(pair)) for pair, _ in pairs]
        assert right == [why == letter] * len(pairs)


@pytest.mark.parametrize("check", CASES, ids=lambda check: check.name)
def test_the_bug_is_seen_and_not_given_away(check):
    letter, bug, message = CASES[check]
    verdict = check.judge((bug, ...))
    assert verdict.state == "wrong"
    assert message in verdict.text
    assert f"Your diagnosis {letter} is right" in check.judge((bug, letter)).text


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.name)
def test_a_right_answer_passes_in_any_style_and_needs_its_cause(check):
    letter = CASES[check][0]
    for function in RIGHT[check]:
        assert check.judge((function, letter)).state == "right", check.judge((function, letter))
    function = RIGHT[check][0]
    assert check.judge((function, f" {letter.lower()}")).state == "right"
    for other in SHOWS:
        verdict = check.judge((function, other))
        assert (verdict.state == "right") == (other == letter)
        assert other == letter or SHOWS[other] in verdict.text
    assert "Now put the letter" in check.judge((function, ...)).text
    for nonsense in ("Z", 3, "the mask"):
        assert "none of the letters" in check.judge((function, nonsense)).text
    assert "hand in the function and the letter" in check.judge(function).text


NONSENSE = [
    "a lot",
    17.5,
    lambda *arguments: arguments[0],
    lambda *arguments: "done",
    lambda *arguments: (x for x in arguments),
    lambda *arguments: torch.full((2, 3), float("nan")),
    lambda *arguments: torch.zeros(2, 3, device="meta"),
    lambda *arguments: [[1], [2, 3]],
    lambda *arguments: [None, None, None],
    lambda *arguments: arguments,
]


@pytest.mark.parametrize("check", CASES, ids=lambda check: check.name)
def test_nonsense_with_the_right_letter_is_wrong_and_raises_nothing(check):
    expect_state(check, [((nonsense, CASES[check][0]),) for nonsense in NONSENSE], "wrong")


def test_the_letters_of_the_page_are_those_of_the_checks():
    listed = re.findall(r"^# \| ([A-Z]) \| ", SOURCE.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == list(SHOWS)
    letters = [letter for letter, _, _ in CASES.values()]
    assert len(set(letters)) == len(CASES) == 8


def test_guesses_of_the_padded_share_are_judged():
    wrong = [
        (0.9, "the tumour tile weighs 8"),
        (0.93, "not all 100"),
        (0.16, "padding gets the rest"),
        (0.89, "not 2.08"),
        (0.07, "of the tumour tile"),
        (84, "not in per cent"),
        (0.5, "too small"),
    ]
    expect_state(checks.check_padded_share, wrong, "wrong")
    expect_state(checks.check_padded_share, [(0.84,), (90 / 107,)], "right")


def test_a_temperature_may_be_found_in_any_way():
    answers = [(by_search,), (by_grid,), (by_torch,), (fit_temperature,)]
    expect_state(checks.check_best_temperature, answers, "right")


def test_wrong_temperatures_are_named():
    wrong = [
        (lambda y, z: 1 / by_search(y, z), "That is 1 / T"),
        (lambda y, z: np.log(by_search(y, z)), "take its exponential"),
        (lambda y, z: 1, "you have fitted nothing"),
        (lambda y, z: by_search(1 - y, z), "expected"),
        (lambda y, z: z / by_search(y, z), "came in shape (300,)"),
    ]
    expect_state(checks.check_best_temperature, wrong, "wrong")
