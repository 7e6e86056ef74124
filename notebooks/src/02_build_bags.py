# %% [markdown] id="title"
# # Build bags you can trust
#
# <!-- badges -->
#
# A model believes whatever bags it is given. If labels are flipped, a bag is empty or a patient is on both sides of
# a split, nothing crashes; the result is wrong and looks fine. Here you build bags that are checked first.
#
# | | |
# |---|---|
# | **You will do** | write the data set class, make toy bags with a witness rate you choose, split slides by patient, see what bag size alone predicts |
# | **You will learn** | which faults stay silent, how badly a patient on both sides can fool you, and what to measure before you train |
# | **You need** | bag, instance and witness rate, from [chapter 00](00_start_here.ipynb); a little PyTorch and NumPy |
# | **Time** | 45 minutes |

# %% id="setup"
# setup

# %% id="imports"
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.utils.data import Dataset

from mil_tutorial.notebook import table

# %% [markdown] id="by-hand"
# ## Write two bags by hand
#
# Cut two slides into tiles and describe each tile by two numbers: say, "large, irregular nuclei" and "fat". The left
# slide gives three tiles, the right one two. Tissue does not come in standard sizes.
#
# A **bag** is all tiles of one slide, with one label: 1 if at least one tile holds tumour. So the bag's label is the
# *highest* of its tiles' labels. The next cell computes it for both slides.

# %% id="by-hand-run" tags=["nbval-check-output"]
slides = {  # name: features of its tiles (n, D=2), truth of its tiles (n,)
    "left": ([[4.0, 0.0], [1.0, 1.0], [0.0, 3.0]], [1, 0, 0]),
    "right": ([[1.0, 2.0], [0.0, 3.0]], [0, 0]),
}
rows = []
for name, (features, truth) in slides.items():
    n = len(features)
    rows.append((name, n, f"{sum(truth)}/{n}", max(truth)))
table(("slide", "tiles", "witness rate", "bag label"), rows)

# %% [markdown] id="by-hand-truth"
# For real slides nobody knows the truth of the tiles. The pathologist signed out the slide, so a bag holds features and
# *one* label:

# %% id="by-hand-pairs"
pairs = [(features, max(truth)) for features, truth in slides.values()]
for features, label in pairs:
    print(torch.tensor(features).shape, label)

# %% [markdown] id="silent"
# ## See which faults stay silent
#
# A scan failed and gave no tiles. An encoder divided by zero once. What happens then: an error, or nothing? Pool an
# empty bag by its mean, and compute the gradient for a bag of two tiles, one of them broken.

# %% id="silent-run" tags=["nbval-check-output"]
print("mean of an empty bag:", torch.empty(0, 2).mean(dim=0))

weights = torch.ones(2, requires_grad=True)
tiles = torch.tensor([[4.0, 0.0], [float("nan"), 1.0]])  # (n=2, D=2)
(tiles @ weights).mean().backward()
print("gradient of the weights:", weights.grad)

# %% [markdown] id="silent-why"
# <details><summary>Answer: what a broken bag does</summary>
#
# There is no error. The mean of an empty bag is NaN. One broken tile makes a weight's gradient NaN; after the next
# step the weight is NaN, and then so is the score of every slide. You notice hours later, far from the cause.
#
# </details>
#
# So we check a bag when it comes in, and the error message names it.
#
# Labels go wrong too. Here are four ways to write "tumour". Which of them does the loss accept?

# %% id="label-types"
from torch.nn.functional import binary_cross_entropy_with_logits

rows = []
for label in (1, True, [0.0, 1.0], 1.0):
    target = torch.tensor(label)
    try:
        loss = binary_cross_entropy_with_logits(torch.tensor(0.0), target)
        rows.append((label, target.dtype, f"{loss:.3f}"))
    except (RuntimeError, ValueError):
        rows.append((label, target.dtype, "refused"))
table(("label", "type of the tensor", "loss"), rows)

# %% [markdown] id="label-types-why"
# <details><summary>Answer: which label the loss accepts</summary>
#
# Only the last: one float per bag, because the loss computes y · log p, and y must be a number like p.
#
# </details>
#
# Tables hold integers, booleans and words. This helper turns them into a float where that makes sense, and into NaN
# where it does not.


