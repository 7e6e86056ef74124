# %% [markdown] id="title"
# # Scale out
#
# <!-- badges -->
#
# You have five hundred slides of 50,000 tiles each, and a laptop. How long will training take, will it fit into memory,
# and how much would a second processor help? Predict first, then measure on your own machine.
#
# | | |
# |---|---|
# | **You will do** | measure your machine, predict the time of a step, find what slows it down, limit its memory, train with two processes |
# | **You will learn** | the roofline model, why padding costs time, what gradient accumulation and recomputation are, where half precision is safe, what processes must exchange |
# | **You need** | packed batches ([chapter 03](03_batch_bags.ipynb)), gated attention ([chapter 06](06_add_a_gate.ipynb)), the training loop ([chapter 07](07_train_for_recall.ipynb)) |
# | **Time** | 45 minutes |
#
# Numbers in the text are counts or ratios. All times were measured when the cells ran.

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
from mil_tutorial.notebook import table

D, H, A = 1024, 128, 128  # features of a tile, embedding, attention

# %% id="seconds"
ROUNDS = 3 if FAST else 9


def seconds(*functions):
    """Run functions in turn, in several rounds; return median times."""
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
# multiplications per tile, and as many additions. Everything else (ReLU, tanh, softmax) touches each number a few
# times.
#
# ### Exercise 1: predict the work
#
# <!-- card products -->
#
# Gated attention has an embedding, from D = 1,024 to H = 128, and two layers, V and U, from H to A = 128. How many
# **thousand** multiplications does the forward pass take per tile? (The last layer w takes only 128.)

# %% id="exercise-products"
### BEGIN SOLUTION
my_guess = 164  # 1,024 × 128 + 2 × 128 × 128 = 163,840
### END SOLUTION

# %% id="check-products"
from mil_tutorial.checks.chapter_16 import check_products

check_products(my_guess)

# %% [markdown] id="speed"
# How many operations can your machine do in a second? Multiply two random matrices, and count each multiplication and
# each addition as one (FLOP).

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
print(f"product: {flops / 1e9:.1f} billion operations per second")
print(f"ReLU:    {out.numel() / touch / 1e9:.1f} billion")
print(f"so the product does {flops * touch / out.numel():.0f} times as many")

# %% [markdown] id="roofline"
# ## Look up at the roof
#
# ReLU does so much less because it reads a number from memory, does one operation and writes the result back. The
# product reads each feature once and uses it 128 times. The **intensity** of work is its operations per byte moved. At
# low intensity, memory is the limit; at high intensity, the processor. Together, the two limits look like a roof
# (Williams and others 2009).

# %% id="roofline-run"
source, target = torch.randn(2**23), torch.empty(2**23)
(copying,) = seconds(lambda: target.copy_(source))
bandwidth = 2 * 4 * 2**23 / copying  # bytes: read and written
source = target = None  # frees the memory
moved = 4 * (tiles.numel() + W.numel() + out.numel()), 8 * out.numel()
done, took = (2 * 4096 * D * H, out.numel()), (product, touch)
intensity, speed = np.divide(done, moved), np.divide(done, took)
print("operations per byte: product {:.0f}, ReLU {:.3f}".format(*intensity))

# %% id="roofline-figure" tags=["hide-input"]
figure, axis = plt.subplots(figsize=(6, 3.4))
x = np.logspace(-2, 3, 200)
roof = np.minimum(x * bandwidth, flops) / 1e9
axis.loglog(x, roof, color="0.3", label="roof, measured here")
for i, (name, colour) in enumerate(
    (("product", "#0072B2"), ("ReLU", "#D55E00"))
):
    axis.plot(intensity[i], speed[i] / 1e9, "o", color=colour, label=name)
axis.set_xlabel("operations per byte moved")
axis.set_ylabel("billion operations\nper second")
axis.legend(loc="lower right")
show(
    figure,
    "Operations per second against operations per byte, both logarithmic: a "
    "line rises from the left and turns flat; ReLU lies on the slope at the "
    "left, the matrix product on the flat roof",
)

# %% [markdown] id="roofline-read"
# ReLU lies near the slope, or above it if its numbers were still in the processor's cache, which is faster than
# memory. The product is at the roof by definition: we measured the roof with it.
#
# So a step is near the machine's limit if it takes little longer than its products. In the backward pass, each layer
# multiplies two more times: for the gradients of weights and input. (Features need no gradient, so the first layer
# multiplies only once more.)

