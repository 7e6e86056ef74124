# %% [markdown] id="title"
# # Batch bags of different sizes
#
# <!-- badges -->
#
# One slide gives 200 tiles, the next 20,000, and a batch wants tensors of one shape. In this chapter you fill the gaps and
# keep the filling out of every result. Then you do without it.
#
# | | |
# |---|---|
# | **You will do** | write `collate_fn` and a masked softmax, draw new tiles each epoch, pack bags, and measure both ways |
# | **You will learn** | how padding takes attention from tissue, why a mask must act before the softmax, and when packing pays |
# | **You need** | bags and `MedicalBagDataset` from [chapter 02](02_build_bags.ipynb); PyTorch's tensors and `DataLoader` |
# | **Time** | 50 minutes |

# %% id="setup"
# setup

# %% id="imports"
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from scipy.stats import hypergeom
from torch import nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

import mil_tutorial
from mil_tutorial import load_slides
from mil_tutorial.notebook import table

# %% [markdown] id="fail"
# ## Watch the default loader fail
#
# A `DataLoader` asks the data set for items and joins them into a batch. How do you think it joins four slides?

# %% id="fail-run"
train, val, _ = load_slides("slides")
loader = DataLoader(train, batch_size=4)
try:
    next(iter(loader))
except RuntimeError as error:
    print(error)

# %% [markdown] id="fail-why"
# <details><summary>Answer: how the loader joins four slides</summary>
#
# It stacks, and only tensors of one shape can be stacked.
#
# </details>
#
# There are three ways out:
#
# * **One bag at a time.** Many public projects do it. But then each step of the optimiser follows a single label.
# * **Pad.** Fill up smaller bags with rows that mean nothing, and remember which rows those are.
# * **Pack.** Put all tiles into one long list, and remember which bag each belongs to.
#
# ![Bags of 5, 2 and 3 tiles. Padded, they fill 3 rows of 5 places, 5 of them empty. Packed, the 10 tiles are in one row, and the sizes say where each bag ends.](images/packing.svg)

# %% [markdown] id="pad"
# ## Pad two bags by hand
#
# The first bag has three tiles, the second two. Each tile has D = 2 features. The batch needs room for B = 2 bags of K = 3
# tiles, the size of the larger bag. The third place of the second bag stays empty.
#
# The **mask** records that: it is True at a real tile and False at padding.

# %% id="pad-run" tags=["nbval-check-output"]
first = torch.tensor([[4.0, 0.0], [1.0, 1.0], [0.0, 3.0]])  # (3, D=2)
second = torch.tensor([[2.0, 2.0], [1.0, 0.0]])  # (2, D=2)

bags = torch.zeros(2, 3, 2)  # (B, K, D)
mask = torch.zeros(2, 3, dtype=torch.bool)  # (B, K)
bags[0, :3], mask[0, :3] = first, True
bags[1, :2], mask[1, :2] = second, True
print(bags[1].tolist())
print(mask.tolist())

# %% [markdown] id="ex-collate"
# ### Exercise 1: write `collate_fn`
#
# <!-- card collate_fn -->
#
# The loader hands you a list of (instances, label) pairs. Loop over it and do what we did by hand, for any number of bags.
# Labels must be floats: the loss compares them with probabilities.


# %% id="exercise-collate-fn"
def collate_fn(batch):
    """Pad bags to the largest of the batch.

    batch: list of (instances (n_b, D), label); a label is a number or tensor.
    Returns bags (B, K, D), padded with zeros, mask (B, K), labels (B,) float.
    """
    ### BEGIN SOLUTION
    sizes = [len(instances) for instances, _ in batch]
    like = batch[0][0]  # new_zeros makes zeros of the same type
    bags = like.new_zeros(len(batch), max(sizes), like.shape[1])
    mask = torch.zeros(len(batch), max(sizes), dtype=torch.bool)
    for b, (instances, _) in enumerate(batch):
        bags[b, : sizes[b]] = instances
        mask[b, : sizes[b]] = True
    labels = torch.tensor([float(label) for _, label in batch])
    return bags, mask, labels
    ### END SOLUTION


