# %% [markdown] id="title"
# # Find eight bugs and fix them
#
# <!-- badges -->
#
# Eight short pieces of code each have a bug of a kind found in public MIL projects, whose authors were as careful as
# you. One crashes, one spoils a gradient, two give a wrong number, and four a number that is *too good*. Those are the
# worst: who looks for a bug in a good result?
#
# | | |
# |---|---|
# | **You will do** | see a symptom, name its cause, fix the line; then correct a model's confidence with a temperature |
# | **You will learn** | which symptom points to which cause, which experiments find it, what calibration fixes and what it does not |
# | **You need** | masks ([chapter 03](03_batch_bags.ipynb)), attention ([chapter 05](05_attention.ipynb)), thresholds ([chapter 07](07_train_for_recall.ipynb)) |
# | **Time** | 75 minutes |

# %% id="setup"
# setup

# %% id="imports"
import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.special import expit
from sklearn.model_selection import GroupKFold, KFold
from torch.utils.data import DataLoader

from mil_tutorial import auc, load_slides, load_trained_model, predict
from mil_tutorial.notebook import table

model = load_trained_model()
train, val, test = load_slides("slides")
val_predictions, test_predictions = predict(model, val), predict(model, test)
for name, on in (("validation", val_predictions), ("test", test_predictions)):
    value = auc(on.labels, on.probabilities)
    print(f"{len(on.labels)} {name} slides, AUC {value:.3f}")


def symptom(function, *arguments):
    """Print what a function returns, or what it raises."""
    try:
        print(function(*arguments))
    except Exception as error:
        print(f"{type(error).__name__}: {error}")


# %% [markdown] id="ward"
# ## Know the causes
#
# Ten causes; two fit no case.
#
# | | cause |
# |---|---|
# | A | Dropout stays on while the model is judged. |
# | B | Test slides influence what is tested. |
# | C | Two axes are lined up that do not belong together. |
# | D | Class numbers follow the alphabet. |
# | E | Several slides became one bag. |
# | F | Padding is treated as tissue. |
# | G | The code guesses what its input is. |
# | H | Slides that were hard to process are missing. |
# | I | A 0/0 is hidden in the value and alive in the gradient. |
# | J | A patient is on both sides of a split. |
#
# For each case, run the cell, read the symptom, fix the function, and put the cause's letter into `why`. Run the cell
# again: the symptom should be gone.

# %% [markdown] id="ex-max"
# ## Hear it crash, or not learn
#
# ### Case 1: the test passes, the batch crashes
#
# <!-- card max_of_bags -->
#
# A library of MIL layers does max pooling with a mask. Its test, 3 bags of 3 tiles with 3 values, passes; the first
# real batch, 2 bags of 3 tiles with 4 values, crashes. But was the test's result right? The first line below is the
# maximum of the test's bag 0, which has one tile with the values 5, 5, 5; the rest is padding.


# %% id="exercise-max-of-bags"
def max_of_bags(values, mask):
    """Maximum over tiles: values (B, K, H), mask (B, K) of tiles → (B, H)."""
    ### BEGIN SOLUTION
    hidden = values.masked_fill(~mask[..., None], float("-inf"))
    ### INSTEAD
    # hidden = values.masked_fill(~mask, float("-inf"))
    ### END SOLUTION
    return hidden.max(dim=1).values


square, real = torch.full((3, 3, 3), 7.0), torch.ones(3, 3, dtype=torch.bool)
square[0, 0], real[0, 1:] = 5.0, False
symptom(lambda: max_of_bags(square, real)[0])
symptom(lambda: max_of_bags(torch.rand(2, 3, 4), real[:2]).shape)
### BEGIN SOLUTION
why = "C"
### END SOLUTION

# %% id="check-max-of-bags"
from mil_tutorial.checks.chapter_15 import check_max_of_bags

check_max_of_bags((max_of_bags, why))

# %% [markdown] id="ex-rows"
# Stuck? `check_max_of_bags.hint(1)` helps. Nothing later depends on your answer.
#
# <details><summary>Answer: case 1</summary>
#
# C. Shapes are lined up from the right, so tiles were paired with values. With 3 of each that is legal, but wrong: the
# crash was the better half of this bug. **Give every axis of a test its own size.**
#
# </details>
#
# ### Case 2: one step, then NaN for ever
#
# <!-- card rows_to_weights -->
#
# In attention code for padded batches, a slide whose tiles were all discarded is an empty row, and one line takes care
# of it. The weights are right, and the loss is finite. Yet after one step the whole network is NaN. Below: the weights
# of two bags, the second one empty, and the gradient of their scores.


