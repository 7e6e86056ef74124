# %% [markdown] id="title"
# # Watch attention: entropy
#
# <!-- badges -->
#
# A heat map shows one slide, and only after training. Does attention narrow onto a few tiles, spread over all
# of them, or lock onto one? A single number per slide tells you, and you can watch it while the model learns.
# You will also see what it cannot tell.
#
# | | |
# |---|---|
# | **You will do** | compute the entropy of attention by hand and for padded batches, watch it live, diagnose three training recipes from their curves, and put entropy into the loss |
# | **You will learn** | what normalised entropy and effective instances mean, how collapsed, uniform and healthy runs differ, and why low entropy proves nothing |
# | **You need** | masks from [chapter 03](03_batch_bags.ipynb); attention and its softmax from [chapter 05](05_attention.ipynb) |
# | **Time** | 40 minutes |

# %% id="setup"
# setup

# %% id="imports"
import math

import matplotlib.pyplot as plt
import numpy as np
import torch

# %% [markdown] id="by-hand"
# ## Measure how wide attention spreads
#
# Four tiles share the attention of one slide. In the first bag they share it evenly. In the second, one tile
# has it all. The third lies in between: a half, two quarters, and nothing.
#
# Which number tells the three apart? Shannon's **entropy** does:
#
# $$E = -\sum_k a_k \log a_k.$$
#
# The logarithm is the natural one, and a tile with weight 0 adds 0.


# %% id="by-hand-run" tags=["nbval-check-output"]
def entropy_of(weights):
    """Entropy of one bag, in natural units."""
    return sum(-a * math.log(a) for a in weights if a > 0)


bags = {
    "uniform": [0.25, 0.25, 0.25, 0.25],
    "one tile": [1.0, 0.0, 0.0, 0.0],
    "in between": [0.5, 0.25, 0.25, 0.0],
}
for name, weights in bags.items():
    e = entropy_of(weights)
    print(
        f"{name:10}: entropy {e:.3f}, divided by log 4: {e / math.log(4):.2f}"
    )

# %% [markdown] id="by-hand-read"
# Check the last bag: 0.5 · 0.693 + 2 · 0.25 · 1.386 = 1.040.
#
# Equal weights give the largest possible entropy, log n: 1.386 for 4 tiles, 5.38 for 217. So bags of different
# sizes cannot be compared yet. Divided by log n, entropy is **normalised**: 1 means that all tiles weigh the
# same, as in mean pooling, and 0 means that one tile has all the weight, as in max pooling.

# %% [markdown] id="effective"
# ## Turn entropy into a number of tiles
#
# An entropy of 1.04 is hard to picture. So ask: how many tiles with *equal* weights would have this
# entropy? They would have log n, so n = exp(E). This is the number of **effective instances**.

# %% id="effective-run" tags=["nbval-check-output"]
for name, weights in bags.items():
    count = math.exp(entropy_of(weights))
    print(f"{name:10}: {count:.2f} effective instances of 4")

# %% [markdown] id="ex-half"
# ### Exercise 1: predict the effective instances
#
# <!-- card half_on_one -->
#
# A slide has 101 tiles. One tile has half of the attention. The other hundred share the rest evenly.
# How many effective instances is that? Guess first, then use a calculator.

# %% id="exercise-half-on-one"
### BEGIN SOLUTION
my_guess = 20  # exp(0.5 · log 2 + 0.5 · log 200) = √2 · √200
### END SOLUTION

# %% id="check-half-on-one"
from mil_tutorial.checks.chapter_08 import check_half_on_one

check_half_on_one(my_guess)

# %% [markdown] id="ex-half-after"
# Stuck? `check_half_on_one.hint(1)` gives a hint, and `check_half_on_one.solution()` shows one answer. The
# rest of the chapter does not depend on yours.
#
# So the number of effective tiles is not the number of tiles that decide.

# %% [markdown] id="loop"
# ## Leave the padding out
#
# In a padded batch each row has K places, and some of them are padding. Padding has weight 0, so it adds
# nothing to the sum. Does it matter at all? Look at what you divide by. Bag 1 below has two tiles with half
# of the attention each. What should its normalised entropy be?

