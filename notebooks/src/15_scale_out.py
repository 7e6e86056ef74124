# %% [markdown] id="title"
# # Scale out
#
# <!-- badges -->
#
# Your slides have 50,000 tiles, you have five hundred of them, and a laptop. How long will training take, will it
# fit into memory, and what would a second processor bring? Predict first, then measure, here on your own machine.
#
# | | |
# |---|---|
# | **You will do** | measure your machine, predict the time of a step, find what slows it, bound its memory, train with two processes |
# | **You will learn** | roofline thinking, why padding costs, what gradient accumulation and recomputation are, where half precision is safe, what processes must tell each other |
# | **You need** | packed batches ([chapter 03](03_batch_bags.ipynb)), gated attention ([chapter 06](06_add_a_gate.ipynb)), the training loop ([chapter 07](07_train_for_recall.ipynb)) |
# | **Time** | 45 minutes |
#
# Numbers in the text are counts or ratios. Every second you see was measured when the cell ran.

# %% id="setup"
# setup

# %% id="imports"
import os
import subprocess
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from torch.nn import functional as F

from mil_tutorial import build_model, collate_packed

D, H, A = 1024, 128, 128  # features of a tile, embedding, attention

# %% id="seconds"
ROUNDS = 3 if FAST else 9


def seconds(*functions):
    """Run functions in turn, several rounds; return the median time of each."""
    times = []
    for _ in range(ROUNDS + 1):
        row = []
        for function in functions:
            start = time.perf_counter()
            function()
            row.append(time.perf_counter() - start)
        times.append(row)
    return np.median(times[1:], axis=0)  # the first round warms up


# %% [markdown] id="count"
# ## Count before you measure
#
# What does a model *have* to do? Multiply matrices. A linear layer from 1,024 to 128 numbers takes 1,024 × 128
# multiplications for each tile, each followed by an addition. Everything else (ReLU, tanh, softmax) touches each number a few times.
#
# ### Exercise 1: predict the work
#
# <!-- card products -->
#
# Gated attention has an embedding, from D = 1,024 to H = 128, and two layers from H to A = 128 for V and U. How many
# **thousand** multiplications does the forward pass take for one tile? (The last layer w, with its 128, is too
# small to matter.)

# %% id="exercise-products"
### BEGIN SOLUTION
my_guess = 164  # 1,024 × 128 + 2 × 128 × 128 = 163,840
### END SOLUTION

# %% id="check-products"
from mil_tutorial.checks.chapter_15 import check_products

check_products(my_guess)

# %% [markdown] id="speed"
# How many of these can your machine do in a second? Multiply two matrices of random numbers, and count a
# multiplication and an addition as two operations (FLOP).

# %% id="speed-run"
torch.manual_seed(0)
tiles = torch.randn(4096, D)
W, V, U = torch.randn(D, H), torch.randn(H, A), torch.randn(H, A)
out = torch.empty(4096, H)
product, touch = seconds(
    lambda: torch.mm(tiles, W, out=out), lambda: torch.relu(out)
)
flops = 2 * 4096 * D * H / product
print("threads:", torch.get_num_threads())
print(f"a product:    {flops / 1e9:6.1f} billion operations a second")
print(f"ReLU:         {out.numel() / touch / 1e9:6.1f}")
print(f"so the product does {flops * touch / out.numel():.0f} times as many")

# %% [markdown] id="roofline"
# ## Look up at the roof
#
# Why does ReLU do so much less? It reads a number from memory, does one operation and writes it back. The product reads
# each feature once and uses it 128 times. Divide operations by bytes moved and you have the **intensity** of a
# piece of work. Low intensity: memory is the limit. High intensity: the processor is. Drawn together, the two limits
# look like a roof (Williams and others 2009).

