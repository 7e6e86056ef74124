# %% [markdown] id="title"
# # Learn where to look: attention
#
# <!-- badges -->
#
# A pathologist who reads a slide does not give all tissue the same attention. Most of it gets a glance; a few
# fields get a long look. In this chapter a network learns to do the same, from slide labels alone.
#
# | | |
# |---|---|
# | **You will do** | weight three tiles by hand, write attention as a loop, with matrices and as a module, train it, and read its weights on slides |
# | **You will learn** | why the weights come from a softmax, what a sigmoid in front of it destroys, and how to score weights against the truth |
# | **You need** | `collate_fn`, masks and the masked softmax from [chapter 03](03_batch_bags.ipynb); max and mean pooling from [chapter 04](04_pool_max_and_mean.ipynb) |
# | **Time** | 60 minutes |

# %% id="setup"
# setup

# %% id="imports"
import numpy as np
import torch
from torch import nn

from mil_tutorial.notebook import table

# %% [markdown] id="by-hand"
# ## Weigh three tiles by hand
#
# Take a bag of three tiles. Each tile is described by two numbers, its **embedding** h. Say the first number
# stands for "large, irregular nuclei" and the second for "fat".
#
# Mean pooling gives every tile the weight 1/3, max pooling gives one tile everything. Between the two lie
# weights that depend on the tile. Suppose somebody scored the tiles 2, 1 and 0: the higher the score, the
# more a tile should count.
#
# Scores are not weights yet. Weights must be positive and sum to 1, so that large and small bags are pooled
# to the same scale. The **softmax** does both: take the exponential of each score, then divide by the sum.

# %% id="by-hand-softmax"
h = torch.tensor([[4.0, 0.0], [1.0, 1.0], [0.0, 3.0]])  # (n=3, H=2)
scores = torch.tensor([2.0, 1.0, 0.0])

powers = torch.exp(scores)  # e² = 7.39, e = 2.72, 1
weights = powers / powers.sum()
print("weights:", [round(w, 3) for w in weights.tolist()])

# %% [markdown] id="by-hand-pool"
# Check the first one by hand: 7.39 / (7.39 + 2.72 + 1) = 0.665.
#
# The bag's embedding z is the weighted mean of the tiles' embeddings. This is equation 7 of Ilse, Tomczak and
# Welling (2018): $z = \sum_k a_k h_k$.

# %% id="by-hand-bag" tags=["nbval-check-output"]
z = (weights[:, None] * h).sum(dim=0)
print("bag embedding, attention:", [round(v, 2) for v in z.tolist()])
mean = h.mean(dim=0)
print("bag embedding, mean:     ", [round(v, 2) for v in mean.tolist()])

# %% [markdown] id="shift"
# What happens to the weights when every score grows by 100?

# %% id="shift-run" tags=["nbval-check-output"]
print([round(w, 3) for w in torch.softmax(scores + 100, dim=0).tolist()])

# %% [markdown] id="shift-why"
# <details><summary>Answer: when every score grows by 100</summary>
#
# Nothing happens: e¹⁰⁰ multiplies numerator and denominator, and cancels. Only differences between scores
# count.
#
# </details>
#
# So attention is *relative*. It compares the tiles of one slide with each other, and a weight of 0.02 says
# nothing until you know what the other tiles got.

# %% [markdown] id="loop"
# ## Let a small network give the scores
#
# A network of two layers, the same for every tile, gives the scores (equation 8):
#
# $$s_k = w^\top \tanh(V h_k), \qquad a = \mathrm{softmax}(s).$$
#
# V has A rows. Each row asks one question about the tile; the tanh keeps each answer between −1 and 1, and w
# says how much each answer counts. In other words, V holds A small detectors, and w is their vote.
#
# Here are two detectors on our bag, written as a loop so that nothing is hidden.

# %% id="loop-run" tags=["nbval-check-output"]
V = torch.tensor([[1.0, 0.0], [0.0, 1.0]])  # (A=2, H=2): "nuclei?" and "fat?"
w = torch.tensor([2.0, -1.0])  # (A,): nuclei count for a tile, fat against it


def score_by_loop(h, V, w):
    """Score each tile h_k of one bag (n, H) by w · tanh(V h_k): (n,)."""
    scores = torch.zeros(len(h))
    for k in range(len(h)):
        for a in range(len(w)):
            answer = torch.tanh((V[a] * h[k]).sum())
            scores[k] += w[a] * answer
    return scores


loop_scores = score_by_loop(h, V, w)
loop_weights = torch.softmax(loop_scores, dim=0)
print("scores: ", [round(s, 3) for s in loop_scores.tolist()])
print("weights:", [round(a, 3) for a in loop_weights.tolist()])

