# %% [markdown] id="title"
# # Compare fairly
#
# <!-- badges -->
#
# Four poolings, the same slides: which is best, and how sure can we be? Run the experiment, read a printed
# table the same way, and build your own comparison.
#
# | | |
# |---|---|
# | **You will do** | resample patients, train twenty models, look at single runs, check a printed table |
# | **You will learn** | what a paired difference shows, when a mean over runs misleads, what a table leaves open |
# | **You need** | the four poolings ([chapter 04](04_pool_max_and_mean.ipynb) to [chapter 06](06_add_a_gate.ipynb)), sensitivity and specificity, entropy ([chapter 08](08_watch_attention.ipynb)), own scores ([chapter 09](09_judge_attention.ipynb)) |
# | **Time** | 75 minutes |

# %% id="setup"
# setup

# %% [markdown] id="fix"
# ## Fix everything, then open the test slides
#
# This chapter opens the test slides, once. If you change something because of a test result,
# those slides have helped to train. So everything is fixed beforehand: data, settings, poolings, seeds. Each
# run keeps the epoch with the lowest *validation* loss.

# %% id="fix-run" tags=["nbval-check-output"]
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from mil_tutorial import auc, load_benchmark

benchmark = load_benchmark("slides")
(split,) = benchmark.splits(seed=0)
parts = {"training": split.train, "validation": split.val, "test": split.test}
for name, part in parts.items():
    positive, patients = int(part.labels.sum()), len(set(part.groups))
    print(f"{name:10} {len(part):3} slides, {positive:3} positive,", end=" ")
    print(f"of {patients} patients")
print(benchmark.config)

# %% [markdown] id="hand"
# Two things are less clean. The makers of the slides saw test results while drawing, so they chose how *high*
# the numbers are. Validation slides chose the settings, with gated attention and max only.
#
# ## Resample patients
#
# Two models, eight slides of four patients. Of the 16 pairs of a positive and a negative slide, model 1 puts
# one in the wrong order and model 2 puts two. Model 1 may be better, or lucky. The next cell gives the two
# AUCs.

# %% id="hand-run" tags=["nbval-check-output"]
patient = np.array(["A", "A", "B", "B", "C", "C", "D", "D"])
labels = np.array([1, 1, 0, 0, 1, 0, 1, 0])
first = np.array([0.9, 0.8, 0.3, 0.2, 0.7, 0.65, 0.6, 0.1])
second = np.array([0.9, 0.4, 0.5, 0.2, 0.8, 0.3, 0.7, 0.6])
print(f"model 1: {auc(labels, first):.4f} = 15/16", end=", ")
print(f"model 2: {auc(labels, second):.4f} = 14/16")

# %% [markdown] id="hand-draw"
# We would like to see other patients, but have none. So we draw from ours, with replacement: A, A, C and D,
# say. A counts twice, B not at all.
#
# ![Eight patients and three draws of eight with replacement, in which some patients occur twice and others not at all; below, a histogram of the results of 1,000 draws with the middle 95 % marked](images/bootstrap.svg)
#
# We draw *whole patients*, because slides of one patient are alike, and *the same patients for both models*,
# because we ask for their difference.

# %% id="hand-draw-run" tags=["nbval-check-output"]
rows = [0, 1, 0, 1, 4, 5, 6, 7]  # A, A, C, D
areas = [auc(labels[rows], model[rows]) for model in (first, second)]
print(f"model 1: {areas[0]:.3f} = 11/12, model 2: {areas[1]:.3f} = 10/12")
print(f"difference: {areas[0] - areas[1]:+.3f}")

# %% [markdown] id="ex-bootstrap"
# Draw 2,000 times and keep the middle 95 % of the differences: that is the **paired bootstrap**.
#
# ### Exercise 1: compare on the same draws
#
# <!-- card paired_bootstrap -->
#
# Each row of `draws` names the patients of one draw; a patient named twice counts twice. Return each draw's
# difference of AUCs, first minus second.