# %% id="roofline-run"
source, target = torch.randn(2**23), torch.empty(2**23)
(copying,) = seconds(lambda: target.copy_(source))
bandwidth = 2 * 4 * 2**23 / copying  # bytes: read and written
source = target = None  # gives the memory back
bytes_of = {
    "product": 4 * (tiles.numel() + W.numel() + out.numel()),
    "ReLU": 8 * out.numel(),
}
done = {"product": 2 * 4096 * D * H, "ReLU": out.numel()}
took = {"product": product, "ReLU": touch}
figure, axis = plt.subplots(figsize=(6, 3.4))
x = np.logspace(-2, 3, 200)
axis.loglog(
    x,
    np.minimum(x * bandwidth, flops) / 1e9,
    color="0.3",
    label="roof, measured here",
)
for (name, work), colour in zip(done.items(), ("#0072B2", "#D55E00")):
    axis.plot(
        work / bytes_of[name],
        work / took[name] / 1e9,
        "o",
        color=colour,
        label=name,
    )
axis.set(
    xlabel="operations per byte moved", ylabel="billion operations\na second"
)
axis.legend(loc="lower right")
show(
    figure,
    "Operations a second against operations per byte, both logarithmic: a line rises from the left "
    "and turns flat; ReLU lies on the slope at the left, the matrix product on the flat roof",
)

# %% [markdown] id="roofline-read"
# ReLU lies near the slope. It may lie above it, where its numbers were still in the processor's cache, which is
# nearer than memory. The product is at the roof by definition, because the roof was measured with it.
#
# So a step is near the machine's limit if its time is near that of its products alone. In the backward pass, each
# layer multiplies twice more, once for the weights and once for its input. (The features need no gradient, so the
# first layer multiplies once more only.)

# %% id="bags"
rng = np.random.default_rng(0)
sizes = (
    np.exp(rng.normal(np.log(200 if FAST else 500), 1.0, 16)).astype(int) + 1
)
bags = [(torch.randn(n, D), i % 2) for i, n in enumerate(sizes.tolist())]
batch = collate_packed(bags)
N, K = int(sizes.sum()), int(sizes.max())
print(f"16 bags: {sizes.min()} to {K:,} tiles, {N:,} together")
work = 2 * N * (2 * D * H + 3 * 2 * H * A)
print(f"forward and backward: {work / 1e9:.1f} billion operations")
print(f"predicted from the roof: {work / flops:.3f} s")

# %% id="step"
model = build_model("gated", D, H)


def step(instances, sizes, labels):
    """Gradients of a batch: the mean loss over its bags."""
    logits = model.forward_packed(instances, sizes).logits
    model.zero_grad()
    F.binary_cross_entropy_with_logits(logits, labels).backward()


x, h, a = batch.instances, torch.randn(N, H), torch.randn(N, A)


def bare():
    """Multiply the matrices of a step, and nothing else."""
    for _ in range(
        2
    ):  # V and U: forward, and backward for weights and embedding
        h @ V, a.T @ h, a @ V.T
    x @ W, h.T @ x


packed, limit = seconds(
    lambda: step(batch.instances, batch.sizes, batch.labels), bare
)
print(f"products alone: {limit:.3f} s (predicted {work / flops:.3f})")
print(
    f"packed step:    {packed:.3f} s, {packed / limit:.2f} times the products"
)

# %% [markdown] id="step-read"
# The prediction need not be met: smaller matrices may run below the roof.
#
# What is between the step and its products is ReLU, tanh, sigmoid, softmax, the weighted mean, and their gradients:
# few operations, many bytes.
#
# ## Pay for padding
#
# What if the bags are padded to the largest, and the model computes on all places? Then the count says it:
# places divided by tiles.

# %% id="padding-run"
bag_tensor, mask, labels = batch.padded()
print(
    f"{mask.numel():,} places for {N:,} tiles: predicted {mask.numel() / N:.1f} times the work"
)


def padded_step():
    """Compute on padding, too, and mask it in the softmax."""
    embeddings = model.embedding(bag_tensor)
    scores = model.pooling.scores(embeddings.flatten(0, 1)).view(mask.shape)
    attention = torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=1)
    logits = model.head(
        torch.einsum("bk,bkh->bh", attention, embeddings)
    ).squeeze(-1)
    model.zero_grad()
    F.binary_cross_entropy_with_logits(logits, labels).backward()