# %% id="check-collate-fn"
from mil_tutorial.checks.chapter_03 import check_collate_fn

check_collate_fn(collate_fn)

# %% [markdown] id="ex-collate-after"
# Stuck? `check_collate_fn.hint(1)` gives you a nudge, and `check_collate_fn.solution()` shows one answer.
#
# The mask follows from the sizes alone; the zeros tell you nothing, because a real tile may be all zeros too. So
# number the places 0, 1, 2 and ask of each: is it smaller than the bag's size? Broadcasting answers for all bags at
# once, as the package's `collate_fn` does.

# %% id="pad-vector" tags=["nbval-check-output"]
sizes = torch.tensor([3, 2])
short_bags = pad_sequence([first, second], batch_first=True)  # (B, K, D)
short_mask = torch.arange(3) < sizes[:, None]  # (K,) against (B, 1) → (B, K)
print("same bags:", torch.equal(short_bags, bags))
print("same mask:", torch.equal(short_mask, mask))

loader = DataLoader(train, batch_size=4, collate_fn=mil_tutorial.collate_fn)
slide_bags, slide_mask, slide_labels = next(iter(loader))
print("bags", tuple(slide_bags.shape), " labels", slide_labels.tolist())
print("tiles of each slide:", slide_mask.sum(dim=1).tolist())

# %% [markdown] id="unmasked"
# ## See padding take attention
#
# Attention turns scores into weights by a softmax: the exponential of each score, divided by their sum. Chapter 05 shows
# where scores come from. What does padding do to the weights?
#
# Suppose the two tiles of our second bag score 1 and 0. The padded row gets a score as well, from the same network. Say it
# is 0. How much weight goes to a tile that does not exist?

# %% id="unmasked-run" tags=["nbval-check-output"]
alone = torch.tensor([1.0, 0.0])
padded = torch.tensor([1.0, 0.0, 0.0])
for name, scores in {"alone": alone, "padded": padded}.items():
    powers = torch.exp(scores)  # e = 2.72, e⁰ = 1
    weights = powers / powers.sum()
    print(f"{name:7}", np.round(weights.numpy(), 3))

# %% [markdown] id="unmasked-why"
# <details><summary>Answer: the weight of the missing tile</summary>
#
# By hand: 1 / (2.72 + 1 + 1) = 0.212. A fifth of the slide's attention lies on nothing.
#
# </details>
#
# The padding is there only because the *other* bag is larger. The slide's result depends on its neighbours in the batch.
# Nothing crashes and no number looks odd.

# %% [markdown] id="ex-share"
# ### Exercise 2: predict the share
#
# <!-- card padding_share -->
#
# A bag of 10 real tiles is padded to 100 places. All 100 scores are equal. What share of the attention lies on padding? Write
# your guess, then run the check.

# %% id="exercise-padding-share"
### BEGIN SOLUTION
my_guess = 0.9  # 90 of 100 equal weights
### END SOLUTION

# %% id="check-padding-share"
from mil_tutorial.checks.chapter_03 import check_padding_share

check_padding_share(my_guess)

# %% [markdown] id="share"
# Now let the ten tiles differ: draw their scores from a normal distribution with mean 0 and standard deviation 1, and
# leave padding at 0. Do it for 1,000 bags, padded ever further.

# %% id="share-figure"
places = np.geomspace(10, 1000, 61).round()  # K; the 31st is 100
generator = torch.Generator().manual_seed(0)
scores = torch.randn(1000, 10, generator=generator)
real = torch.exp(scores).sum(dim=1).numpy()  # (1000,)
padding = (places - 10)[:, None]  # each padded place adds e⁰ = 1
taken = padding / (padding + real)  # (61, 1000)
mean = taken.mean(axis=1)
print(f"padded to {places[30]:.0f} places: {mean[30]:.2f} on padding")

