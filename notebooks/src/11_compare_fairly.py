# %% [markdown] id="title"
# # Compare fairly
#
# <!-- badges -->
#
# Four poolings, the same slides: which is best, and how sure can we be? Run the experiment, judge published
# classifiers the same way, and build your own comparison.
#
# | | |
# |---|---|
# | **You will do** | resample patients, train twenty models, look at single runs, judge real scores |
# | **You will learn** | what a paired difference shows, when a mean over runs misleads, what 49 positive slides leave open |
# | **You need** | the four poolings ([chapter 04](04_pool_max_and_mean.ipynb) to [chapter 06](06_add_a_gate.ipynb)), sensitivity and specificity, entropy ([chapter 08](08_watch_attention.ipynb)), own scores ([chapter 09](09_judge_attention.ipynb)) |
# | **Time** | 75 minutes |

# %% id="setup"
# setup

# %% [markdown] id="fix"
# ## Fix everything, then open the test slides
#
# This chapter opens the test slides, once. If you change something because of a test result, those slides have
# helped to train. So data, settings, poolings and seeds are fixed beforehand. Each run keeps the epoch with the
# lowest *validation* loss.

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
# one in the wrong order and model 2 puts two. Model 1 may be better, or lucky.

# %% id="hand-run" tags=["nbval-check-output"]
patient = np.array(["A", "A", "B", "B", "C", "C", "D", "D"])
labels = np.array([1, 1, 0, 0, 1, 0, 1, 0])
first = np.array([0.9, 0.8, 0.3, 0.2, 0.7, 0.65, 0.6, 0.1])
second = np.array([0.9, 0.4, 0.5, 0.2, 0.8, 0.3, 0.7, 0.6])
print(f"model 1: {auc(labels, first):.4f} = 15/16", end=", ")
print(f"model 2: {auc(labels, second):.4f} = 14/16")

# %% [markdown] id="hand-draw"
# We would like to see other patients, but have none. So we draw from ours, with replacement: A may come twice
# and B not at all.
#
# ![Eight patients and three draws of eight, with some patients twice and others missing; below, a histogram of 1,000 draws with the middle 95 % marked](images/bootstrap.svg)
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
# Stuck? `check_paired_bootstrap.hint(1)` gives a hint, `.solution()` one answer. The rest of the chapter does not
# depend on yours.
#
# Do the middle 95 % contain the truth in 95 of 100 studies? Simulate 100 test sets of 20 slides.

# %% id="cover-run"
from scipy.special import expit

from mil_tutorial import confidence_interval


def drawn_auc(labels, p):
    """Our own AUC: only the package's has a formula, so draws are used."""
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
# In the stored run 77 do: a few patients cannot show how much worse others may be. The package's formula adds
# up how far each patient moves the AUC, then the spread between seeds. With it, 98 contain the truth; over 96
# kinds of simulated test sets, 92 to 98 % do (`tests/benchmarks/coverage.py`).
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
# dropout; all poolings share them. Before you look: in which row of the table will attention beat max? Is it
# ahead of a trivial model, logistic regression on the mean *feature*? (Cross-validation in training and
# validation slides chooses its regularisation.)

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
# <details><summary>Answer: attention, max and the trivial model</summary>
#
# Attention does not beat max in the AUC: in the stored run the interval of their difference is about ±0.05.
# Both are ahead of the trivial model by 0.19 (last table). Mean pooling is not: it does not show that MIL helps.
#
# </details>
#
# * **Maps.** Max gives all its attention to one tile, yet its tile *scores* rank tumour well: a heat map does
#   not need attention.
# * **Misses.** Max misses 20 % of the tumours, gated attention 10 %, and the interval of that difference
#   leaves out 0. Does the gate halve the misses?
#
# <details><summary>Answer: half the misses?</summary>
#
# Look one row down: specificity falls from 0.90 to 0.76. One rule (95 % sensitivity on validation slides) put
# the models at *different points* of their curves. At a specificity of 90 %, max finds 82 % and gated attention
# 83 %. **A false-negative rate without its specificity says nothing.**
#
# </details>
#
# ## Ask what the missing labels would buy
#
# A conventional classifier learns from a label for *every tile*: 44,234 instead of 204. Here it is a small network
# on the same features; a slide's score is the mean of its one to three highest tile scores (validation slides
# choose how many).

# %% id="labels-run"
from mil_tutorial import fit_tile_classifier, instance_auc, load_recorded
from mil_tutorial.notebook import table

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
# show no gain, perhaps because one false alarm spoils a healthy slide and training on tiles hardly notices it.
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
# (0.84, 0.82, 0.83): the better pooling does not see more; it is easier to start.
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
# Train r times, keep the start that *validation* likes best: what test AUC does that give on average? Sort the
# starts by validation loss: the start at place i, counted from 0, is kept by the $\binom{S-1-i}{r-1}$ groups
# whose other members come after it.

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

# %% [markdown] id="camelyon"
# With five starts max is behind, with ten level. A fair report gives the number of starts.
#
# ## Judge real scores
#
# Now real slides: the FDA published ([CC0](https://github.com/DIDSR/DeepLearningCamelyon_II)) the scores of six
# classifiers on the 129 test slides of CAMELYON16. Of the 49 positive ones, 22 hold a macro-metastasis (more
# than 2 mm) and 27 only micro-metastases. The classifiers were trained on tiles labelled by pathologists'
# outlines: this is **no MIL**. Patients are not published, so each slide counts as one. Without the file, the
# numbers are **recorded**.
#
# How sure can 49 positives make us, and where do the classifiers differ?