# %% id="exercise-paired-bootstrap"
def paired_bootstrap(labels, first, second, patient, draws):
    """Differences of AUC: four arrays (B,), draws (R, P) → (R,)."""
    ### BEGIN SOLUTION
    differences = []
    for drawn in draws:
        rows = [np.flatnonzero(patient == name) for name in drawn]
        rows = np.concatenate(rows)
        y = labels[rows]
        differences.append(auc(y, first[rows]) - auc(y, second[rows]))
    return np.array(differences)
    ### END SOLUTION


# %% id="check-paired-bootstrap"
from mil_tutorial.checks.chapter_11 import check_paired_bootstrap

check_paired_bootstrap(paired_bootstrap)

# %% [markdown] id="package"
# Stuck? `check_paired_bootstrap.hint(1)` gives a hint, and `check_paired_bootstrap.solution()` shows one
# answer. The rest of the chapter does not depend on yours.
#
# Do the middle 95 % contain the truth in 95 of 100 studies? Simulate 100 test sets of 20 slides.

# %% id="cover-run"
from scipy.special import expit

from mil_tutorial import confidence_interval


def drawn_auc(labels, p):
    """Share of pairs in the right order: the AUC, written anew."""
    return (p[labels == 1][:, None] > p[labels == 0]).mean()


rng, ten = np.random.default_rng(0), np.repeat(np.arange(10), 2)
y, held = np.tile([0, 1], 10), {drawn_auc: 0, auc: 0}
studies = 10 if FAST else 100
for _ in range(studies):
    p = expit(2.326 * y + rng.normal(size=20))  # the true AUC is 0.95
    for metric in held:
        found = confidence_interval(metric, y, p, ten, n_resamples=100)
        held[metric] += found.low <= 0.95 <= found.high
print(f"intervals that contain 0.95, of {studies} test sets:")
print(f"bootstrap: {held[drawn_auc]}, formula: {held[auc]}")
print("all pairs right, bootstrap:", confidence_interval(drawn_auc, y, y, ten))
print("                   formula:", confidence_interval(auc, y, y, ten))

# %% [markdown] id="cover-read"
# <details><summary>Answer: how often they hold the truth</summary>
#
# In the stored run 77 do: a few patients cannot show how much worse other patients may be. The package's
# formula adds up how far each patient moves the AUC, then adds the spread between seeds. With it, 98 contain
# the truth; over 96 kinds of simulated test sets, 92 to 98 % do (`tests/benchmarks/coverage.py`).
#
# </details>
#
# Next: 80 patients with two slides each, and two models that err on the same slides.

# %% id="package-run" tags=["nbval-check-output"]
from mil_tutorial import paired_difference

rng = np.random.default_rng(0)
many, truth = np.repeat(np.arange(80), 2), np.tile([0, 0, 1, 1], 40)
hard_to_read = rng.normal(size=160)
one = expit(2 * truth + hard_to_read + 0.2 * rng.normal(size=160))
two = expit(1.6 * truth + hard_to_read + 0.2 * rng.normal(size=160))
for name, model in {"model 1": one, "model 2": two}.items():
    print(name, "  ", confidence_interval(auc, truth, model, many))
print("difference", paired_difference(auc, truth, one, two, many))

# %% [markdown] id="ex-bug"
# The intervals overlap, yet the difference is clear.
#
# ### Exercise 2: find the bug
#
# <!-- card differences_of -->
#
# As a test, a colleague compares a model with itself. The difference should be 0 in every draw, but ranges from
# −0.1 to 0.1. Fix it.


# %% id="exercise-differences-of"
def draw_rows(patient, rng):
    """Rows of as many patients as there are, drawn with replacement."""
    names = np.unique(patient)
    drawn = rng.choice(names, len(names))
    return np.concatenate([np.flatnonzero(patient == n) for n in drawn])