# %% id="as-number" tags=["nbval-check-output"]
def as_number(label):
    """Turn a label into a float; what is not one number becomes NaN."""
    try:
        return float(label)
    except (TypeError, ValueError, RuntimeError):
        return float("nan")


one = torch.tensor(1)
labels = [1, True, np.int64(0), one, "tumour", [0, 1], None, 2]
rows = [(type(label).__name__, label, as_number(label)) for label in labels]
table(("type", "label", "as a number"), rows)

# %% [markdown] id="class"
# ## Write the data set class
#
# PyTorch asks a data set for its length and for item number i. We add one thing: nothing broken gets in.

# %% [markdown] id="ex-dataset"
# ### Exercise 1: check each bag as it comes in
#
# <!-- card bag_dataset -->
#
# Complete the class. An item is a pair: instances as a float32 tensor (n, D), and the label as a float32 tensor of
# shape (). Refuse an empty bag, NaN or infinity, and a label that is not 0 or 1: raise a `ValueError` whose message
# contains the number of the bag. `as_number` helps with the label.


# %% id="exercise-bag-dataset"
class MedicalBagDataset(Dataset):
    """Bags of instances with one label each, from (features, label) pairs."""

    def __init__(self, bags, *, groups=None):
        self.items = []
        for i, (features, label) in enumerate(bags):
            ### BEGIN SOLUTION
            x = torch.as_tensor(features, dtype=torch.float32)
            y = as_number(label)
            if len(x) == 0:
                raise ValueError(f"bag {i} is empty")
            if not torch.isfinite(x).all():
                raise ValueError(f"bag {i} holds NaN or infinity")
            if y not in (0.0, 1.0):
                raise ValueError(
                    f"bag {i}: the label is {label!r}, not 0 or 1"
                )
            self.items.append((x, torch.tensor(y)))
            ### END SOLUTION
        self.groups = range(len(self.items)) if groups is None else groups

    def __len__(self):
        return len(self.items)

    def __getitem__(self, index):
        ### BEGIN SOLUTION
        return self.items[index]
        ### END SOLUTION


# %% id="check-bag-dataset"
from mil_tutorial.checks.chapter_02 import check_bag_dataset

check_bag_dataset(MedicalBagDataset)

# %% [markdown] id="ex-dataset-after"
# Stuck? `check_bag_dataset.hint(1)` gives you a nudge, and `check_bag_dataset.solution()` shows one answer. The rest of
# the chapter does not depend on yours.

# %% [markdown] id="package"
# ## Use the package's version
#
# The package's class gives the same items, and carries along what belongs to a bag: `names`, `groups` (patients),
# `coords` (where each tile lies) and `instance_labels` (the truth, if somebody drew it; for evaluation, never for
# training). It also refuses more. Here are five faults; our small class looks only for the first two.

# %% id="package-run" tags=["nbval-check-output"]
from mil_tutorial import MedicalBagDataset as PackageDataset

good = torch.ones(3, 2)
in_negative = {"instance_labels": [[1, 0, 0], [0, 1, 0]]}
faults = [
    ((torch.ones(0, 2), 0), {}),
    ((good, [0, 1]), {}),
    ((torch.ones(3, 5), 0), {}),  # features of another encoder
    ((good, 0), {"groups": ["P1"]}),  # two bags, one patient
    ((good, 0), in_negative),  # tumour in a negative slide
]
rows = []
for bag, extra in faults:
    try:
        PackageDataset([(good, 1), bag], **extra)
    except ValueError as error:
        rows.append([error])
table(["refused, because"], rows)

# %% [markdown] id="look"
# ## Look before you train
#
# Load the shipped slides, with features from an encoder that saw no labels. Before you train any model, find out how
# many bags each class has, how big they are, and how rare witnesses are.

# %% id="look-run" tags=["nbval-check-output"]
from mil_tutorial import load_slides

train, val, _ = load_slides("slides")  # the test slides stay closed
rows = []
for name, part in {"train": train, "val": val}.items():
    sizes, patients = part.sizes, len(set(part.groups))
    span = f"{sizes.min()} to {sizes.max()}"
    rows.append((name, len(part), int(part.labels.sum()), patients, span))
table(("split", "slides", "positive", "patients", "tiles per slide"), rows)

