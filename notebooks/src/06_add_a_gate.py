# %% [markdown] id="title"
# # Add a gate
#
# <!-- badges -->
#
# Large nuclei are suspicious, except in the pale middle of a follicle (a round nest of healthy lymphocytes),
# where they belong. The scoring network of chapter 05 finds such an "except" hard to express. A gate does it
# with one multiplication. You will build the gate, and then ask for evidence that it helps.
#
# | | |
# |---|---|
# | **You will do** | compute a gated score by hand, write it as a loop, with matrices and as a module, and compare it with plain attention over several seeds |
# | **You will learn** | what the gate can say that plain attention cannot, what it costs, and how to read a small difference |
# | **You need** | attention and `AttentionMIL` from [chapter 05](05_attention.ipynb) |
# | **Time** | 40 minutes |

# %% id="setup"
# setup

# %% id="imports"
import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from mil_tutorial.notebook import table

# %% [markdown] id="by-hand"
# ## Open and close a gate by hand
#
# The attention of chapter 05 scores a tile with detectors. Each detector answers with a number between −1 and
# 1, the tanh of a weighted sum. Take one detector, "large nuclei", and two tiles that both get the answer
# tanh(1) = 0.762. One tile lies in a tumour, the other in a follicle.
#
# Now give the detector a second number, its **gate**: the sigmoid of another weighted sum, between 0 and 1.
# Suppose the gate's sum is 2 outside a follicle and −2 inside. The gated answer is the product of the two
# numbers.

# %% id="by-hand-run" tags=["nbval-check-output"]
answer = torch.tanh(torch.tensor(1.0))
for place, evidence in {"tumour": 2.0, "follicle": -2.0}.items():
    gate = torch.sigmoid(torch.tensor(evidence))
    print(f"{place:8}: {answer:.3f} × {gate:.3f} = {answer * gate:.3f}")

# %% [markdown] id="by-hand-read"
# Two tiles with the same detector answer now get scores that differ by a factor of seven. The gate decides
# how much of the answer gets through.
#
# Written for all detectors at once, this is equation 9 of Ilse, Tomczak and Welling (2018):
#
# $$s_k = w^\top \big( \tanh(V h_k) \odot \mathrm{sigm}(U h_k) \big), \qquad a = \mathrm{softmax}(s).$$
#
# The sign ⊙ multiplies number by number: every detector has a gate of its own.

# %% [markdown] id="no-mistake"
# Stop for a moment. In chapter 05 a sigmoid before the softmax made the weights nearly equal. Why is this
# sigmoid allowed?
#
# <details><summary>Answer: why this sigmoid does no harm</summary>
#
# It does not limit the score. The sum over detectors is weighted by w, which can be as large as it likes, and
# the softmax comes after that. The harm came from squeezing the *final* score.
#
# </details>

# %% [markdown] id="ex-half"
# ### Exercise 1: predict a gate that is half open
#
# <!-- card half_open_gate -->
#
# A bag has two tiles with the plain scores 2 and 0, so attention gives the first one a weight of 0.881.
# Suppose the gate's weights U are all zero, so that every gate stands at sigm(0). What weight does the first
# tile get with the gate? Write your guess, then run the check.

# %% id="exercise-half-open-gate"
### BEGIN SOLUTION
my_guess = 0.731  # every gate is 0.5, so the scores are 1 and 0: e / (e + 1)
### END SOLUTION

# %% id="check-half-open-gate"
from mil_tutorial.checks.chapter_06 import check_half_open_gate

check_half_open_gate(my_guess)

# %% [markdown] id="why"
# ## See what one detector can say
#
# The authors give this reason for the gate: around zero, tanh is nearly a straight line, so a detector is
# close to a plain weighted sum. A product is not. What does that look like?
#
# Describe a tile by two numbers: how large its nuclei are, and how much it looks like a follicle. Colour every
# possible tile by its score: first with one plain detector, then with one gated detector.

# %% id="why-figure" tags=["hide-input"]
from mil_tutorial import HEAT_MAP

