# %% [markdown] id="title"
# # Train for recall
#
# <!-- badges -->
#
# A missed metastasis costs more than a false alarm. Where does training learn that: in the loss, in the
# choice of the epoch, or in the threshold? You will try all three.
#
# | | |
# |---|---|
# | **You will do** | write a training loop that keeps its best epoch, weight rare slides, choose a threshold on validation slides |
# | **You will learn** | what class weights move, why recall must not choose the epoch, how little 36 positive slides can promise |
# | **You need** | packed batches from [chapter 03](03_batch_bags.ipynb), gated attention from [chapter 06](06_add_a_gate.ipynb) |
# | **Time** | 60 minutes |

# %% id="setup"
# setup

# %% id="imports"
import copy

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

import mil_tutorial
from mil_tutorial import TrainingConfig, auc, build_model, collate_packed
from mil_tutorial.notebook import table

# %% [markdown] id="step"
# ## Take one step by hand
#
# Shrink the model to one weight, w = 0.5, and the bag to one number, z = 2, with the label 1. The logit is
# 0.5 × 2 = 1, the probability sigm(1) = 0.731, and the **loss** −ln 0.731 = 0.313.
#
# Its gradient is (probability − label) × z = −0.269 × 2 = −0.538. A step downhill with a learning rate of 0.1
# gives w = 0.5 + 0.0538. PyTorch does the same. At the new w the gradient is −0.497. Is that what the last
# line prints?

# %% id="step-run" tags=["nbval-check-output"]
w = torch.tensor(0.5, requires_grad=True)
z, label = torch.tensor(2.0), torch.tensor(1.0)
optimizer = torch.optim.SGD([w], lr=0.1)

loss = F.binary_cross_entropy_with_logits(w * z, label)
loss.backward()
print(f"loss {loss:.3f}, gradient {w.grad:.3f}")
optimizer.step()
loss = F.binary_cross_entropy_with_logits(w * z, label)
print(f"after the step: w {w:.4f}, loss {loss:.3f}")
loss.backward()
print(f"gradient now {w.grad:.3f}")

# %% [markdown] id="epoch"
# <details><summary>Answer: the gradient that is printed</summary>
#
# It prints −1.035, because PyTorch *adds* each gradient to the one before.
#
# </details>
#
# So every step calls `zero_grad`.
#
# ## Go through all slides once
#
# One pass over the training slides is an **epoch**. `model.train()` switches dropout on, which sets random
# embedding values to 0.


# %% id="epoch-code"
def train_epoch(model, batches, optimizer):
    """Pass once over packed batches of bags; return the mean loss of a bag."""
    model.train()
    total = bags = 0
    for batch in batches:
        logits, _ = model.forward_packed(batch.instances, batch.sizes)  # (B,)
        loss = F.binary_cross_entropy_with_logits(logits, batch.labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
        bags += len(batch)
    return total / bags


# %% [markdown] id="ex-mode"
# Validation slides show how well the model does on slides new to it.
#
# ### Exercise 1: find the bug
#
# <!-- card mean_loss -->
#
# A colleague measures the validation loss like this. Each call gives a different number, although nothing is
# learned in between. Fix it.


# %% id="exercise-mean-loss"
@torch.no_grad()
def mean_loss(model, batches):
    """Mean loss of a bag over packed batches, without learning: → a number."""
    ### BEGIN SOLUTION
    model.eval()
    ### INSTEAD
    # model.zero_grad()
    ### END SOLUTION
    total = bags = 0
    for batch in batches:
        logits, _ = model.forward_packed(batch.instances, batch.sizes)
        loss = F.binary_cross_entropy_with_logits(logits, batch.labels)
        total += loss.item() * len(batch)
        bags += len(batch)
    return total / bags


# %% id="check-mean-loss"
from mil_tutorial.checks.chapter_07 import check_mean_loss

check_mean_loss(mean_loss)

# %% [markdown] id="mode-read"
# Stuck? `check_mean_loss.hint(1)` gives a nudge, `check_mean_loss.solution()` an answer. The rest of the
# chapter does not depend on yours: the package's `predict` takes care of the mode.

# %% id="loop-run"
from mil_tutorial import load_slides, predict

train, val, _ = load_slides("slides")


def validation_loss(model, val):
    """Mean loss of validation bags: → a number."""
    found = predict(model, val)  # in evaluation mode, without gradients
    logits, labels = map(torch.from_numpy, (found.logits, found.labels))
    return F.binary_cross_entropy_with_logits(logits, labels).item()


torch.manual_seed(0)
model = build_model("gated", input_dim=64, hidden_dim=128, dropout=0.5)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=1e-3)
batches = DataLoader(train, 16, shuffle=True, collate_fn=collate_packed)
for epoch in range(3):
    loss = train_epoch(model, batches, optimizer)
    val_loss = validation_loss(model, val)
    print(f"epoch {epoch}: training {loss:.3f}, validation {val_loss:.3f}")