# %% id="exercise-rows-to-weights"
def rows_to_weights(scores, mask):
    """Softmax over tiles: scores, mask (B, K) → (B, K); 0 for an empty bag."""
    ### BEGIN SOLUTION
    lowest = torch.finfo(scores.dtype).min  # finite, so an empty row is no 0/0
    return torch.softmax(scores.masked_fill(~mask, lowest), dim=1) * mask
    ### INSTEAD
    # hidden = scores + mask.float().log()  # log 1 = 0, log 0 = -inf
    # return torch.softmax(hidden, dim=1).nan_to_num(0.0)
    ### END SOLUTION


def weights_and_gradient(function):
    """Both, for a bag of two tiles and an empty bag."""
    scores = torch.tensor([[1.0, 2.0], [0.0, 0.0]], requires_grad=True)
    weights = function(scores, torch.tensor([[True, True], [False, False]]))
    weights.square().sum().backward()
    return weights.detach(), scores.grad


symptom(weights_and_gradient, rows_to_weights)
### BEGIN SOLUTION
why = "I"
### END SOLUTION

# %% id="check-rows-to-weights"
from mil_tutorial.checks.chapter_15 import check_rows_to_weights

check_rows_to_weights((rows_to_weights, why))

# %% [markdown] id="rows-read"
# <details><summary>Answer: case 2</summary>
#
# I. Backpropagation multiplies gradients, and 0 times NaN is NaN. Covering the NaN in the value leaves it in the
# gradient. Either never compute the 0/0, or reject an empty bag by name when it comes in, as `MedicalBagDataset` does.
#
# </details>

# %% [markdown] id="ex-attention"
# ## Distrust a number that looks fine
#
# ### Case 3: what a slide says depends on its neighbours
#
# <!-- card attention_of -->
#
# A model has a `forward(x, lens)`. The largest slide in a batch changes how much the other slides' tiles count. Below:
# the attention of the first of ten tiles, a tumour tile, in batches of 10, 20, 50 and 100 positions.


# %% id="exercise-attention-of" tags=["nbval-check-output"]
def attention_of(scores, lengths):
    """Attention over tiles: scores (B, K), lengths of bags (B,) → (B, K)."""
    ### BEGIN SOLUTION
    mask = torch.arange(scores.shape[1]) < lengths[:, None]
    return torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=1)
    ### INSTEAD
    # return torch.softmax(scores, dim=1)
    ### END SOLUTION


def tumour_tile(width):
    """Attention of the tumour tile, first of ten, in a batch this wide."""
    scores = torch.zeros(1, width)
    scores[0, 0] = np.log(8)
    return round(attention_of(scores, torch.tensor([10]))[0, 0].item(), 2)


symptom(lambda: [tumour_tile(width) for width in (10, 20, 50, 100)])
### BEGIN SOLUTION
why = "F"
### END SOLUTION

# %% id="check-attention-of"
from mil_tutorial.checks.chapter_15 import check_attention_of

check_attention_of((attention_of, why))

# %% [markdown] id="ex-share"
# <details><summary>Answer: case 3</summary>
#
# F: `lengths` was never used.
#
# </details>
#
# ### Exercise: predict the attention on padding
#
# <!-- card padded_share -->
#
# Ten tiles are padded with zeros to 100 positions. A softmax divides each $e^{score}$ by their sum. Nine dull tiles
# have score 0, so $e^0 = 1$; the tumour tile has 2.08, so $e^{2.08} = 8$. Padding has score 0 too. Without a mask, what
# share of the attention falls on it?

# %% id="exercise-padded-share"
### BEGIN SOLUTION
my_guess = 0.84  # 90 of 90 + 9 + 8
### END SOLUTION

# %% id="check-padded-share"
from mil_tutorial.checks.chapter_15 import check_padded_share

check_padded_share(my_guess)

# %% [markdown] id="padding"
# The same tiles in four batches:

