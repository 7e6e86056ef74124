# %% [markdown] id="title"
# # Meet real tumours
#
# <!-- badges -->
#
# Rendered slides teach methods, because their truth is known. Now come 1,895 slides of real tumours, published numbers to
# reach, and no truth but a label per slide. What can you still find out?
#
# | | |
# |---|---|
# | **You will do** | reach published results in seconds, count shared patients, hold out hospitals, test a mutation and attention |
# | **You will learn** | how strong a baseline can be, what a hospital gives away, what a high AUC leaves open |
# | **You need** | patients and splits ([chapter 02](02_build_bags.ipynb)), deletion ([chapter 09](09_judge_attention.ipynb)), paired differences ([chapter 11](11_compare_fairly.ipynb)) |
# | **Time** | 60 minutes |

# %% id="setup"
# setup

# %% id="imports"
import matplotlib.pyplot as plt
import numpy as np

from mil_tutorial import auc, confidence_interval, paired_difference
from mil_tutorial.notebook import table

# %% [markdown] id="open"
# ## Open two cohorts
#
# The Cancer Genome Atlas (TCGA) collected tumours from many hospitals. We use breast (BRCA) and lung (LUNG), as encoded by
# the authors of HIPT (Chen and others 2022). The label is the **subtype**, one of two kinds of tumour: ductal (0) or
# lobular (1) in the breast, adenocarcinoma (0) or squamous cell carcinoma (1) in the lung.
#
# * An instance is a **region** of 4096 × 4096 pixels at 20×: 2 mm of tissue in 192 numbers.
# * Nobody labelled regions, and their places are not published: no heat map, no instance AUC.
# * The encoder saw all of TCGA without labels, *test slides included*. No number below is for slides it never saw.
#
# The data are for academic use and do not ship: `data/tcga/README.md` says how to get them. Without them, cells that need
# them stay empty, and the recorded tables and the answers remain.

# %% id="open-run"
from mil_tutorial.datasets import load_tcga

try:
    cohorts = {name: load_tcga(name) for name in ("brca", "lung")}
except FileNotFoundError as error:
    cohorts = {}
    print(error)
data, rows = {}, []
for name, tcga in cohorts.items():
    bags = tcga.dataset
    y, patients = bags.labels.numpy().astype(int), np.array(bags.groups)
    sites, mean = np.array(tcga.columns["site"]), bags.bag_means().numpy()
    data[name] = mean, y, patients, sites
    counts = len(y), y.sum(), len(set(patients)), len(set(sites))
    rows.append((name, *counts, f"{np.median(bags.sizes):.0f}"))
table(("cohort", "slides", "label 1", "patients", "sites", "regions"), rows)

# %% [markdown] id="published"
# ## Read the published numbers
#
# HIPT's repository holds ten **folds** (lists of slides to train, validate and test on) and the test AUC of each method in
# each fold. "max" and "HIPT_GP" use the same region features as we do; HIPT_GP is a transformer with gated
# attention. Which of the four is best?

# %% id="published-run" tags=["nbval-check-output"]
from mil_tutorial import mean_over_folds

PUBLISHED = """
brca max     .858 .946 .848 .800 .871 .897 .726 .793 .750 .832
brca HIPT_GP .931 .967 .901 .912 .864 .911 .800 .875 .758 .869
brca HIPT    .902 .944 .896 .893 .886 .901 .741 .848 .810 .922
brca CLAM-SB .943 .938 .898 .826 .828 .917 .777 .782 .782 .894
lung max     .909 .905 .964 .935 .910 .937 .961 .906 .953 .896
lung HIPT_GP .965 .964 .980 .960 .947 .971 .951 .902 .967 .927
lung HIPT    .942 .963 .974 .967 .954 .975 .924 .911 .958 .948
lung CLAM-SB .936 .922 .970 .892 .907 .940 .927 .921 .941 .928
"""  # results_Issue25 (max, HIPT_GP) and results_cvpr2022_class, rounded
folds, rows = {}, []
for line in PUBLISHED.split("\n")[1:-1]:
    cohort, method, *values = line.split()
    folds[cohort, method] = values = np.array(values, float)
    mean = mean_over_folds(values, n_train=9, n_test=1)  # only the ratio counts
    spread = f"{values.mean():.3f} ± {values.std(ddof=1):.3f}"
    rows.append((cohort, method, spread, mean))