# %% id="rates-figure" tags=["hide-input"]
rates = np.array([t.mean() for t in train.instance_labels if t.any()])
median = 100 * np.median(rates)
bins = np.geomspace(0.3, 100, 13)

figure, axes = plt.subplots(figsize=(6.5, 3.2))
axes.hist(100 * rates, bins, color="#56B4E9", edgecolor="white")
axes.axvline(median, color="#D55E00", linestyle="--")
axes.text(3.7, 22, f"median {median:.1f} %", color="#A33F00")
axes.set(xscale="log", ylabel="slides")
axes.set_xlabel("witness rate of a positive slide (% of its tiles)")
axes.set_xticks([0.3, 1, 3, 10, 30, 100], ["0.3", "1", "3", "10", "30", "100"])
axes.set_yticks([0, 5, 10, 15, 20, 25])
show(
    figure,
    "Histogram of the witness rates of the 102 positive training slides on a "
    "logarithmic axis: from under 1 to almost 50 per cent, most between 1 and "
    "10, median 3.4 per cent",
)

# %% [markdown] id="look-read"
# In half of the positive slides fewer than 1 tile in 29 holds tumour, and in some only a single tile does. The axis
# is logarithmic because lesion sizes span a wide range. A model trained here has two tasks at once: to find
# metastases that anyone would see, and slides with one odd tile.

# %% [markdown] id="toy"
# ## Choose the witness rate yourself
#
# To learn how small a lesion a method can find, you need bags whose rate you set. The rule: a positive bag of n
# tiles gets round(rate · n) witnesses, a negative one none. Can a positive bag of 100 tiles have the rate 0.001?


# %% id="toy-code"
def toy_bags(n_bags, n, witness_rate, seed, shift=3.0):
    """Make bags of n tiles × 8 features; a witness has one feature raised."""
    rng = np.random.default_rng(seed)
    bags, truths = [], []
    for b in range(n_bags):
        label = b % 2
        witnesses = label * max(1, round(witness_rate * n))
        truth = (rng.permutation(n) < witnesses).astype(int)  # shuffled
        features = rng.normal(size=(n, 8))
        features[:, 0] += shift * truth
        bags.append((features, label))
        truths.append(truth)
    return PackageDataset(bags, instance_labels=truths)


# %% [markdown] id="toy-check"
# <details><summary>Answer: the lowest rate in 100 tiles</summary>
#
# No. Without a witness the label would be wrong, so the lowest rate in a bag of 100 tiles is 0.01.
#
# </details>
#
# Check what you made. The last column is a baseline without MIL: average the tiles, then use logistic regression.

# %% id="toy-run"
from mil_tutorial import auc, baseline_probabilities

rows = []
for asked in (0.5, 0.1, 0.04, 0.01, 0.001):
    toy, toy_val = (toy_bags(200, 100, asked, seed) for seed in (0, 1))
    got = np.array([truth.mean() for truth in toy.instance_labels])
    negative, positive = got[0::2].max(), f"{got[1::2].mean():.3f}"
    probabilities = baseline_probabilities("mean_feature", toy, toy_val)
    value = f"{auc(toy_val.labels, probabilities):.2f}"
    rows.append((asked, positive, negative, value))
table(("rate asked for", "rate got", "in negatives", "AUC"), rows)

# %% [markdown] id="toy-read"
# Check the fall in AUC by hand. A witness is raised by 3, so at rate w the bag's mean is raised by 3w. The mean of
# 100 noisy tiles has a spread of 1/√100 = 0.1. At w = 0.1 the rise is three spreads, easy to see; at 0.01 it is 0.3
# of a spread, and nearly drowns. [Chapter 04](04_pool_max_and_mean.ipynb) takes it from here.

# %% [markdown] id="patients"
# ## Keep each patient on one side
#
# Many patients have several slides. Shuffle the *slides* and cut, as many code examples do, and a patient may end up
# on both sides: one slide in training, another in the test. How often does that happen?
#
# ![Six patients, A to F, with one or two slides each. Split slide by slide, patients B and D have one slide in training and one in test. Split patient by patient, no letter is on both sides.](images/leakage.svg)

# %% [markdown] id="ex-leak"
# ### Exercise 2: predict the chance
#
# <!-- card leak_chance -->
#
# A patient has two slides. Each goes to validation with probability 1/4 and to training with probability 3/4,
# independently. What is the chance that this patient is on both sides? Write your guess, then run the check.