# %% id="padding-figure" tags=["hide-input"]
widths = np.array([10, 20, 50, 100])
weights = {"tumour tile": 8, "nine dull tiles": 9, "padding": widths - 10}
looks = (("#D55E00", ""), ("#56B4E9", "//"), ("0.75", ".."))
figure, axes = plt.subplots(figsize=(6.5, 2.9))
left = np.zeros(4)
for (name, weight), (colour, hatch) in zip(weights.items(), looks):
    share = 100 * weight / (widths + 7)
    style = {"color": colour, "hatch": hatch, "edgecolor": "white"}
    axes.barh(range(4), share, 0.6, left, label=name, **style)
    left += share
axes.set(yticks=range(4), yticklabels=widths, ylabel="positions in the batch")
axes.set(xlim=(0, 100), xlabel="attention (%)")
axes.invert_yaxis()
axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3)
show(
    figure,
    "Attention of ten tiles padded to 10, 20, 50 and 100 positions when "
    "lengths are ignored: the tumour tile falls from 47 to 7 per cent, "
    "padding rises from 0 to 84 per cent",
)

# %% [markdown] id="ex-probabilities"
# ### Case 4: slides sent one at a time are missed
#
# <!-- card to_probabilities -->
#
# A metrics library accepts logits and probabilities alike. Below: how many of the 62 positive test slides are found,
# in batches of 124, 8 and 1.


# %% id="exercise-to-probabilities" tags=["nbval-check-output"]
def to_probabilities(logits):
    """Probabilities of logits: array (B,) → (B,)."""
    ### BEGIN SOLUTION
    return expit(logits)
    ### INSTEAD
    # if logits.min() >= 0 and logits.max() <= 1:
    #     return logits
    # return expit(logits)
    ### END SOLUTION


def tumours_found(size):
    """Positive slides called positive at 0.5, in batches of a size."""
    batches = np.split(test_predictions.logits, range(size, len(test), size))
    p = np.concatenate([to_probabilities(batch) for batch in batches])
    return int((p[test_predictions.labels == 1] >= 0.5).sum())


symptom(lambda: [tumours_found(size) for size in (124, 8, 1)])
### BEGIN SOLUTION
why = "G"
### END SOLUTION

# %% id="check-to-probabilities"
from mil_tutorial.checks.chapter_15 import check_to_probabilities

check_to_probabilities((to_probabilities, why))

# %% [markdown] id="batches"
# <details><summary>Answer: case 4</summary>
#
# G. Three slides with tumour had logits between 0 and 0.5. Alone, a logit of 0.3 was read as 30 %; its probability is
# 57 %. In a batch, some other logit is negative and gives the type away.
#
# Cases 3 and 4 fail the same experiment: **judge a slide alone and in a batch; the answer must not change**.
#
# </details>

# %% [markdown] id="ex-join"
# ## Distrust a number that is too good
#
# ### Case 5: a larger batch, a better model
#
# <!-- card join_bags -->
#
# A widely copied training script always takes one slide per batch. A colleague tries 4, then 8, and accuracy climbs
# to 1. Below: the batch size, how many labels came out, and the accuracy.


# %% id="exercise-join-bags" tags=["nbval-check-output"]
def join_bags(batch):
    """Pairs of tiles (n, D) and label → instances (N, D), sizes, labels."""
    instances = torch.cat([tiles for tiles, _ in batch])
    ### BEGIN SOLUTION
    sizes = torch.tensor([len(tiles) for tiles, _ in batch])
    labels = torch.tensor([float(label) for _, label in batch])
    ### INSTEAD
    # sizes = torch.tensor([len(instances)])
    # labels = torch.tensor([max(float(label) for _, label in batch)])
    ### END SOLUTION
    return instances, sizes, labels


def judged(size):
    """Batch size, labels that came out, accuracy on validation slides."""
    right = []
    loader = DataLoader(val, batch_size=size, collate_fn=join_bags)
    for instances, sizes, labels in loader:
        logits = model.forward_packed(instances, sizes).logits
        right += ((logits > 0) == labels).tolist()
    return size, len(right), round(sum(right) / len(right), 2)


symptom(lambda: [judged(size) for size in (1, 4, 8)])
### BEGIN SOLUTION
why = "E"
### END SOLUTION

# %% id="check-join-bags"
from mil_tutorial.checks.chapter_15 import check_join_bags

check_join_bags((join_bags, why))