# %% id="bags"
rng = np.random.default_rng(0)
typical = np.log(200 if FAST else 500)
sizes = np.exp(rng.normal(typical, 1.0, 16)).astype(int) + 1
bags = [(torch.randn(n, D), i % 2) for i, n in enumerate(sizes.tolist())]
batch = collate_packed(bags)
N, K = int(sizes.sum()), int(sizes.max())
print(f"16 bags: {sizes.min()} to {K:,} tiles, {N:,} in total")
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


# %% id="step-run"
x, h, a = batch.instances, torch.randn(N, H), torch.randn(N, A)


def bare():
    """Multiply the matrices of a step, and nothing else."""
    for _ in range(2):  # V and U: forward, gradient of weights and of input
        h @ V, a.T @ h, a @ V.T
    x @ W, h.T @ x  # embedding: forward, gradient of weights


def packed_step():
    step(batch.instances, batch.sizes, batch.labels)


packed, limit = seconds(packed_step, bare)
print(f"products alone: {limit:.3f} s (predicted {work / flops:.3f})")
print(f"packed step:    {packed:.3f} s, {packed / limit:.2f} × the products")

# %% [markdown] id="step-read"
# How good was the prediction? In our runs, the products took a fifth to a half longer. The roof was measured with
# *one* product, on data that may stay in the cache and with memory ready for the result. In a step, eight products
# follow each other on more data. So a count gives the order of magnitude, not the second digit. For that, measure, and
# compare with `bare`.
#
# The rest of the step is ReLU, tanh, sigmoid, softmax, the weighted mean, and their gradients: few operations, many
# bytes.
#
# ## Pay for padding
#
# If bags are padded to the largest and all positions are computed, the count predicts how much the work grows:
# positions divided by tiles.

# %% id="padding-run"
bag_tensor, mask, labels = batch.padded()
print(f"{mask.numel():,} positions for {N:,} tiles")
print(f"predicted: {mask.numel() / N:.1f} times the work")


def padded_step():
    """Compute on padding too, and mask it in the softmax."""
    embeddings = model.embedding(bag_tensor)
    scores = model.pooling.scores(embeddings.flatten(0, 1)).view(mask.shape)
    attention = torch.softmax(scores.masked_fill(~mask, -torch.inf), dim=1)
    pooled = torch.einsum("bk,bkh->bh", attention, embeddings)
    logits = model.head(pooled).squeeze(-1)
    model.zero_grad()
    F.binary_cross_entropy_with_logits(logits, labels).backward()


padded, packed = seconds(padded_step, packed_step)
print(f"measured: {padded / packed:.1f} times the time of the packed step")
bag_tensor = None

# %% [markdown] id="padding-read"
# The time may differ from the count, because larger arrays do not fit into the cache. Work on zeros is wasted, so
# `model(bags, mask)` packs first.
#
# ## Take a batch in parts
#
# The gradient of a sum is the sum of gradients. So take one part of the batch, call `backward`, take the next: PyTorch
# adds to `.grad` until you clear it. This is **gradient accumulation**. Memory holds one part, and the gradient is that
# of the whole batch, if parts are weighted correctly.
#
# ### Exercise 2: find the bug
#
# <!-- card accumulate -->
#
# The bags of a batch come in parts. The gradient should be that of the *mean* loss over all bags. With a part of 3 bags
# and a part of 1, the last bag counts three times as much as each of the others.


# %% id="exercise-accumulate"
def accumulate(model, parts):
    """Add up the gradients of parts, each a packed batch, in ``.grad``."""
    n_bags = sum(len(part) for part in parts)
    model.zero_grad()
    for part in parts:
        logits = model.forward_packed(part.instances, part.sizes).logits
        ### BEGIN SOLUTION
        loss = F.binary_cross_entropy_with_logits(
            logits, part.labels, reduction="sum"
        )
        loss = loss / n_bags
        ### INSTEAD
        # loss = F.binary_cross_entropy_with_logits(logits, part.labels)
        # loss = loss / len(parts)
        ### END SOLUTION
        loss.backward()


# %% id="check-accumulate"
from mil_tutorial.checks.chapter_16 import check_accumulate

check_accumulate(accumulate)

# %% [markdown] id="parts"
# Parts need less memory. Do they cost time? Try parts of at most 4,096 tiles, the package's choice on a CPU for
# D = 1,024, and other sizes. A larger bag is a part of its own. What do you expect?

# %% id="parts-run"
from mil_tutorial import cut_into_parts

