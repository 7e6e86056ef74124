# %% [markdown] id="title"
# # Start here
#
# <!-- badges -->
#
# Here is a slide of a lymph node. Its label says "tumour", but not where. **Can you find the tumour?** And could a
# computer, told only "tumour" or "no tumour" for each slide?
#
# ![A lymph-node slide, drawn by a program: many small dark nuclei, several paler patches, vessels, and fat at the rim; nothing is marked](images/first_slide.jpg)
#
# | | |
# |---|---|
# | **You will do** | look for the tumour yourself, send the slide through a trained model, read its heat map, and score the model on 72 slides |
# | **You will learn** | what a bag, an instance and the witness rate are, and what attention adds to a yes-or-no answer |
# | **You need** | a little Python; no GPU, no download, no knowledge of pathology |
# | **Time** | 15 minutes |

# %% id="setup"
# setup

# %% [markdown] id="how"
# ## Find the tumour
#
# Click on a cell and press Shift + Enter to run it. The cell above does what the first cell of every chapter does: it
# installs what is missing and shows what you are running on. Unsolved exercises never stop the page, so you can also
# run everything at once. And if you would rather read than run, all results are stored in the page.
#
# Now hunt. Click on the tiles that you think hold tumour. Then press "Show where the model looked", and finally "Show
# the truth". What gave the tumour away, and did the model look where you did?

# %% id="find-widget"
import numpy as np

from mil_tutorial import load_slides, load_trained_model, predict, slide_image
from mil_tutorial.widgets import FindTheTumour, slide_views