# %% [markdown] id="vector"
# ## Write it with matrices, for a whole batch
#
# The loop visits one tile at a time. A padded batch holds B bags of up to K tiles: embeddings `h` (B, K, H)
# with a `mask` (B, K) that is True at real tiles. Matrix products score all of them at once.
#
# The softmax must then run over the tiles of *one* bag, and over real tiles only. Padding is not tissue; if it
# takes part, it takes weight away from real tiles.

# %% [markdown] id="ex-attend"
# ### Exercise 1: attend to a batch
#
# <!-- card attend -->
#
# Write equation 8 for a padded batch. Return weights that sum to 1 over each bag and are 0 on padding. You
# may use `masked_softmax(scores, mask)` from chapter 03.

# %% id="exercise-attend"
from mil_tutorial import masked_softmax


def attend(h, mask, V, w):
    """Attention (B, K) of h (B, K, H) with mask (B, K), V (A, H), w (A,)."""
    ### BEGIN SOLUTION
    scores = torch.tanh(h @ V.T) @ w  # (B, K)
    return masked_softmax(scores, mask)
    ### END SOLUTION


# %% id="check-attend"
from mil_tutorial.checks.chapter_05 import check_attend

check_attend(attend)

# %% [markdown] id="ex-attend-after"
# Stuck? `check_attend.hint(1)` gives a nudge, `check_attend.solution()` an answer. The rest of the chapter
# does not depend on yours.
#
# ## Put it into a module
#
# V and w must be learned, so they become layers of an `nn.Module`. This version takes packed tiles (N, H) and
# the sizes of the bags, as at the end of chapter 03: no padding, and no mask to forget.

# %% id="module-code"
from mil_tutorial import bag_index, segment_softmax, segment_sum


class AttentionPooling(nn.Module):
    """Weighted mean of each bag's embeddings (equations 7 and 8)."""

    def __init__(self, embedding_dim, attention_dim=128):
        super().__init__()
        self.V = nn.Linear(embedding_dim, attention_dim)
        self.w = nn.Linear(attention_dim, 1, bias=False)

    def scores(self, embeddings):
        """Score packed (N, H) → (N,) or padded (B, K, H) → (B, K)."""
        return self.w(torch.tanh(self.V(embeddings))).squeeze(-1)

    def forward(self, embeddings, sizes):
        """Pool (N, H) of bags with sizes (B,) → (B, H), attention (N,)."""
        index, n_bags = bag_index(sizes), len(sizes)
        attention = segment_softmax(self.scores(embeddings), index, n_bags)
        weighted = attention[:, None] * embeddings
        return segment_sum(weighted, index, n_bags), attention


# %% [markdown] id="module-bias"
# The layer w has no bias. A bias would add the same number to every score, and you saw what the softmax does
# with that: nothing. V keeps its bias, as in the authors' code; equation 8 leaves it out.
#
# Two tests show whether the module keeps its promises. The first bag has three tiles, the second two.

# %% id="module-test" tags=["nbval-check-output"]
torch.manual_seed(0)
pooling = AttentionPooling(embedding_dim=2, attention_dim=4)
tiles = torch.cat([h, h[:2]])  # (N=5, H=2)
pooled, attention = pooling(tiles, torch.tensor([3, 2]))
sums = [round(s.sum().item(), 3) for s in attention.split([3, 2])]
print("each bag's weights sum to", sums)

shuffled = h[[2, 0, 1]]
pooled_shuffled, _ = pooling(shuffled, torch.tensor([3]))
matters = not torch.allclose(pooled[:1], pooled_shuffled)
print("order of tiles matters:", matters)

# %% [markdown] id="model"
# ## Build the whole model
#
# The model has three parts. An **embedding** layer turns features (width D) into embeddings (width H). The
# **pooling** turns the tiles' embeddings into one embedding per bag. The **head** turns that into a logit.
#
# ![Five tiles become embeddings; a small network scores each, a softmax makes weights that sum to 1; the weighted mean is one vector, from which a linear layer computes the logit](images/architecture.svg)

# %% [markdown] id="ex-model"
# ### Exercise 2: complete `AttentionMIL`
#
# <!-- card attention_mil -->
#
# Fill in `forward` for padded bags: embed, score, mask, pool, classify. The layers are made for you. Return
# the logits (B,), before any sigmoid, and the attention (B, K).