optimizer = torch.optim.Adam(model.parameters(), lr=5e-4, fused=True)


def step_in_parts(parts):
    """Take one step on all bags, part after part."""
    optimizer.zero_grad()
    for part in parts:
        logits = model.forward_packed(part.instances, part.sizes).logits
        loss = F.binary_cross_entropy_with_logits(
            logits, part.labels, reduction="sum"
        )
        (loss / len(batch)).backward()
    optimizer.step()


def in_parts(at_once):
    """Return a function that takes a step in parts of so many tiles."""
    cut = cut_into_parts(range(16), sizes.tolist(), at_once)
    parts = [collate_packed([bags[i] for i in part]) for part in cut]
    return lambda: step_in_parts(parts)


# %% id="parts-time"
ways = [in_parts(at_once) for at_once in (512, 1024, 4096, 10**9)]
names = ["up to 512, or one bag", "up to 1,024", "up to 4,096", "all at once"]
*measured, limit = seconds(*ways, bare)
table(
    ("tiles in a part", "seconds per step"),
    [(name, f"{took:.3f}") for name, took in zip(names, measured)],
)

# %% id="parts-figure" tags=["hide-input"]
figure, axis = plt.subplots(figsize=(6, 2.4))
ratios = [took / limit for took in measured]
bars = axis.barh(names, ratios, color="#0072B2")
axis.bar_label(bars, fmt="%.2f", padding=3)
axis.axvline(1, color="0.3", linestyle="--")
axis.set_xlabel("time of a step ÷ its matrix products alone (dashed)")
axis.set_xlim(0, max(ratios) * 1.15)
axis.invert_yaxis()
show(
    figure,
    "Bars: a step in parts up to 512, 1,024 and 4,096 tiles, and all at once, "
    "each as a multiple of its matrix products, which are a dashed line at 1; "
    "all lie above it",
)

# %% [markdown] id="parts-read"
# <details><summary>Answer: the time of a step in parts</summary>
#
# A step in parts of 4,096 tiles often takes no longer than all at once. A likely reason is the cache: the results of
# one part may still be there when the next layer needs them.
#
# </details>
#
# ## Cut a bag that is too large
#
# A part cannot be smaller than a bag, or can it? Softmax needs all tiles of the bag: its denominator is a sum over
# them. But sums can be combined. Let each piece of the bag give its own weighted mean $z_c$ and the logarithm of its
# denominator, $m_c = \log \sum_{k \in c} \exp(s_k)$. Then pool the pieces by a softmax over $m_c$, as if they were
# tiles:
#
# $$z = \sum_c a_c z_c, \qquad a_c = \frac{\exp(m_c)}{\sum_j \exp(m_j)}$$
#
# By hand: tiles with scores 0, 0, 0 and values 3, 6, 9 have mean 6. Cut them after the second. The pieces give
# $z_1 = 4.5$ with $m_1 = \log 2$ and $z_2 = 9$ with $m_2 = \log 1$. So $a_1 = 2/3$, $a_2 = 1/3$, and the mean is 3 + 3
# = 6.
#
# ### Exercise 3: pool in pieces
#
# <!-- card pool_pieces -->
#
# Return the attention pooling of one bag without ever taking a softmax over all its scores. Scores may be large
# (`torch.logsumexp` does not overflow).


# %% id="exercise-pool-pieces"
def pool_pieces(scores, values, length):
    """Pool scores (n_b,), values (n_b, H), length tiles at a time → (H,)."""
    ### BEGIN SOLUTION
    means, masses = [], []
    for s, v in zip(scores.split(length), values.split(length)):
        means.append(torch.softmax(s, dim=0) @ v)
        masses.append(torch.logsumexp(s, dim=0))
    return torch.softmax(torch.stack(masses), dim=0) @ torch.stack(means)
    ### END SOLUTION


# %% id="check-pool-pieces"
from mil_tutorial.checks.chapter_16 import check_pool_pieces

check_pool_pieces(pool_pieces)

# %% [markdown] id="recompute"
# ## Remember less, compute again
#
# The backward pass needs what the forward pass computed, for all tiles. **Recomputation** keeps only the input of a
# piece, and computes the rest again when the backward pass needs it. Count what is kept for a bag of 10,000 tiles.

# %% id="recompute-run"
from mil_tutorial import forward_in_chunks

large = torch.randn(4_000 if FAST else 10_000, D)
one = torch.tensor([len(large)])