table(("cohort", "method", "mean ± SD", "95 % interval of the mean"), rows)

# %% [markdown] id="published-read"
# <details><summary>Answer: the best of four</summary>
#
# This cannot be read off the means. "±" is the spread of folds, and the interval of the mean is about as wide: folds share most of
# their training slides, so ten folds tell less than ten studies (Nadeau and Bengio 2003). Only differences within folds can
# separate the methods.
#
# </details>
#
# ## Reach them without MIL
#
# What would a model reach that has never heard of attention? Take the *mean region* of each slide, 192 numbers, and
# logistic regression. One setting matters: C says how far the weights may move from 0. Inner folds of the *training*
# slides choose it.


# %% id="baseline-define"
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedGroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def regression(C):
    """Logistic regression on standardised features."""
    model = LogisticRegression(C=C, class_weight="balanced", max_iter=2000)
    return make_pipeline(StandardScaler(), model)


def chosen_C(x, y, patients):
    """The C that ranks best in five inner folds by patient."""
    grid = {"logisticregression__C": [0.001, 0.01, 0.1, 1]}
    inner = StratifiedGroupKFold(5)
    search = GridSearchCV(regression(1), grid, scoring="roc_auc", cv=inner)
    (C,) = search.fit(x, y, groups=patients).best_params_.values()
    return C


# %% id="baseline-run"
scores, rows = {}, []
for name, (x, y, patients, _) in data.items():
    choices, aucs = [], {"chosen": [], "default": []}
    for k, fold in enumerate(cohorts[name].published):
        train, test = fold["train"], fold["test"]
        choices.append(chosen_C(x[train], y[train], patients[train]))
        for which, C in (("default", 1), ("chosen", choices[-1])):
            model = regression(C).fit(x[train], y[train])
            scores[name, k] = p = model.predict_proba(x[test])[:, 1]
            aucs[which].append(auc(y[test], p))
    mine, default = map(np.array, aucs.values())
    lead = mean_over_folds(mine - folds[name, "HIPT_GP"], 9, 1)
    mean = mean_over_folds(mine, 9, 1)
    rows.append((name, set(choices), mean, lead, f"{default.mean():.3f}"))
head = ("cohort", "chosen C", "AUC", "− HIPT_GP, by fold", "AUC at C = 1")
table(head, rows)

# %% [markdown] id="baseline-read"
# <details><summary>Answer: what the baseline reaches</summary>
#
# In the stored run, .890 on breast, more than any mean in the table, and .939 on lung, between max and HIPT_GP. On breast
# the difference to HIPT_GP, fold by fold, has an interval that contains 0. A baseline can also be made *weak* in a
# minute: at C = 1, scikit-learn's default, breast falls to .854.
#
# </details>
#
# What does learned pooling add? The course's own runs on these folds are **recorded** (five seeds; `data/results`), with a
# regression on the mean region as `compare` prints it.

# %% id="record-run"
from mil_tutorial import load_recorded

record = load_recorded("tcga")["runs"]
POOLINGS = ("max", "mean", "attention", "gated", "mean_feature")


def by_fold(run, name):
    """Test AUC of each fold, averaged over seeds: (F,)."""
    return np.mean(record[run]["folds"][name], axis=0)


rows = []
for name in POOLINGS:
    row = [name.replace("_", " ")]
    for run in ("brca-published", "lung-published"):
        values = by_fold(run, name)
        lead = values - by_fold(run, "mean_feature")
        row.append(mean_over_folds(values, 9, 1))
        row.append(mean_over_folds(lead, 9, 1) if lead.any() else "–")
    rows.append(row)
head = ("", "BRCA", "− mean feature", "LUNG", "− mean feature")
table(head, rows)

# %% [markdown] id="record-read"
# <!-- TODO number: best of attention and gated on BRCA and LUNG, and whether the difference to the mean feature leaves out 0 -->
# Judge a difference by its interval, and every method by the strongest baseline.