# %% id="exercise-attention-mil"
class AttentionMIL(nn.Module):
    """Attention-based MIL for padded bags (Ilse et al. 2018)."""

    def __init__(self, input_dim, hidden_dim, attention_dim=128):
        super().__init__()
        linear = nn.Linear(input_dim, hidden_dim)
        self.embedding = nn.Sequential(linear, nn.ReLU())
        self.pooling = AttentionPooling(hidden_dim, attention_dim)
        self.head = nn.Linear(hidden_dim, 1)

    def forward(self, bags, mask):
        """Classify (B, K, D) with mask (B, K) → logits (B,), attention."""
        ### BEGIN SOLUTION
        h = self.embedding(bags)  # (B, K, H)
        attention = masked_softmax(self.pooling.scores(h), mask)  # (B, K)
        z = (attention[..., None] * h).sum(dim=1)  # (B, H)
        return self.head(z).squeeze(-1), attention
        ### END SOLUTION


# %% id="check-attention-mil"
from mil_tutorial.checks.chapter_05 import check_attention_mil

check_attention_mil(AttentionMIL)

# %% [markdown] id="package"
# The package's `AttentionMIL` has the same layers and gives the same numbers. It packs the real tiles first,
# so it wastes nothing on padding. We use its layers for the rest of the chapter.
#
# ## Train it on slides
#
# The features are those of the shipped slides: 64 numbers per tile, from an encoder that was trained without
# labels. `fit` keeps the epoch with the lowest validation loss. We look at validation slides here. The test
# slides stay closed until chapter 11.

# %% id="train-run"
from mil_tutorial import MIL, TrainingConfig, auc, fit, load_slides, predict
from mil_tutorial import AttentionPooling as PackageAttention

train, val, _ = load_slides("slides")
config = TrainingConfig(
    epochs=3 if FAST else 30,
    learning_rate=1e-3,
    weight_decay=1e-3,
    patience=None,
)


def train_with(pooling, seed=0):
    """Train with this pooling layer; return the model and its predictions."""
    torch.manual_seed(seed)
    model = MIL(64, 128, pooling(128, 128), dropout=0.5)
    fit(model, train, val, config, progress=False)
    return model, predict(model, val)


model, predictions = train_with(PackageAttention)
score = auc(predictions.labels, predictions.probabilities)
print(f"{len(train)} training slides, {len(val)} validation slides")
print(f"validation AUC {score:.2f}")

# %% [markdown] id="read"
# ## Read the weights
#
# A slide has about 217 tiles. With equal weights each tile would get 1/217, or 0.0046. That is a clumsy unit,
# so we multiply by the number of tiles: **a share of 1 is an equal share**, and a share of 50 means that the
# tile counts fifty times as much as the average.