padded, packed = seconds(
    padded_step, lambda: step(batch.instances, batch.sizes, batch.labels)
)
print(f"measured: {padded / packed:.1f} times the time of the packed step")
bag_tensor = None

# %% [markdown] id="padding-read"
# The count needs no clock; the time may differ, since larger arrays leave the cache. What is computed on zeros is lost.
# `model(bags, mask)` packs first, for this reason.
#
# ## Take a batch in parts
#
# Must all 16 bags be computed at once? The gradient of a sum is the sum of gradients. So take a part, call
# `backward`, take the next: PyTorch adds to `.grad` until someone clears it. This is **gradient accumulation**. Memory
# holds one part, and the step is that of the whole batch, if the parts are weighed right.
#
# ### Exercise 2: find the bug
#
# <!-- card accumulate -->
#
# The bags of a batch come in parts. The gradient should be that of the *mean* loss over all bags. With 3 bags and then 1, the last bag counts three times as much as each of the others.


# %% id="exercise-accumulate"
def accumulate(model, parts):
    """Add up the gradients of parts, each a packed batch; leave them in the parameters."""
    n_bags = sum(len(part) for part in parts)
    model.zero_grad()
    for part in parts:
        logits = model.forward_packed(part.instances, part.sizes).logits
        ### BEGIN SOLUTION
        loss = (
            F.binary_cross_entropy_with_logits(
                logits, part.labels, reduction="sum"
            )
            / n_bags
        )
        ### INSTEAD
        # loss = F.binary_cross_entropy_with_logits(logits, part.labels) / len(parts)
        ### END SOLUTION
        loss.backward()


# %% id="check-accumulate"
from mil_tutorial.checks.chapter_15 import check_accumulate

check_accumulate(accumulate)

# %% [markdown] id="parts"
# Parts cost less memory. Do they cost time? Take parts of at most 4,096 tiles, as the package does on a CPU for
# D = 1,024, and other sizes. A bag that is larger is a part of its own. What do you expect?

# %% id="parts-run"
from mil_tutorial import cut_into_parts

optimizer = torch.optim.Adam(model.parameters(), lr=5e-4, fused=True)


def step(parts):
    """Take one step on all bags, part after part."""
    optimizer.zero_grad()
    for part in parts:
        logits = model.forward_packed(part.instances, part.sizes).logits
        loss = F.binary_cross_entropy_with_logits(
            logits, part.labels, reduction="sum"
        )
        (loss / len(batch)).backward()
    optimizer.step()


ways = {}
for at_once in (512, 1024, 4096, 10**9):
    parts = [
        collate_packed([bags[i] for i in part])
        for part in cut_into_parts(range(16), sizes.tolist(), at_once)
    ]
    ways[at_once] = lambda parts=parts: step(parts)
*measured, limit = seconds(*ways.values(), bare)
for at_once, took in zip(ways, measured):
    print(f"parts up to {at_once:13,} tiles, or one bag: {took:.3f} s")

# %% id="parts-figure"
figure, axis = plt.subplots(figsize=(6, 2.4))
names = ["up to 512, or one bag", "up to 1,024", "up to 4,096", "all at once"]
ratios = [took / limit for took in measured]
axis.bar_label(
    axis.barh(names, ratios, color="#0072B2"), fmt="%.2f", padding=3
)
axis.axvline(1, color="0.3", linestyle="--")
axis.set(
    xlabel="time of a step ÷ its matrix products alone (dashed)",
    xlim=(0, max(ratios) * 1.15),
)
axis.invert_yaxis()
show(
    figure,
    "Bars: a step in parts up to 512, 1,024 and 4,096 tiles, and all at once, each as a multiple "
    "of its matrix products, which are a dashed line at 1; all lie above it",
)