# %% [markdown] id="shared"
# ## Find the patients on both sides
#
# TCGA's names are **barcodes**. `TCGA-A2-A0CM-01Z-00-DX1` is site A2, patient A0CM, a sample (01Z), a slide (DX1). Site and
# number together are the patient.
#
# ### Exercise 1: find the bug
#
# <!-- card count_shared -->
#
# A colleague counts the patients that are in training *and* in the test, and always gets 0. Fix it.


# %% id="exercise-count-shared"
def count_shared(train, test):
    """Patients on both sides: two lists of barcodes → int."""
    ### BEGIN SOLUTION
    patients = [{name[:12] for name in side} for side in (train, test)]
    ### INSTEAD
    # patients = [set(side) for side in (train, test)]
    ### END SOLUTION
    return len(patients[0] & patients[1])


# %% id="check-count-shared"
from mil_tutorial.checks.chapter_14 import check_count_shared

check_count_shared(count_shared)

# %% [markdown] id="shared-ask"
# Do published folds share patients, and what is that worth? Leave the shared ones out of the *test*, and see how far
# the AUC of the same model moves.

# %% id="shared-run"
rows = []
for name, (_, y, patients, _) in data.items():
    shared, tested, moves = [], [], []
    for k, fold in enumerate(cohorts[name].published):
        train, test, p = fold["train"], fold["test"], scores[name, k]
        both = np.isin(patients[test], patients[train])
        shared.append(len(set(patients[test][both])))
        tested.append(len(set(patients[test])))
        moves.append(auc(y[test], p) - auc(y[test][~both], p[~both]))
    spans = (f"{min(n)} to {max(n)}" for n in (shared, tested))
    rows.append((name, *spans, mean_over_folds(np.array(moves), 9, 1)))
head = ("cohort", "shared", "test patients", "AUC with − without them")
table(head, rows)

# %% [markdown] id="shared-read"
# <details><summary>Answer: what shared patients are worth</summary>
#
# Every fold shares some: 1 to 10 of about 80 patients on breast, 4 to 12 on lung. In the stored run they are worth
# .004 and −.001, and both intervals contain 0. So the published numbers are hardly inflated *by this*. In chapter 02 the same fault
# was worth .4, and you cannot know beforehand. Splitting by patient costs nothing.
#
# </details>
#
# ## Hold out whole hospitals
#
# Slides of a hospital share more than a patient: scanner, stain, how tissue is cut. What does the
# **source site**, the code in the barcode, say about the label?

# %% id="site-figure" tags=["hide-input"]
if data:
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.2))
    for axis, (name, (_, y, _, sites)) in zip(axes, data.items()):
        codes = np.unique(sites)
        n = np.array([[(y[sites == s] == c).sum() for c in (0, 1)] for s in codes])
        n = n[np.argsort(-n.sum(axis=1))]
        places, words = np.arange(len(n)), cohorts[name].classes
        axis.bar(places, n[:, 0], color="#56B4E9", label=words[0])
        axis.bar(places, n[:, 1], bottom=n[:, 0], color="#D55E00", label=words[1])
        axis.set(title=f"{name}: {len(n)} codes", ylabel="slides", xticks=[])
        axis.set_xlabel("source site, the largest first")
        axis.legend()
    show(
        figure,
        "Slides of each source site by class. Breast: most of the large sites "
        "have many slides of one class and some of the other. Lung: every "
        "bar has a single colour",
    )

# %% [markdown] id="site-read"
# <details><summary>Answer: what a site says</summary>
#
# In the breast, 20 of 36 codes have both classes. In the lung *each of the 66 codes has one class*: a code is an institution
# **and a project**, and the two lung cancers were two projects. So one hospital can have two codes.
#
# </details>
#
# How far does a model get that recognises the hospital and nothing else?
#
# ### Exercise 2: predict its AUC
#
# <!-- card site_only_auc -->
#
# Hospital A has 30 slides of class 0 and 10 of class 1, hospital B the reverse. All of B's slides get a higher score than
# all of A's; within a hospital, scores are equal. What is the AUC? (A pair with equal scores counts one half.)