# %% id="loop-run" tags=["nbval-check-output"]
attention = torch.tensor([[0.5, 0.25, 0.25, 0.0], [0.5, 0.5, 0.0, 0.0]])
mask = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]], dtype=torch.bool)  # (B, K)


def entropy_by_loop(attention, mask):
    """Normalised entropy of padded bags: both (B=2, K=4) → (B,)."""
    entropy = torch.zeros(len(attention))
    for b in range(len(attention)):
        real = attention[b, mask[b]].tolist()
        if len(real) > 1:  # the entropy of one tile alone is 0
            entropy[b] = entropy_of(real) / math.log(len(real))
    return entropy


everything = torch.ones_like(mask)
for name, tiles in {"log n_b": mask, "log K": everything}.items():
    found = entropy_by_loop(attention, tiles).tolist()
    print(f"divided by {name:8}", [round(e, 3) for e in found])

# %% [markdown] id="loop-read"
# <details><summary>Answer: the entropy of bag 1</summary>
#
# Both tiles of bag 1 weigh the same, so 1 is right. With log K it looks half collapsed.
#
# </details>
#
# So divide by log n_b, where n_b counts the *real* tiles.

# %% [markdown] id="ex-entropy"
# ### Exercise 2: drop the loop
#
# <!-- card attention_entropy -->
#
# Compute the entropy of the whole batch at once. Attention is 0 on padding, and may be 0 on a real tile. But
# log 0 is −∞ and 0 · log 0 is NaN. So is its gradient, which we will need. Clamp the weights first.


# %% id="exercise-attention-entropy"
def attention_entropy(attention, mask):
    """Normalised entropy of padded bags: (B, K), mask (B, K) bool → (B,)."""
    ### BEGIN SOLUTION
    smallest = torch.finfo(attention.dtype).tiny
    logs = torch.log(attention.clamp(min=smallest))
    entropy = -(attention * logs).sum(dim=1)
    n = mask.sum(dim=1).clamp(min=2)  # a bag of one already has entropy 0
    return entropy / torch.log(n)
    ### END SOLUTION


# %% id="check-attention-entropy"
from mil_tutorial.checks.chapter_08 import check_attention_entropy

check_attention_entropy(attention_entropy)

# %% [markdown] id="slides"
# ## Read it on slides
#
# The package's `attention_entropy` takes padded attention with its mask, or packed attention with the sizes of
# the bags. `effective_instances` is the exponential of the entropy before it is divided by log n. We use the
# trained model from chapter 00 and the validation slides (217 tiles on average). Where will attention be
# narrower: on slides with tumour or without?

# %% id="slides-run"
from mil_tutorial import attention_entropy as package_entropy
from mil_tutorial import (
    effective_instances,
    load_slides,
    load_trained_model,
    predict,
)

train, val, _ = load_slides("slides")
predictions = predict(load_trained_model(), val)
packed, sizes = predictions.attention, predictions.sizes
entropy = package_entropy(packed, sizes=sizes).numpy()
tiles = effective_instances(packed, sizes=sizes).numpy()
for label, name in [(1, "positive"), (0, "negative")]:
    rows = predictions.labels == label
    low, middle, high = np.percentile(tiles[rows], [25, 50, 75])
    print(f"{rows.sum()} {name} slides:", end=" ")
    print(f"median entropy {np.median(entropy[rows]):.2f},", end=" ")
    print(f"{middle:.1f} effective tiles ({low:.1f} to {high:.1f})")

# %% id="slides-figure" tags=["hide-input"]
figure, axes = plt.subplots(figsize=(7, 2.4))
jitter = np.random.default_rng(0).uniform(-0.15, 0.15, len(tiles))
for label, style in [(0, ["o", "#0072B2"]), (1, ["^", "#D55E00"])]:
    chosen = predictions.labels == label
    y, (marker, colour) = label + jitter[chosen], style
    axes.plot(tiles[chosen], y, marker, color=colour, alpha=0.6)