def kept_by(forward):
    """Bytes kept for the backward pass, apart from the bag; the logit."""
    held = {}

    def note(tensor):
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits = forward().logits
    held.pop(large.untyped_storage().data_ptr(), None)
    return sum(held.values()), logits.item()


# %% id="recompute-count"
def whole():
    return model.forward_packed(large, one)


def chunks():
    return forward_in_chunks(model, large, one, 2048)


times = seconds(
    lambda: whole().logits.sum().backward(),
    lambda: chunks().logits.sum().backward(),
)
rows = []
for forward, took in zip((whole, chunks), times):
    held, logit = kept_by(forward)
    name, mb, ratio = forward.__name__, held / 1e6, took / times[0]
    rows.append((name, f"{mb:.1f}", f"{logit:.6f}", f"{ratio:.2f}"))
table(("forward pass", "MB kept", "logit", "time, relative"), rows)

# %% [markdown] id="recompute-read"
# Forward takes 164 thousand multiplications per tile, backward 197 thousand (V and U twice, the embedding once). With
# the forward pass done twice, the count predicts 1.45 times the work; the time is shorter if small pieces stay in the
# cache. The option is `TrainingConfig(instances_at_once=4096)`, or `compare --instances-at-once 4096`. The next cell
# predicts the memory needed.

# %% id="need"
from mil_tutorial import bytes_to_predict, bytes_to_train

rows = []
for n in (1_000, 10_000, 50_000, 100_000):
    whole_bag = 4 * n * D, bytes_to_predict(n, D), bytes_to_train(n, D)
    needs = *whole_bag, bytes_to_train(n, D, at_once=4096)
    rows.append([f"{n:,}"] + [f"{x / 1e9:.2f}" for x in needs])
head = ("tiles", "the bag", "predict", "train", "train, 4,096 at once")
table([f"{head[0]} (memory in GB)", *head[1:]], rows)

# %% [markdown] id="need-read"
# These predictions include the bag, but not what Python and PyTorch need by themselves. For bags of 100 MB and more,
# each is within a fifth of what was measured in a separate process (`tests/benchmarks/memory.py`). `doctor` prints them
# for a slide of 50,000 tiles.
#
# Five hundred such slides are 25 million tiles, each with 164 + 197 thousand multiplications: 18,000 billion
# operations per epoch. Divide by your roof for the shortest time. The features fill 500 × 0.205 = 102 GB, so each epoch
# reads them from disk.
#
# ## Halve the digits where it is safe
#
# Many GPUs multiply 16-bit numbers several times as fast as 32-bit ones. What do you lose? bfloat16 has two to three
# decimal digits, float16 three to four and a small range. Is that enough for attention? Give 20,000 tiles equal weights
# and add them up.

# %% id="half-run"
n, rows = 20_000, []
for dtype in (torch.float32, torch.float16, torch.bfloat16):
    weights = torch.softmax(torch.zeros(n, dtype=dtype), dim=0)
    added = torch.zeros((), dtype=dtype)
    for part in weights.split(500):  # rounded after each addition
        added = added + part.sum()
    name, weight = str(dtype)[6:], weights[0].item()
    rows.append((name, f"{weight:.3e}", f"{added.item():.4f}"))
table(("format", "weight of a tile", "sum of all weights"), rows)

# %% [markdown] id="half-read"
# <details><summary>Answer: whether 16 bits are enough</summary>
#
# No. The weights of a bag must sum to 1. In 16 bits, adding a small number to a large one loses digits of the small one.
#
# </details>
#
# **Mixed precision** multiplies matrices in 16 bits and keeps softmax, sums over a bag, the loss and the weights in 32.
# The package does this for `precision="bfloat16"` and `"float16"`. Whether it is faster depends on the hardware:
# measure it (`tests/benchmarks/gpu.py`). This page was never run on a GPU.
#
# ## Share the work between processes
#
# Two processes each have a copy of the model. What must they exchange? Each computes the gradient of its share
# of the bags, divided by the number of *all* bags, and they add up their gradients: exercise 2 again, with the parts in
# two places. Then both take the same step, so they stay equal.
#
# Bags differ in size, so they are dealt out from the largest to the smallest, each to the process with the fewest tiles
# so far. No bag may be used twice or left out.

# %% id="share"
from mil_tutorial import share_bags

for number, share in enumerate(share_bags(range(16), sizes.tolist(), 2)):
    n_tiles = sizes[share].sum()
    print(f"process {number}: {len(share):2} bags, {n_tiles:,} tiles")