# %% [markdown] id="ex-score"
# <details><summary>Answer: case 5</summary>
#
# E. Eight slides became one bag: at least one contains tumour, the model finds something, the label agrees. Only one
# class was left. **Count what comes out**, and how many are positive. (Training on
# [one slide per batch](https://github.com/mahmoodlab/CLAM/issues/137), as CLAM does, hides such a bug.)
#
# </details>
#
# ### Case 6: less memory, a higher AUC
#
# <!-- card score_slides -->
#
# Say that 232 tiles fit into memory at once. This evaluation script copes, and its test AUC is *higher* than with room
# for all. Below: what it returns, with room for 1,000 tiles and for 232.


# %% id="exercise-score-slides"
def score_slides(score, slides, limit):
    """Labels and logits of slides; score takes at most limit tiles."""
    labels, logits = [], []
    for tiles, label in slides:
        ### BEGIN SOLUTION
        tiles = tiles[:: -(-len(tiles) // limit)]  # n / limit, rounded up
        ### INSTEAD
        # if len(tiles) > limit:
        #     continue
        ### END SOLUTION
        labels.append(float(label))
        logits.append(score(tiles))
    return np.array(labels), np.array(logits)


def judged_within(limit):
    """Number of labels and AUC."""

    def score(tiles):
        return model(tiles[None]).logits.item()

    labels, logits = score_slides(score, test, limit)
    return len(labels), round(auc(labels, expit(logits)), 3)


symptom(lambda: [judged_within(limit) for limit in (1000, 232)])
### BEGIN SOLUTION
why = "H"
### END SOLUTION

# %% id="check-score-slides"
from mil_tutorial.checks.chapter_15 import check_score_slides

check_score_slides((score_slides, why))

# %% [markdown] id="ex-folds"
# <details><summary>Answer: case 6</summary>
#
# H. Thirteen slides got no result, and no error either. Judged on every second tile, they bring the AUC to 0.921,
# *below* the 0.931 with enough memory. The difference is small; thirteen missing answers are not.
# ([Chapter 16](16_scale_out.ipynb) shows how to lose none.)
#
# </details>
#
# ### Case 7: a model that predicts coins
#
# <!-- card make_folds -->
#
# In this cross-validation, the label is a coin, tossed once for each patient. Nothing can predict a coin: an honest
# AUC is near 0.5.
#
# To imitate serial sections, we split each validation slide into four pieces. Features are means over the tiles of a
# piece, and the model is the nearest neighbour. The exercise prints the mean AUC of twenty sets of coins.


# %% id="coins"
pieces = [tiles[k::4].mean(dim=0) for tiles, _ in val for k in range(4)]
features, patients = torch.stack(pieces).numpy(), np.repeat(val.groups, 4)


def coins(seed):
    """A label for each piece: one coin per patient."""
    names, which = np.unique(patients, return_inverse=True)
    tossed = np.random.default_rng(seed).permutation(np.arange(len(names)) % 2)
    return tossed[which]


def coin_auc(folds, seed):
    """AUC of the nearest neighbour's coin."""
    labels, predictions = coins(seed), np.zeros(len(patients))
    for train_rows, test_rows in folds:
        gaps = features[test_rows, None] - features[train_rows]
        nearest = (gaps**2).sum(axis=2).argmin(axis=1)
        predictions[test_rows] = labels[train_rows][nearest]
    return auc(labels, predictions)


# %% id="exercise-make-folds"
def make_folds(patients, n_folds=5):
    """Training and test rows of each fold: patients (B,) → list of pairs."""
    rows = np.arange(len(patients))
    ### BEGIN SOLUTION
    return list(GroupKFold(n_folds).split(rows, groups=patients))
    ### INSTEAD
    # return list(KFold(n_folds, shuffle=True, random_state=0).split(rows))
    ### END SOLUTION


def mean_coin_auc():
    """Mean over twenty sets of coins."""
    values = [coin_auc(make_folds(patients), seed) for seed in range(20)]
    return round(np.mean(values), 2)


symptom(mean_coin_auc)
### BEGIN SOLUTION
why = "J"
### END SOLUTION

# %% id="check-make-folds"
from mil_tutorial.checks.chapter_15 import check_make_folds

check_make_folds((make_folds, why))

# %% [markdown] id="ex-report"
# ### Case 8: forty epochs of nothing
#
# <!-- card report_auc -->
#
# This training script evaluates the test slides after each epoch. Now the *model* tosses the coins: forty epochs of
# random scores. The reported AUC, a mean over twenty such models, should be near 0.5.

# %% id="aucs"
from scipy.stats import rankdata


def aucs(labels, scores):
    """AUC of each epoch, from ranks: labels (B,), scores (E, B) → (E,)."""
    positive = labels == 1
    ranks = rankdata(scores, axis=1)[:, positive].mean(axis=1)
    return (ranks - (positive.sum() + 1) / 2) / (~positive).sum()


def reported(function, seed):
    """What a function reports for forty epochs of coins."""
    rng, sides = np.random.default_rng(seed), []
    for part in (val, test):
        sides += [part.labels.numpy(), rng.uniform(size=(40, len(part)))]
    return function(*sides)


# %% id="exercise-report-auc" tags=["nbval-check-output"]
def report_auc(val_labels, val_scores, test_labels, test_scores):
    """Test AUC of the epoch to keep: labels (B,), scores (E, B) → float."""
    on_val = aucs(val_labels, val_scores)
    on_test = aucs(test_labels, test_scores)
    ### BEGIN SOLUTION
    return on_test[on_val.argmax()]
    ### INSTEAD
    # return on_test[on_test.argmax()]
    ### END SOLUTION


def mean_report():
    """Mean over twenty models."""
    values = [reported(report_auc, seed) for seed in range(20)]
    return round(np.mean(values), 2)


symptom(mean_report)
### BEGIN SOLUTION
why = "B"
### END SOLUTION

# %% id="check-report-auc"
from mil_tutorial.checks.chapter_15 import check_report_auc

check_report_auc((report_auc, why))

# %% [markdown] id="controls"
# <details><summary>Answer: cases 7 and 8</summary>
#
# J: pieces of one patient were in training and in test. B: test slides chose the epoch that they then judged. Both
# fail experiments in which there is nothing to find: **predict coins, and let coins predict**. (Real epochs resemble
# each other, so real reports are inflated less.)
#
# ![Split by slide, patients B and D are on both sides; split by patient, nobody is](images/leakage.svg)
#
# </details>


# %% id="controls-figure"
def both(val_labels, val_scores, test_labels, test_scores):
    """Test AUC of the epoch chosen by test, and by validation slides."""
    on_test = aucs(test_labels, test_scores)
    return on_test.max(), on_test[aucs(val_labels, val_scores).argmax()]


seeds = range(20)
by_piece = list(KFold(5, shuffle=True, random_state=0).split(patients))
by_patient = list(GroupKFold(5).split(patients, groups=patients))
by_test, by_val = np.transpose([reported(both, seed) for seed in seeds])
runs = {
    "7: folds of pieces": [coin_auc(by_piece, seed) for seed in seeds],
    "7: folds of patients": [coin_auc(by_patient, seed) for seed in seeds],
    "8: test slides choose": by_test,
    "8: validation slides choose": by_val,
}

# %% id="controls-draw" tags=["hide-input"]
figure, axes = plt.subplots(figsize=(6.5, 2.6))
for y, values in enumerate(runs.values()):
    colour = ("#D55E00", "#0072B2")[y % 2]
    axes.plot(values, [y] * len(values), "o", color=colour, alpha=0.5)
axes.axvline(0.5, color="0.4", linestyle=":")
axes.set(yticks=range(4), yticklabels=runs, ylim=(3.5, -0.5))
axes.set_xlabel("AUC on coins, one mark per set; honest: about 0.5")
show(
    figure,
    "AUC of twenty sets of coins each: around 0.77 with folds of pieces, near "
    "0.5 with folds of patients; around 0.6 when test slides choose the "
    "epoch, near 0.5 when validation slides do",
)

# %% [markdown] id="calibrate"
# ## Ask whether a probability comes true
#
# Even without a bug, a number can mislead. Of the slides given 90 % by a model, nine in ten should contain tumour: that
# is **calibration**. AUC does not see it, because it depends only on the order.
#
# Here is a model trained without dropout and kept after the last epoch.

# %% id="calibrate-train"
from mil_tutorial import TrainingConfig, build_model, fit

torch.manual_seed(0)
sure = build_model("gated", input_dim=64, hidden_dim=128, dropout=0.0)
settings = {"learning_rate": 1e-3, "weight_decay": 1e-3, "patience": None}
config = TrainingConfig(epochs=5 if FAST else 60, keep="last", **settings)
history = fit(sure, train, val, config, progress=False)
on_val, on_test = predict(sure, val), predict(sure, test)
for name in ("train_loss", "val_loss"):
    print(f"{name} in the last epoch: {history.column(name)[-1]:.3f}")
extreme = abs(on_test.probabilities - 0.5) > 0.45
print(f"{extreme.sum()} of {len(test)} test slides above 0.95 or below 0.05")

# %% [markdown] id="ex-temperature"
# It knows its training slides by heart and is as sure about new ones. **Temperature scaling** (Guo and others 2017)
# divides all logits by one number T > 0: $p = \sigma(z / T)$. Above 1, T reduces confidence.
#
# ### Exercise: find the temperature
#
# <!-- card best_temperature -->
#
# Return the T with the lowest mean cross-entropy, to within 1 %.


# %% id="exercise-best-temperature"
def best_temperature(labels, logits):
    """T > 0 with the lowest cross-entropy of logits / T: two (B,) → float."""
    ### BEGIN SOLUTION
    signed = np.where(labels == 1, logits, -logits)  # below 0: wrong side
    candidates = np.geomspace(0.05, 50, 2000)
    # logaddexp(0, -z) is -log of the probability σ(z)
    losses = [np.logaddexp(0, -signed / t).mean() for t in candidates]
    return candidates[np.argmin(losses)]
    ### END SOLUTION


# %% id="check-best-temperature"
from mil_tutorial.checks.chapter_15 import check_best_temperature

check_best_temperature(best_temperature)

# %% [markdown] id="judge"
# The package's `fit_temperature` finds this T. We fit T on *validation* slides and judge it on *test* slides, for this
# model and the one that ships, which was stopped at its lowest validation loss. For each measure, lower is better:
#
# * **Cross-entropy**, which T minimises on validation slides.
# * **Brier score**: the mean squared gap between probability and label.
# * **Expected calibration error** (ECE): the mean gap between stated probability and share with tumour, here in five
#   bins of equal width, weighted by number of slides.

# %% id="judge-measures"
from sklearn.metrics import brier_score_loss

from mil_tutorial import calibration_error, fit_temperature, paired_difference


def cross_entropy(labels, p):
    """Mean of -log of the probability given to each slide's own label."""
    return -np.log(np.where(labels == 1, p, 1 - p)).mean()


def ece(labels, p):
    """Expected calibration error in five bins."""
    return calibration_error(labels, p, bins=5)


# %% id="judge-run"
measures = {"cross-entropy": cross_entropy, "ECE": ece}
measures["Brier score"] = brier_score_loss
judged = {
    "last epoch": (on_val, on_test),
    "stopped": (val_predictions, test_predictions),
}
y, draws, rows, calibrated = on_test.labels, 100 if FAST else 500, [], {}
for name, (fitted, on) in judged.items():
    T = fit_temperature(fitted.labels, fitted.logits)
    before, after = expit(on.logits), expit(on.logits / T)
    calibrated[name] = after
    same = np.isclose(auc(y, before), auc(y, after))
    print(f"{name}: T = {T:.2f}, AUC {auc(y, after):.3f}, unchanged: {same}")
    for title, measure in measures.items():
        pair = y, after, before, test.groups
        gain = paired_difference(measure, *pair, n_resamples=draws)
        values = f"{measure(y, before):.3f}", f"{measure(y, after):.3f}"
        rows.append((name, title, *values, gain))
table(("model", "measure", "before", "after", "change"), rows)

# %% [markdown] id="chance-read"
# The next cell simulates the ECE of 124 slides whose stated probabilities all come true.

# %% id="judge-chance"
rng, rows = np.random.default_rng(0), []
for name, p in calibrated.items():
    ideal = [ece(rng.uniform(size=len(p)) < p, p) for _ in range(draws)]
    bound = np.quantile(ideal, 0.95)
    rows.append((name, f"{np.mean(ideal):.3f}", f"{bound:.3f}"))
table(("model", "ECE by chance, mean", "95 % are below"), rows)

# %% [markdown] id="judge-read"
# In the stored run, the model of the last epoch was much too sure: T is 3.1. Cross-entropy falls by 0.29, and the
# interval of that change lies below 0. Brier score and ECE fall too, but with 124 test slides their intervals
# include 0. The remaining ECE, 0.05, is what chance alone gives.
#
# For the stopped model T is 1.3, and **no gain is shown**: every interval includes 0, and ECE goes from 0.093 to 0.087.
# It had dropout and an early stop; this comparison cannot tell which helped. Its ECE is larger than chance would give:
# one number does not fix everything.

# %% id="reliability-figure" tags=["hide-input"]
from mil_tutorial import reliability_curve

T = fit_temperature(on_val.labels, on_val.logits)
figure, panels = plt.subplots(1, 2, figsize=(8, 4), sharey=True)
for axes, t, title in zip(panels, (1, T), ("before", f"after, T = {T:.1f}")):
    c = reliability_curve(y, expit(on_test.logits / t), bins=5)
    axes.plot([0, 1], [0, 1], color="0.5", linestyle=":")
    bars = [c.observed - c.low, c.high - c.observed]
    style = {"fmt": "o", "color": "#0072B2", "capsize": 3}
    axes.errorbar(c.stated, c.observed, bars, **style)
    for x, n in zip(c.stated, c.counts):
        axes.text(x, 1.06, f"{n}", ha="center", fontsize=9)
    axes.set(xlabel="stated probability", title=f"{title}; slides per bin:")
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.03, 1.12))
panels[0].set_ylabel("share with tumour, 95 % interval")
show(
    figure,
    "Share of test slides with tumour against the stated probability, in five "
    "bins. Before, 119 of 124 slides are in the outer bins, and one in eight "
    "of those near 0 has tumour; after, the outer bins state 0.1 and 0.9 and "
    "lie near the diagonal, within their bars",
)