axes.set(xscale="log", xlim=(1, 250), ylim=(-0.5, 1.5))
axes.set_xlabel("effective tiles of a slide")
ticks = [1, 3, 10, 30, 100, 217]
axes.set_xticks(ticks, [*map(str, ticks[:-1]), "217 (all)"])
axes.set_yticks([0, 1], ["negative slides", "positive slides"])
show(
    figure,
    "Effective tiles of each validation slide on a logarithmic axis: positive "
    "slides lie mostly between 1 and 10, negative slides mostly between 10 "
    "and 50, and the two groups overlap",
)

# %% [markdown] id="slides-read"
# (The range in brackets holds the middle half of the slides.)
#
# <details><summary>Answer: where attention is narrower</summary>
#
# Attention is narrower on positive slides, where a few tiles stand out. On a negative slide there is nothing to
# focus on, so the weights stay spread out. They must still sum to 1.
#
# </details>

# %% [markdown] id="shuffle"
# ## See what entropy cannot see
#
# Now do something absurd. Shuffle the weights of each slide among its tiles, so that they land anywhere.
# What happens to the entropy?

# %% id="shuffle-run"
from mil_tutorial import instance_auc

generator = np.random.default_rng(0)
learned = predictions.per_bag(predictions.attention)
shuffled = [generator.permutation(weights) for weights in learned]
truth = val.instance_labels
for name, weights in {"learned": learned, "shuffled": shuffled}.items():
    mean = package_entropy(np.concatenate(weights), sizes=sizes).mean()
    on_tumour = [a[t == 1].sum() for a, t in zip(weights, truth) if t.any()]
    ranking = np.nanmean(instance_auc(weights, truth))
    print(f"{name:8}: entropy {mean:.3f}, on tumour", end=" ")
    print(f"{np.mean(on_tumour):.2f}, instance AUC {ranking:.2f}")

# %% [markdown] id="shuffle-read"
# <details><summary>Answer: the entropy of shuffled weights</summary>
#
# Nothing happens: entropy sees the weights, not the tiles they lie on.
#
# </details>
#
# Low entropy says that few tiles decide. Only tile labels can say whether they are the right ones.

# %% [markdown] id="watch"
# ## Watch it while the model trains
#
# After each epoch `fit` passes a record of the validation slides to `on_epoch`: the loss, the AUC, the mean
# entropy (`val_attention_entropy`), the same for positive and for negative slides alone, and the mean number of
# effective instances. An `EntropyMonitor`, passed as `on_epoch`, draws the curves while the cell runs.
#
# Guess first: at which entropy will an untrained network start?

# %% id="watch-run"
from mil_tutorial import TrainingConfig, build_model, fit
from mil_tutorial.widgets import EntropyMonitor

epochs = 3 if FAST else 30
config = TrainingConfig(
    epochs=epochs, learning_rate=1e-3, weight_decay=1e-3, patience=None
)
torch.manual_seed(0)
model = build_model("attention", input_dim=64, hidden_dim=128, dropout=0.5)
with EntropyMonitor(epochs=epochs) as monitor:
    history = fit(model, train, val, config, on_epoch=monitor, progress=False)

# %% [markdown] id="watch-read"
# Point at a curve, or move the slider with the arrow keys, to read an epoch.
#
# <details><summary>Answer: where entropy starts, and where it goes</summary>
#
# In the stored run entropy starts at 0.99: an untrained network scores all tiles nearly alike. For three epochs
# little happens. Then loss and entropy fall together, as the model finds out which tiles matter. About ten
# effective tiles remain, and positive slides have a lower entropy than negative ones, as before.
#
# </details>
#
# The shaded zones are rules of thumb. Below 0.1 a slide of 217 tiles rests on fewer than two
# effective tiles; above 0.95 attention is hardly more than a mean.

# %% [markdown] id="runs"
# ## Diagnose three training runs
#
# Three recipes, A, B and C, were each trained with five seeds and recorded. (`data/runs/README.md` says how to
# record them again.) One recipe is healthy. One **collapsed**: attention locks onto one or two tiles. One
# stayed **uniform**. The letters do not say which is which; the curves do.

# %% id="runs-figure" tags=["hide-input"]
from mil_tutorial import RECIPES, load_recorded_runs