# %% id="exercise-leak-chance"
### BEGIN SOLUTION
my_guess = 0.375  # 2 · 1/4 · 3/4: either slide may be the one in validation
### END SOLUTION

# %% id="check-leak-chance"
from mil_tutorial.checks.chapter_02 import check_leak_chance

check_leak_chance(my_guess)

# %% [markdown] id="count"
# With three slides the chance is higher still: 1 − (3/4)³ − (1/4)³ = 0.56. Now cut the training and
# validation slides of our 110 patients at random, 20 times. Of the patients in validation, how many have a slide in
# training?

# %% id="count-run"
instances = train.instances + val.instances
patients = np.array(train.groups + val.groups)
inside, leaked = [], []
for seed in range(20):
    is_val = np.random.default_rng(seed).random(len(patients)) < 0.25
    held_out = set(patients[is_val])
    inside.append(len(held_out))
    leaked.append(len(held_out & set(patients[~is_val])))
print(f"{len(patients)} slides of {len(set(patients))} patients, 20 cuts")
print(f"patients in validation, on average: {np.mean(inside):.0f}")
print(f"of these also in training: {np.mean(leaked):.0f}")

# %% [markdown] id="count-read"
# <details><summary>Answer: patients in both parts</summary>
#
# More than nine in ten. A random cut of slides hardly tests on new patients.
#
# </details>

# %% [markdown] id="ex-split"
# ### Exercise 3: split by patient
#
# <!-- card split_by_patient -->
#
# Return a boolean array (B,) that is True for validation slides. Draw `share` of the *patients* at random, rounded to
# whole patients, and take all their slides. The same seed must always give the same split (a Python `set` has
# no fixed order; `np.unique` has), and another seed another split.


# %% id="exercise-split-by-patient"
def split_by_patient(patients, share, seed):
    """Choose whole patients: patients (B,) → True for validation (B,)."""
    ### BEGIN SOLUTION
    names = np.unique(patients)
    shuffled = np.random.default_rng(seed).permutation(names)
    return np.isin(patients, shuffled[: round(share * len(names))])
    ### END SOLUTION


# %% id="check-split-by-patient"
from mil_tutorial.checks.chapter_02 import check_split_by_patient

check_split_by_patient(split_by_patient)

# %% [markdown] id="folds"
# The package's `group_folds` also keeps the classes in balance, and gives training, validation and test parts. Here it
# divides our 276 slides again. `check_groups` raises an error when a patient is in two of the parts.

# %% id="folds-run"
from mil_tutorial import check_groups, group_folds

pairs = zip(instances, [*train.labels, *val.labels])
both = PackageDataset(pairs, groups=patients)
first = group_folds(both.labels, patients, n_folds=5)[0]  # of five divisions
parts = [both.subset(rows) for rows in first]
part = dict(zip(("train", "val", "test"), parts))
check_groups(**part)
print({name: f"{len(bags)} slides" for name, bags in part.items()})

try:
    check_groups(train=both.subset([0, 2]), val=both.subset([1]))
except ValueError as error:
    print("refused:", error)

# %% [markdown] id="leak"
# ## See what a leak does
#
# Is a leak so bad? Try a task that nobody can solve: toss a coin for each patient, and make the result the label of
# all their slides. An honest evaluation must give an AUC near 0.5.
#
# We toss for two kinds of patients. Each toy patient has a look of their own, an offset on all tiles, because real
# slides of one patient share tissue, block and staining day. Slides of one rendered patient, from our data, share
# only a hospital and a diagnosis.


# %% id="leak-code"
def coin_auc(instances, patients, seed, by_patient):
    """Validation AUC of the mean feature for labels tossed by patient."""
    names, who = np.unique(patients, return_inverse=True)
    tossed = np.random.default_rng(seed).permutation(len(names)) % 2
    coin = tossed[who]  # the label of each slide
    units = patients if by_patient else range(len(coin))
    fit, held_out, _ = group_folds(coin, units, n_folds=5, seed=seed)[0]
    bags = PackageDataset(zip(instances, coin))
    parts = bags.subset(fit), bags.subset(held_out)
    probabilities = baseline_probabilities("mean_feature", *parts)
    return auc(coin[held_out], probabilities)