def differences_of(labels, first, second, patient, rng, n=200):
    """Differences of AUC, first minus second, in n draws of patients: (n,)."""
    differences = []
    for _ in range(n):
        ### BEGIN SOLUTION
        mine = yours = draw_rows(patient, rng)
        ### INSTEAD
        # mine, yours = draw_rows(patient, rng), draw_rows(patient, rng)
        ### END SOLUTION
        a = auc(labels[mine], first[mine])
        differences.append(a - auc(labels[yours], second[yours]))
    return np.array(differences)


# %% id="check-differences-of"
from mil_tutorial.checks.chapter_11 import check_differences_of

check_differences_of(differences_of)

# %% [markdown] id="experiment"
# ## Run the experiment
#
# Four poolings, seeds 0 to 4: twenty models. A seed sets the initial weights, the order of slides and
# dropout. All poolings share seeds, splits and settings, so they can be compared in pairs. Before you look:
# in which row of the table will attention beat max?

# %% id="experiment-run"
from mil_tutorial import possible_jobs, run_experiment

config, seeds, jobs = benchmark.config, 5, possible_jobs()
if FAST:
    config, seeds, jobs = replace(config, epochs=2), 2, 1
experiment = run_experiment(
    benchmark, seeds=seeds, config=config, jobs=jobs, progress=False
)
n_models = sum(len(runs.histories) for runs in experiment.runs.values())
print(n_models, "models trained and tested")

# %% id="table-run"
from IPython.display import Markdown

from mil_tutorial import Summary, as_markdown, as_results

summary = Summary(experiment)
results = as_results(summary)
Markdown(as_markdown(results).partition("\n\n")[2])  # without its heading

# %% [markdown] id="table-read"
# <details><summary>Answer: attention and max</summary>
#
# Not in the AUC: in the stored run the interval of their difference is about ±0.05. Only the mean is far
# behind.
#
# </details>
#
# * **Baselines.** Bag size predicts nothing: the cohort was chosen that way. The mean *feature* with logistic
#   regression does no worse than mean pooling, which therefore does not show that MIL helps.
# * **Maps.** Attention ranks tiles well; max gives all its attention to one tile. Yet the max model's tile
#   *scores* rank them well too: a heat map does not need attention.
# * **Misses.** Max misses 20 % of the tumours, gated attention 10 %, and the interval of that difference
#   leaves out 0. Does the gate halve the misses?
#
# <details><summary>Answer: half the misses?</summary>
#
# Look one row down: specificity falls from 0.90 to 0.76. One rule (95 % sensitivity on validation slides) put
# the models at *different points* of their curves. At an equal specificity of 90 %, max finds 82 % and gated
# attention 83 %. **A false-negative rate without its specificity says nothing.**
#
# </details>
#
# Which pooling wins where? Split the positive slides into four groups by witness rate.

# %% id="witness-run"
from mil_tutorial import load_recorded, plot_witness_rate

show(
    plot_witness_rate(summary),
    "AUC against the witness rate of the positive slides: max, attention and "
    "gated rise together to near 1; the mean stays near chance at low rates "
    "and rises late",
)

# %% [markdown] id="labels"
# ## Ask what the missing labels would buy
#
# A conventional classifier learns from a label for *every tile*: 44,234 instead of 204. It is a small network
# from scikit-learn on the same features; a slide's score is the mean of its one to three highest tile scores
# (validation slides choose how many).


# %% id="labels-define"
def table(head, rows):
    """A table in Markdown: names of columns, and rows of cells."""
    lines = [head, ["---"] * len(head), *rows]
    return Markdown("\n".join(f"| {' | '.join(map(str, x))} |" for x in lines))


# %% id="labels-run"
from mil_tutorial import fit_tile_classifier, instance_auc