runs = {letter: load_recorded_runs(letter) for letter in RECIPES}
size = {"figsize": (8, 4.4), "sharex": True, "sharey": "row"}
figure, panels = plt.subplots(2, 3, **size)
for (letter, five), (top, bottom) in zip(runs.items(), panels.T):
    for run in five:
        curves = run.columns
        top.plot(curves["val_loss"], color="0.25", linewidth=1)
        entropies = curves["val_attention_entropy"]
        bottom.plot(entropies, color="#009E73", linewidth=1)
    top.set(title=letter, ylim=(0, 0.9))
    bottom.set(xlabel="epoch", ylim=(-0.02, 1.02))
    for low, high in ((0, 0.1), (0.95, 1)):
        bottom.axhspan(low, high, color="#D55E00", alpha=0.15, linewidth=0)
panels[0, 0].set_ylabel("validation loss")
panels[1, 0].set_ylabel("normalised entropy")
show(
    figure,
    "Six panels of curves by epoch, five seeds each: validation loss above, "
    "normalised entropy below, for recipes A, B and C. The same numbers "
    "are in the table below",
)

# %% id="runs-table"
from IPython.display import Markdown

rows = ["| recipe | epoch | validation loss | entropy |", "|---|---|---|---|"]
for letter, five in runs.items():
    for epoch in (0, 5, -1):
        cells = [letter, str(epoch % len(five[0].columns["val_loss"]) + 1)]
        for name in ("val_loss", "val_attention_entropy"):
            values = [run.columns[name][epoch] for run in five]
            cells.append(f"{min(values):.2f} to {max(values):.2f}")
        rows.append(f"| {' | '.join(cells)} |")
Markdown("\n".join(rows))

# %% [markdown] id="ex-diagnosis"
# ### Exercise 3: name the three
#
# <!-- card diagnosis -->
#
# Give each letter one of the words "collapsed", "healthy" and "uniform", in a dict such as
# `{"A": "healthy", "B": "healthy", "C": "healthy"}`.

# %% id="exercise-diagnosis"
### BEGIN SOLUTION
my_diagnosis = {"A": "collapsed", "B": "healthy", "C": "uniform"}
### END SOLUTION

# %% id="check-diagnosis"
from mil_tutorial.checks.chapter_08 import check_diagnosis

check_diagnosis(my_diagnosis)

# %% [markdown] id="truth"
# ## Open the envelope
#
# Here is what each recipe used, and where its last epoch ended, with one number per seed. The instance AUC
# needs to know which tiles hold tumour. We know that for our slides; you may not for yours.

# %% id="truth-run"
columns = {
    "val_attention_entropy": "entropy",
    "val_entropy_positive": "of positives",
    "val_entropy_negative": "of negatives",
    "val_auc": "slide AUC",
    "val_instance_auc": "instance AUC",
}
rows = ["| recipe | last epoch | five seeds |", "|---|---|---|"]
for letter, five in runs.items():
    for column, label in columns.items():
        values = " ".join(f"{run.columns[column][-1]:.2f}" for run in five)
        rows.append(f"| {letter} | {label} | {values} |")
print(*(f"{letter}: {what}" for letter, what in RECIPES.items()), sep="\n")
Markdown("\n".join(rows))

# %% id="truth-figure" tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(8, 3.4), sharex=True)
marks = {"A": ("s", "#D55E00"), "B": ("o", "#009E73"), "C": ("^", "#0072B2")}
for axes, name in zip(panels, ("val_auc", "val_instance_auc")):
    for letter, (marker, colour) in marks.items():
        ends = [run.columns for run in runs[letter]]
        x = [columns["val_attention_entropy"][-1] for columns in ends]
        y = [columns[name][-1] for columns in ends]
        style = {"color": colour, "markersize": 8, "alpha": 0.7}
        axes.plot(x, y, marker, label=letter, **style)
    axes.axhline(0.5, color="0.6", linestyle=":", linewidth=1)
    axes.set(xlim=(-0.05, 1.05), ylim=(0, 1.02))
    axes.set_xlabel("normalised entropy, last epoch")