def toy_patients(seed, n_patients=80, slides=3, D=64):
    """Make slides of 30 tiles; the tiles of one patient share an offset."""
    rng = np.random.default_rng([seed, 1])
    patients = np.repeat(np.arange(n_patients), slides)
    offset = rng.normal(size=(n_patients, D))
    return [offset[p] + rng.normal(size=(30, D)) for p in patients], patients


# %% id="leak-run"
rendered = instances, patients
aucs = {}  # (patients, split) → AUC of each seed
for seed in range(4 if FAST else 20):
    for kind, data in {
        "toy": toy_patients(seed),
        "rendered": rendered,
    }.items():
        for split in ("slide", "patient"):
            value = coin_auc(*data, seed, by_patient=split == "patient")
            aucs.setdefault((kind, split), []).append(value)
rows = []
for (kind, split), values in aucs.items():
    error = np.std(values, ddof=1) / len(values) ** 0.5
    rows.append((kind, split, f"{np.mean(values):.2f}", f"{error:.2f}"))
table(("patients", "split by", "mean AUC", "standard error"), rows)

# %% id="leak-figure" tags=["hide-input"]
looks = {"slide": ("#D55E00", "o"), "patient": ("#0072B2", "^")}
figure, axes = plt.subplots(figsize=(6.5, 3.4))
for place, ((kind, split), values) in zip((0, 1, 2.5, 3.5), aucs.items()):
    colour, marker = looks[split]
    label = f"split by {split}" if kind == "toy" else None
    x = place + np.linspace(-0.25, 0.25, len(values))
    axes.plot(x, values, marker, color=colour, alpha=0.7, label=label)
    mean = np.mean(values)
    axes.plot([place - 0.35, place + 0.35], [mean, mean], color=colour)
axes.axhline(0.5, color="grey", linestyle=":", zorder=0)
axes.text(4.7, 0.52, "chance", color="#555555", ha="right")
axes.set(ylim=(0, 1.05), xlim=(-0.6, 4.7), ylabel="validation AUC")
axes.set_xticks([0.5, 3], ["toy patients", "rendered patients"])
axes.legend(loc="lower right")
show(
    figure,
    "Validation AUC of coin-toss labels for each seed: for toy patients about "
    "0.9 when split by slide and around 0.5 when split by patient; for "
    "rendered patients around 0.5 either way",
)

# %% [markdown] id="leak-read"
# In the stored run, over 20 seeds, toy patients split by slide reach a mean AUC of 0.89 on coin tosses. The model
# recognised patients, not disease. Split by patient, the mean is 0.49: chance, within its error.
#
# The rendered patients show no leak: their slides share too little to be recognised. Do not count on that with real
# tissue, because an AUC does not tell you where it came from.

# %% [markdown] id="baseline"
# ## Ask bag size first
#
# Suppose the negative slides are biopsies of about 40 tiles, and the positive ones resections of about 150. The tiles
# are pure noise, the same in both. Let a model do what max pooling does: score each tile, keep the highest. Each of
# the 190 values is equally likely to be the highest, so the highest lies in the bigger bag with probability
# 150/190 = 0.79. That is the model's AUC, and it has learned nothing.


# %% id="baseline-run"
def noise_bags(n_bags, seed):
    """Make bags of noise: 30 to 50 tiles if negative, 120 to 180 if not."""
    rng = np.random.default_rng(seed)
    bags = []
    for b in range(n_bags):
        n = rng.integers(120, 181) if b % 2 else rng.integers(30, 51)
        bags.append((n, b % 2))
    return PackageDataset([(rng.normal(size=(n, 8)), y) for n, y in bags])


noise, noise_val = noise_bags(400, 0), noise_bags(2000, 1)
highest = [torch.sigmoid(x[:, 0].max()) for x in noise_val.instances]
highest_auc = auc(noise_val.labels, torch.stack(highest))
rows = [("noise", "highest value", f"{highest_auc:.2f}")]
for name, (fit, held_out) in {
    "noise": (noise, noise_val),
    "slides": (train, val),
}.items():
    probabilities = baseline_probabilities("bag_size", fit, held_out)
    value = auc(held_out.labels, probabilities)
    rows.append((name, "bag size", f"{value:.2f}"))