rows, starts_each = [], 1 if FAST else 3
for name in ("slides", "slides-hard"):
    (part,) = load_benchmark(name).splits(seed=0)
    test, y = part.test, part.test.labels.numpy()
    fitted = [
        fit_tile_classifier(part.train, part.val, seed)
        for seed in range(starts_each)
    ]
    p = np.stack([model.bag_probabilities(test) for model in fitted])
    found = confidence_interval(auc, y, p, test.groups)
    ranks = fitted[0].instance_probabilities(test)
    ranking = np.nanmean(instance_auc(ranks, test.instance_labels))
    rows.append([name, "tile labels", found, f"{ranking:.2f}"])
    (mil,) = (
        r for r in load_recorded(name)["rows"] if r["pooling"] == "gated"
    )
    recorded = [
        f"{mil[key]:.{n}f}" for key, n in (("auc", 3), ("instance_auc", 2))
    ]
    rows.append([name, "gated, recorded", *recorded])
table(["data", "model", "AUC over slides", "tiles ranked"], rows)

# %% [markdown] id="curve"
# In the stored run the labels buy a lot for *ranking tiles*. For *calling slides* these (unpaired) intervals
# show no gain. A likely reason: one false alarm spoils a healthy slide, and training on tiles hardly notices
# it.
#
# ## Ask how many slides it takes
#
# Are max and attention still equal with fewer slides? This figure is **recorded** (`data/results/README.md`),
# with five seeds.

# %% id="curve-run"
from mil_tutorial import plot_learning_curve, read_points

show(
    plot_learning_curve(read_points(load_recorded("learning-curve"))),
    "Test AUC against 25, 50, 100 and 204 training slides. Attention and "
    "gated rise from 0.8 to 0.93 and are flat from 100 onwards; the mean "
    "rises to 0.72; max has wide bars until 204, its seeds lying either "
    "near 0.9 or near 0.5",
)

# %% [markdown] id="runs"
# <details><summary>Answer: fewer slides</summary>
#
# Not always. With 25 slides the means agree, but one max run is near chance (small marks); with 50, three of
# five are, and no attention run is. "Equal" was true for *204 slides*.
#
# </details>
#
# ## Look at the runs one by one
#
# Why do the small marks of max lie in two groups? Look at `slides-hard`, with about three tumour tiles per
# positive slide: twenty starts of each pooling, **recorded**.

# %% id="runs-run" tags=["hide-input"]
from mil_tutorial import POOLING_COLOURS, POOLING_MARKERS

starts = {}
for run in load_recorded("slides-hard-starts")["runs"]:
    starts.setdefault(run["pooling"], []).append((run["val_loss"], run["auc"]))
figure, axes = plt.subplots(figsize=(7, 3.2))
for y, (name, values) in enumerate(starts.items()):
    aucs = np.array(values)[:, 1]
    places = y + np.linspace(-0.3, 0.3, len(aucs))  # seed 0 lowest
    style = {"color": POOLING_COLOURS[name], "linestyle": ""}
    axes.plot(aucs, places, POOLING_MARKERS[name], markersize=5, **style)
    axes.vlines(aucs.mean(), y - 0.4, y + 0.4, color="0.2")
    count = f"{sum(aucs > 0.7)} of {len(aucs)}\nabove 0.7"
    axes.text(1.0, y, count, va="center", ha="right")
axes.set(yticks=range(len(starts)), yticklabels=starts)
axes.set(xlim=(0.4, 1.01), ylim=(-0.6, 2.6))
axes.set_xlabel("AUC on test slides; a mark is one start, a line their mean")
show(
    figure,
    "Test AUC of twenty starts each. Max: 5 lie near 0.85 and 15 near 0.5, "
    "their mean at 0.60 where at most one start is; attention: 19 near 0.8 "
    "and one at 0.59; gated: 15 near 0.8 and 5 near 0.5",
)