train, val, _ = load_slides("slides")
rates = np.array([truth.mean() for truth in val.instance_labels])
positives = np.flatnonzero(val.labels.numpy() == 1)
chosen = positives[np.argsort(rates[positives])[len(positives) // 2]]

model, shown = load_trained_model(), val.subset([chosen])
found = predict(model, shown)
FindTheTumour(slide_views(shown, found, image_of=slide_image, tile_size=32))

# %% [markdown] id="find-answer"
# <details><summary>Answer: what to look for, and how the model did</summary>
#
# Look for larger, paler nuclei that lie in a nest among the small dark ones. Other pale patches are tissue that
# belongs in a lymph node, such as germinal centres. Seven of the 222 tiles hold tumour.
#
# The six tiles with the most attention all hold tumour. Nobody ever outlined a tumour for the model. It
# learned from the labels of whole slides. This course builds such a model, step by step.
#
# </details>

# %% [markdown] id="words"
# ## Learn three words
#
# **Bag.** A slide, as the computer sees it: a set of tiles with *one* label for all of them.
#
# **Instance.** One tile of the bag. It has no label of its own, or at least nobody wrote one down.
#
# **Witness rate.** The positive instances of a positive bag are its witnesses; the witness rate is their share of the
# bag. In a slide with a small metastasis it is a few per cent; in the CAMELYON16 slides it is often below one per cent.
#
# One rule ties them together: a bag is positive when at least one of its instances is. Learning from such
# labels is called **multiple-instance learning**, MIL.

# %% [markdown] id="slide-text"
# ## Follow one slide
#
# ### 1. The slide
#
# The slides of this course are drawn by a program, so the truth about every tile is known and nothing has to be
# downloaded. They look like lymph nodes and are good for learning the methods. They tell you nothing about patients,
# and clinical slides are far larger.
#
# Of the positive validation slides, yours has the median witness rate. It was chosen for that, not for its good
# looks.

# %% id="slide-run"
image = slide_image(val.names[chosen])
height, width, _ = image.shape
print(f"slide {val.names[chosen]}: {width} × {height} pixels")

# %% [markdown] id="tiles-text"
# ### 2. The tiles
#
# A real slide has billions of pixels, too many for any network at once. So it is cut into tiles, and
# tiles without tissue are left out. Ours are 32 pixels wide.

# %% id="tiles-run"
from mil_tutorial import TILE
from mil_tutorial.datasets import cut_tiles, tissue_tiles

coords = tissue_tiles(image)  # (n, 2): x and y of each tile's corner
tiles = cut_tiles(image, coords)  # (n, 32, 32, 3)
print(len(tiles), "tiles with tissue of", (height // TILE) ** 2, "in all")

# %% id="tiles-figure" tags=["hide-input"]
import matplotlib.pyplot as plt

figure, panels = plt.subplots(1, 6, figsize=(8, 1.9))
for axes, k in zip(panels, np.linspace(0, len(tiles) - 1, 6).astype(int)):
    axes.imshow(tiles[k])
    axes.set(title=f"tile {k}", xticks=[], yticks=[])
show(
    figure,
    "Six of the slide's tiles, each 32 pixels wide: dark lymphocytes, pale "
    "tissue, fat",
)

# %% [markdown] id="features-text"
# ### 3. The features
#
# An encoder turns each tile into 64 numbers, its **features**. The encoder was trained without any labels, and is not
# trained further here. The bag is now a table with one row per tile. (The features that come with the course are rounded,
# so other chapters may give a slide a slightly different logit.)

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
# ![From the top down: tiles become embeddings, each gets a weight, the weights sum to 1, and the weighted mean becomes one logit](images/architecture.svg)
#
# The model was trained with the labels of 204 slides. It was never shown where a tumour lies.

# %% id="model-run"
import torch

bag = torch.from_numpy(features)[None]  # one bag: (1, n, 64)
with torch.inference_mode():
    logits, attention = model(bag)
attention = attention[0].numpy()  # (n,)
print(f"logit {logits.item():.2f}")
print(f"probability of tumour {torch.sigmoid(logits).item():.2f}")
print(f"{len(attention)} weights, their sum is {attention.sum():.2f}")

# %% [markdown] id="ex-half"
# ### Exercise 1: predict how many tiles share half of the attention
#
# <!-- card half_attention -->
#
# Sort the 222 tiles by their weight, the highest first. After how many tiles do the weights add up to at
# least one half? Write your guess before you look at the heat map, then run the check.

# %% id="exercise-half-attention"
### BEGIN SOLUTION
my_guess = 2  # np.sum(np.cumsum(np.sort(attention)[::-1]) < 0.5) + 1
### END SOLUTION

# %% id="check-half-attention"
from mil_tutorial.checks.chapter_00 import check_half_attention

check_half_attention(my_guess)

# %% [markdown] id="map-text"
# ### 5. The heat map
#
# Put each weight back where its tile came from. The map shows shares: 1 is an equal share, what every tile would get
# if all counted alike. The outline is the truth.

# %% id="map-run"
from mil_tutorial import plot_attention

truth = val.instance_labels[chosen]
show(
    plot_attention(image, attention, coords, TILE, truth=truth),
    "The slide, the attention of its tiles, and both together; nearly all "
    "attention lies on four neighbouring tiles inside the outlined tumour",
)

# %% [markdown] id="map-read"
# The model found the tumour, although nobody showed it where to look. It also ignored part of the tumour: a few tiles
# are enough to call the slide positive, and nothing in the training asks for more. Keep that in mind whenever you see
# a heat map. It shows what the model used, not the extent of the disease.

# %% [markdown] id="ex-rate"
# ### Exercise 2: compute the witness rate
#
# <!-- card witness_rate -->
#
# We know the truth about each tile: 1 for tumour, 0 for none. Write the function that returns the witness
# rate of a slide.


# %% id="exercise-witness-rate"
def witness_rate(instance_labels):
    """Share of positive instances: instance_labels (n,), 0 or 1 → a number."""
    ### BEGIN SOLUTION
    return instance_labels.mean()
    ### END SOLUTION


# %% id="check-witness-rate"
from mil_tutorial.checks.chapter_00 import check_witness_rate

check_witness_rate(witness_rate)

# %% [markdown] id="stuck"
# Stuck? `check_witness_rate.hint(1)` in a new cell gives you a nudge, and `check_witness_rate.solution()` shows one
# answer. Every exercise of the course has both.

# %% [markdown] id="all-text"
# ## Now for all validation slides
#
# One slide is an anecdote. How good is the model on all 72 validation slides? Three numbers tell us:
#
# * the **AUC**: how often a positive slide scores higher than a negative one; 0.5 is chance;
# * the **missed tumours**: the positive slides whose probability is below 0.5;
# * the **false alarms**: the negative slides whose probability is at least 0.5.

# %% id="all-run"
from mil_tutorial import auc, false_negative_rate, specificity

predictions = predict(model, val)
labels, probabilities = predictions.labels, predictions.probabilities
missed = false_negative_rate(labels, probabilities, 0.5)
alarms = 1 - specificity(labels, probabilities, 0.5)
print(f"AUC {auc(labels, probabilities):.2f}")
print(f"missed tumours: {missed:.0%} of {sum(labels == 1)} positive slides")
print(f"false alarms: {alarms:.0%} of {sum(labels == 0)} negative slides")

# %% id="all-figure" tags=["hide-input"]
figure, axes = plt.subplots(figsize=(6.5, 2.8))
rng = np.random.default_rng(0)
for y, colour, marker in [(0, "#0072B2", "o"), (1, "#D55E00", "^")]:
    p = probabilities[labels == y]
    heights = y + rng.uniform(-0.2, 0.2, len(p))
    axes.plot(p, heights, marker, color=colour, alpha=0.7)
axes.axvline(0.5, color="0.4", linestyle=":")
axes.set(yticks=[0, 1], yticklabels=["no tumour", "tumour"], ylim=(-0.5, 1.5))
axes.set(
    xlim=(-0.02, 1.02),
    xlabel="predicted probability of tumour, one mark for each slide",
)
show(
    figure,
    "Predicted probabilities of the validation slides, positive above and "
    "negative below; most lie on their own side of 0.5, some do not",
)

# %% [markdown] id="all-read"
# Marks on the wrong side of the dotted line are mistakes. A missed tumour weighs more than a false alarm, and 0.5 is
# not a law of nature. Chapter 07 chooses the threshold by what each mistake costs.
#
# One caution: these slides helped to decide when training stopped, so the model may look a little better here than on
# new patients. The test slides are kept for the final word, and we never use them to choose anything.

# %% [markdown] id="ex-bug"
# ### Exercise 3: find the bug
#
# <!-- card calls_positive -->
#
# A colleague calls a slide positive when the model's output is above 0.5, and wonders why so many tumours
# are missed. The model returns *logits*. Fix the function.


# %% id="exercise-calls-positive"
def calls_positive(logits):
    """True where the probability is at least 0.5: logits (B,) → bool (B,)."""
    ### BEGIN SOLUTION
    return torch.sigmoid(logits) >= 0.5  # or: logits >= 0
    ### INSTEAD
    # return logits >= 0.5
    ### END SOLUTION


# %% id="check-calls-positive"
from mil_tutorial.checks.chapter_00 import check_calls_positive

check_calls_positive(calls_positive)

# %% [markdown] id="why-text"
# ## See why it takes attention
#
# Attention is not the only way to turn many tiles into one answer. **Max pooling** scores every tile and
# keeps the highest score. **The mean** gives all tiles the same weight. Both are simpler, and sometimes they are
# not enough.
#
# Here are the results on slides with small tumours, `slides-hard`. They were **recorded** on test slides. Each
# training run began with different random weights, so each mark is one start.
#
# ![Test AUC on the hard slides, one mark for each start. Above 0.7: max 5 of 20, mean 0 of 5, attention 19 of 20, gated 15 of 20; the others lie near 0.5, which is guessing.](images/hard_slides.svg)
#
# The mean drowns three tiles in two hundred. Max pooling *can* find them, but from most starts it follows healthy
# tiles and never recovers. Attention rarely gets lost. Starts that do find the tumour are about equally good,
# whatever the pooling: here attention does not see more sharply, it just finds the tumour more often.
#
# This is what the course is about, shown where attention looks best. It is not always ahead:
#
# <details><summary>The same on the default slides, whose tumours are larger</summary>
#
# ![Test AUC on the default slides, one mark for each start. Means: max 0.93, mean 0.72, attention 0.93, gated 0.93; the starts of each pooling lie close together.](images/default_slides.svg)
#
# </details>
#
# How far ahead is gated attention, and how certain is that? The records hold the difference from max pooling over five
# starts, with a 95 % interval.

# %% id="why-run" tags=["nbval-check-output"]
from mil_tutorial import load_recorded

for name in ("slides-hard", "slides"):
    for pair in load_recorded(name)["paired"]:
        if (pair["pooling"], pair["against"]) == ("gated", "max"):
            low, high = pair["auc_low"], pair["auc_high"]
            gain = f"{pair['auc']:+.2f} [{low:+.2f}, {high:+.2f}]"
            print(f"{name:11} AUC, gated attention − max pooling: {gain}")

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
# ![The course in four groups, one after the other. Bags, chapters 00 to 03; pooling, 04 to 06; training and judging, 07 to 10; evidence and practice, 11 to 17. The chapters of the core path are marked: 00, 01, 03, 05, 07, 09 and 10.](images/course.svg)
#
# Each chapter stands alone: whatever an earlier one built is imported from the package `mil_tutorial`. If you came
# with code from a blog post, [this page](recipes/from_a_post.md) shows what such posts have in common, and what to
# write instead.

# %% [markdown] id="doctor"
# ## Ask the doctor
#
# Before you go on: is everything installed, and how fast is this machine? The doctor checks versions, memory
# and the data, and trains for a few seconds to measure the speed. Every line should begin with ok; one
# that begins with BAD says what to do.

# %% id="doctor-run"
from mil_tutorial import examine
from mil_tutorial.notebook import table

rows = []
for finding in examine():
    mark = "ok" if finding.healthy else "BAD"
    rows.append((mark, finding.what, finding.value))
table(("", "what", "found"), rows)

# %% [markdown] id="summary"
# ## Summary
#
# * A slide is a bag of tiles with one label. A bag is positive when at least one tile is.
# * Slide → tiles → features → weights → one probability: that is the whole path.
# * The weights can be drawn on the slide. They show what the model used to decide.
# * Where tumours are small, attention finds them from most starts and max pooling from few. Where tumours are larger,
#   both find them.
# * A picture of one slide is an anecdote. Numbers over all slides are the evidence.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * The five steps are the same with real slides. Only the file reader and the encoder change.
# * Ask of every heat map: which slide is it, who chose it, what is the scale, and what is the truth?
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
