# %% [markdown] id="title"
# # See why one label per slide is hard
#
# <!-- badges -->
#
# A pathology report says "metastasis" or "no metastasis". It rarely says where. In this chapter you see what
# that costs: first in false alarms, then in how little a network can learn from such a label.
#
# | | |
# |---|---|
# | **You will do** | count false alarms by hand, by loop and by formula; train two tile classifiers from slide labels; follow a gradient to the tile it reaches |
# | **You will learn** | why a 1 % error rate on tiles flags 63 % of healthy bags of 100 tiles, how copied labels mislead, and why max pooling teaches one tile per slide |
# | **You need** | Python, NumPy, and the idea of a gradient; the words bag, instance and witness rate from [chapter 00](00_start_here.ipynb) |
# | **Time** | 45 minutes |

# %% id="setup"
# setup

# %% [markdown] id="rule"
# ## Read what a slide label says
#
# Cut a slide into tiles. The slide is a **bag**, its tiles are the **instances**, and the only label we get is the
# bag's. One rule ties them together: *a slide is positive if at least one of its tiles holds tumour*.
#
# The rule is lopsided. The label "healthy" speaks for every tile: none holds tumour. The label "positive"
# speaks for no tile in particular.

# %% id="load" tags=["nbval-check-output"]
import matplotlib.pyplot as plt
import numpy as np
import torch

from mil_tutorial import load_slides
from mil_tutorial.notebook import table

train, val, _ = load_slides("slides")
rows = []
for name, data in {"training": train, "validation": val}.items():
    positive, sizes = int(data.labels.sum()), data.sizes
    tiles, mean = f"{int(sizes.sum()):,}", f"{sizes.float().mean():.0f}"
    rows.append((name, len(data), positive, tiles, mean))
table(("", "slides", "positive", "tiles", "tiles per slide"), rows)

# %% [markdown] id="two-slides"
# Here are two validation slides with 217 tiles each. One of them is positive. Which one?

# %% id="two-slides-figure" tags=["hide-input"]
from mil_tutorial import TILE, slide_image