# %% [markdown] id="parts-read"
# Compare the bars: a step in parts of 4,096 tiles often takes no longer than all at once. A likely reason is the
# cache: what was computed from one part may still be there when the next layer wants it.
#
# ## Cut a bag that is too large
#
# A part cannot be smaller than a bag, or can it? Softmax needs all tiles of the bag: its denominator is a sum over
# all. But sums can be put together. Let a piece of the bag give its own weighted mean $z_c$, and the logarithm of what
# its weights were divided by, $m_c = \log \sum_{k \in c} \exp(s_k)$. Then the pieces are pooled by softmax over
# $m_c$, as if they were tiles:
#
# $$z = \sum_c a_c z_c, \qquad a_c = \frac{\exp(m_c)}{\sum_j \exp(m_j)}$$
#
# Check it by hand: tiles with scores 0, 0, 0 and values 3, 6, 9 have the mean 6. Cut them after the second. The pieces
# are $z_1 = 4.5$ with $m_1 = \log 2$ and $z_2 = 9$ with $m_2 = \log 1$. So $a_1 = 2/3$, $a_2 = 1/3$, and the mean is
# 3 + 3 = 6.
#
# ### Exercise 3: pool in pieces
#
# <!-- card pool_pieces -->
#
# Return the attention pooling of one bag, without ever taking a softmax over all its scores. Scores may be
# large (`torch.logsumexp` does not overflow).


# %% id="exercise-pool-pieces"
def pool_pieces(scores, values, length):
    """Pool one bag: scores (n_b,), values (n_b, H), ``length`` tiles at a time → (H,)."""
    ### BEGIN SOLUTION
    means, masses = [], []
    for s, v in zip(scores.split(length), values.split(length)):
        means.append(torch.softmax(s, dim=0) @ v)
        masses.append(torch.logsumexp(s, dim=0))
    return torch.softmax(torch.stack(masses), dim=0) @ torch.stack(means)
    ### END SOLUTION


# %% id="check-pool-pieces"
from mil_tutorial.checks.chapter_15 import check_pool_pieces

check_pool_pieces(pool_pieces)

# %% [markdown] id="recompute"
# ## Remember less, compute again
#
# In training there is a second cost: the backward pass needs what the forward pass computed, for all tiles.
# **Recomputation** keeps the input of a piece only, and computes the rest again when the backward pass arrives. Count
# what is kept, for a bag of 10,000 tiles.

# %% id="recompute-run"
from mil_tutorial import forward_in_chunks

large = torch.randn(4_000 if FAST else 10_000, D)
one = torch.tensor([len(large)])


def kept_by(forward):
    """Return the bytes that a forward pass keeps for the backward pass, beside the bag."""
    held = {}

    def note(tensor):
        held[tensor.untyped_storage().data_ptr()] = (
            tensor.untyped_storage().nbytes()
        )
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits = forward().logits
    held.pop(large.untyped_storage().data_ptr(), None)
    return sum(held.values()), logits.item()


# %% id="recompute-count"
whole, chunks = (
    lambda: model.forward_packed(large, one),
    lambda: forward_in_chunks(model, large, one, 2048),
)
for name, forward in (("whole", whole), ("chunks of 2,048", chunks)):
    held, logit = kept_by(forward)
    print(f"{name:16} keeps {held / 1e6:6.1f} MB, logit {logit:.6f}")
times = seconds(
    *(lambda f=f: f().logits.sum().backward() for f in (whole, chunks))
)
print(f"chunks take {times[1] / times[0]:.2f} times as long")

# %% [markdown] id="recompute-read"
# Forward takes 164 thousand multiplications for a tile, backward 197 thousand (V and U twice, the embedding once). With
# the forward part done twice, the count predicts 1.45 times the work.
# The measured ratio may be smaller, since small pieces stay in the cache. In the package it is one option:
# `TrainingConfig(instances_at_once=4096)`, or `compare --instances-at-once 4096`. And before you start,
# you can ask.

# %% id="need"
from mil_tutorial import bytes_to_predict, bytes_to_train

print("tiles     the bag  predict   train  train, 4,096 at once   (GB)")
for n in (1_000, 10_000, 50_000, 100_000):
    needs = (
        bytes_to_predict(n, D),
        bytes_to_train(n, D),
        bytes_to_train(n, D, at_once=4096),
    )
    print(
        f"{n:7,}  {4 * n * D / 1e9:7.2f}  "
        + "  ".join(f"{x / 1e9:7.2f}" for x in needs)
    )