# %% id="camelyon-run"
from mil_tutorial import classifier_table, sensitivity_at_specificity
from mil_tutorial.datasets import load_camelyon16_scores

record = load_recorded("camelyon16")
try:
    slides = load_camelyon16_scores()
except FileNotFoundError as error:
    slides = None
    print(error)
if slides is None:
    six = record["rows"][:6]  # the other rows are models of ours
    result = Markdown(classifier_table(record | {"rows": six}))
else:
    y, each, rows = slides.labels, np.array(slides.names), []
    chosen = [y >= 0, *map(slides.against_normal, ("macro", "micro"))]
    for name, p in slides.scores.items():
        row = [confidence_interval(auc, y[k], p[k], each[k]) for k in chosen]
        row += [confidence_interval(sensitivity_at_specificity, y, p, each)]
        rows.append([name, *row, f"{row[-1].value * 49:.0f} of 49"])
    head = ["", "AUC", "AUC, macro", "AUC, micro"]
    head += ["sensitivity at 90 % specificity", "found"]
    result = table(head, rows)
result

# %% [markdown] id="camelyon-read"
# <details><summary>Answer: what 49 positives show</summary>
#
# The intervals of the AUC are up to 0.17 wide, for micro-metastases 0.24. All rank macro-metastases well (0.976 or more);
# micro-metastases range from 0.641 to 0.971.
#
# </details>
#
# Sensitivity leaves more open. It is **k/49 and nothing between**: 38 slides are 0.776, 39 are 0.796. Its
# intervals are 0.15 to 0.37 wide.
#
# The intervals of `noise_only` (colour noise in training) and `noise_norm` (normalised colours too) overlap. Can
# 129 slides tell the first three classifiers apart?

# %% id="pairs-run"
from itertools import combinations

from mil_tutorial import Estimate

recorded = {(p["classifier"], p["against"]): p for p in record["paired"]}
metrics = {
    "auc": auc,
    "sensitivity_at_90_specificity": sensitivity_at_specificity,
}
rows = []
methods = [row["classifier"] for row in record["rows"][:3]]
for one, other in combinations(methods, 2):
    if slides is None:
        pair = recorded[one, other]
        row = [Estimate(**pair[name]) for name in metrics]
    else:
        a, b = slides.scores[one], slides.scores[other]
        row = [paired_difference(m, y, a, b, each) for m in metrics.values()]
    rows.append([f"{one} − {other}", *row])
table(["difference", "AUC", "sensitivity at 90 % specificity"], rows)

# %% [markdown] id="pairs-read"
# <details><summary>Answer: which methods differ</summary>
#
# In the AUC, `noise_norm` is ahead of both others. In sensitivity it is ahead of `Method_I` only; 46 and 43 of 49
# cannot be told apart. Beware of trying all 15 pairs of the six: were all equal, about one would leave out 0.
#
# </details>
#
# ### Exercise 4: predict how many slides it takes
#
# <!-- card slides_needed -->
#
# Does colour noise alone help? `noise_only` is ahead of `Method_I` by 0.027, give or take 0.058. If the
# difference stays the same, how many slides would make the interval leave out 0?

# %% id="exercise-slides-needed"
### BEGIN SOLUTION
my_guess = 600  # (0.058 / 0.027)² = 4.6 times 129
### END SOLUTION

# %% id="check-slides-needed"
from mil_tutorial.checks.chapter_11 import check_slides_needed

check_slides_needed(my_guess)

# %% [markdown] id="article"
# ## Read a printed table in the same way
#
# The article this course grew from prints for CAMELYON16 AUCs of 0.82 (max), 0.85 (mean), 0.91 (attention) and
# 0.93 (gated), and at 90 % specificity sensitivities of 0.76, 0.79, 0.87 and 0.89. We found no source and have
# not reproduced them. Which of these sensitivities can one run give?
#
# <details><summary>Answer: the sensitivities</summary>
#
# Rounded, only 0.76 (37/49): next to the others lie 39/49 = 0.796, 43/49 = 0.878 and 44/49 = 0.898. Cut off
# after two digits, these three fit, but not 0.76. No one rule gives all four: they may be means over runs, or of
# another test set.
#
# </details>
#
# No interval is printed; the paired ones above are about ±0.05, more than 0.93 − 0.91. Published tables have max
# far *ahead* of the mean (Shao and others 2021), and so do our slides. What CAMELYON16 would show, rendered slides
# cannot say.

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
# * Compare at equal specificity. A rate of n slides is k/n: ask whether a printed one can occur.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Publish predictions for each slide, so others can compute their own intervals.
# * "No difference" needs a narrow interval around 0. A wide one asks for more slides.

# %% [markdown] id="reading"
# ## Further reading
#
# * B. Ehteshami Bejnordi and others, *Diagnostic assessment of deep learning algorithms …*, JAMA 318, 2017:
#   CAMELYON16.
# * Z. Shao and others, *TransMIL*, NeurIPS 2021, [arXiv:2106.00908](https://arxiv.org/abs/2106.00908): a
#   table for CAMELYON16 with max, mean and attention.
# * X. Bouthillier and others, *Accounting for variance in machine learning benchmarks*, MLSys 2021.
#
# <!-- next -->