# %% id="share-draw" tags=["hide-input"]
figure, axes = plt.subplots(figsize=(6.5, 3.6))
band = np.quantile(taken, [0.05, 0.95], axis=1)
look = {"color": "#D55E00", "alpha": 0.25, "label": "9 of 10 bags"}
axes.fill_between(places, *band, **look)
axes.plot(places, mean, color="#D55E00", label="mean of 1,000 bags")
equal = {"color": "#0072B2", "linestyle": "--", "label": "equal scores"}
axes.plot(places, 1 - 10 / places, **equal)
axes.plot(100, mean[30], "o", color="#D55E00")
axes.text(115, 0.66, f"100 places: {mean[30]:.2f}", color="#A33F00")
axes.set(xscale="log", ylim=(0, 1), ylabel="share of attention on padding")
axes.set_xlabel("places the bag of 10 tiles is padded to, K")
axes.set_xticks([10, 100, 1000], ["10", "100", "1,000"])
axes.legend(loc="lower right")
show(
    figure,
    "Share of attention on padding against the number of places K, from 10 to "
    "1,000: it starts at 0, passes 0.85 at 100 places and nears 1; with equal "
    "scores it lies a little higher",
)

# %% [markdown] id="mask"
# ## Mask before the softmax
#
# Padded to 100 places, the ten tiles keep 0.15 of the attention on average. We want to give them all of it.
#
# Setting the padded weights to 0 *after* the softmax is too late: the real weights would still sum to less than 1.
# Setting padded *scores* to 0 does not help, because e⁰ = 1. The score that gives the weight 0 is the one whose
# exponential is 0: minus infinity.
#
# And what will the softmax make of a bag without tiles, where all scores are minus infinity?

# %% id="mask-run" tags=["nbval-check-output"]
scores = torch.tensor([[2.0, 1.0, 0.0], [1.0, 0.0, 0.0]])  # (B, K)
hidden = scores.masked_fill(~mask, float("-inf"))
weights = torch.softmax(hidden, dim=1)
print("scores: ", hidden[1].tolist())
print("weights:", np.round(weights[1].numpy(), 3))
no_tile = torch.full((3,), float("-inf"))
print("no tile:", torch.softmax(no_tile, dim=0).tolist())

# %% [markdown] id="mask-nan"
# The two real tiles have the weights they had alone. `masked_fill` *replaces* what was there, so even a NaN under the mask
# does no harm; multiplying by the mask would keep it.
#
# <details><summary>Answer: a bag without tiles</summary>
#
# The bag without tiles gives 0/0. That NaN would go into the loss, into every gradient, and after one step into all weights of
# the model.
#
# </details>
#
# An empty bag has no right answer, so we refuse it and say which one it was.

# %% [markdown] id="ex-masked"
# ### Exercise 3: write `masked_softmax`
#
# <!-- card masked_softmax -->
#
# Keep the promises of the docstring.


# %% id="exercise-masked-softmax"
def masked_softmax(scores, mask):
    """Softmax over the real tiles of each bag: scores, mask (B, K) → (B, K).

    Each row sums to 1; padding gets exactly 0, whatever its score, even NaN.
    A row without a real tile raises a ValueError with the row's number.
    """
    ### BEGIN SOLUTION
    empty = (~mask.any(dim=1)).nonzero()
    if len(empty) > 0:
        raise ValueError(f"row {int(empty[0])} of the mask has no real tile")
    return torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=1)
    ### END SOLUTION


# %% id="check-masked-softmax"
from mil_tutorial.checks.chapter_03 import check_masked_softmax

check_masked_softmax(masked_softmax)

# %% [markdown] id="cost"
# ## Count what padding costs
#
# With a mask, padding is harmless, but not free: the network computes every padded row before the mask hides it. How much of
# a batch of 16 slides is padding?
#
# That depends on how much sizes differ. The shipped slides are similar in size. Whole slides are not. To imitate
# them, we draw 1,600 sizes from a log-normal distribution with median 1,500 and sigma 1.