# %% [markdown] id="stop"
# ## Stop at the right epoch
#
# The training loss keeps falling. The validation loss falls too, then rises as the model learns its training
# slides by heart. So we keep the epoch with the lowest validation loss, and stop after a number of epochs in a
# row without a new lowest loss. That number is the **patience**.
#
# The next cell tries a patience of 1, then of 3, on a run of eight epochs, counted from 0.


# %% id="stop-run" tags=["nbval-check-output"]
def early_stopping(losses, patience):
    """Return the epoch that is kept and the last one run, counted from 0."""
    kept = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[kept]:
            kept = epoch
        if epoch - kept >= patience:
            break
    return kept, epoch


losses = [0.70, 0.60, 0.50, 0.53, 0.49, 0.52, 0.51, 0.55]
for patience in (1, 3):
    kept, last = early_stopping(losses, patience)
    print(f"patience {patience}: keeps epoch {kept}, stops after epoch {last}")

# %% [markdown] id="copy"
# Keeping an epoch means keeping its weights. Here are two ways to keep the weight 1.0. What does each hold
# after more training?

# %% id="copy-run" tags=["nbval-check-output"]
layer = nn.Linear(1, 1, bias=False)
nn.init.constant_(layer.weight, 1.0)
kept, copied = layer.state_dict(), copy.deepcopy(layer.state_dict())
with torch.no_grad():
    layer.weight += 0.5  # training goes on
print("kept:  ", kept["weight"].item())
print("copied:", copied["weight"].item())

# %% [markdown] id="ex-fit"
# <details><summary>Answer: what the two hold</summary>
#
# `state_dict` hands out the weights themselves, and they go on changing. A best epoch kept this way always
# turns into the last one.
#
# </details>
#
# ### Exercise 2: write `fit`
#
# <!-- card fit -->
#
# Complete the loop: keep the best epoch, stop when the patience is used up (`None` means never), leave the
# model with the best weights, and return the validation losses of all epochs.


# %% id="exercise-fit"
def fit(model, train, val, config):
    """Train; keep the weights of the lowest validation loss; return losses."""
    rate, decay = config.learning_rate, config.weight_decay
    optimizer = torch.optim.Adam(model.parameters(), rate, weight_decay=decay)
    batches = DataLoader(
        train, config.batch_size, shuffle=True, collate_fn=collate_packed
    )
    losses = []
    for epoch in range(config.epochs):
        train_epoch(model, batches, optimizer)
        losses.append(validation_loss(model, val))
        ### BEGIN SOLUTION
        if np.nanargmin(losses) == epoch:  # a new lowest; NaN never is
            best, best_epoch = copy.deepcopy(model.state_dict()), epoch
        waited = epoch - best_epoch
        if config.patience is not None and waited >= config.patience:
            break
        ### END SOLUTION
    ### BEGIN SOLUTION
    model.load_state_dict(best)
    return losses
    ### END SOLUTION


# %% id="check-fit"
from mil_tutorial.checks.chapter_07 import check_fit

check_fit(fit)

# %% [markdown] id="package"
# The package's `fit` does the same, and raises an error if a patient is in both sets or a loss is not finite.
#
# We train twice: once with dropout and weight decay, which pulls weights towards 0, and once without. Which
# model starts to memorise first?