# %% [markdown] id="runs-read"
# <details><summary>Answer: the two groups</summary>
#
# With max, five starts find the tumour and fifteen never do; their mean, 0.60, describes hardly any of them.
# Attention finds it in 19 starts, gated attention in 15. And **the starts that find it are about equally good**
# (0.84, 0.82, 0.83): here the better pooling does not see more; it is easier to start.
#
# </details>
#
# Seeds 0 to 4 alone say gated 0.83, attention 0.78. All twenty say 0.75 and 0.81. Five heads in a row do not
# tell you how often tails come up.
#
# ### Exercise 3: keep the best start, fairly
#
# <!-- card best_of -->
#
# Train r times, keep the start that *validation* likes best: what test AUC does that give on average? Twenty
# starts contain 15,504 groups of five. Sort the starts by validation loss: the start at place i, counted from
# 0, is kept by the $\binom{S-1-i}{r-1}$ groups whose other members come after it.

# %% id="exercise-best-of"
from math import comb


def best_of(val_losses, values, r):
    """Mean value of the start each group of r keeps: two (S,) → a number."""
    ### BEGIN SOLUTION
    order = np.argsort(val_losses)
    groups = [comb(len(order) - 1 - i, r - 1) for i in range(len(order))]
    return np.average(values[order], weights=groups)
    ### END SOLUTION


# %% id="check-best-of"
from mil_tutorial.checks.chapter_11 import check_best_of

check_best_of(best_of)

# %% id="best-run" tags=["nbval-check-output"]
from mil_tutorial import best_of as package_best_of

rows = []
for r in (1, 2, 5, 10):
    kept = [package_best_of(*np.array(v).T, r) for v in starts.values()]
    rows.append([f"best of {r}", *(f"{value:.2f}" for value in kept)])
table(["test AUC", *starts], rows)

# %% [markdown] id="article"
# Max catches up at a price: with five starts it is behind, with ten level. A fair report gives the number of
# starts.
#
# ## Read a printed table in the same way
#
# The article this course grew from compares poolings on CAMELYON16, whose test set has 49 positive and 80
# negative slides. It prints AUCs of 0.82 (max), 0.85 (mean), 0.91 (attention) and 0.93 (gated), and false
# negatives that fall from 23 % to 11 %. We found no source for them and have not reproduced them. Ask about:
#
# * **Noise.** One standard error of such an AUC is about 0.03 (Hanley and McNeil 1982): 0.93 − 0.91 is less,
#   and no paired interval is printed.
# * **Whole slides.** One run finds a whole number of the 49: 38 are 0.776, 39 are 0.796. The printed
#   sensitivity of 0.79 can only be a mean over runs, or come from another test set.
# * **Order.** Published tables have max far ahead of the mean (Shao and others 2021), not behind.
#
# The figure shows four differences on *our* slides, with intervals.

# %% id="claims-figure" tags=["hide-input"]
hard, many = map(load_recorded, ("slides-hard", "slides-hard-starts"))
sources = {
    "slides, 5 seeds": (results, "#0072B2", "o"),
    "slides-hard, 5 seeds, recorded": (hard, "#D55E00", "s"),
    "slides-hard, 20 seeds, recorded": (many, "#009E73", "^"),
}
names = [f"{p['pooling']} − {p['against']}" for p in results["paired"]]
figure, axes = plt.subplots(figsize=(7.5, 3.8))
for i, (label, (source, colour, marker)) in enumerate(sources.items()):
    for pair in source["paired"]:
        row = names.index(f"{pair['pooling']} − {pair['against']}")
        x, low, high = (pair[key] for key in ("auc", "auc_low", "auc_high"))
        style = {"color": colour, "fmt": marker, "label": label}
        y = row + 0.2 * (1 - i)
        axes.errorbar(x, y, xerr=[[x - low], [high - x]], **style)
        label = None
axes.axvline(0, color="0.4")
axes.set(yticks=range(4), yticklabels=names, ylim=(-0.5, 5.1))
axes.set_xlabel("difference of AUC on test slides, 95 % interval")
axes.legend(loc="upper left", fontsize=9)
show(
    figure,
    "Paired differences of AUC. Slides: only mean − max leaves out 0, far "
    "below. slides-hard, twenty seeds: both differences to max lie above 0",
)

