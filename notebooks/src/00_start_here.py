# %% [markdown] id="title"
# # Start here
#
# <!-- badges -->
#
# A pathologist labels a slide: tumour, or no tumour. Nobody labels its thousands of tiles. Can a computer
# learn from the slide labels alone, and even show *where* the tumour lies? Yes, and this course builds
# it, step by step. In this chapter you see the whole way once, on a model that is already trained.
#
# | | |
# |---|---|
# | **You will do** | run the doctor, send one slide through a trained model, read its heat map, and score the model on all validation slides |
# | **You will learn** | what a bag, an instance and the witness rate are, and what attention adds to a yes or no |
# | **You need** | a little Python; no GPU, no download, nothing about pathology |
# | **Time** | 15 minutes |

# %% [markdown] id="how"
# ## How a page works
#
# Click on a cell and press Shift + Enter to run it. The first cell of every chapter installs what is
# missing and tells you what you run on. You can also run everything at once: exercises that you have
# not solved never stop the page.
#
# If you would rather read than run, do. All results are stored in the page.

# %% id="setup"
# setup

# %% [markdown] id="doctor"
# ## Ask the doctor
#
# Is everything there, and how fast is this machine? The doctor checks versions, memory and the data,
# and trains for a few seconds to measure the speed.

# %% id="doctor-run"
from mil_tutorial import examine

for finding in examine():
    mark = "ok " if finding.healthy else "BAD"
    print(f"{mark} {finding.what:18} {finding.value}")

# %% [markdown] id="words"
# Every line should begin with ok. A line that begins with BAD says what to do.
#
# ## Learn three words
#
# **Bag.** A slide, as the computer sees it: a set of tiles with *one* label for all of them.
#
# **Instance.** One tile of the bag. It has no label of its own, at least none that anybody wrote down.
#
# **Witness rate.** The share of a positive bag's instances that are positive, the ones that bear witness
# to the label. In a slide with a small metastasis it is a few per cent; in the CAMELYON16 slides it is
# often below one.
#
# The rule that ties them: a bag is positive when at least one of its instances is. Learning from such
# labels is called **multiple-instance learning**, MIL.

# %% [markdown] id="slide-text"
# ## Follow one slide
#
# ### 1. The slide
#
# The slides of this course are drawn by a program, so that the truth of every tile is known and nothing
# has to be downloaded. They look like lymph nodes and they teach method. They say nothing about
# patients.
#
# We take a validation slide: the one with the median witness rate among the positive ones. So the data
# chose it, and not its beauty.

# %% id="slide-run"
import matplotlib.pyplot as plt
import numpy as np

from mil_tutorial import TILE, load_slides, slide_image
from mil_tutorial.datasets import cut_tiles, tissue_tiles