# %% id="train-run"
EPOCHS = 3 if FAST else 40
GATED = {"pooling": "gated", "input_dim": 64, "hidden_dim": 128}
COMMON = {"epochs": EPOCHS, "learning_rate": 1e-3, "patience": None}

rows, histories = [], {}
for dropout, decay in ((0.5, 1e-3), (0.0, 0.0)):
    torch.manual_seed(0)
    model = build_model(**GATED, dropout=dropout)
    config = TrainingConfig(**COMMON, weight_decay=decay, seed=0)
    history = mil_tutorial.fit(model, train, val, config, progress=False)
    histories[f"dropout {dropout}, weight decay {decay:g}"] = history
    kept, last = history.best, history.epochs[-1]
    for name, epoch in ((f"kept: {history.best_epoch}", kept), ("last", last)):
        numbers = f"{epoch.val_loss:.2f}", f"{epoch.val_auc:.3f}"
        rows.append((dropout, name, *numbers))
table(("dropout", "epoch", "validation loss", "validation AUC"), rows)

# %% id="train-figure" tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True)
orange, blue = "#D55E00", "#0072B2"
for axes, (title, history) in zip(panels, histories.items()):
    losses, kept = history.column("val_loss"), history.best_epoch
    axes.plot(history.column("train_loss"), "--", color=blue, label="training")
    axes.plot(losses, color=orange, label="validation")
    axes.plot(kept, losses[kept], "o", color=orange, label="kept")
    _, last = early_stopping(losses, patience=5)
    style = {"color": "0.5", "linestyle": ":"}
    axes.axvline(last, 0, 0.6, **style, label="last with patience 5")
    axes.set(xlabel="epoch", title=title, ylim=(0, 1))
panels[0].set_ylabel("mean loss of a slide")
panels[0].legend(loc="upper right")
show(
    figure,
    "Training and validation loss by epoch in two panels. Training loss falls "
    "in both. Validation loss with dropout falls, then wobbles; without "
    "dropout it is lowest early, then climbs",
)

# %% [markdown] id="train-read"
# <details><summary>Answer: which model memorises first</summary>
#
# In the stored run the model without dropout has its lowest validation loss at epoch 8. Then the loss nearly
# doubles. Yet the AUC of the last epoch is *higher*, 0.929 against 0.912: it sees only the order of slides,
# while the loss also sees that the probabilities became too confident.
#
# </details>
#
# ## Ask for recall before accuracy
#
# A laboratory sees 1,000 slides, 50 of them with tumour. Program A calls every slide negative: 950 right
# answers, an accuracy of 95 %. Program B finds 45 tumours and raises 95 false alarms: 900 right answers,
# 90 %. By accuracy, the program that finds nothing wins.
#
# So we report two numbers: **sensitivity**, or recall, the share of positive slides that are found (0 against
# 45/50), and **specificity**, the share of negative slides without an alarm (950/950 against 855/950).
#
# ## Weight the rare slides
#
# Take four slides that look alike to the model, one of them positive: all four get the same probability. Which
# probability gives the lowest loss? And which if the positive slide counts three times (`pos_weight` = 3)?

# %% id="weight-run" tags=["nbval-check-output"]
labels = torch.tensor([1.0, 0.0, 0.0, 0.0])
rows = []
for weight in (1.0, 3.0):
    counts = torch.tensor(weight)
    losses = [
        F.binary_cross_entropy_with_logits(
            torch.full((4,), p).logit(), labels, pos_weight=counts
        )
        for p in (0.25, 0.50, 0.75)
    ]
    rows.append((f"{weight:.0f}", *(f"{loss:.3f}" for loss in losses)))
table(("pos_weight", "p = 0.25", "p = 0.50", "p = 0.75"), rows)

# %% [markdown] id="weight-read"
# <details><summary>Answer: the best probability</summary>
#
# Without the weight, the best answer is the frequency, 1/4. With it, the model acts as if there were three
# positives and three negatives: 1/2. By hand: (3 × ln 2 + 3 × ln 2) / 4 = 1.040.
#
# </details>
#
# ### Exercise 3: predict the weighted probability
#
# <!-- card weighted_probability -->
#
# Now `pos_weight` = 6. Which probability has the lowest loss? Guess, then run the check.