# %% [markdown] id="verdicts"
# | the article's claim | our data |
# |---|---|
# | attention above max | not seen on `slides`: within about ±0.05; seen on `slides-hard`: easier to start |
# | gated above attention | cannot say: every interval contains 0 |
# | mean above max | not seen here: far below on `slides` |
# | half the false negatives | cannot say: at equal specificity the intervals are too wide |
# | no map from max | not seen here: its tile scores rank tumour |
#
# Rendered slides cannot say what CAMELYON16 would show.
#
# ### Exercise 4: predict how many slides it takes
#
# <!-- card slides_needed -->
#
# Now real scores: the FDA's [DLDP project](https://github.com/DIDSR/dldp) (CC0) scored the 129 test slides of
# CAMELYON16 with classifiers trained on annotated tiles. With colour noise in training the AUC is 0.942,
# without it 0.916. The paired difference is 0.027, its interval [−0.029, 0.087], so ± 0.058. If the difference
# stays the same, how many slides would make the interval leave out 0?

# %% id="exercise-slides-needed"
### BEGIN SOLUTION
my_guess = 600  # (0.058 / 0.027)² = 4.6 times 129
### END SOLUTION

# %% id="check-slides-needed"
from mil_tutorial.checks.chapter_11 import check_slides_needed

check_slides_needed(my_guess)

# %% id="camelyon-run"
import csv
import os
from pathlib import Path

folder = Path(os.environ.get("MIL_TUTORIAL_DATA", "."), "camelyon16")
scores = folder / "reference_all_final_results_0515.csv"
if scores.is_file():  # optional: nothing below depends on it
    slides = list(csv.DictReader(scores.open()))
    y = np.array([int(slide["truth"]) for slide in slides])
    columns = ("Method_II_noise_only", "Method_I")
    a, b = (np.array([float(s[c]) for s in slides]) for c in columns)
    each = [slide["slide_name"] for slide in slides]
    print("difference", paired_difference(auc, y, a, b, each))
else:
    print("the FDA's file is not in MIL_TUTORIAL_DATA/camelyon16; go on")

# %% [markdown] id="build"
# ## Build it yourself (stretch)
#
# Build a whole comparison in four stages, on the *training* slides. Does it help to describe a slide by the
# mean of its features *and* their spread, not by the mean alone?
#
# ### Stage 1: split the patients
#
# <!-- card patients_held_out -->
#
# Return True for each slide whose patient is held out: half of the patients, drawn with the seed.