# %% id="exercise-site-only-auc"
### BEGIN SOLUTION
my_guess = 0.75  # 0.75² in the right order, and half of 2 · 0.75 · 0.25
### END SOLUTION

# %% id="check-site-only-auc"
from mil_tutorial.checks.chapter_14 import check_site_only_auc

check_site_only_auc(my_guess)

# %% [markdown] id="fall-ask"
# Now for TCGA: that model, and the regression, with five folds by patient and five folds by site. (C stays 0.01, the choice
# of all twenty folds.) Which cohort will fall?


# %% id="fall-run"
from mil_tutorial import group_folds


def cross(x, y, groups, seeds):
    """Scores of slides whose group is held out, for each seed: (S, B)."""
    p = np.empty((seeds, len(y)))
    for seed in range(seeds):
        for train, val, test in group_folds(y, groups, 5, seed):
            rows = np.r_[train, val]  # nothing is left to choose
            model = regression(0.01).fit(x[rows], y[rows])
            p[seed, test] = model.predict_proba(x[test])[:, 1]
    return p


held, rows = {}, []
for name, (x, y, patients, sites) in data.items():
    ways = {"site only": (np.eye(99)[np.unique(sites, False, True)[1]], patients)}
    ways |= {"by patient": (x, patients), "by site": (x, sites)}
    for way, (features, groups) in ways.items():
        held[name, way] = p = cross(features, y, groups, seeds=5)
        rows.append((name, way, confidence_interval(auc, y, p, patients)))
    pair = held[name, "by site"], held[name, "by patient"]
    for drawn, groups in {"patients": patients, "sites": sites}.items():
        fall = paired_difference(auc, y, *pair, groups)
        rows.append((name, f"difference, drawing {drawn}", fall))
table(("cohort", "", "AUC"), rows)

# %% [markdown] id="fall-read"
# <details><summary>Answer: lung falls</summary>
#
# Knowing the code alone gives XX on breast and 1.00 on lung. Holding sites out costs breast nothing that these slides can
# show, and lung XX. Draw *sites* for the interval, because sites are what was held out: it is twice as wide,
# and still far from 0.
#
# </details>
#
# Do learned poolings resist? **Recorded**, with intervals over patients and seeds:

# %% id="division-table"
RUNS = [f"{c}-{way}" for c in ("brca", "lung") for way in ("patient", "site")]


def recorded_auc(run, name):
    """AUC of a pooling or baseline with its interval, as text."""
    rows = {row["pooling"]: row for row in record[run]["rows"]}
    row = (rows | record[run]["baselines"])[name]
    return f"{row['auc']:.2f} [{row['auc_low']:.2f}, {row['auc_high']:.2f}]"


rows = [
    (name.replace("_", " "), *(recorded_auc(run, name) for run in RUNS))
    for name in (*POOLINGS, "bag_size")
]
table(("", *(run.upper().replace("-", ", by ", 1) for run in RUNS)), rows)

# %% [markdown] id="why"
# <!-- TODO number: best pooling by patient and by site, both cohorts -->
# Every model falls on lung and none on breast.
#
# ## Ask why it falls
#
# Can the features tell sites apart at all? Take lung adenocarcinoma alone, *one* class, and toss a coin for each site code:
# heads is 1. No tissue can explain such a label. What AUC do you expect by patient, and by site?

# %% id="coin-run"
coins = {"by patient": [], "by site": []}
if data:
    x, y, patients, sites = (part[data["lung"][1] == 0] for part in data["lung"])
    codes, code_of = np.unique(sites, return_inverse=True)
    for seed in range(3 if FAST else 20):
        toss = np.random.default_rng(seed).integers(0, 2, len(codes))
        label = toss[code_of]
        for way, groups in (("by patient", patients), ("by site", sites)):
            (p,) = cross(x, label, groups, seeds=1)
            coins[way].append(auc(label, p))
for way, values in coins.items():
    if values:
        error = np.std(values, ddof=1) / len(values) ** 0.5
        print(f"{way:10}: mean AUC {np.mean(values):.2f}, error {error:.2f}")