table(("data", "score", "AUC"), rows)

# %% [markdown] id="baseline-read"
# Bag size alone solves the noise data without looking at any tile. A "perfect" model would have proved nothing there.
# On the shipped slides the same baseline stays at chance, so size cannot explain a good score. The sizes themselves
# show why.

# %% id="baseline-figure" tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(8, 3.1))
drawn = {
    "noise: size gives the label away": (noise, np.arange(20, 191, 10)),
    "shipped slides: size says nothing": (train, np.arange(185, 246, 5)),
}
negatives = {"color": "#56B4E9", "alpha": 0.6, "label": "negative"}
positives = {"color": "#D55E00", "histtype": "step", "label": "positive"}
for axes, (title, (bags, bins)) in zip(panels, drawn.items()):
    sizes, labels = bags.sizes.numpy(), bags.labels.numpy()
    axes.hist(sizes[labels == 0], bins, **negatives)
    axes.hist(sizes[labels == 1], bins, lw=1.8, **positives)
    axes.set(title=title, xlabel="tiles in the bag", ylabel="bags")
    axes.locator_params(axis="y", integer=True, nbins=6)
    axes.margins(y=0.3)
    axes.legend()
show(
    figure,
    "Two histograms of bag sizes by class. Noise bags: negatives at 30 to 50 "
    "tiles, positives at 120 to 180, no overlap. Shipped slides: both classes "
    "overlap, from 187 to 242 tiles",
)

# %% [markdown] id="folders"
# ## Mind the folder names
#
# One fault is left that no check of values can find: labels that are valid, but flipped.

# %% [markdown] id="ex-bug"
# ### Exercise 4: find the bug
#
# <!-- card folder_labels -->
#
# One hospital keeps its slides in the folders `normal` and `tumour`, another in `normal` and `metastasis`. A colleague
# writes: "The model has an AUC of 0.93 at the first and 0.07 at the second. How can anything be so much worse than chance?"
# This is how the labels are read. Fix it, and let a folder with any other name raise an error.


# %% id="exercise-folder-labels"
def folder_labels(folders):
    """Label slides by folder: ["normal", "tumour", "normal"] → [0, 1, 0]."""
    ### BEGIN SOLUTION
    label_of = {"normal": 0, "tumour": 1, "metastasis": 1}
    return [label_of[folder] for folder in folders]
    ### INSTEAD
    # names = sorted(set(folders))
    # return [names.index(folder) for folder in folders]
    ### END SOLUTION


# %% id="check-folder-labels"
from mil_tutorial.checks.chapter_02 import check_folder_labels

check_folder_labels(folder_labels)

# %% [markdown] id="folders-after"
# torchvision's `ImageFolder` numbers classes in alphabetical order too. An AUC far below 0.5 does not mean that
# nothing was learned. The model works, but the labels point the other way.

# %% [markdown] id="summary"
# ## Summary
#
# * A bag is the tiles of one slide and one float label. Check it when it comes in, and name it when you refuse it; later,
#   a fault is silent.
# * Know your witness rates. For questions about small lesions, make toy bags and check the rate you got.
# * Split patients, not slides. A random cut put more than nine in ten validation patients into training as well.
# * Before you train any model, see what bag size predicts. If size gives the answer, a model need not have learned
#   anything from tissue.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Keep one table with a row per slide: file, patient, hospital, label. Read labels from it by name, never from the order
#   of folders or files.
# * Group by the largest thing that slides share. If two "patients" are one person in two hospitals, or slides come from
#   one block, they belong together.
# * Report the bag-size baseline beside your result. If it is well above 0.5, use the same number of tiles from every
#   bag (chapter 03 has a sampler) and see what is left.

# %% [markdown] id="reading"
# ## Further reading
#
# * N. Bussola and others, *AI slipping on tiles: data leakage in digital pathology*, ICPR workshops 2021,
#   [arXiv:1909.06539](https://arxiv.org/abs/1909.06539): scores inflated by up to 41 % when tiles of
#   one patient are on both sides.
# * E. Raff and J. Holt, *Reproducibility in multiple instance learning: a case for algorithmic unit
#   tests*, NeurIPS 2023, [arXiv:2310.17867](https://arxiv.org/abs/2310.17867): toy bags on which a wrong
#   model must fail.
#
# <!-- next -->