panels[0].set_ylabel("slide AUC")
panels[1].set_ylabel("instance AUC of the attention")
panels[0].legend(loc="lower center")
show(
    figure,
    "Slide AUC and instance AUC against entropy in the last epoch, five runs "
    "of each recipe. B lies at entropy 0.35, high in both. C lies at 1, near "
    "0.6 and at 0.5. A lies near 0.1: four runs high in both, one below 0.5 "
    "in both",
)

# %% [markdown] id="truth-read"
# **A** began with entropies of 0.3 to 0.7, before it had learned anything, and went on to collapse. It has
# become max pooling by another route: one tile decides. Four seeds found tumour, with slide AUCs of 0.86 to
# 0.92. One locked onto something else, and both its AUCs are below 0.5. All five end at an entropy below 0.1.
# The curve shows *that* attention collapsed, not *where*.
#
# **C** weighs all tiles alike, as mean pooling does: weight decay shrank the attention layer to nothing. In
# the end attention does not even rank the tiles. The rest of the network shrank too: C's training loss stays
# at 0.69, that of a coin toss.
#
# **B** ends at the same width with every seed. It also shows what A and C do not: positive slides have a clearly
# lower entropy than negative ones, by about 0.2. You can see that gap without tile labels. That is a good sign,
# not proof.

# %% [markdown] id="ex-bug"
# ### Exercise 4: find the bug
#
# <!-- card effective_tiles -->
#
# A colleague's monitor reports 316 effective tiles on a slide of 54. Fix the code.


# %% id="exercise-effective-tiles"
def effective_tiles(attention):
    """Effective tiles of one slide: attention (n,), all > 0 → 1 to n."""
    bits = -(attention * torch.log2(attention)).sum()
    ### BEGIN SOLUTION
    return 2**bits
    ### INSTEAD
    # return torch.exp(bits)
    ### END SOLUTION


# %% id="check-effective-tiles"
from mil_tutorial.checks.chapter_08 import check_effective_tiles

check_effective_tiles(effective_tiles)

# %% [markdown] id="term"
# ## Put entropy into the loss
#
# If attention is too wide or too narrow, can we ask for a different width? Add a term to the training loss:
#
# $$\text{loss} + \lambda \cdot \text{mean normalised entropy}.$$
#
# Watch the sign. With λ > 0 entropy is penalised, so training shrinks it: attention **sharpens**. With λ < 0
# entropy is rewarded: attention **spreads**. One gradient step on the term alone shows it.


# %% id="term-run" tags=["nbval-check-output"]
def rounded(weights):
    return [round(a, 3) for a in weights[0].tolist()]


start = torch.tensor([[2.0, 1.0, 0.0]])
print("before:   ", rounded(torch.softmax(start, dim=1)))
for weight in (1.0, -1.0):
    scores = start.clone().requires_grad_()
    (weight * package_entropy(torch.softmax(scores, dim=1)).mean()).backward()
    after = torch.softmax(start - scores.grad, dim=1)  # one step of size 1
    print(f"λ = {weight:+.0f}:   ", rounded(after))

# %% [markdown] id="sweep"
# `TrainingConfig(entropy_weight=λ)` adds the term. The losses in the history do not include it, so epochs are
# chosen by the same measure whatever λ is. For max and mean pooling `fit` refuses an entropy weight: their
# attention is not learned.
#
# What does the term do here? Recipe B was trained with five values of λ and five seeds. Each dot is one run, at
# the epoch that `fit` keeps.

# %% id="sweep-figure" tags=["hide-input"]
weights = [-0.1, 0.0, 0.03, 0.1, 0.3]
labels = {
    "val_attention_entropy": "normalised entropy",
    "val_auc": "slide AUC",
    "val_instance_auc": "instance AUC",
}
spread = np.linspace(-0.2, 0.2, 5)
figure, panels = plt.subplots(1, 3, figsize=(8, 3))
for axes, (column, label) in zip(panels, labels.items()):
    for x, weight in enumerate(weights):
        values = [run.kept(column) for run in load_recorded_runs("B", weight)]
        axes.plot(x + spread, values, "o", color="#009E73", alpha=0.6)
        axes.hlines(np.median(values), x - 0.35, x + 0.35, color="0.2")
    low = 0 if column == "val_attention_entropy" else 0.4
    axes.set(xlabel="entropy weight λ", ylabel=label, ylim=(low, 1.02))
    axes.set_xticks(range(len(weights)), [f"{weight:g}" for weight in weights])