# %% id="coin-figure" tags=["hide-input"]
if data:
    figure, axes = plt.subplots(figsize=(6.5, 2.4))
    for row, (way, values) in enumerate(coins.items()):
        x = row + np.linspace(-0.25, 0.25, len(values))
        axes.plot(values, x, "o", color=("#D55E00", "#0072B2")[row])
    axes.axvline(0.5, color="0.5", linestyle=":")
    axes.set(yticks=[0, 1], yticklabels=coins, ylim=(-0.6, 1.6), xlim=(0, 1))
    axes.set_xlabel("AUC of coin tosses for each site (one dot, one toss)")
    show(
        figure,
        "AUC of coin-toss labels: by patient all dots lie near 0.9; by site "
        "they scatter widely around 0.5",
    )

# %% [markdown] id="coin-read"
# <details><summary>Answer: the coin</summary>
#
# In the stored run XX by patient and XX by site. A coin is learned as well as the subtype, because the features recognise the
# site. (So do those of breast; there the site hardly says anything about the label.)
#
# </details>
#
# So the model *can* cheat on lung. What does the fall show?
#
# * It shows that part of .93 hangs on the site code. How much of the rest is tumour, it does not say.
# * It does not show that the scanner or stain is to blame: patients and stages differ between hospitals too.
# * It may be *too deep*. If a hospital's other code stays in training, its look has been learned as the other class.
# * It is no forecast for a new hospital, which sees *both* classes under one roof. Here no pair of slides does.
#
# That last point suggests a better question: how well does a model rank slides *of the same hospital*?
#
# ### Exercise 3: compare within sites
#
# <!-- card auc_within -->
#
# Return the share of pairs, one positive and one negative slide *of the same site*, in which the positive one scores
# higher. Equal scores count one half. Without such pairs return NaN.


# %% id="exercise-auc-within"
def auc_within(labels, scores, sites):
    """AUC of pairs of one site: three arrays (B,) → number."""
    ### BEGIN SOLUTION
    ahead = scores[labels == 1][:, None] - scores[labels == 0]
    same = sites[labels == 1][:, None] == sites[labels == 0]
    won = (ahead > 0) + 0.5 * (ahead == 0)
    return won[same].mean() if same.any() else np.nan
    ### END SOLUTION


# %% id="check-auc-within"
from mil_tutorial.checks.chapter_14 import check_auc_within

check_auc_within(auc_within)

# %% [markdown] id="within-ask"
# `confidence_interval(auc, …, within=sites)` does the same, with an interval.

# %% id="within-run"
rows = []
for name, (_, y, patients, sites) in data.items():
    for way in ("site only", "by patient", "by site"):
        p = held[name, way]
        inside = confidence_interval(auc, y, p, patients, within=sites)
        rows.append((name, way, confidence_interval(auc, y, p, patients), inside))
table(("cohort", "model", "all pairs", "pairs of one site"), rows)

# %% [markdown] id="within-read"
# <details><summary>Answer: within one site</summary>
#
# On breast the regression ranks slides of one site about as well as all: it sees tissue. The model that knows only the site is at
# chance, as it must be. On lung there is not one pair. **No statistics can repair that; only other slides can.**
#
# </details>

# %% [markdown] id="gene"
# ## Predict a mutation
#
# Some genes can be read from tissue, papers say. CDH1 keeps cells together. Lobular tumours have lost it, often by a
# mutation, and their cells lie apart. So does a model that predicts CDH1 see more than "lobular"? Compare
# it with the *subtype alone*, and within each subtype.

# %% id="gene-run"
genes, rows = ("CDH1", "TP53", "PIK3CA") if data else (), []
for gene in genes:
    tcga = load_tcga("brca", f"{gene}_mut")
    y = tcga.dataset.labels.numpy().astype(int)
    patients = tcga.dataset.groups
    subtype = np.array(tcga.columns["oncotree_code"])
    p = cross(tcga.dataset.bag_means().numpy(), y, patients, seeds=5)
    lobular = (subtype == "ILC").astype(float)
    inside = confidence_interval(auc, y, p, patients, within=subtype)
    both = [confidence_interval(auc, y, s, patients) for s in (p, lobular)]
    rows.append((gene, y.sum(), *both, inside))