# %% id="exercise-patients-held-out"
def patients_held_out(patient, seed):
    """Slides to test on: patient of each slide (B,), seed → bool (B,)."""
    ### BEGIN SOLUTION
    names = np.random.default_rng(seed).permutation(np.unique(patient))
    return np.isin(patient, names[: len(names) // 2])
    ### END SOLUTION


# %% id="check-patients-held-out"
from mil_tutorial.checks.chapter_11 import check_patients_held_out

check_patients_held_out(patients_held_out)

# %% [markdown] id="build-scores"
# ### Stage 2: train and score
#
# <!-- card held_out_scores -->
#
# Train any classifier on the other slides, and return its probabilities for the held-out ones.

# %% id="exercise-held-out-scores"
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def held_out_scores(features, labels, test):
    """Probabilities of the test slides: (B, D), (B,), bool (B,) → (T,)."""
    ### BEGIN SOLUTION
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(features[~test], labels[~test])
    return model.predict_proba(features[test])[:, 1]
    ### END SOLUTION


# %% id="check-held-out-scores"
from mil_tutorial.checks.chapter_11 import check_held_out_scores

check_held_out_scores(held_out_scores)

# %% [markdown] id="build-interval"
# ### Stage 3: compare
#
# <!-- card paired_interval -->
#
# Return the difference of AUCs and both ends of its 95 % interval. Draw patients, as in exercise 1.


# %% id="exercise-paired-interval"
def paired_interval(labels, first, second, patient, seed):
    """Difference of AUC, first minus second: four (B,) → value, low, high."""
    ### BEGIN SOLUTION
    rng, names = np.random.default_rng(seed), np.unique(patient)
    draws = rng.choice(names, (300, len(names)))
    found = paired_bootstrap(labels, first, second, patient, draws)
    low, high = np.percentile(found, [2.5, 97.5])
    return auc(labels, first) - auc(labels, second), low, high
    ### END SOLUTION


# %% id="check-paired-interval"
from mil_tutorial.checks.chapter_11 import check_paired_interval

check_paired_interval(paired_interval)

# %% [markdown] id="build-call"
# ### Stage 4: call it
#
# <!-- card call_it -->
#
# A difference of up to `margin` does not matter. Return "equal" if the whole interval lies within ±`margin`;
# otherwise "first" or "second" if it lies on one side of 0; otherwise "cannot say".


# %% id="exercise-call-it"
def call_it(difference, low, high, margin):
    """Which model is better: "first", "second", "equal" or "cannot say"."""
    ### BEGIN SOLUTION
    if -margin <= low and high <= margin:
        return "equal"
    if low > 0:
        return "first"
    return "second" if high < 0 else "cannot say"
    ### END SOLUTION


# %% id="check-call-it"
from mil_tutorial.checks.chapter_11 import check_call_it

check_call_it(call_it)

# %% id="build-run"
stages = {
    check_patients_held_out: patients_held_out,
    check_held_out_scores: held_out_scores,
    check_paired_interval: paired_interval,
    check_call_it: call_it,
}
ready = [check.judge(mine).state == "right" for check, mine in stages.items()]
bags, patient = split.train.instances, np.array(split.train.groups)
y = split.train.labels.numpy()
mean = np.stack([bag.mean(dim=0).numpy() for bag in bags])
both = np.hstack([mean, [bag.std(dim=0).numpy() for bag in bags]])
rows = []
for seed in range(3 if all(ready) else 0):
    test = patients_held_out(patient, seed)
    first, second = (held_out_scores(x, y, test) for x in (both, mean))
    found = paired_interval(y[test], first, second, patient[test], seed)
    numbers = [auc(y[test], first), auc(y[test], second), *found]
    rows.append([seed, *(f"{x:.2f}" for x in numbers), call_it(*found, 0.02)])
head = ["seed", "mean + spread", "mean", "difference", "low", "high", "call"]
table(head, rows) if all(ready) else print("after all four stages: the run")

# %% [markdown] id="build-read"
# <details><summary>Answer: does the spread help?</summary>
#
# In the stored run none of the three splits can say: about 41 patients give intervals wider than 0.1. More
# patients would help; more seeds would not, for the splits share slides.
#
# </details>

# %% [markdown] id="summary"
# ## Summary
#
# * Fix everything first; open the test slides once; report what comes out.
# * Draw whole patients, the same for both models.
# * Look at single runs. The mean of a mixture describes none of them.
# * Compare at equal specificity, and ask whether the numbers in a table can occur.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Give every model the same number of starts.
# * Publish predictions for each slide, so others can compute their own intervals.
# * "No difference" needs a narrow interval around 0. A wide one asks for more slides.

# %% [markdown] id="reading"
# ## Further reading
#
# * J. A. Hanley and B. J. McNeil, *The meaning and use of the area under a receiver operating
#   characteristic (ROC) curve*, Radiology 143, 1982.
# * Z. Shao and others, *TransMIL*, NeurIPS 2021, [arXiv:2106.00908](https://arxiv.org/abs/2106.00908): a
#   table for CAMELYON16 with max, mean and attention.
# * X. Bouthillier and others, *Accounting for variance in machine learning benchmarks*, MLSys 2021.
#
# <!-- next -->