# %% id="exercise-weighted-probability"
### BEGIN SOLUTION
my_guess = 0.667  # 6 positives beside 3 negatives
### END SOLUTION

# %% id="check-weighted-probability"
from mil_tutorial.checks.chapter_07 import check_weighted_probability

check_weighted_probability(my_guess)

# %% [markdown] id="odds"
# Odds make it plain: the weight 3 turned 1 : 3 into 3 : 3. **A weight multiplies the odds of every slide.** The
# order of the slides stays the same. The threshold moves, and a probability is no longer a frequency until you
# divide its odds by the weight.
#
# That holds for a perfect fit. Does it hold for our models? We keep all 102 negative training slides and only
# 12 positive ones, drawn anew for each seed. We train without any balancing; with `pos_weight` = 102/12 = 8.5
# (`class_balance="loss"`); and with positive slides drawn 8.5 times as often (`"sampler"`).
#
# Half of the validation slides are positive, so `mean_probability` weights them down to 12/114 = 10.5 %, their
# share in training.

# %% id="rare-code"
tumour = train.labels.numpy() == 1


def train_rare(balance, seed):
    """Train with 12 positive slides; return probabilities (E, B), history."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(np.flatnonzero(tumour))[:12]
    rare = train.subset([*np.flatnonzero(~tumour), *chosen])
    options = {"class_balance": balance, "instances_per_bag": 96}
    config = TrainingConfig(**COMMON, **options, weight_decay=1e-3, seed=seed)
    torch.manual_seed(seed)
    model, path = build_model(**GATED, dropout=0.5), []

    def after_epoch(record):
        path.append(predict(model, val).probabilities)

    watched = {"progress": False, "on_epoch": after_epoch}
    history = mil_tutorial.fit(model, rare, val, config, **watched)
    return np.stack(path), history


# %% id="rare-run"
labels = val.labels.numpy()
share, weight = 12 / 114, 102 / 12
SEEDS = range(1 if FAST else 3)


def mean_probability(p):
    """Mean of probabilities (..., B) → (...), in the mix of training."""
    found, spared = p[..., labels == 1], p[..., labels == 0]
    return share * found.mean(-1) + (1 - share) * spared.mean(-1)


rare, rows = {}, []
for balance in ("none", "loss", "sampler"):
    for seed in SEEDS:
        path, history = train_rare(balance, seed)
        rare[balance, seed] = path, history
        p = path[-1]  # the last epoch, so that no choice of epoch interferes
        recall = (p[labels == 1] >= 0.5).mean()
        divided = p / (p + weight * (1 - p))  # the odds, divided by the weight
        numbers = auc(labels, p), recall, mean_probability(p)
        back = mean_probability(divided)
        rows.append((balance, seed, *(f"{n:.2f}" for n in (*numbers, back))))
head = "balance", "seed", "AUC", "recall at 0.5", "mean p", "odds / 8.5"
table(head, rows)

# %% id="rare-figure" tags=["hide-input"]
figure, panels = plt.subplots(1, 2, figsize=(8, 3.5))
lines = {"none": ":", "loss": "-", "sampler": "--"}
for (balance, line), colour in zip(lines.items(), (blue, orange, "#009E73")):
    runs = [run for (name, _), run in rare.items() if name == balance]
    aucs = np.stack([history.column("val_auc") for _, history in runs])
    means = np.stack([mean_probability(path) for path, _ in runs])
    for axes, values in zip(panels, (aucs, means)):  # (seeds, epochs)
        axes.plot(values.T, color=colour, linewidth=0.8, alpha=0.3)
        style = {"color": colour, "linewidth": 2, "label": balance}
        axes.plot(values.mean(axis=0), line, **style)
panels[1].axhline(share, color="0.3", linewidth=1)
panels[1].text(0, 0.02, "line: 10.5 %, as in training", color="0.3")
panels[0].set(xlabel="epoch", ylabel="validation AUC", ylim=(0.4, 1))
panels[1].set(xlabel="epoch", ylabel="mean probability", ylim=(0, 0.65))
panels[0].legend(loc="lower right", title="class balance")
show(
    figure,
    "Thick lines: means over seeds. Left: validation AUC; plain training "
    "stays near 0.55 for ten epochs, the others rise at once, and all end "
    "between 0.8 and 0.95. Right: mean probability; plain training stays near "
    "10 %, the others come down from 50 % to about 30 %",
)

# %% [markdown] id="rare-read"
# In the stored run:
#
# * Without balancing, the mean probability is 0.17, 0.12 and 0.10, against a frequency of 0.105: close for two
#   seeds, too high for one. With weights it is 0.22 to 0.30. Dividing the odds by 8.5 brings these models back
#   to 0.10 or 0.11, and the sampler's models to anything from 0.07 to 0.20.
# * Weighted and resampled models begin to learn some ten epochs sooner. The AUC at the end varies more from
#   seed to seed than from balance to balance: three seeds are too few to rank them.
#
# ## Do not choose the epoch by recall
#
# Why not keep the epoch with the highest recall? Which epoch will that be with the sampler?

# %% id="choice-run"
rows = []
for seed in SEEDS:
    path, history = rare["sampler", seed]
    recall = (path[:, labels == 1] >= 0.5).mean(axis=1)  # (E,)
    chosen = {"recall": recall.argmax(), "loss": history.best_epoch}
    for name, epoch in chosen.items():
        p = path[epoch]
        spared = mil_tutorial.specificity(labels, p, 0.5)
        numbers = auc(labels, p), recall[epoch], spared
        rows.append((seed, name, epoch, *(f"{n:.2f}" for n in numbers)))
table(("seed", "chosen by", "epoch", "AUC", "recall", "specificity"), rows)

# %% [markdown] id="choice-read"
# <details><summary>Answer: when recall is highest</summary>
#
# In the stored run recall chooses epochs 2 and 0 for seeds 0 and 1, when the model has learned next to nothing
# and calls nearly every slide positive. Seed 2 comes to no harm. For seven of the eight seeds we tried, this
# choice cost 0.17 to 0.40 in AUC.
#
# </details>
#
# So the loss chooses the epoch. Recall comes last, with the threshold.
#
# ## Choose the threshold on validation slides
#
# A slide is called positive when its probability is at least the threshold. Ten slides, where + means tumour:
#
# `0.95+  0.85+  0.80−  0.70+  0.60+  0.45−  0.40−  0.30+  0.20−  0.10−`
#
# To find 80 % of the tumours, count four of the five + from the left: the threshold is 0.60, with one false
# alarm. For 90 %, four are too few, so it takes all five: 0.30, with three false alarms.

# %% [markdown] id="ex-threshold"
# ### Exercise 4: find the threshold
#
# <!-- card threshold_for_sensitivity -->
#
# Return the highest threshold that reaches the wanted sensitivity.


# %% id="exercise-threshold-for-sensitivity"
def threshold_for_sensitivity(labels, probabilities, sensitivity=0.95):
    """Threshold from labels (B,), 0 or 1, and probabilities (B,): a number."""
    ### BEGIN SOLUTION
    positives = np.sort(probabilities[labels == 1])[::-1]  # the highest first
    needed = sensitivity * len(positives) - 1e-9  # 0.55 * 20 is a bit over 11
    return positives[int(np.ceil(needed)) - 1]
    ### END SOLUTION


# %% id="check-threshold-for-sensitivity"
from mil_tutorial.checks.chapter_07 import check_threshold_for_sensitivity

check_threshold_for_sensitivity(threshold_for_sensitivity)

# %% [markdown] id="shipped"
# Now the 72 validation slides, with the model that comes with the course: the left run in the training figure.

# %% id="shipped-run"
from mil_tutorial import false_negative_rate, load_trained_model

predictions = predict(load_trained_model(), val)
p, rows = predictions.probabilities, []
for wanted in (0.80, 0.85, 0.90, 0.95, 1.00):
    threshold = mil_tutorial.threshold_for_sensitivity(labels, p, wanted)
    recall = 1 - false_negative_rate(labels, p, threshold)
    spared = mil_tutorial.specificity(labels, p, threshold)
    numbers = f"{threshold:.3f}", f"{recall:.2f}", f"{spared:.2f}"
    rows.append((f"{wanted:.2f}", *numbers))
table(("wanted", "threshold", "sensitivity", "specificity"), rows)

# %% [markdown] id="explore"
# Which row would you work with? From the third to the fourth the threshold falls from 0.19 to 0.06: two more
# tumours found, and eight more alarms on 36 healthy slides. No metric can say whether that is worth it. The
# laboratory can: who reads the alarms? What does a miss cost?
#
# Move the threshold and see which slides it misses. The ROC curve also marks the **sensitivity at 90 %
# specificity**: the share of tumours found if at most 10 % of healthy slides may raise an alarm.

# %% id="explore-widget"
from mil_tutorial.widgets import ThresholdExplorer

ThresholdExplorer(labels, p, groups=val.groups, names=val.names, threshold=0.5)

# %% [markdown] id="interval"
# ## Ask what 36 slides can promise
#
# How far could these numbers move with other patients? Chapter 11 explains where such intervals come from.

# %% id="interval-run"
threshold = mil_tutorial.threshold_for_sensitivity(labels, p, 0.90)


def sensitivity(y, q):
    return 1 - false_negative_rate(y, q, threshold)


def threshold_for_90(y, q):
    return mil_tutorial.threshold_for_sensitivity(y, q, 0.90)


for question, metric in {
    "sensitivity at this threshold": sensitivity,
    "threshold for 90 % sensitivity": threshold_for_90,
}.items():
    answer = mil_tutorial.confidence_interval(metric, labels, p, val.groups)
    low, high = f"{answer.low:.2f}", f"{answer.high:.2f}"
    print(f"{question}: {answer.value:.2f} [{low}, {high}]")

# %% [markdown] id="halves"
# <details><summary>Answer: how far the numbers could move</summary>
#
# The sensitivity could lie anywhere from 80 to 100 %, the threshold almost anywhere. The threshold also belongs
# to one model: for seeds 1 to 4 it lay between 0.29 and 0.49.
#
# </details>
#
# ## Judge on other patients
#
# The threshold was *made* to find 90 % of these positive slides. How will it do on other slides? The test
# slides stay closed, but validation patients can play both parts: choose on one half of them, judge on the
# other half, then swap. We split them 200 times.

# %% id="halves-run"
groups, rng = np.array(val.groups), np.random.default_rng(0)


def half():
    """Draw half of the positive and half of the negative patients: (B,)."""
    chosen = []
    for value in (0, 1):
        patients = np.unique(groups[labels == value])
        chosen += list(rng.permutation(patients)[: len(patients) // 2])
    return np.isin(groups, chosen)


own, other = [], []
for _ in range(200):
    one = half()
    for choose, judge in ((one, ~one), (~one, one)):
        cut = threshold_for_90(labels[choose], p[choose])
        for found, s in ((own, choose), (other, judge)):
            found.append(1 - false_negative_rate(labels[s], p[s], cut))
own, other = np.array(own), np.array(other)  # (400,) each
short, (low, high) = (other < 0.9).mean(), np.quantile(other, [0.05, 0.95])
print(f"on the slides that chose: {own.mean():.2f}, at least {own.min():.2f}")
print(f"on the others: {other.mean():.2f}, below 0.90 in {short:.0%}")
print(f"middle 90 % on the others: {low:.2f} to {high:.2f}")

# %% [markdown] id="build"
# <details><summary>Answer: the threshold on other patients</summary>
#
# On other slides it finds 88 % on average, and less than 90 % half of the time: 18 positive slides say little.
# (All validation slides chose the epoch, so even this is a little optimistic.)
#
# </details>
#
# ## Build it yourself (stretch)
#
# Exercise 2 gave you most of the loop. Now build a whole one in three stages. The checks look at what your code
# does, not at how it is written.
#
# ### Stage 1: one pass that learns
#
# <!-- card one_epoch -->
#
# `batches` yields packed batches with `instances`, `sizes` and `labels`, as above. A positive bag counts
# `weight` (a tensor) times. Return the mean loss of a bag as a plain number.


# %% id="exercise-one-epoch"
def one_epoch(model, batches, optimizer, weight):
    """Train for one pass over the batches; return the mean loss of a bag."""
    ### BEGIN SOLUTION
    model.train()
    total = bags = 0
    for batch in batches:
        logits, _ = model.forward_packed(batch.instances, batch.sizes)
        loss = F.binary_cross_entropy_with_logits(
            logits, batch.labels, pos_weight=weight
        )
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(batch)
        bags += len(batch)
    return total / bags
    ### END SOLUTION


# %% id="check-one-epoch"
from mil_tutorial.checks.chapter_07 import check_one_epoch

check_one_epoch(one_epoch)

# %% [markdown] id="build-evaluate"
# ### Stage 2: a measurement that does not learn
#
# <!-- card evaluate -->
#
# Return the mean loss of a bag, unweighted, as a number, and the probabilities of all bags in one tensor
# (B,).


# %% id="exercise-evaluate"
def evaluate(model, batches):
    """Return the mean loss of a bag, and the probabilities (B,)."""
    ### BEGIN SOLUTION
    model.eval()
    logits, labels = [], []
    with torch.no_grad():
        for batch in batches:
            output = model.forward_packed(batch.instances, batch.sizes)
            logits.append(output.logits)
            labels.append(batch.labels)
    logits, labels = torch.cat(logits), torch.cat(labels)
    loss = F.binary_cross_entropy_with_logits(logits, labels)
    return loss.item(), torch.sigmoid(logits)
    ### END SOLUTION


# %% id="check-evaluate"
from mil_tutorial.checks.chapter_07 import check_evaluate

check_evaluate(evaluate)

# %% [markdown] id="build-train"
# ### Stage 3: the loop
#
# <!-- card train_model -->
#
# Weight each positive training bag by the number of negatives per positive. Train for up to `epochs`, stop
# early with `patience` (`None`: never), leave the model with the weights of the lowest validation loss, and
# return the list of validation losses. A loss of NaN is never the lowest.


# %% id="exercise-train-model"
def train_model(model, optimizer, train, val, epochs, patience):
    """Train on batches, keep the best epoch; return the validation losses."""
    ### BEGIN SOLUTION
    labels = torch.cat([batch.labels for batch in train])
    weight = (labels == 0).sum() / (labels == 1).sum()
    losses, lowest, best_epoch = [], float("inf"), 0
    best = copy.deepcopy(model.state_dict())
    for epoch in range(epochs):
        one_epoch(model, train, optimizer, weight)
        losses.append(evaluate(model, val)[0])
        if losses[-1] < lowest:  # never true of NaN
            lowest, best_epoch = losses[-1], epoch
            best = copy.deepcopy(model.state_dict())
        if patience is not None and epoch - best_epoch >= patience:
            break
    model.load_state_dict(best)
    return losses
    ### END SOLUTION


# %% id="check-train-model"
from mil_tutorial.checks.chapter_07 import check_train_model

check_train_model(train_model)

# %% [markdown] id="summary"
# ## Summary
#
# * Zero the gradients in every step, measure in evaluation mode, keep a *copy* of the best weights.
# * The validation loss chooses the epoch. Recall at 0.5 is perfect when everything is called positive.
# * Weights multiply odds. Here they made learning start sooner; they do not replace a threshold.
# * The threshold decides recall. Choose it on validation slides, judge it on other slides, give an interval.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Before you see results, agree on the wanted sensitivity with those who will bear the cost of misses.
# * Give validation the same class mix as training: the loss depends on it. Another scanner, stain or kind of
#   lesion needs a threshold of its own; another mix changes what an alarm means.
# * Look at the missed slides. Here five of the six below 0.5 have at most three tumour tiles. Collect more of
#   their kind.

# %% [markdown] id="reading"
# ## Further reading
#
# * C. Elkan, *The foundations of cost-sensitive learning*, IJCAI 2001: how weights move the threshold.
# * J. Byrd and Z. C. Lipton, *What is the effect of importance weighting in deep learning?*, ICML 2019,
#   [arXiv:1812.03372](https://arxiv.org/abs/1812.03372): their effect fades.
#
# <!-- next -->