# %% [markdown] id="threshold"
# Before scaling, one in eight slides "at 1 %" contained tumour. The bars treat slides as independent; those of one
# patient are not, so the bars are slightly too short. The middle bins hold too few slides to judge.
#
# AUC has not changed: dividing by a positive number keeps the order. The threshold moves with the probabilities:
# **chosen again by the same rule, it makes the same calls**.

# %% id="threshold-run"
from mil_tutorial import (
    false_negative_rate,
    specificity,
    threshold_for_sensitivity,
)

rows = []
for t in (1, T):
    on_validation = on_val.labels, expit(on_val.logits / t)
    cut = threshold_for_sensitivity(*on_validation, 0.95)
    p = expit(on_test.logits / t)
    rates = 1 - false_negative_rate(y, p, cut), specificity(y, p, cut)
    rows.append([f"{t:.2f}"] + [f"{x:.3f}" for x in (cut, *rates)])
table(("T", "threshold", "sensitivity", "specificity"), rows)

# %% [markdown] id="threshold-read"
# We asked for a sensitivity of 0.95 on validation slides; on these test slides it is 0.87, and
# [chapter 07](07_train_for_recall.ipynb) explains why. The old threshold would now make different calls. Store T and
# threshold together.

# %% [markdown] id="summary"
# ## Summary
#
# * A crash is the kindest bug. Beware of the number that pleases you.
# * Judge a slide alone and in a batch. Count what comes out. Predict coins, and let coins predict.
# * A NaN that is covered up lives on in the gradient.
# * Temperature changes how sure a model is, not which slide it ranks first. Fit it on validation slides; judge it on
#   test slides.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Keep these experiments as tests that run with every change.
# * Test with shapes that differ in every axis, one tile, an empty bag, and one slide per batch.
# * Check calibration again at a new hospital. Where tumours are rarer, all logits should shift by a constant. No
#   temperature moves a probability of 0.5, so fit an offset as well.

# %% [markdown] id="reading"
# ## Further reading
#
# * C. Guo, G. Pleiss, Y. Sun, K. Weinberger, *On calibration of modern neural networks*, ICML 2017,
#   [arXiv:1706.04599](https://arxiv.org/abs/1706.04599).
# * S. Kapoor, A. Narayanan, *Leakage and the reproducibility crisis in machine-learning-based science*, Patterns 4,
#   2023, [arXiv:2207.07048](https://arxiv.org/abs/2207.07048).
# * C. Zhang and others, *Understanding deep learning requires rethinking generalization*, ICLR 2017,
#   [arXiv:1611.03530](https://arxiv.org/abs/1611.03530): networks that memorise coin tosses.
#
# <!-- next -->