# %% id="cost-run" tags=["nbval-check-output"]
logs = np.random.default_rng(0).normal(np.log(1500), 1, 1600)
lognormal = np.exp(logs).round().astype(int)


def padded_share(sizes):
    """Share of padded rows in each batch of 16: sizes (n,) → (n // 16,)."""
    batches = sizes[: len(sizes) // 16 * 16].reshape(-1, 16)
    return 1 - batches.sum(axis=1) / (16 * batches.max(axis=1))


shipped = train.sizes.numpy()
size_sets = {"shipped slides": shipped, "log-normal sizes": lognormal}
rows = []
for name, n in size_sets.items():
    share = padded_share(n)
    shares = [f"{x:.2f}" for x in (share.min(), share.mean(), share.max())]
    rows.append((name, n.min(), n.max(), *shares))
head = ("", "fewest tiles", "most tiles", "lowest padding", "mean", "highest")
table(head, rows)

# %% id="cost-figure" tags=["hide-input"]
look = {"color": "white", "edgecolor": "#777777", "hatch": "////"}
figure, panels = plt.subplots(1, 2, figsize=(8, 3.6), sharey=True)
for axes, (name, n) in zip(panels, size_sets.items()):
    n = n[:16]
    axes.barh(range(16), n, color="#009E73", label="real tiles")
    axes.barh(range(16), n.max() - n, left=n, label="padding", **look)
    axes.set_title(f"{name}: {padded_share(n)[0]:.0%} padding")
    axes.set(xlabel="rows of the bag", yticks=range(0, 16, 5))
panels[0].set_ylabel("bag of the batch")
legend = panels[0].get_legend_handles_labels()
figure.legend(*legend, loc="outside lower center", ncols=2)
show(
    figure,
    "Two batches of 16 bags as bars, real tiles solid and padding hatched: "
    "the bars of the shipped slides are almost all solid, those of log-normal "
    "sizes are mostly hatched",
)

# %% [markdown] id="cost-read"
# The largest slide of a batch sets the price for all. With log-normal sizes seven rows in ten are padding, and a processor
# does not look at what it multiplies. At the end of the chapter we measure the time.
#
# Two remedies: show fewer tiles, or do not pad.

# %% [markdown] id="sample"
# ## Draw new tiles each epoch
#
# In training, a slide need not show all its tiles. Draw n of them, and in the next epoch another n. Time and memory stay
# bounded, and the model hardly ever sees the same bag twice. `torch.randperm` gives a random order; its first n entries
# are a draw without replacement.

# %% [markdown] id="ex-sampler"
# ### Exercise 4: find the bug
#
# <!-- card epoch_sampler -->
#
# A colleague wants repeatable runs and passes a seed. Training is fast now, but more epochs do not help, although
# `set_epoch` is called before each one. What is wrong? Fix it, and keep it repeatable: the same seed and epoch must
# always show the same tiles.


# %% id="exercise-epoch-sampler"
class EpochSampler:
    """Shows at most n tiles of each bag, new ones in each epoch."""

    def __init__(self, dataset, n, seed=0):
        self.dataset, self.n, self.seed = dataset, n, seed
        self.epoch = 0

    def set_epoch(self, epoch):
        self.epoch = epoch

    def __len__(self):
        return len(self.dataset)

    def __getitem__(self, i):
        instances, label = self.dataset[i]
        ### BEGIN SOLUTION
        seed = 1000 * self.seed + self.epoch
        generator = torch.Generator().manual_seed(seed)
        ### INSTEAD
        # generator = torch.Generator().manual_seed(self.seed)
        ### END SOLUTION
        chosen = torch.randperm(len(instances), generator=generator)[: self.n]
        return instances[chosen], label


# %% id="check-epoch-sampler"
from mil_tutorial.checks.chapter_03 import check_epoch_sampler

check_epoch_sampler(EpochSampler)

# %% [markdown] id="sampler-package"
# The package's `InstanceSampler` draws the tiles of all bags in `set_epoch`, from the seed and the epoch. If you forget to call
# it, you stay in epoch 0. How much of a slide does the model see then?

# %% id="sampler-figure"
seen = {"set_epoch called": [], "set_epoch forgotten": []}
for name, shares in seen.items():
    sampler = mil_tutorial.InstanceSampler(train, n=64, seed=0)
    met = torch.zeros(len(train[0].instances), dtype=torch.bool)
    for epoch in range(15):
        if name == "set_epoch called":
            sampler.set_epoch(epoch)
        met[sampler.indices[0]] = True
        shares.append(met.float().mean().item())

looks = [("o-", "#009E73"), ("s--", "#D55E00")]
figure, axes = plt.subplots(figsize=(6, 3.2))
for (name, shares), (line, colour) in zip(seen.items(), looks):
    axes.plot(range(1, 16), shares, line, color=colour, label=name)
axes.set(ylim=(0, 1.05), xlabel="epochs")
axes.set_ylabel("share of tiles seen at least once")
axes.legend(loc="center right", bbox_to_anchor=(1.0, 0.6))
show(
    figure,
    "Share of a slide's tiles seen at least once against epochs, 64 drawn "
    "each time: with set_epoch it rises from 0.3 to 1, without it stays "
    "at 0.3",
)

# %% [markdown] id="miss"
# <details><summary>Answer: what the model sees in epoch 0</summary>
#
# Without `set_epoch`, the model sees the same tiles every time, three in ten.
#
# </details>
#
# Sampling has a price even when done right: the tumour may not be among the tiles drawn. The bag keeps its label 1, but
# shows only healthy tissue. How often does that happen? Tiles are drawn like balls from an urn, so we can compute the
# chance exactly.

# %% id="miss-run" tags=["nbval-check-output"]
hard, _, _ = load_slides("slides-hard")


def missed(data, n):
    """Mean chance that n drawn tiles of a positive slide hold no tumour."""
    truths = [t for t in data.instance_labels if t.any()]
    return np.mean([hypergeom.pmf(0, len(t), t.sum(), n) for t in truths])


rows = []
for n in (32, 64, 128):
    rows.append((n, f"{missed(train, n):.2f}", f"{missed(hard, n):.2f}"))
table(("tiles drawn", "slides", "slides-hard"), rows)

# %% [markdown] id="miss-read"
# The table shows the mean chance, over positive training slides, that no tumour tile is drawn.
#
# <details><summary>Answer: how often the tumour is missed</summary>
#
# With 64 tiles, about a third of a slide, one positive bag in seven misses its tumour; on slides with small lesions,
# more than one in three.
#
# </details>
#
# Draw generously when lesions are small. In validation, use all tiles.

# %% [markdown] id="pack"
# ## Pack: no padding at all
#
# Now leave the gaps out. Put all tiles into one long tensor of N rows, and note the sizes. The sizes give an
# **index** that tells which bag each row belongs to.
#
# A linear layer treats each tile on its own and takes (N, D) as it is. Only steps that look at a whole bag, such as
# the softmax, need the index. First, the softmax as a loop over bags:

# %% id="pack-run" tags=["nbval-check-output"]
instances = torch.cat([first, second])  # (N=5, D=2)
sizes = torch.tensor([3, 2])  # (B,)
index = torch.repeat_interleave(torch.arange(2), sizes)  # (N,)
print("index:  ", index.tolist())

packed_scores = torch.tensor([2.0, 1.0, 0.0, 1.0, 0.0])  # (N,)
of_bags = [packed_scores[index == b] for b in range(2)]
by_loop = torch.cat([torch.softmax(s, dim=0) for s in of_bags])
print("weights:", np.round(by_loop.numpy(), 3))

# %% [markdown] id="pack-sum"
# To sum each bag without a loop, `index_add(0, index, values)` adds row k of the values to place `index[k]` of the
# result.

# %% id="pack-sum-run" tags=["nbval-check-output"]
powers = torch.exp(packed_scores)
totals = torch.zeros(2).index_add(0, index, powers)
print("sum of the powers of each bag:", np.round(totals.numpy(), 2))
print("back to the rows:", np.round(totals[index].numpy(), 2))

# %% [markdown] id="segment"
# Add up by bag, spread the totals back over the rows, divide: that is the softmax. But the exponential of 1000 is
# infinite, so first subtract each bag's highest score. Shifting all scores does not change a softmax.
# `scatter_reduce` with `"amax"` finds the highest score just as `index_add` finds the sum.


# %% id="segment-code" tags=["nbval-check-output"]
def segment_softmax(scores, index, n_bags):
    """Softmax of packed scores (N,) within each bag; index (N,) → (N,)."""
    zeros = scores.new_zeros(n_bags)
    with torch.no_grad():  # the shift cancels, so it needs no gradient
        new = {"reduce": "amax", "include_self": False}
        highest = zeros.scatter_reduce(0, index, scores, **new)
    powers = torch.exp(scores - highest[index])
    totals = zeros.index_add(0, index, powers)
    return powers / totals[index]


weights = segment_softmax(packed_scores, index, 2)
print("as the loop:", torch.allclose(weights, by_loop))
print(segment_softmax(packed_scores * 1000, index, 2).tolist())

# %% [markdown] id="pack-package"
# ## Prove that both forms agree
#
# The package's `collate_packed` makes a `BagBatch` of `instances`, `sizes` and `labels`. Its `padded()` gives the padded
# form, and `pack(bags, mask)` goes back. Both must give the same attention, bag embeddings (weighted means of a bag's
# tiles) and gradients, to within rounding. We test it with `AttentionPooling`, the layer that chapter 05 explains.

# %% id="pack-package-run" tags=["nbval-check-output"]
batch = mil_tutorial.collate_packed([train[i] for i in range(4)])
bags, mask, labels = batch.padded()
back, back_sizes = mil_tutorial.pack(bags, mask)
print("packed", tuple(batch.instances.shape), " padded", tuple(bags.shape))
print("same instances again:", torch.equal(back, batch.instances))
print("same sizes again:    ", torch.equal(back_sizes, batch.sizes))

torch.manual_seed(0)
pooling = mil_tutorial.AttentionPooling(embedding_dim=64, attention_dim=64)
packed = pooling(batch.instances, batch.sizes)
weights = mil_tutorial.masked_softmax(pooling.scores(bags), mask)  # (B, K)
pooled = (weights[..., None] * bags).sum(dim=1)  # (B, D)


def gradients(z):
    return torch.autograd.grad(z.square().sum(), list(pooling.parameters()))


pairs = {
    "attention": [(packed.attention, weights[mask])],
    "embeddings": [(packed.values, pooled)],
    "gradients": list(zip(gradients(packed.values), gradients(pooled))),
}
for name, both in pairs.items():
    print(f"same {name}:", all(torch.allclose(*p, atol=1e-4) for p in both))

# %% [markdown] id="both"
# ## Measure both
#
# How much time does padding cost, and does the extra work with the index eat up what packing gains? We time a linear
# layer with a tanh, and a whole step of attention pooling, forward and backward. Padded and packed runs take turns, and
# we compare median times.


# %% id="both-run"
def ratio(padded, packed, seconds=0.3 if FAST else 2):
    """Time two calls, (step, *arguments), in turn: ratio of the medians."""
    times = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        turn = []
        for step, *arguments in (padded, packed):
            began = time.perf_counter()
            step(*arguments)
            turn.append(time.perf_counter() - began)
        times.append(turn)
    return np.divide(*np.median(times, axis=0))


def pool_padded(x, mask):
    weights = mil_tutorial.masked_softmax(pooling.scores(x), mask)
    (weights[..., None] * x).sum().backward()


def pool_packed(x, sizes):
    pooling(x, sizes).values.sum().backward()


# %% id="both-print"
torch.manual_seed(0)
layer = nn.Sequential(nn.Linear(64, 64), nn.Tanh())
results = []
for name, n in size_sets.items():
    n = torch.tensor(n[:16])  # the batches of the figure
    x = torch.randn(int(n.sum()), 64)  # (N, D)
    x_padded, x_mask = mil_tutorial.pad(x, n)  # (B, K, D), (B, K)
    rows = x_mask.numel() / len(x)
    with torch.inference_mode():
        forward = ratio((layer, x_padded), (layer, x))
    whole = ratio((pool_padded, x_padded, x_mask), (pool_packed, x, n))
    results.append((name, f"{rows:.2f}", f"{forward:.1f}", f"{whole:.1f}"))
head = ("padded / packed", "rows", "layer + tanh: time", "pooling: time")
table(head, results)

# %% [markdown] id="both-read"
# <details><summary>Answer: the cost of padding and of the index</summary>
#
# Timings vary; only the ratio of rows is exact. We ran this measurement twenty times on a busy machine. With log-normal sizes
# the padded pooling step took 2.9 to 6.4 times as long as the packed one, with 3.4 times the rows. With the shipped slides it
# took 0.5 to 1.1 times as long, mostly a little under 1: there the index work costs as much as the few padded rows, or more.
#
# So packing pays when sizes differ as much as those of whole slides.
#
# </details>
#
# Packing also leaves no mask to forget. The package's models pack whatever they get.

# %% [markdown] id="ex-mean"
# ### Exercise 5: average without a loop
#
# <!-- card packed_mean -->
#
# Write the mean of each packed bag, with `index_add` and without a loop over bags.


# %% id="exercise-packed-mean"
def packed_mean(instances, sizes):
    """Mean of each bag: instances (N, D), sizes (B,) → (B, D)."""
    ### BEGIN SOLUTION
    index = torch.repeat_interleave(torch.arange(len(sizes)), sizes)  # (N,)
    zeros = instances.new_zeros(len(sizes), instances.shape[1])
    return zeros.index_add(0, index, instances) / sizes[:, None]
    ### END SOLUTION


# %% id="check-packed-mean"
from mil_tutorial.checks.chapter_03 import check_packed_mean

check_packed_mean(packed_mean)

# %% [markdown] id="summary"
# ## Summary
#
# * A padded batch is bags (B, K, D), mask (B, K) and labels (B,). Without the mask, padding takes attention, and a slide's
#   result depends on its neighbours.
# * Mask before the softmax, with minus infinity. Refuse a bag without tiles.
# * Sampled tiles must change from epoch to epoch and be repeatable; a small sample may miss the tumour.
# * A packed batch is instances (N, D), sizes (B,) and labels (B,). It gives the same results, wastes no rows, and
#   pays when sizes differ widely.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Predict a slide alone, then in a batch with a much larger slide. Any difference beyond rounding means that padding leaks.
# * Batch normalisation does not know about masks: its means would count padded rows. Packed rows are safe.
# * Sorting slides by size before batching removes most padding, but the batches are no longer random.
# * The largest slide decides whether your memory suffices. Try it first, not last.

# %% [markdown] id="reading"
# ## Further reading
#
# * M. M. Krell, M. Kosec, S. P. Perez and A. Fitzgibbon, *Efficient sequence packing without
#   cross-contamination*, 2021, [arXiv:2107.02027](https://arxiv.org/abs/2107.02027): the same waste in
#   language models, where up to half of all tokens can be padding.
# * PyTorch Geometric,
#   [*Advanced mini-batching*](https://pytorch-geometric.readthedocs.io/en/latest/advanced/batching.html):
#   graphs of different size, packed in the same way.
#
# <!-- next -->