# %% [markdown] id="processes"
# Now try it with an ordinary training script. It only asks for its device and lets one process print. Python starts it
# once, a launcher twice: `torchrun` on CPUs, `accelerate launch` on GPUs.

# %% id="processes-script"
EPOCHS = 2 if FAST else 8
script = """
import time, torch
from mil_tutorial import TrainingConfig, build_model, fit, load_slides
from mil_tutorial import this_process

train, val, test = load_slides("slides")
torch.manual_seed(0)
model = build_model("gated", 64, 128).to(this_process().device)
config = TrainingConfig(epochs=EPOCHS, patience=None)
start = time.perf_counter()
history = fit(model, train, val, config, progress=False)
seconds = time.perf_counter() - start
losses = history.column("train_loss") + history.column("val_loss")
if this_process().is_main:
    print(seconds, *losses)
"""
Path("train.py").write_text(script.replace("EPOCHS", str(EPOCHS)))


# %% id="processes-launch"
def launch(number):
    """Train with this many processes; return the seconds and all losses."""
    command = [sys.executable]
    if number > 1:  # the same as: torchrun --nproc-per-node 2 train.py
        launcher = f"-m torch.distributed.run --nproc-per-node {number}"
        command += launcher.split()
    command.append("train.py")
    one_thread = {**os.environ, "OMP_NUM_THREADS": "1"}
    options = {"env": one_thread, "capture_output": True, "text": True}
    done = subprocess.run(command, **options)
    assert done.returncode == 0, done.stderr[-2000:]
    printed = done.stdout.splitlines()[-1].split()
    return np.array(printed, dtype=float)


# %% id="processes-run"
from mil_tutorial import available_memory

large = x = h = a = batch = bags = ways = None  # room for two more Pythons
alone = launch(1)
if (os.cpu_count() or 1) > 1 and (available_memory() or 2e9) > 1.5e9:
    both = launch(2)
    gap = np.abs(both[1:] - alone[1:]).max()
    print(f"largest difference of any loss: {gap:.1e}")
    print(f"2 processes took {both[0] / alone[0]:.2f} of the time of 1")
else:
    print("there is no core, or no memory, for a second process here")

# %% [markdown] id="processes-read"
# If two processes ran, their losses equal those of one, to within rounding. (Not with dropout: each process draws its
# own random numbers.)
#
# Is it faster? A ratio of 0.5 would be ideal. Near 1, the second process brings nothing; above 1, it *slows training
# down*. The reason: a step here has 16 bags of about 217 tiles with 64 features, 0.8 billion operations, an eighth of
# the batch above. After so little work the processes exchange gradients, and the faster one waits for the slower.
# **Count the work between two messages**: processes pay off with large bags, many cores or several GPUs. The runs of
# `compare` exchange nothing: `--jobs 2` shares them between two processes.
#
# ## Read faster than you compute
#
# If an epoch reads 500 files, their format matters. Write a bag in three formats and read it back.

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


def read_csv():
    """Read every number from text."""
    return np.loadtxt("bag.csv", delimiter=",", dtype=np.float32)


times, rows = seconds(read_csv, lambda: np.load("bag.npy"), read_h5), []
for path, took in zip(("bag.csv", "bag.npy", "bag.h5"), times):
    size = Path(path).stat().st_size / bag.nbytes
    rows.append((path, f"{size:.1f}", f"{took * 1e3:.1f}"))
table(("file", "bytes, relative to memory", "ms to read"), rows)

# %% [markdown] id="reading-read"
# A text file is larger, and every number has to be parsed. Convert once. `TrainingConfig(workers=2)` lets other
# processes read ahead, which helps where reading is slow, for example from a network drive.
#
# ## Put it together
#
# On a cluster the command is the same, started by a launcher. `--checkpoints` saves the state of every training run,
# so a killed job resumes where it stopped:
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
# * Count the products: no step is faster than they are. Measure your distance from them.
# * Compute on tiles, never on padding.
# * Gradients add up over parts, pieces and processes, if each is divided by the number of all bags.
# * Softmax can be computed in pieces. Intermediate results then need memory for only one piece; the bag must still fit.
# * Use sixteen bits for products, thirty-two for sums.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Find out what limits you before you buy hardware: `doctor`, a count, one measured epoch.
# * Compare times within one run, alternating, as ratios.
# * On CPUs, processes times threads should not exceed the number of cores.

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