# %% [markdown] id="need-read"
# These are predictions on top of what Python and PyTorch need by themselves, the bag included. For bags of 100 MB and
# more each is within a fifth of what was measured in a process of its own (`tests/benchmarks/memory.py`), and
# `doctor` prints them for a slide of 50,000 tiles.
#
# And 500 such slides? They are 25 million tiles, each with 164 + 197 thousand multiplications: 18,000 billion
# operations an epoch. Divide by your roof for the least time it can take. The features fill 500 × 0.20 = 102 GB, so each
# epoch reads them from disk.
#
# ## Halve the digits, where it is safe
#
# Many GPUs multiply numbers of 16 bits several times as fast as those of 32. What do they lose? bfloat16 has two to three
# decimal digits, float16 three to four and a small range. Is that enough for attention? Give 20,000 tiles equal weights
# and add them up.

# %% id="half-run"
n = 20_000
for dtype in (torch.float32, torch.float16, torch.bfloat16):
    weights = torch.softmax(torch.zeros(n, dtype=dtype), dim=0)
    added = torch.zeros((), dtype=dtype)
    for part in weights.split(
        500
    ):  # a running sum, rounded after each addition
        added = added + part.sum()
    print(
        f"{str(dtype)[6:]:9} weight {weights[0].item():.3e}, sum of all {added.item():.4f}"
    )

# %% [markdown] id="half-read"
# The weights of a bag must sum to 1. In 16 bits, adding a small number to a large one loses
# digits of the small one. So **mixed
# precision** multiplies matrices in 16 bits and keeps softmax, sums over a bag, the loss and the weights in 32. The
# package does so for `precision="bfloat16"` and `"float16"`. Whether it is faster depends on the hardware: measure
# (`tests/benchmarks/gpu.py`). This page has never met a GPU.
#
# ## Share the work between processes
#
# Two processes with a copy of the model each: what must they tell each other? Each takes half of a batch,
# computes the gradient of its bags, divided by the number of bags of *all*, and both add up their gradients. It is
# exercise 2 again, with the parts in two places. Then both take the same step, so they stay equal.
#
# Bags differ in size, so the largest bag goes first, each to
# the process with fewest tiles so far. No bag may be used twice or left out, or the gradient is not that of the batch.

# %% id="share"
from mil_tutorial import share_bags

for number, share in enumerate(share_bags(range(16), sizes.tolist(), 2)):
    print(
        f"process {number}: {len(share):2} bags, {sizes[share].sum():,} tiles"
    )

# %% [markdown] id="processes"
# Now for real. The script below is an ordinary training script; only its end speaks of processes: one of them
# prints. Python starts it once, a launcher twice: `torchrun` on CPUs, `accelerate launch` on GPUs.

# %% id="processes-script"
Path("train.py").write_text(
    """
import time, torch
from mil_tutorial import TrainingConfig, build_model, fit, load_slides, this_process

train, val, test = load_slides("slides")
torch.manual_seed(0)
model = build_model("gated", 64, 128).to(this_process().device)
start = time.perf_counter()
history = fit(model, train, val, TrainingConfig(epochs=EPOCHS, patience=None), progress=False)
if this_process().is_main:
    print(time.perf_counter() - start, *history.column("train_loss"), *history.column("val_loss"))
""".replace("EPOCHS", "2" if FAST else "8")
)


# %% id="processes-launch"
def launch(number):
    """Train with so many processes of one thread; return the seconds and all losses."""
    command = [sys.executable]
    if number > 1:  # the same as: torchrun --nproc-per-node 2 train.py
        command += [
            "-m",
            "torch.distributed.run",
            "--nproc-per-node",
            str(number),
        ]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "train.py"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return np.array(
        done.stdout.split()[-(1 + 2 * (2 if FAST else 8)) :], dtype=float
    )