axis = np.linspace(-3, 3, 121)
nuclei, follicle = np.meshgrid(axis, axis)
gate = 1 / (1 + np.exp(3 * follicle))
maps = {
    "plain: tanh(nuclei − follicle)": np.tanh(nuclei - follicle),
    "gated: tanh(nuclei) · sigm(−3 follicle)": np.tanh(nuclei) * gate,
}
figure, panels = plt.subplots(1, 2, figsize=(8, 3.8), sharey=True)
style = {"levels": np.linspace(-1, 1, 12), "cmap": HEAT_MAP}
for axes, (title, score) in zip(panels, maps.items()):
    image = axes.contourf(nuclei, follicle, score, **style)
    axes.set(title=title, xlabel="nuclei: small → large", aspect="equal")
panels[0].set_ylabel("follicle: none → clear")
ticks = [-1, -0.5, 0, 0.5, 1]
figure.colorbar(image, ax=panels, label="score", shrink=0.85, ticks=ticks)
show(
    figure,
    "Two maps of the score over size of nuclei and likeness to a follicle. "
    "The plain detector gives parallel diagonal stripes; the gated one rises "
    "with nuclei below, where no follicle is, and is flat at zero above",
)

# %% [markdown] id="why-read"
# The plain detector draws parallel stripes. To forgive a follicle it must subtract, and then small nuclei
# outside a follicle score as high as large nuclei inside one.
#
# The gated detector says "large nuclei count, except in a follicle": in the upper half nothing counts, for or
# against. Plain attention can bend its map too, by adding up several detectors. The gate needs fewer of them.
# That is an argument, not yet evidence.
#
# Here is such an exception to play with. Two points in five are look-alikes: they lie behind the witnesses,
# in the same direction. Does gated attention cope better than attention? Press Train, switch the pooling, and
# try several seeds.

# %% id="gate-playground"
from mil_tutorial.widgets import MILPlayground

MILPlayground(preset="gate")

# %% [markdown] id="loop"
# <details><summary>Answer: what the gate adds in the playground</summary>
#
# On these bags it helps: three of ten starts with attention end below an AUC of 0.75, but none with gated
# attention does. Still, attention has other ways to shut out a region, such as combining two of its detectors.
# With a witness rate of 15 % and several seeds, the gate adds nothing on average.
#
# </details>
#
# ## Write it as a loop
#
# Three tiles, two numbers each, two detectors with their gates. Nothing is hidden.

# %% id="loop-run" tags=["nbval-check-output"]
h = torch.tensor([[1.0, -1.0], [1.0, 1.0], [0.0, 0.0]])  # nuclei, follicle
V = torch.tensor([[1.0, 0.0], [0.5, 0.5]])  # (A=2, H=2): detectors
U = torch.tensor([[0.0, -2.0], [0.0, 0.0]])  # gates; the second is half open
w = torch.tensor([2.0, 1.0])  # (A,): votes


def gated_scores_by_loop(h, V, U, w):
    """Score each tile (n, H) by w · (tanh(V h_k) ⊙ sigm(U h_k)): (n,)."""
    scores = torch.zeros(len(h))
    for k in range(len(h)):
        for a in range(len(w)):
            detector = torch.tanh((V[a] * h[k]).sum())
            gate = torch.sigmoid((U[a] * h[k]).sum())
            scores[k] += w[a] * detector * gate
    return scores


gated, plain = gated_scores_by_loop(h, V, U, w), torch.tanh(h @ V.T) @ w
print("gated:", [round(s, 3) for s in gated.tolist()])
print("plain:", [round(s, 3) for s in plain.tolist()])

# %% [markdown] id="loop-read"
# Plain attention scores the second tile, the one in the follicle, above the first. The gate reverses the
# order. Check the first number: 2 × 0.762 × 0.881 from the first detector, and nothing from the second, whose
# sum is 0.5 − 0.5.

# %% [markdown] id="ex-scores"
# ### Exercise 2: score a whole batch
#
# <!-- card gated_scores -->
#
# Write equation 9 without its softmax, using matrix products, for embeddings with any leading shape: packed
# (N, H) or padded (B, K, H).