show(
    figure,
    "Entropy, slide AUC and instance AUC for five entropy weights, five runs "
    "each, with medians. The median entropy goes from 0.54 at the lowest "
    "weight to 0.16 at the highest. Both AUCs stay level, except for one run "
    "at the largest weight, which drops to 0.56 and 0.41",
)

# %% id="sweep-run"
for weight in weights:
    values = [run.kept("val_auc") for run in load_recorded_runs("B", weight)]
    print(f"λ = {weight:5.2f}: slide AUC", *(f"{v:.3f}" for v in values))

# %% [markdown] id="sweep-read"
# <details><summary>Answer: what the term does</summary>
#
# It does what it says: from λ = −0.1 to 0.3 the median entropy falls from 0.54 to 0.16. The AUCs hardly move.
# At λ = −0.1 each seed's slide AUC is 0.001 to 0.012 higher than at λ = 0. That is a hint at most: the same 72
# slides also chose the epochs, and four values of λ were tried on them.
#
# </details>
#
# The sweep shows a risk: at λ = 0.3 one run of five failed.

# %% [markdown] id="harm"
# ## Watch a weight that is too large
#
# This is that run: λ = 0.3, seed 0. Which curve raises the alarm first?

# %% id="harm-run"
from dataclasses import replace

sharp = replace(config, entropy_weight=0.3)
torch.manual_seed(0)
model = build_model("attention", input_dim=64, hidden_dim=128, dropout=0.5)
with EntropyMonitor(epochs=epochs) as monitor:
    fit(model, train, val, sharp, on_epoch=monitor, progress=False)

# %% [markdown] id="harm-read"
# <details><summary>Answer: the alarm</summary>
#
# In the stored run the validation loss stays near 0.69, that of a coin toss. Entropy falls all the same: in the
# first epochs the labels say little, so the term takes over. Once a few tiles have all the weight, hardly any
# other tile gets a gradient. The entropy alone looks like success. Next to a loss that does not fall, it is the
# alarm.
#
# </details>

# %% [markdown] id="summary"
# ## Summary
#
# * Normalised entropy is 1 when all real tiles weigh the same and 0 when one has all the weight. Divide by log
#   n_b, never by log K.
# * The exponential of the entropy, before normalising, is a number of tiles: the effective instances.
# * Collapsed, uniform and healthy runs have different curves. Where attention has learned something,
#   it is narrower on positive slides than on negative ones.
# * Entropy is a property of the weights alone. It never says that they lie on tumour.
# * An entropy term changes the width, not the aim.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Log entropy in every epoch next to the loss, for positives and negatives separately. Validation computes
#   the attention anyway.
# * Near 1 in the first epochs is normal. Judge the width once the loss has fallen.
# * Collapsed early? Check the learning rate, and how large the scores are at the start. Uniform? Look for a
#   sigmoid or a second softmax, for strong weight decay, or for a loss that has not moved yet.
# * Report effective tiles together with the size of the slide. Then look at some of these tiles.
# * Leave the entropy weight at 0 unless you have a reason; then choose it with several seeds.

# %% [markdown] id="reading"
# ## Further reading
#
# * C. E. Shannon, *A mathematical theory of communication*, Bell System Technical Journal 27, 1948:
#   where entropy comes from.
# * Y. Grandvalet and Y. Bengio, *Semi-supervised learning by entropy minimization*, NIPS 2004: a term that
#   makes predictions sharper.
# * G. Pereyra, G. Tucker, J. Chorowski, Ł. Kaiser and G. Hinton, *Regularizing neural networks by penalizing
#   confident output distributions*, 2017, [arXiv:1701.06548](https://arxiv.org/abs/1701.06548): one that
#   makes them wider. Both act on class probabilities, not on attention.
#
# <!-- next -->