# %% id="processes-run"
from mil_tutorial import available_memory

large = x = h = a = batch = bags = parts = ways = (
    None  # room for two more Pythons
)
alone = launch(1)
if (os.cpu_count() or 1) > 1 and (available_memory() or 2e9) > 1.5e9:
    both = launch(2)
    print(
        f"largest difference of any loss: {np.abs(both[1:] - alone[1:]).max():.1e}"
    )
    print(f"2 processes took {both[0] / alone[0]:.2f} of the time of 1")
else:
    print("there is no core, or no memory, for a second process here")

# %% [markdown] id="processes-read"
# If two processes ran, their losses are the same, to within rounding. That holds because there is no dropout here: each process draws its own
# random numbers. Is it faster? Small bags have little work between two messages, so do not expect half the time.  Several processes are worth
# it with many cores, several GPUs, or large bags.
#
# The trainings of `compare` do not depend on each other: `--jobs 2` gives each process some of its own.
#
# ## Read faster than you compute
#
# If an epoch reads 500 files, how they are written matters. Write a bag in three formats and read it.

# %% id="reading"
import h5py

bag = torch.randn(200 if FAST else 500, D).numpy()
np.savetxt("bag.csv", bag, delimiter=",")
np.save("bag.npy", bag)
with h5py.File("bag.h5", "w") as file:
    file["features"] = bag


def read_h5():
    """Read a whole bag."""
    with h5py.File("bag.h5") as file:
        return file["features"][:]


formats = {
    "csv": lambda: np.loadtxt("bag.csv", delimiter=",", dtype=np.float32),
    "npy": lambda: np.load("bag.npy"),
    "h5": read_h5,
}
for (name, times), path in zip(
    zip(formats, seconds(*formats.values())), ("bag.csv", "bag.npy", "bag.h5")
):
    size = Path(path).stat().st_size
    print(
        f"{name}: {size / bag.nbytes:.1f} times the bytes, {times * 1e3:8.1f} ms"
    )

# %% [markdown] id="reading-read"
# A text file is larger, and every number has to be spelt out. Convert once. `TrainingConfig(workers=2)` lets other
# processes read ahead while this one computes; it pays where reading is slow, as from a network drive.
#
# ## Put it together
#
# On a cluster the command is the same, started by a launcher. `--checkpoints` keeps the state of every training, so a
# job that is killed goes on where it was:
#
# ```text
# accelerate launch --multi_gpu --num_processes 4 -m mil_tutorial compare --data features --labels labels.csv \
#     --instances-at-once 65536 --precision bfloat16 --checkpoints state --out results
# ```
#
# The [recipe for a cluster](recipes/cluster.md) has a script for SLURM.

# %% [markdown] id="summary"
# ## Summary
#
# * Count the products: they are the least a step can take. Measure your distance from them.
# * Compute on tiles, never on padding.
# * Gradients add up over parts, pieces and processes, if each is divided by the bags of the whole.
# * Softmax can be cut into pieces. What is computed then needs memory for one piece; the bag itself must still fit.
# * Sixteen bits for products, thirty-two for sums.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Find out what limits you before you buy: `doctor`, a count, one measured epoch.
# * Compare times in one run, in turn, as ratios.
# * On CPUs, processes times threads should not exceed the cores.

# %% [markdown] id="reading-more"
# ## Further reading
#
# * S. Williams, A. Waterman, D. Patterson, *Roofline: an insightful visual performance model for multicore
#   architectures*, Communications of the ACM 52, 2009.
# * M. Milakov, N. Gimelshein, *Online normalizer calculation for softmax*, 2018,
#   [arXiv:1805.02867](https://arxiv.org/abs/1805.02867): softmax in pieces.
# * T. Chen and others, *Training deep nets with sublinear memory cost*, 2016,
#   [arXiv:1604.06174](https://arxiv.org/abs/1604.06174): recomputation.
# * P. Micikevicius and others, *Mixed precision training*, ICLR 2018,
#   [arXiv:1710.03740](https://arxiv.org/abs/1710.03740).
#
# <!-- next -->