# %% id="exercise-gated-scores"
def gated_scores(h, V, U, w):
    """Scores before the softmax: h (..., H), V, U (A, H), w (A,) → (...)."""
    ### BEGIN SOLUTION
    return (torch.tanh(h @ V.T) * torch.sigmoid(h @ U.T)) @ w
    ### END SOLUTION


# %% id="check-gated-scores"
from mil_tutorial.checks.chapter_06 import check_gated_scores

check_gated_scores(gated_scores)

# %% [markdown] id="module"
# Stuck? `check_gated_scores.hint(1)` gives a nudge, and `check_gated_scores.solution()` shows one answer. The
# rest of the chapter does not depend on yours.
#
# ## Put it into a module
#
# Only the scores change. The softmax over each bag and the weighted mean stay as they were, so the gated
# module inherits them from `AttentionPooling` and replaces one method.

# %% [markdown] id="ex-pooling"
# ### Exercise 3: complete `GatedAttentionPooling`
#
# <!-- card gated_attention_pooling -->
#
# Add the layer `U` in `__init__` (with a bias, like V) and write `scores`. `self.V` and `self.w` are there
# already.

# %% id="exercise-gated-attention-pooling"
from mil_tutorial import AttentionPooling


class GatedAttentionPooling(AttentionPooling):
    """Attention with a gate (equation 9)."""

    def __init__(self, embedding_dim, attention_dim=128):
        super().__init__(embedding_dim, attention_dim)
        ### BEGIN SOLUTION
        self.U = nn.Linear(embedding_dim, attention_dim)
        ### END SOLUTION

    def scores(self, embeddings):
        """Score each embedding (N, H) before the softmax: (N,)."""
        ### BEGIN SOLUTION
        detectors = torch.tanh(self.V(embeddings))
        gates = torch.sigmoid(self.U(embeddings))
        return self.w(detectors * gates).squeeze(-1)
        ### END SOLUTION


# %% id="check-gated-attention-pooling"
from mil_tutorial.checks.chapter_06 import check_gated_attention_pooling

check_gated_attention_pooling(GatedAttentionPooling)

# %% [markdown] id="model"
# The model is the one from chapter 05 with gated pooling. Here it is, built on the package's layer.

# %% id="model-code"
from mil_tutorial import MIL
from mil_tutorial import GatedAttentionPooling as PackageGated


class GatedAttentionMIL(MIL):
    """MIL with gated attention (Ilse et al. 2018, equation 9)."""

    def __init__(self, input_dim, hidden_dim, attention_dim=128, dropout=0.0):
        pooling = PackageGated(hidden_dim, attention_dim)
        super().__init__(input_dim, hidden_dim, pooling, dropout=dropout)


# %% [markdown] id="cost"
# The gate has its own parameters. The next cell counts them, for features of width D = 64, H = 128 and A = 128.

# %% id="cost-run" tags=["nbval-check-output"]
from mil_tutorial import build_model

rows, parts = [], ("embedding", "pooling", "head")
for name in ("attention", "gated"):
    model = build_model(name, input_dim=64, hidden_dim=128)
    counts = [
        sum(p.numel() for p in getattr(model, part).parameters())
        for part in parts
    ]
    rows.append((name, *(f"{n:,}" for n in (*counts, sum(counts)))))
table(("parameters", *parts, "sum"), rows)

# %% [markdown] id="cost-read"
# The gate nearly doubles the pooling's parameters and its work for each tile. On whole slides, beside a large
# encoder, you will notice neither.

# %% [markdown] id="ex-bug"
# ### Exercise 4: find the bug
#
# <!-- card own_gate -->
#
# A colleague trains "gated attention", yet the model has no more parameters than without the gate. The training
# runs without an error. What is wrong? Fix the class.