table(("gene", "mutated", "model", "subtype alone", "within subtypes"), rows)

# %% id="gene-table"
genes = [f"brca-{gene}_mut-patient" for gene in ("CDH1", "TP53", "PIK3CA")]
rows = [
    (name.replace("_", " "), *(recorded_auc(run, name) for run in genes))
    for name in POOLINGS
]
table(("recorded AUC", *(run.split("_")[0][5:] for run in genes)), rows)

# %% [markdown] id="gene-read"
# <details><summary>Answer: what the model knows of CDH1</summary>
#
# In the stored run, .83 for the model; the word "lobular" alone reaches .86, and within subtypes XX is left. Most of what it
# knows is the subtype. TP53 is different: the subtype alone points the other way, and within subtypes XX remains. PIK3CA
# is weak everywhere. <!-- TODO number: does any pooling beat .83 / .77 / .64 -->
#
# </details>

# %% [markdown] id="attention"
# ## Look at attention without truth
#
# Nobody marked these regions, so nobody can say whether attention finds tumour. But three questions need no truth. How
# wide is it? Does another start mark the same regions? Does the answer depend on them? Train attention
# twice on one fold.

# %% id="attention-run"
from mil_tutorial import TrainingConfig, load_benchmark, predict, train_one

starts = []
if data:
    benchmark = load_benchmark("tcga-brca")
    split = next(iter(benchmark.splits(0)))
    for seed in (0, 1):
        config = TrainingConfig(epochs=2 if FAST else 12, patience=5, seed=seed)
        model, _ = train_one(benchmark, "attention", split, config)
        starts.append((model, predict(model, split.test)))

# %% id="attention-table"
from scipy.stats import spearmanr

from mil_tutorial import attention_entropy

if starts:
    test, (model, first), (_, second) = split.test, *starts
    sizes, labels = test.sizes.numpy(), test.labels.numpy()
    pairs = zip(first.per_bag(first.attention), second.per_bag(second.attention))
    big = [(np.array(a), np.array(b)) for a, b in pairs if len(a) >= 10]
    wide = np.array(attention_entropy(first.attention, sizes=test.sizes))
    alike = [spearmanr(a, b).statistic for a, b in big]
    top = np.mean([a.argmax() == b.argmax() for a, b in big])
    chance = np.mean([1 / len(a) for a, _ in big])
    print(f"test AUC: {auc(labels, first.probabilities):.2f}")
    print(f"entropy, median slide: {np.median(wide[sizes >= 10]):.2f} of 1")
    print(f"rank correlation of two starts, median: {np.median(alike):.2f}")
    print(f"same hottest region: {top:.0%} of slides, by chance {chance:.0%}")

# %% id="deletion-run" tags=["hide-input"]
from mil_tutorial import deletion_curve

if starts:
    rng, curves = np.random.default_rng(0), {}
    for i, a in enumerate(first.per_bag(first.attention)):
        orders = {"most attention first": np.argsort(-np.array(a))}
        orders["random"] = rng.permutation(len(a))
        for name, order in orders.items():
            if len(a) >= 10:
                bag = model, test.instances[i], order, 5
                curve = deletion_curve(*bag, output="logit")
                curves.setdefault((name, int(labels[i])), []).append(curve)
    figure, axes = plt.subplots(figsize=(6.5, 3))
    for (name, label), values in curves.items():
        colour, line = ("#0072B2", "#D55E00")[label], "-" if "most" in name else ":"
        words = f"{cohorts['brca'].classes[label]}, {name}"
        axes.plot(np.mean(values, axis=0), line, color=colour, label=words)
    axes.set(xlabel="regions deleted", ylabel="mean logit")
    axes.legend(fontsize=8)
    show(figure, "TODO")

# %% [markdown] id="attention-read"
# TODO

# %% [markdown] id="summary"
# ## Summary
#
# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# %% [markdown] id="reading"
# ## Further reading
#
# <!-- next -->