pair = {"slide A": "default-358", "slide B": "default-163"}
pictures = {name: slide_image(slide) for name, slide in pair.items()}
figure, panels = plt.subplots(1, 2, figsize=(7.5, 4.1))
for axes, (name, picture) in zip(panels, pictures.items()):
    axes.imshow(picture)
    axes.set(title=name, xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
show(
    figure,
    "Two rendered lymph-node slides side by side, both full of small dark "
    "nuclei; each has a few patches that differ from their surroundings",
)

# %% [markdown] id="two-slides-answer"
# <details><summary>Answer: which slide is positive, and what misleads</summary>
#
# Slide A. The paler patches of slide B are germinal centres, which belong in a lymph node.
#
# The slides are rendered, so the truth about every tile is known. The fold below shows it. Training in this course
# never uses it, except where we say so.
#
# </details>

# %% id="truth-figure" tags=["hide-cell"]
bag = val.names.index(pair["slide A"])
tumour_tiles = val.coords[bag][val.instance_labels[bag] == 1]
figure, (left, right) = plt.subplots(1, 2, figsize=(7.5, 4.1))
for axes in (left, right):
    axes.imshow(pictures["slide A"])
    for x, y in tumour_tiles:
        for colour, width in (("white", 3.5), ("#D55E00", 2)):
            look = {"fill": False, "ec": colour, "lw": width}
            axes.add_patch(plt.Rectangle((x, y), TILE, TILE, **look))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
x, y = tumour_tiles.mean(axis=0) + TILE / 2
right.set(xlim=(x - 80, x + 80), ylim=(y + 80, y - 80), title="enlarged")
counts = len(tumour_tiles), len(val.coords[bag])
left.set(title="{} of {} tiles hold tumour".format(*counts))
show(
    figure,
    "Slide A with eight square tiles outlined in one patch at the lower left, "
    "and an enlarged view of that patch, where a few large cells with pink "
    "cytoplasm lie among small dark nuclei",
)

# %% [markdown] id="witness"
# Eight of slide A's 217 tiles hold tumour: the **witness rate** is 3.7 %. The next cell summarises it for all positive
# training slides.

# %% id="witness-run" tags=["nbval-check-output"]
rates = [truth.mean() for truth in train.instance_labels if truth.any()]
low, middle, high = np.quantile(rates, [0.25, 0.5, 0.75])
print(f"witness rate of {len(rates)} positive training slides")
print(f"median {middle:.1%}, quartiles {low:.1%} to {high:.1%}")
print(f"lowest {min(rates):.1%}, highest {max(rates):.0%}")

# %% [markdown] id="ex-label"
# ### Exercise 1: find the bug
#
# <!-- card slide_label -->
#
# A colleague makes slide labels from the truth of the tiles: "By my labels only two of the 72 validation slides are
# positive. Your table says 36." Here is the code. Fix it.


# %% id="exercise-slide-label"
def slide_label(truth):
    """Label of a slide, 0 or 1, from the truth of its tiles (n,), 0 or 1."""
    ### BEGIN SOLUTION
    return int(truth.any())
    ### INSTEAD
    # return round(float(truth.mean()))
    ### END SOLUTION


# %% id="check-label"
from mil_tutorial.checks.chapter_01 import check_slide_label

check_slide_label(slide_label)

# %% [markdown] id="ex-label-after"
# Stuck? `check_slide_label.hint(1)` gives you a nudge, and `check_slide_label.solution()` shows one answer. The rest
# of the chapter does not depend on yours.

# %% [markdown] id="count"
# ## Count false alarms by hand
#
# A tile classifier is right on 99 % of healthy tiles. By the rule we flag a slide when any of its tiles is called
# positive. What happens to healthy slides?
#
# A slide of one tile is flagged in 1 % of cases. A slide of two tiles stays quiet only if both tiles do:
# 0.99 × 0.99 = 0.9801. So 1.99 % of such slides are flagged. And with ten tiles, or 100?

# %% id="count-run" tags=["nbval-check-output"]
rows = []
for n_tiles in (1, 2, 10, 100):
    quiet = 0.99**n_tiles  # no tile raises an alarm
    rows.append((n_tiles, f"{quiet:.4f}", f"{1 - quiet:.4f}"))
table(("tiles", "stay quiet", "are flagged"), rows)

# %% [markdown] id="loop"
# <details><summary>Answer: the false alarms of a bag of 100 tiles</summary>
#
# A classifier that errs on one tile in a hundred flags **63 % of the healthy bags of 100 tiles**. Statisticians
# call this multiple testing: ask often enough, and chance will say yes.
#
# </details>
#
# If you trust dice more than formulas, throw them: for 2,000 healthy slides, first tile by tile, then as one array.


# %% id="loop-run" tags=["nbval-check-output"]
def flagged_by_loop(rate, n_tiles, n_slides, rng):
    """Share of healthy slides with at least one false alarm."""
    flagged = 0
    for _ in range(n_slides):
        alarm = False
        for _ in range(n_tiles):
            if rng.random() < rate:
                alarm = True
        flagged += alarm
    return flagged / n_slides


print("loop: ", flagged_by_loop(0.01, 100, 2000, np.random.default_rng(0)))
alarms = np.random.default_rng(0).random((2000, 100)) < 0.01  # (slides, tiles)
print("array:", alarms.any(axis=1).mean())

# %% [markdown] id="ex-predict"
# ### Exercise 2: predict the alarms of a better classifier
#
# <!-- card one_in_a_thousand -->
#
# A better classifier errs on one healthy tile in a *thousand*. The slides now have 217 tiles, as ours do. What
# share of healthy slides does it flag? Write your guess, then run the check.

# %% id="exercise-one-in-a-thousand"
### BEGIN SOLUTION
my_guess = 0.195  # 1 − 0.999²¹⁷
### END SOLUTION

# %% id="check-predict"
from mil_tutorial.checks.chapter_01 import check_one_in_a_thousand

check_one_in_a_thousand(my_guess)

# %% [markdown] id="ex-flagged"
# ### Exercise 3: write the formula for arrays
#
# <!-- card flagged_share -->
#
# Write the share of flagged healthy slides so that it works for numbers and for NumPy arrays. Rates of shape (3, 1)
# and numbers of tiles of shape (4,) should give a table of shape (3, 4).


# %% id="exercise-flagged-share"
def flagged_share(rate, n_tiles):
    """Share of healthy slides flagged; rate: false alarms per tile."""
    ### BEGIN SOLUTION
    return 1 - (1 - rate) ** n_tiles
    ### END SOLUTION


# %% id="check-flagged"
from mil_tutorial.checks.chapter_01 import check_flagged_share

check_flagged_share(flagged_share)

# %% [markdown] id="curve"
# Here is the formula for slides of up to 10,000 tiles, as real ones may have.

# %% id="curve-figure" tags=["hide-input"]
n = np.unique(np.logspace(0, 4, 200).astype(int))
lines = [(0.01, "#D55E00", "-"), (0.001, "#0072B2", "--")]
figure, axes = plt.subplots(figsize=(7, 3.8))
for rate, colour, style in [*lines, (0.0001, "#009E73", "-.")]:
    label = f"{100 * rate:g} % of healthy tiles called positive"
    look = {"color": colour, "linestyle": style, "label": label}
    axes.plot(n, 100 * (1 - (1 - rate) ** n), **look)
axes.plot(100, 63.4, "o", color="#D55E00")
axes.annotate("100 tiles: 63 %", (100, 63.4), (12, 70), color="#A33F00")
axes.axvline(217, color="0.5", linewidth=1, linestyle=":")
axes.text(240, 84, "our slides: 217", color="0.3")
axes.set(xscale="log", xlabel="tiles in the slide")
axes.set(ylabel="healthy slides flagged (%)")
axes.xaxis.set_major_formatter("{x:,.0f}")
axes.legend(loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
show(
    figure,
    "Share of healthy slides flagged against tiles in the slide: at 1 % false "
    "tiles it passes 63 % at 100 tiles and nears 100 % at 500; at 0.1 % and "
    "0.01 % the same curve lies ten and a hundred times further right",
)

# %% [markdown] id="ex-tolerable"
# ### Exercise 4: turn the question round
#
# <!-- card tolerable_rate -->
#
# A laboratory accepts that 5 % of its healthy slides are flagged. How often may the classifier err on a tile?
# Solve the formula for the rate.


# %% id="exercise-tolerable-rate"
def tolerable_rate(n_tiles, share):
    """False alarms per tile at which this share of slides is flagged."""
    ### BEGIN SOLUTION
    return 1 - (1 - share) ** (1 / n_tiles)
    ### END SOLUTION


# %% id="check-tolerable"
from mil_tutorial.checks.chapter_01 import check_tolerable_rate

check_tolerable_rate(tolerable_rate)

# %% [markdown] id="tolerable"
# On our slides it may err on one healthy tile in about 4,200; on slides of 10,000 tiles, on one in about 195,000.
# What is rare among tiles is common among slides.

# %% [markdown] id="real-errors"
# ## Ask whether real errors behave like dice
#
# The formula treats tiles as independent, but neighbouring tiles are not. So we measure. Suppose somebody *had*
# outlined the tumour in all training slides. Then a logistic regression on each tile's 64 features can learn from the
# truth. We set thresholds that call 1 % or 0.1 % of the tiles of healthy validation slides positive, and count
# flagged slides.

# %% id="real-errors-fit"
from sklearn.linear_model import LogisticRegression

from mil_tutorial import auc, standardise

# each feature: mean 0 and deviation 1 over the training tiles
train, val = standardise(train, val)


def learn_tiles(tile_labels, train, val):
    """Fit tile labels (N,); return val's scores, one array per slide."""
    model = LogisticRegression(max_iter=1000)
    model.fit(torch.cat(train.instances).numpy(), tile_labels)
    scores = model.predict_proba(torch.cat(val.instances).numpy())[:, 1]
    return np.split(scores, np.cumsum(val.sizes.numpy())[:-1])


from_truth = learn_tiles(np.concatenate(train.instance_labels), train, val)

# %% id="real-errors-count"
is_positive = val.labels.numpy() == 1
highest = np.array([s.max() for s in from_truth])  # of each slide
tile_scores = np.concatenate(from_truth)
tile_truth = np.concatenate(val.instance_labels)
of_healthy = np.repeat(~is_positive, val.sizes.numpy())

rows = []
for rate in (0.01, 0.001):
    threshold = np.quantile(tile_scores[of_healthy], 1 - rate)
    flagged = highest >= threshold
    formula = 1 - (1 - rate) ** val.sizes.numpy()[~is_positive]
    found = tile_scores[tile_truth == 1] >= threshold
    shares = formula, flagged[~is_positive], flagged[is_positive], found
    rows.append([f"{rate:.1%}", *(f"{share.mean():.2f}" for share in shares)])
head = ("false tiles", "healthy slides flagged, by formula", "measured")
table((*head, "positive slides flagged", "tumour tiles found"), rows)

# %% [markdown] id="real-errors-read"
# In the stored run the measured share agrees with the formula at 0.1 % and lies below it at 1 %. Errors in tissue
# come in clumps, and a clump flags its slide only once; with 36 slides the gap may also be chance.
#
# The last two columns show the good side of the rule: the strict threshold misses more than half of the tumour
# tiles and still flags most positive slides.

# %% [markdown] id="copy"
# ## Idea one: copy the label to every tile
#
# In practice nobody outlines the tumour. So give every tile its slide's label. On healthy slides all copied labels are
# right. The next cell counts how many are wrong on positive slides.

# %% id="copy-wrong" tags=["nbval-check-output"]
copied = np.repeat(train.labels.numpy(), train.sizes.numpy())  # (N,)
truth = np.concatenate(train.instance_labels)
print(f"tiles of positive training slides: {int((copied == 1).sum()):,}")
print(f"of these without tumour: {(truth[copied == 1] == 0).mean():.1%}")
print(f"in the median positive slide: {1 - np.median(rates):.1%}")

# %% [markdown] id="copy-hand"
# Yet a classifier can learn something from that. Think of our two slides. A tile that looks healthy comes from the
# positive slide in 209 cases, with the label 1, and from the healthy one in 217 cases, with the label 0. The best guess
# is 209 / 426 = 0.49. A tile that looks like tumour always comes from the positive slide: the best guess is 1.
#
# So the *order* can survive: tumour above healthy. The *values* cannot. And the order must be learned from labels
# that are mostly coin tosses.

# %% id="copy-run"
from_copies = learn_tiles(copied, train, val)
head = ("learned from", "slides", "tiles, by truth", "tiles, by copied labels")


def evaluate(name, scores, val):
    """Return a row of three AUCs; a slide's score is its highest tile."""
    aucs = [
        auc(val.labels, [s.max() for s in scores]),
        auc(np.concatenate(val.instance_labels), np.concatenate(scores)),
        auc(np.repeat(val.labels, val.sizes), np.concatenate(scores)),
    ]
    return [name, *(f"{value:.2f}" for value in aucs)]


rows = [
    evaluate("truth of each tile", from_truth, val),
    evaluate("copied labels", from_copies, val),
]
table(head, rows)

# %% [markdown] id="copy-read"
# In the stored run the tiles' AUC, judged by the truth, is 0.92: the order survived. But three things are wrong.
#
# **It tells slides apart less well.** The AUC of the highest tile is 0.83; with scores learned from the truth, 0.91.
#
# **You cannot see how good it is.** Judged by copied labels, the only ones you would have, the same tiles have an AUC
# of 0.52, a coin toss. Even perfect scores would reach only 0.54: the tumour tiles (8 % on positive validation
# slides) win, and all other tiles tie.
#
# **The values mislead.** The scores of healthy tiles pile up at 0.49, and the usual threshold, 0.5, cuts through the
# pile. Look and count.

# %% id="copy-figure" tags=["hide-input"]
scores = np.concatenate(from_copies)
healthy = ~of_healthy & (tile_truth == 0)
groups = {
    "tiles of healthy slides": (of_healthy, "#0072B2", "-"),
    "tiles without tumour, positive slides": (healthy, "#E69F00", "--"),
    "tumour tiles": (tile_truth == 1, "#D55E00", "-."),
}
figure, axes = plt.subplots(figsize=(7, 3.6))
for name, (chosen, colour, style) in groups.items():
    share = np.full(chosen.sum(), 100 / chosen.sum())
    look = {"color": colour, "linestyle": style, "label": name}
    step = {"histtype": "step", "linewidth": 1.8, "weights": share}
    axes.hist(scores[chosen], np.linspace(0.2, 1, 41), **look, **step)
axes.axvline(0.5, color="0.5", linewidth=1, linestyle=":")
axes.set(xlabel="score of the tile, learned from copied labels")
axes.set(ylabel="tiles of the group (%)")
axes.legend()
show(
    figure,
    "Histograms of tile scores: tiles of healthy slides and tiles without "
    "tumour of positive slides pile up in the same place, around 0.49; tumour "
    "tiles spread from 0.4 to 0.9, mostly above it",
)

# %% id="copy-count"
called = scores[of_healthy] >= 0.5
flagged = [s.max() >= 0.5 for s, y in zip(from_copies, val.labels) if y == 0]
print(f"tiles of healthy slides called positive: {called.mean():.2f}")
print(f"healthy slides flagged: {sum(flagged)} of {len(flagged)}")

# %% [markdown] id="max"
# ## Idea two: let the highest tile speak
#
# Copying blames every tile. The rule needs only *one*. So score all tiles, take the highest score as the slide's,
# and compare that with the label: **max pooling**. The false labels are gone.
#
# What does training do to the tiles? Take three tiles with the scores 2, 1 and −1 in a positive slide. Its score is 2,
# its probability sigmoid(2) = 0.881, and the loss −log 0.881 = 0.127. Nudge the score of each tile a little. How
# does the loss respond?

# %% id="max-hand" tags=["nbval-check-output"]
from torch import nn
from torch.nn import functional as F

three = torch.tensor([2.0, 1.0, -1.0], dtype=torch.float64)
positive = torch.tensor(1.0, dtype=torch.float64)


def loss_of(scores):
    return F.binary_cross_entropy_with_logits(scores.max(), positive)


print(f"loss {loss_of(three):.3f}")
for k in range(3):
    nudge = torch.zeros(3)
    nudge[k] = 0.001
    change = (loss_of(three + nudge) - loss_of(three)) / 0.001
    print(f"tile {k}: {change:+.3f} per unit of score")

# %% [markdown] id="max-hand-read"
# <details><summary>Answer: how the loss responds to each tile</summary>
#
# For the highest tile the response is probability − label = 0.881 − 1 = −0.119; for the other two it is 0.
#
# </details>
#
# These responses are the gradient, and PyTorch computes them for us.

# %% [markdown] id="ex-gradients"
# ### Exercise 5: ask autograd who is taught
#
# <!-- card score_gradients -->
#
# Return the gradient of the loss with respect to the score of each tile, for one max-pooled slide. The loss is
# `F.binary_cross_entropy_with_logits`; both arguments are tensors.


# %% id="exercise-score-gradients"
def score_gradients(scores, label):
    """Gradient of a max-pooled slide's loss: scores (n,), label () → (n,)."""
    ### BEGIN SOLUTION
    scores = scores.detach().clone().requires_grad_()
    loss = F.binary_cross_entropy_with_logits(scores.max(), label)
    loss.backward()
    return scores.grad
    ### END SOLUTION


# %% id="check-gradients"
from mil_tutorial.checks.chapter_01 import check_score_gradients

check_score_gradients(score_gradients)

# %% [markdown] id="batch"
# Now a real batch: 16 training slides, their tiles packed one after the other, a linear scorer, and the package's
# `MaxPooling`. How many tiles will get a gradient?

# %% id="batch-run" tags=["nbval-check-output"]
from mil_tutorial import MaxPooling, collate_packed

torch.manual_seed(0)
scorer = nn.Linear(64, 1)
batch = collate_packed([train[i] for i in range(16)])
scores = scorer(batch.instances)  # (N, 1)
scores.retain_grad()  # PyTorch keeps gradients of parameters only
pooled = MaxPooling()(scores, batch.sizes).values.squeeze(1)  # (B,)
F.binary_cross_entropy_with_logits(pooled, batch.labels).backward()
reached = int((scores.grad != 0).sum())
print(f"{len(batch)} slides, {len(scores):,} tiles")
print(f"tiles with a gradient: {reached}")

# %% [markdown] id="max-train"
# <details><summary>Answer: how many tiles get a gradient</summary>
#
# One tile per slide.
#
# </details>
#
# Later in training, other tiles may win. So train for some **epochs**, passes over all training slides, and note every
# tile that ever gets a gradient.


# %% id="max-train-code"
def learn_by_max(train, seed, epochs):
    """Train a linear scorer by max pooling; also return the tiles it heard."""
    torch.manual_seed(seed)
    scorer, pooling = nn.Linear(64, 1), MaxPooling()
    adam = torch.optim.Adam(scorer.parameters(), lr=0.01, weight_decay=1e-3)
    heard = [torch.zeros(len(x), dtype=torch.bool) for x in train.instances]
    for _ in range(epochs):
        for chosen in torch.randperm(len(train)).split(16):
            batch = collate_packed([train[i] for i in chosen])
            scores = scorer(batch.instances)
            scores.retain_grad()
            pooled = pooling(scores, batch.sizes).values.squeeze(1)
            loss = F.binary_cross_entropy_with_logits(pooled, batch.labels)
            adam.zero_grad()
            loss.backward()
            adam.step()
            reached = (scores.grad != 0).squeeze(1)
            by_slide = reached.split(batch.sizes.tolist())
            for i, of_slide in zip(chosen, by_slide):
                heard[i] |= of_slide
    return scorer, torch.cat(heard).numpy()


# %% id="max-train-run"
@torch.no_grad()
def tile_probabilities(scorer, data):
    """Score the tiles of each slide."""
    scores = [scorer(x).squeeze(1) for x in data.instances]
    return [torch.sigmoid(s).numpy() for s in scores]


epochs = 3 if FAST else 20
scorer, heard = learn_by_max(train, seed=0, epochs=epochs)
print(f"tiles: {heard.sum():,} of {len(heard):,} ever had a gradient,")
print(f"tumour tiles: {truth[heard].sum()} of {truth.sum():,}")
rows.append(evaluate("max pooling", tile_probabilities(scorer, val), val))
table(head, rows)

# %% [markdown] id="max-read"
# In the stored run, max pooling learned from slide labels alone and tells slides apart about as well as the classifier
# that knew the truth. It ranks *tiles* a little worse than copied labels did, and no wonder: only 3 % of all tiles and
# an eighth of the tumour tiles ever had a gradient.

# %% [markdown] id="start"
# ## See how much depends on the start
#
# An untrained scorer picks its tiles blindly: in a positive slide its pick holds tumour about as often as the witness
# rate says. If the pick is healthy, the gradient still raises its score, and those of similar tiles. Healthy slides push
# back. Who wins?
#
# We try slides with a median witness rate of 1.4 %, `slides-hard`, from ten random starts. The last column gives the
# share of positive training slides whose highest tile holds tumour after training.


# %% id="start-run"
def hits(scores, data):
    """Share of positive slides whose highest tile holds tumour."""
    pairs = zip(scores, data.instance_labels)
    return np.mean([truth[s.argmax()] for s, truth in pairs if truth.any()])


hard, hard_val = standardise(*load_slides("slides-hard")[:2])
hard_copied = np.repeat(hard.labels.numpy(), hard.sizes.numpy())
by_copies = learn_tiles(hard_copied, hard, hard_val)
rows = [[*evaluate("copied labels", by_copies, hard_val), ""]]
for seed in range(2 if FAST else 10):
    scorer, _ = learn_by_max(hard, seed, epochs)
    scores = tile_probabilities(scorer, hard_val)
    share = hits(tile_probabilities(scorer, hard), hard)
    row = evaluate(f"max pooling, start {seed}", scores, hard_val)
    rows.append([*row, f"{share:.2f}"])
table((*head, "highest tile holds tumour"), rows)

# %% [markdown] id="start-read"
# In the stored run half of the starts find the tumour and easily beat copied labels. The other half never find it.
# They hold on to healthy tiles that happened to score high, and the tumour tiles that could correct them get no
# gradient. Ten times as many epochs did not free them.
#
# So copying believes every tile; max pooling believes one and ignores the rest. We want to keep a slide's tiles
# together in one bag ([chapter 02](02_build_bags.ipynb)), and share the gradient among many tiles, each by its own
# weight: attention ([chapter 05](05_attention.ipynb)).

# %% [markdown] id="summary"
# ## Summary
#
# * A slide is positive if at least one tile is. "Healthy" speaks for every tile, "positive" for no tile in particular.
# * Under that rule false alarms pile up: 1 − 0.99¹⁰⁰ = 63 % of healthy bags of 100 are flagged.
# * Copied labels are wrong on 94 % of the tiles of positive slides. The order of tiles may survive; values, thresholds
#   and validation by copied labels do not.
# * Max pooling follows the rule, and teaches one tile per slide at each step. Where tumour is rare, the start decides
#   whether it is the right one.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Report false alarms per slide. A tile accuracy of 99 % says little until you know the number of tiles.
# * If you do copy labels, do not judge the result by them. Judge slides, or have a pathologist outline a few tumours.
# * Train max pooling from several starts, and look at the highest tiles of positive slides. One good run proves little.

# %% [markdown] id="reading"
# ## Further reading
#
# * T. G. Dietterich, R. H. Lathrop and T. Lozano-Pérez, *Solving the multiple instance problem with
#   axis-parallel rectangles*, Artificial Intelligence 89, 1997: where the rule and the name come from.
# * M.-A. Carbonneau and others, *Multiple instance learning: a survey of problem characteristics and
#   applications*, Pattern Recognition 77, 2018, [arXiv:1612.03365](https://arxiv.org/abs/1612.03365):
#   witness rate and its consequences.
# * G. Campanella and others, *Clinical-grade computational pathology using weakly supervised deep
#   learning on whole slide images*, Nature Medicine 25, 2019: max pooling on tens of thousands of slides.
#
# <!-- next -->