# %% id="exercise-own-gate"
class Gate(nn.Module):
    """Detectors and their gates: embeddings (N, H) → gated answers (N, A)."""

    def __init__(self, embedding_dim, attention_dim):
        super().__init__()
        self.V = nn.Linear(embedding_dim, attention_dim)
        ### BEGIN SOLUTION
        self.U = nn.Linear(embedding_dim, attention_dim)
        ### INSTEAD
        # self.U = self.V
        ### END SOLUTION

    def forward(self, h):
        return torch.tanh(self.V(h)) * torch.sigmoid(self.U(h))


# %% id="check-own-gate"
from mil_tutorial.checks.chapter_06 import check_own_gate

check_own_gate(Gate)

# %% [markdown] id="evidence"
# ## Ask for evidence
#
# To see whether the gate helps, we train both models on the harder set of slides, where a positive slide has
# about three tumour tiles out of about 215. One run of each would prove little, because another seed gives
# another result. So we take several seeds, and give both poolings the same seeds and the same validation
# slides.

# %% id="evidence-run"
from mil_tutorial import TrainingConfig, auc, fit, load_slides, predict

train, val, _ = load_slides("slides-hard")
settings = {
    "epochs": 3 if FAST else 40,
    "learning_rate": 1e-3,
    "weight_decay": 1e-3,
    "patience": None,
    "instances_per_bag": 128,
}
predictions, rows = {"attention": [], "gated": []}, []
for seed in range(2 if FAST else 3):
    config = TrainingConfig(**settings, seed=seed)
    for name, runs in predictions.items():
        torch.manual_seed(seed)
        model = build_model(name, input_dim=64, hidden_dim=128, dropout=0.5)
        fit(model, train, val, config, progress=False)
        runs.append(predict(model, val))
    last = [runs[-1].probabilities for runs in predictions.values()]
    rows.append((seed, *(f"{auc(val.labels, p):.3f}" for p in last)))
table(("seed", *predictions), rows)

# %% [markdown] id="interval"
# That was the AUC on validation slides. Now look at the *difference*. Both models judged the same patients, so
# whatever is hard for both cancels out. Could the difference be chance? `paired_difference` adds up how much
# each patient and each seed moves it, and gives a 95 % interval. Chapter 11 explains how.

# %% id="interval-run"
from mil_tutorial import confidence_interval, paired_difference

labels, rows = val.labels.numpy(), []


def as_row(name, found):
    ends = f"{found.low:.3f} to {found.high:.3f}"
    return name, f"{found.value:.3f}", ends


probabilities = {
    name: np.stack([run.probabilities for run in runs])
    for name, runs in predictions.items()
}  # (seeds, slides) each
for name, p in probabilities.items():
    found = confidence_interval(auc, labels, p, val.groups)
    rows.append(as_row(name, found))
plain, gated = probabilities.values()
gain = paired_difference(auc, labels, gated, plain, val.groups)
rows.append(as_row("gated − attention", gain))
table(("AUC", "value", "95 % interval"), rows)

# %% id="interval-figure" tags=["hide-input"]
from mil_tutorial import POOLING_COLOURS, POOLING_MARKERS

figure, axes = plt.subplots(figsize=(5.5, 3.4))
by_seed = {
    name: [auc(labels, run) for run in p] for name, p in probabilities.items()
}
for pair in zip(*by_seed.values()):
    axes.plot([0, 1], pair, color="0.7", zorder=1)
for x, (name, values) in enumerate(by_seed.items()):
    style = {"color": POOLING_COLOURS[name], "markersize": 8, "zorder": 2}
    axes.plot([x] * len(values), values, POOLING_MARKERS[name], **style)
axes.set(xticks=[0, 1], xticklabels=["attention", "gated"], xlim=(-0.5, 1.5))
axes.set(ylabel="AUC on validation slides")
axes.set_title("Same seed, same slides: one line")
show(
    figure,
    "Validation AUC of attention and gated attention, one line for each seed; "
    "in the stored run one line rises and two are nearly flat",
)