# %% id="read-run"
rates = np.array([truth.mean() for truth in val.instance_labels])
positives = np.flatnonzero(val.labels.numpy() == 1)
by_rate = positives[np.argsort(rates[positives])]
middle = by_rate[len(by_rate) // 2]  # the median witness rate

attention = predictions.per_bag(predictions.attention)[middle]
truth, name = val.instance_labels[middle], val.names[middle]
print(f"slide {name}: {truth.sum()} of {len(truth)} tiles hold tumour")
rows = []
for k in np.argsort(attention)[::-1][:6]:
    share = attention[k] * len(truth)
    kind = "tumour" if truth[k] else "no tumour"
    rows.append((k, f"{attention[k]:.3f}", f"{share:.1f}", kind))
table(("tile", "weight", "share", "truth"), rows)

# %% [markdown] id="heat-map"
# `plot_attention` puts the weights back onto the slide. The outline is the truth, which the model never saw.

# %% id="heat-map-run"
from mil_tutorial import TILE, plot_attention, slide_image

image, coords = slide_image(name), val.coords[middle]
title = f"{name}: probability {predictions.probabilities[middle]:.2f}"
show(
    plot_attention(image, attention, coords, TILE, truth=truth, title=title),
    "A rendered slide, its attention per tile, and both together; most "
    "attention lies on few tiles, inside the outlined tumour",
)

# %% [markdown] id="evidence"
# ## Do not trust one pretty picture
#
# One slide is an anecdote, and we might have picked a good one. (We did not: it is the positive slide with
# the median witness rate.) Two numbers over all positive validation slides say more:
#
# * the **instance AUC**: how often a tumour tile gets more attention than a healthy tile of its slide; 0.5 is
#   chance;
# * the **attention on tumour**: how much of the weight lies on tumour tiles.

# %% id="evidence-run"
from mil_tutorial import instance_auc


def evidence(predictions):
    """Slide AUC, mean instance AUC, and mean attention on tumour tiles."""
    weights = predictions.per_bag(predictions.attention)
    pairs = zip(weights, val.instance_labels)
    inside = [a[t == 1].sum() for a, t in pairs if t.any()]
    ranking = np.nanmean(instance_auc(weights, val.instance_labels))
    slide_auc = auc(predictions.labels, predictions.probabilities)
    return slide_auc, ranking, np.mean(inside)


slide_auc, ranking, inside = evidence(predictions)
equal = rates[positives].mean()  # equal weights: the mean witness rate
print(f"instance AUC {ranking:.2f}")
print(f"attention on tumour {inside:.2f}; equal weights would put {equal:.2f}")

# %% [markdown] id="sigmoid"
# ## Put a sigmoid before the softmax
#
# Some public tutorials squeeze the scores through a sigmoid first, "to keep them between 0 and 1". How much
# can one tile stand out then?

# %% [markdown] id="ex-sigmoid"
# ### Exercise 3: predict the cap
#
# <!-- card sigmoid_cap -->
#
# A bag has ten tiles. One tile has the highest score that a sigmoid can give, 1; the nine others have the
# lowest, 0. What weight does the one tile get from the softmax? Write your guess, then run the check.

# %% id="exercise-sigmoid-cap"
### BEGIN SOLUTION
my_guess = 0.23  # e¹ / (e¹ + 9 e⁰)
### END SOLUTION

# %% id="check-sigmoid-cap"
from mil_tutorial.checks.chapter_05 import check_sigmoid_cap

check_sigmoid_cap(my_guess)

# %% [markdown] id="sigmoid-train"
# Without a sigmoid, one tile's weight can come as close to 1 as it likes, because w can grow as large as
# needed. With the sigmoid, the loudest of n tiles gets at most e / (e + n − 1): 0.23 in a bag of ten, and 0.012 in a
# bag of 217, which is 2.7 equal shares. Does that matter for the result? We train both, with the same seeds.


# %% id="sigmoid-train-run"
class SigmoidFirst(PackageAttention):
    """The mistake, on purpose."""

    def scores(self, embeddings):
        return torch.sigmoid(super().scores(embeddings))


rows = []
for layer in (PackageAttention, SigmoidFirst):
    for seed in range(1 if FAST else 3):
        trained_above = (layer, seed) == (PackageAttention, 0)
        run = predictions if trained_above else train_with(layer, seed)[1]
        name = "softmax" if layer is PackageAttention else "sigmoid, softmax"
        rows.append((name, seed, *(f"{v:.2f}" for v in evidence(run))))
head = "pooling", "seed", "slide AUC", "instance AUC", "attention on tumour"
table(head, rows)

# %% [markdown] id="sigmoid-read"
# Read the stored table with care, because it holds a surprise.
#
# <details><summary>Answer: what the sigmoid changes</summary>
#
# The *ranking* of tiles survives: the instance AUC is as good with the sigmoid, or better. A heat map scaled from
# its minimum to its maximum would look fine. But the weights are nearly equal, so most of the bag's embedding
# comes from healthy tiles, as in mean pooling. In the stored run the slide AUC falls from about 0.94 to 0.74;
# chapter 04 found 0.64 for the mean. So check the weights themselves, not only their order.
#
# </details>
#
# Chapter 04 also found 0.95 for max, so attention does not beat max in AUC here. What it adds is a gradient for
# every tile.
#
# In the playground the same sigmoid is switched on. What
# does it do to AUC and attention there? Press Train, then untick the sigmoid and train again.

# %% id="sigmoid-playground"
from mil_tutorial.widgets import MILPlayground

MILPlayground(preset="sigmoid")

# %% [markdown] id="ex-bug"
# <details><summary>Answer: what the sigmoid does in the playground</summary>
#
# The AUC stays just as good, so it does not warn you. The attention is nearly flat: no point can weigh more
# than e = 2.7 times as much as any other. A tenth of those points are witnesses; in our positive slides the
# median is 3 % of the tiles, and there the AUC falls too.
#
# </details>
#
# ### Exercise 4: find the bug
#
# <!-- card one_bag_at_a_time -->
#
# A colleague writes: "The attention of a slide changes when I put another slide into the batch. All my bags
# have the same size, so it cannot be the mask." This is the code. Fix it.


# %% id="exercise-one-bag-at-a-time"
def attention_of_batch(scores):
    """Attention (B, K) of bags of equal size: scores (B, K), no padding."""
    ### BEGIN SOLUTION
    return torch.softmax(scores, dim=1)
    ### INSTEAD
    # return torch.softmax(scores, dim=0)
    ### END SOLUTION


# %% id="check-one-bag-at-a-time"
from mil_tutorial.checks.chapter_05 import check_one_bag_at_a_time

check_one_bag_at_a_time(attention_of_batch)

# %% [markdown] id="build"
# ## Build it yourself (stretch)
#
# Now build a whole model from empty cells, in three stages. The names and layers inside are up to you: the
# checks look at shapes, padding, order and gradients, and at whether the model learns.
#
# ### Stage 1: score the tiles
#
# <!-- card tile_scorer -->
#
# `Scorer(hidden_dim, attention_dim)` maps embeddings (B, K, H) to scores (B, K), before any softmax. It has
# two layers with a tanh between them.


# %% id="exercise-tile-scorer"
class Scorer(nn.Module):
    """Scorer(hidden_dim, attention_dim): embeddings (B, K, H) → (B, K)."""

    ### BEGIN SOLUTION
    def __init__(self, hidden_dim, attention_dim):
        super().__init__()
        self.V = nn.Linear(hidden_dim, attention_dim)
        self.w = nn.Linear(attention_dim, 1, bias=False)

    def forward(self, h):
        return self.w(torch.tanh(self.V(h))).squeeze(-1)

    ### END SOLUTION


# %% id="check-tile-scorer"
from mil_tutorial.checks.chapter_05 import check_tile_scorer

check_tile_scorer(Scorer)

# %% [markdown] id="build-weights"
# ### Stage 2: turn scores into weights
#
# <!-- card bag_weights -->
#
# Do it without `masked_softmax` this time. Scores may be as large as 1,000.


# %% id="exercise-bag-weights"
def weights_of(scores, mask):
    """Weights (B, K) from scores (B, K) and mask (B, K) of bool."""
    ### BEGIN SOLUTION
    hidden = scores.masked_fill(~mask, float("-inf"))
    return torch.softmax(hidden, dim=1)
    ### END SOLUTION


# %% id="check-bag-weights"
from mil_tutorial.checks.chapter_05 import check_bag_weights

check_bag_weights(weights_of)

# %% [markdown] id="build-model"
# ### Stage 3: the whole model
#
# <!-- card whole_model -->
#
# `WholeModel(input_dim, hidden_dim, attention_dim)`, called with bags (B, K, D) and mask (B, K), returns a
# pair: logits (B,) and attention (B, K).


# %% id="exercise-whole-model"
class WholeModel(nn.Module):
    """WholeModel(input_dim, hidden_dim, attention_dim): an attention MIL."""

    ### BEGIN SOLUTION
    def __init__(self, input_dim, hidden_dim, attention_dim):
        super().__init__()
        self.embedding = nn.Linear(input_dim, hidden_dim)
        self.scorer = Scorer(hidden_dim, attention_dim)
        self.head = nn.Linear(hidden_dim, 1)

    def forward(self, bags, mask):
        h = torch.relu(self.embedding(bags))  # (B, K, H)
        attention = weights_of(self.scorer(h), mask)  # (B, K)
        z = (attention[..., None] * h).sum(dim=1)  # (B, H)
        return self.head(z).squeeze(-1), attention

    ### END SOLUTION


# %% id="check-whole-model"
from mil_tutorial.checks.chapter_05 import check_whole_model

check_whole_model(WholeModel)

# %% [markdown] id="summary"
# ## Summary
#
# * Attention pooling is a weighted mean. A small network scores each tile, and a softmax over the tiles of
#   one bag turns scores into weights that sum to 1.
# * Only differences between scores count. Weights compare tiles of one slide, never tiles of two slides.
# * Mask padding before the softmax, and do not cap the scores.
# * A heat map shows an order. Score it against the truth, and look at the size of the weights as well.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Report attention as shares (weight × number of tiles), so that bag size drops out. Expect hot tiles on
#   healthy slides too: the weights must sum to 1 there as well.
# * When attention is "all cold" or uniform, look for a sigmoid, a second softmax or a forgotten mask before
#   you change the learning rate.
# * High attention means "this tile moved the slide's score", up or down. It does not mean "tumour". Chapter
#   09 compares it with each tile's own score.

# %% [markdown] id="reading"
# ## Further reading
#
# * M. Ilse, J. M. Tomczak and M. Welling, *Attention-based deep multiple instance learning*, ICML 2018,
#   [arXiv:1802.04712](https://arxiv.org/abs/1802.04712). Sections 2.3 and 2.4 cover this chapter.
# * S. Jain and B. C. Wallace, *Attention is not explanation*, NAACL 2019,
#   [arXiv:1902.10186](https://arxiv.org/abs/1902.10186): why weights alone are no proof.
#
# <!-- next -->