train, val, _ = load_slides("slides")
rates = np.array([truth.mean() for truth in val.instance_labels])
positives = np.flatnonzero(val.labels.numpy() == 1)
chosen = positives[np.argsort(rates[positives])[len(positives) // 2]]
image = slide_image(val.names[chosen])
print(f"slide {val.names[chosen]}: {image.shape[1]} × {image.shape[0]} pixels")

# %% [markdown] id="tiles-text"
# ### 2. The tiles
#
# A real slide has billions of pixels, too many for any network at once. So it is cut into tiles, and
# tiles without tissue are left out. Ours are 32 pixels wide.

# %% id="tiles-run"
coords = tissue_tiles(image)  # (n, 2): x and y of each tile's corner
tiles = cut_tiles(image, coords)  # (n, 32, 32, 3)
print(
    f"{len(tiles)} tiles with tissue, {(image.shape[0] // TILE) ** 2} places in all"
)

figure, panels = plt.subplots(1, 6, figsize=(8, 1.9))
for axes, k in zip(panels, np.linspace(0, len(tiles) - 1, 6).astype(int)):
    axes.imshow(tiles[k])
    axes.set(title=f"tile {k}", xticks=[], yticks=[])
show(
    figure,
    "Six of the slide's tiles, each 32 pixels wide: dark lymphocytes, pale tissue, fat",
)

# %% [markdown] id="ex-tiles"
# ### Exercise 1: predict the number of tumour tiles
#
# <!-- card tumour_tiles -->
#
# The median witness rate of positive training slides is 3.4 %, and a slide has about 217 tiles. How
# many tiles of such a slide hold tumour? Write your guess, then run the check.

# %% id="exercise-tumour-tiles"
### BEGIN SOLUTION
my_guess = 7.4  # 0.034 × 217
### END SOLUTION

# %% id="check-tumour-tiles"
from mil_tutorial.checks.chapter_00 import check_tumour_tiles

check_tumour_tiles(my_guess)

# %% [markdown] id="features-text"
# ### 3. The features
#
# An encoder turns each tile into 64 numbers, its **features**. The encoder was learnt without any
# labels, and it stays as it is. The bag is now a table with a row for each tile.

# %% id="features-run"
from mil_tutorial import encode, load_tile_encoder

features = encode(load_tile_encoder(), tiles)  # (n, 64)
print(f"bag: {features.shape[0]} instances × {features.shape[1]} features")
print("tile 0 begins:", np.round(features[0, :5], 2))

# %% [markdown] id="model-text"
# ### 4. The model
#
# The model looks at all tiles, gives each a weight, and forms the weighted mean. The weights are called
# **attention**, and they sum to 1. From the mean it computes one number, the **logit**, and a sigmoid
# turns the logit into a probability.
#
# The model was trained with the labels of 204 slides. Nobody ever showed it where a tumour lies.

# %% id="model-run"
import torch

from mil_tutorial import load_trained_model

model = load_trained_model()
with torch.inference_mode():
    logits, attention = model(
        torch.from_numpy(features)[None]
    )  # one bag: (1, n, 64)
attention = attention[0].numpy()
print(
    f"logit {logits.item():.2f}, probability of tumour {torch.sigmoid(logits).item():.2f}"
)
print(
    f"attention sums to {attention.sum():.2f}; the highest weight is {attention.max():.2f}"
)

# %% [markdown] id="map-text"
# ### 5. The heat map
#
# Put each weight back where its tile came from. A share of 1 is an equal share: what every tile would
# get if all counted alike. The outline is the truth.

# %% id="map-run"
from mil_tutorial import plot_attention

figure = plot_attention(
    image, attention, coords, TILE, truth=val.instance_labels[chosen]
)
show(
    figure,
    "The slide, the attention of its tiles, and both together; nearly all attention lies on four "
    "neighbouring tiles inside the outlined tumour",
)

# %% [markdown] id="map-read"
# The model found the tumour that it was never shown. It also ignored part of it: a few tiles are enough
# to call the slide positive, and nothing in the training asks for more. Keep that in mind whenever you
# see a heat map. It shows what the model used, and not the extent of the disease.

# %% [markdown] id="ex-rate"
# ### Exercise 2: compute the witness rate
#
# <!-- card witness_rate -->
#
# We know the truth of each tile: 1 for tumour, 0 for none. Write the function that gives the witness
# rate of a slide.


# %% id="exercise-witness-rate"
def witness_rate(instance_labels):
    """Share of positive instances in a bag: instance_labels (n,) of 0 and 1 → a number."""
    ### BEGIN SOLUTION
    return instance_labels.mean()
    ### END SOLUTION


# %% id="check-witness-rate"
from mil_tutorial.checks.chapter_00 import check_witness_rate

check_witness_rate(witness_rate)

# %% [markdown] id="stuck"
# Stuck? `check_witness_rate.hint(1)` in a new cell nudges, and `check_witness_rate.solution()` shows one
# answer. Every exercise of the course has both.

# %% [markdown] id="all-text"
# ## Now for all validation slides
#
# One slide is an anecdote. How good is the model over all 72 validation slides? Two questions, two
# numbers.
#
# * If you pick a positive and a negative slide, how often does the positive one score higher? That is
#   the **AUC**; 0.5 is chance.
# * If you call a slide positive from a probability of 0.5 on, how many tumours do you miss?

# %% id="all-run"
from mil_tutorial import auc, false_negative_rate, predict, specificity

predictions = predict(model, val)
labels, probabilities = predictions.labels, predictions.probabilities
print(
    f"{int(labels.sum())} positive and {int((1 - labels).sum())} negative slides"
)
print(f"AUC {auc(labels, probabilities):.2f}")
print(
    f"missed tumours: {false_negative_rate(labels, probabilities, 0.5):.0%} of positive slides"
)
print(
    f"false alarms:   {1 - specificity(labels, probabilities, 0.5):.0%} of negative slides"
)

# %% id="all-figure"
figure, axes = plt.subplots(figsize=(6.5, 2.8))
rng = np.random.default_rng(0)
for y, name, colour, marker in [
    (0, "no tumour", "#0072B2", "o"),
    (1, "tumour", "#D55E00", "^"),
]:
    p = probabilities[labels == y]
    axes.plot(
        p,
        y + rng.uniform(-0.2, 0.2, len(p)),
        marker,
        color=colour,
        alpha=0.7,
        label=name,
    )
axes.axvline(0.5, color="0.4", linestyle=":")
axes.set(
    yticks=[0, 1], yticklabels=["no tumour", "tumour"], xlim=(-0.02, 1.02)
)
axes.set(
    xlabel="predicted probability of tumour, one mark for each slide",
    ylim=(-0.5, 1.5),
)
show(
    figure,
    "Predicted probabilities of the validation slides, positive above and negative below; most lie "
    "on their own side of 0.5, some do not",
)

# %% [markdown] id="all-read"
# Marks on the wrong side of the dotted line are mistakes. A missed tumour weighs more than a false
# alarm, and 0.5 is no law. Chapter 07 chooses the threshold by what it costs.
#
# One caution. These slides helped to decide when training stopped, so the model may
# look a little better here than on new patients. There are test slides for the final word. They stay
# closed until chapter 11.

# %% [markdown] id="ex-bug"
# ### Exercise 3: find the bug
#
# <!-- card calls_positive -->
#
# A colleague calls a slide positive when the model's output is above 0.5, and wonders why so many tumours
# are missed. The model returns *logits*. Mend the function.


# %% id="exercise-calls-positive"
def calls_positive(logits):
    """Call slides positive whose probability is at least 0.5: logits (B,) → bool (B,)."""
    ### BEGIN SOLUTION
    return torch.sigmoid(logits) >= 0.5  # or: logits >= 0
    ### INSTEAD
    # return logits >= 0.5
    ### END SOLUTION


# %% id="check-calls-positive"
from mil_tutorial.checks.chapter_00 import check_calls_positive

check_calls_positive(calls_positive)

# %% [markdown] id="notation"
# ## Notation
#
# The same letters are used on every page.
#
# | letter | meaning | in code | meaning |
# |---|---|---|---|
# | B | bags in a batch | `bags` (B, K, D) | padded bags, K = largest bag |
# | n_b, N | instances in bag b, N = Σ n_b | `mask` (B, K) | True = a real instance |
# | D | features of an instance | `instances` (N, D), `sizes` (B,) | the same bags, packed |
# | H | width of the embedding | `attention` | weights; sum to 1 over a bag, 0 on padding |
# | A | width of the attention layer | `logits` (B,) | before the sigmoid |

# %% [markdown] id="way"
# ## The way ahead
#
# * **01–03** ask why slide labels are hard to use, and build bags and batches you can trust.
# * **04–06** pool the tiles of a bag: maximum, mean, attention, gated attention.
# * **07–11** train for recall, watch the attention, check it tile by tile, draw it, and compare fairly.
# * **12–16** turn to published data, whole slides, common mistakes, and larger machines.
#
# Each chapter stands alone: what an earlier one built is imported from the package `mil_tutorial`.

# %% [markdown] id="summary"
# ## Summary
#
# * A slide is a bag of tiles with one label. A bag is positive when at least one tile is.
# * Slide → tiles → features → weights → one probability: that is the whole way.
# * The weights can be drawn on the slide. They show what the model used to decide.
# * A picture of one slide is an anecdote. Numbers over all slides are the evidence.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * The five steps are the same with real slides. Only the reader of the file and the encoder change.
# * Ask of every heat map: which slide, chosen by whom, on what scale, and what does the truth say?
# * Software like this sorts slides for a pathologist. It does not replace the diagnosis.

# %% [markdown] id="reading"
# ## Further reading
#
# * M. Ilse, J. M. Tomczak and M. Welling, *Attention-based deep multiple instance learning*, ICML 2018,
#   [arXiv:1802.04712](https://arxiv.org/abs/1802.04712): the method of this course.
# * G. Campanella and others, *Clinical-grade computational pathology using weakly supervised deep
#   learning on whole slide images*, Nature Medicine 25, 2019: slide labels at the scale of a hospital.
#
# <!-- next -->