# %% [markdown] id="interval-read"
# <details><summary>Answer: could it be chance?</summary>
#
# Yes: in the stored run the interval contains 0. With these slides and seeds we cannot tell the two apart. That
# does not mean that they are equal.
#
# </details>
#
# The validation slides also picked the epochs here, so the AUCs of both poolings are a little too high.
# Chapter 11 asks again on the test slides. The paper itself finds gated attention ahead on some data sets and
# behind on others.
#
# Three seeds also say little about how often a start fails. All six models here reached an AUC above 0.8 in
# the stored run. With equal settings and 20 starts each, max pooling found the tumour 5 times, gated attention
# 15 times and plain attention 19 times (chapter 11). If anything, that speaks against the gate.

# %% [markdown] id="look"
# ## Look inside the gates
#
# Does the network use its gates at all? If every gate stayed half open, the gated model would be the plain
# one with halved scores. So we look at the gates of the last model: one number for every tile and detector.

# %% id="look-run"
with torch.inference_mode():
    embeddings = model.embed(torch.cat(val.instances))
    gates = torch.sigmoid(model.pooling.U(embeddings)).numpy()  # (N, A)
truth = np.concatenate(val.instance_labels) == 1
for name, rows in {"tumour": truth, "other": ~truth}.items():
    print(f"{name} tiles: {(gates[rows] > 0.5).mean():.0%} of gates lean open")

# %% id="look-figure" tags=["hide-input"]
figure, axes = plt.subplots(figsize=(6.5, 3.4))
bins = {"bins": 40, "range": (0, 1), "density": True}
curves = {
    "tumour": (truth, "#D55E00", "-"),
    "other": (~truth, "#0072B2", "--"),
}
for name, (rows, colour, line) in curves.items():
    heights, edges = np.histogram(gates[rows], **bins)
    middles, label = edges[:-1] + 0.0125, f"{name} tiles"
    axes.plot(middles, heights, line, color=colour, label=label)
axes.axvline(0.5, color="0.6", linewidth=0.8)
axes.set_xlabel("gate: 0 = closed, 1 = open")
axes.set_ylabel("density over tiles and detectors")
axes.legend()
show(
    figure,
    "Distribution of gate values. Both curves have a peak at one half; the "
    "curve of tumour tiles has a second hill above it, towards open gates, "
    "that of other tiles a long slope below it",
)

# %% [markdown] id="look-read"
# <details><summary>Answer: does the network use its gates?</summary>
#
# Yes, some of them. Many gates stay near 0.5, undecided: their detectors could do without a gate. The other
# gates tell the two kinds of tile apart. In the stored run, 68 % of the gates are more open than closed on
# tumour tiles, and 24 % on the rest. Whether an open gate raises a score depends on tanh and w too, which the
# figure does not show.
#
# </details>
#
# A gate can be used without being needed. The comparison above asked whether it is needed, and could not tell.

# %% [markdown] id="summary"
# ## Summary
#
# * A gate multiplies each detector's answer by a number between 0 and 1 that depends on the tile.
# * It can say "except" with one detector. Plain attention needs several to do the same.
# * It nearly doubles the pooling's parameters, and leaves the softmax, the mask and the weighted mean as they
#   are.
# * On our harder slides three seeds could not tell a gain from chance, and twenty starts show none. Choose by
#   evidence on your own data, with many seeds and a paired interval.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Gated attention is the usual default in pathology (CLAM and many other projects start from it). Plain
#   attention is just as good a first model, and easier to explain.
# * Report the paired difference, not two separate numbers. A table with one run of each cannot tell 0.93 from
#   0.91.
# * The gate cannot add what the features lack. Look at the encoder first.

# %% [markdown] id="reading"
# ## Further reading
#
# * M. Ilse, J. M. Tomczak and M. Welling, *Attention-based deep multiple instance learning*, ICML 2018,
#   [arXiv:1802.04712](https://arxiv.org/abs/1802.04712), equation 9 and the tables of section 4.
# * Y. N. Dauphin, A. Fan, M. Auli and D. Grangier, *Language modeling with gated convolutional networks*,
#   ICML 2017, [arXiv:1612.08083](https://arxiv.org/abs/1612.08083): where the gate comes from.
#
# <!-- next -->
