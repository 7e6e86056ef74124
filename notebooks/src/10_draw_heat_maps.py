# %% [markdown] id="title"
# # Draw and explore heat maps
#
# <!-- badges -->
#
# A heat map puts each weight back where its tile came from, so that a pathologist can say at once whether
# it makes sense. To draw one you make small decisions, and several of them can mislead without an error
# message. In this chapter you make each of them yourself.
#
# | | |
# |---|---|
# | **You will do** | find a tumour yourself, stitch tiles into a map, blend it into the slide, explore it, and save it as a picture and for QuPath |
# | **You will learn** | where maps go wrong silently: swapped axes, empty places, colours without order, ranges that differ |
# | **You need** | attention and its share, weight × number of tiles, from [chapter 05](05_attention.ipynb) |
# | **Time** | 45 minutes |

# %% id="setup"
# setup

# %% [markdown] id="find"
# ## Find the tumour yourself first
#
# Once you have seen a heat map, you cannot unsee it. So look at three slides before the model points anywhere:
# the positive validation slides whose witness rate is the smallest, the lower quartile and the upper quartile.
# (You met the median slide in chapter 05.) Nothing is trained here. We use the model that ships with the
# course.

# %% id="find-load"
import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import Markdown
from matplotlib import colormaps

from mil_tutorial import load_slides, load_trained_model, predict

_, val, _ = load_slides("slides")
model = load_trained_model()
predictions = predict(model, val)
weights = predictions.per_bag(predictions.attention)

# %% id="find-choose"
rates = np.array([truth.mean() for truth in val.instance_labels])
positives = np.flatnonzero(predictions.labels == 1)
by_rate = positives[np.argsort(rates[positives])]
quartiles = np.arange(4) * len(by_rate) // 4
smallest, lower, typical, upper = by_rate[quartiles]
for i in (smallest, lower, upper):
    n_tumour = val.instance_labels[i].sum()
    print(f"{val.names[i]}: {len(weights[i])} tiles, {n_tumour} with tumour")

# %% [markdown] id="find-ask"
# Mark the tiles that you would call tumour, then reveal the truth. While you look, ask yourself:
#
# 1. What gives a tumour cell away: its colour, its size, or how densely the cells lie?
# 2. How many tiles would you have to open to find tumour if you picked them blindly?
# 3. On which of the three slides can you stop searching early?

# %% id="find-widget"
from mil_tutorial import TILE, slide_image
from mil_tutorial.widgets import FindTheTumour, slide_views

views = slide_views(val, predictions, image_of=slide_image, tile_size=TILE)
three = [views[i] for i in (smallest, lower, upper)]
FindTheTumour(three, start=val.names[upper])

# %% [markdown] id="find-answers"
# <details><summary>Answers: what gives tumour away, blind picking, when to stop</summary>
#
# 1. Size: tumour nuclei are larger and paler than those of lymphocytes, and lie in nests. Stain differs
#    from slide to slide, so colour alone can mislead, and the pale centre of a follicle looks similar.
# 2. With m tumour tiles among n, blind picking finds the first after (n + 1) / (m + 1) tiles on average:
#    221 / 17 = 13 where 16 of 220 hold tumour, but 222 / 2 = 111 where only one of 221 does.
# 3. On none: a single missed tile can be the whole tumour. A map should shorten this search.
#
# </details>

# %% [markdown] id="by-hand"
# ## Put five tiles on a canvas by hand
#
# Take a slide of 6 × 4 pixels and tiles of 2 × 2. There are six places, in two rows and three columns.
# One of them holds no tissue, so the bag has five tiles. Each comes with its top-left corner: x counts
# pixels to the right, y counts pixels *down*.

# %% id="by-hand-run" tags=["nbval-check-output"]
values = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
coords = np.array([[0, 0], [2, 0], [4, 0], [0, 2], [4, 2]])  # x, y

canvas = np.full((4, 6), np.nan)  # (height, width): rows first
canvas[0:2, 0:2] = values[0]  # rows y to y + 2, columns x to x + 2
canvas[0:2, 2:4] = values[1]
canvas[0:2, 4:6] = values[2]
canvas[2:4, 0:2] = values[3]
canvas[2:4, 4:6] = values[4]
print(canvas)

# %% [markdown] id="by-hand-read"
# A place is written (x, y), but an array is indexed [row, column], so it is `canvas[y, x]`. The empty
# place holds NaN, "not a number". Why not 0?
#
# <details><summary>Answer: why an empty place is NaN</summary>
#
# Because 0 is a claim: "the model looked here and saw nothing". NaN says "nobody looked".
#
# </details>

# %% [markdown] id="ex-stitch"
# ### Exercise 1: stitch the tiles
#
# <!-- card stitch_tiles -->
#
# Write this as a loop that works for any tiles. Where tiles overlap, as in many pipelines, take the mean of
# their values. Where there is no tile, leave NaN. (Inside `np.errstate(invalid="ignore")`, 0 / 0 gives NaN
# without a warning.)


# %% id="exercise-stitch-tiles"
def stitch_tiles(values, coords, tile_size, shape):
    """Lay n values at their x, y (n, 2) on a canvas (height, width)."""
    ### BEGIN SOLUTION
    total, count = np.zeros(shape), np.zeros(shape)
    for value, (x, y) in zip(values, coords):
        total[y : y + tile_size, x : x + tile_size] += value
        count[y : y + tile_size, x : x + tile_size] += 1
    with np.errstate(invalid="ignore"):
        return total / count
    ### END SOLUTION


# %% id="check-stitch-tiles"
from mil_tutorial.checks.chapter_10 import check_stitch_tiles

check_stitch_tiles(stitch_tiles)

# %% [markdown] id="small"
# Stuck? `check_stitch_tiles.hint(1)` gives a hint, and `check_stitch_tiles.solution()` shows one answer. The
# rest of the chapter does not depend on yours.
#
# A real slide is 100,000 pixels wide, and a few thousand tiles do not need a canvas of 10¹⁰ numbers. So the
# package's `stitch_tiles` takes a `downsample`: how many pixels of the slide make one pixel of the canvas. With
# a downsample of 2, each of our tiles becomes one pixel.

# %% id="small-run" tags=["nbval-check-output"]
from mil_tutorial import stitch_tiles as package_stitch

print(package_stitch(values, coords, tile_size=2, shape=(4, 6), downsample=2))

# %% [markdown] id="ex-bug"
# ### Exercise 2: find the bug
#
# <!-- card one_pixel_a_tile -->
#
# A colleague builds this small canvas directly. "It runs on our square slides, and the map looks like a
# heat map. But the hot tiles never lie on tumour." Fix the code.


# %% id="exercise-one-pixel-a-tile"
def one_pixel_a_tile(values, coords, tile_size, shape):
    """Lay n values of a regular grid on a canvas, one pixel for each tile."""
    canvas = np.full((shape[0] // tile_size, shape[1] // tile_size), np.nan)
    for value, (x, y) in zip(values, coords):
        ### BEGIN SOLUTION
        canvas[y // tile_size, x // tile_size] = value
        ### INSTEAD
        # canvas[x // tile_size, y // tile_size] = value
        ### END SOLUTION
    return canvas


# %% id="check-one-pixel-a-tile"
from mil_tutorial.checks.chapter_10 import check_one_pixel_a_tile

check_one_pixel_a_tile(one_pixel_a_tile)

# %% [markdown] id="overlay"
# ## Lay the map over the tissue
#
# An **overlay** blends slide and map: with opacity α, a pixel becomes (1 − α) · tissue + α · colour. Take pink
# tissue with a red channel of 200, a yellow whose red channel is 253, and α = 0.4:
# 0.6 × 200 + 0.4 × 253 = 221.2.
#
# Which α should a tile with *little* attention get? The same as every other tile, or less? The figure shows
# both; empty places show the tissue unchanged.


# %% id="overlay-define"
def overlay(image, heat, limits=None, opacity=0.65):
    """Blend a map (height, width) into a picture (height, width, 3)."""
    low, high = limits or (np.nanmin(heat), np.nanmax(heat))
    level = np.clip((heat - low) / (high - low), 0, 1)
    alpha = opacity * np.nan_to_num(level)[..., None]  # 0 where no tile lies
    colour = 255 * colormaps["viridis"](level)[..., :3]
    return np.round((1 - alpha) * image + alpha * colour).astype(np.uint8)


# %% id="overlay-figure"
from mil_tutorial import scale_attention

image = slide_image(val.names[typical])
share = scale_attention(weights[typical], "share")  # 1 is an equal share
heat = package_stitch(share, val.coords[typical], TILE, image.shape[:2])
figure, (left, right) = plt.subplots(1, 2, figsize=(8, 4.25))
left.imshow(image)
left.imshow(heat, cmap="viridis", alpha=0.65)
left.set_title("the same α everywhere")
right.imshow(overlay(image, heat))
right.set_title("α grows with attention")
for axes in (left, right):
    axes.set_axis_off()
show(
    figure,
    "One slide with its attention laid over it twice. With the same opacity "
    "everywhere a dark veil hides the tissue; with growing opacity the tissue "
    "is clear and two tiles at the top stand out",
)

# %% [markdown] id="overlay-read"
# <details><summary>Answer: the α of a tile with little attention</summary>
#
# Less. With the same α everywhere, a veil hides what the reader wants to see. On the right, where α grows with
# the value, you see the tissue, and the few tiles that count. The price: a tile with a little attention looks
# like one with none.
#
# </details>

# %% [markdown] id="colours"
# ## Choose colours that keep the order
#
# Many published maps run from blue through green and yellow to red, in the colours called *jet*. More
# attention should look like more, to every reader. Does it? **Lightness** L* runs from 0 (black) to 100
# (white), roughly as the eye sees it. Which value is the lightest in jet? Guess before you look.


# %% id="colours-lightness" tags=["nbval-check-output"]
def lightness(rgb):
    """CIE lightness L* of colours (..., 3) with channels from 0 to 1."""
    bright = ((rgb + 0.055) / 1.055) ** 2.4
    linear = np.where(rgb <= 0.04045, rgb / 12.92, bright)
    y = linear @ np.array([0.2126, 0.7152, 0.0722])  # luminance
    return np.where(y > 0.008856, 116 * np.cbrt(y) - 16, 903.3 * y)


MAPS = {"viridis": "viridis", "jet": "jet", "red–green": "RdYlGn_r"}
STEPS = np.linspace(0, 1, 11)
print("value     " + "".join(f"{v:5.1f}" for v in STEPS))
for title, name in MAPS.items():
    found = lightness(colormaps[name](STEPS)[:, :3])
    print(f"{title:10}" + "".join(f"{v:5.0f}" for v in found))

# %% [markdown] id="colours-ask"
# <details><summary>Answer: the lightest value of jet</summary>
#
# 0.6. At 1, its top, jet is darker than at 0.1.
#
# </details>
#
# The figure colours tiles by the *rank* of their attention, so that all values occur. Then it removes the
# colour, as a photocopier does.

# %% id="colours-figure" tags=["hide-input"]
ranks = np.round(scale_attention(weights[typical], "rank"), 1)  # eleven steps
size = image.shape[:2]
ranks = package_stitch(ranks, val.coords[typical], TILE, size, downsample=TILE)


def draw_ranks(axes, grey_axes, name):
    """Draw the ranks in the colours of one map, and without colour."""
    coloured = colormaps[name](ranks)[..., :3]
    coloured[np.isnan(ranks)] = 1  # white where no tile lies
    axes.imshow(coloured)
    grey_axes.imshow(lightness(coloured), cmap="gray", vmin=0, vmax=100)
    for one, title in ((axes, name), (grey_axes, f"{name}, grey")):
        one.set_title(title)
        one.set_axis_off()


# %% id="colours-curve" tags=["hide-input"]
places = [["viridis", "jet", "curve"], ["grey 1", "grey 2", "curve"]]
sizes = {"figsize": (8, 4.6), "width_ratios": [1, 1, 1.3]}
figure, panels = plt.subplot_mosaic(places, **sizes)
draw_ranks(panels["viridis"], panels["grey 1"], "viridis")
draw_ranks(panels["jet"], panels["grey 2"], "jet")
axes, value = panels["curve"], np.linspace(0, 1, 256)
for (title, name), style in zip(MAPS.items(), ["-", "--", ":"]):
    light = lightness(colormaps[name](value)[:, :3])
    axes.plot(value, light, style, label=title)
axes.set(xlabel="value", ylabel="lightness L*", ylim=(0, 118))
axes.legend(loc="upper center", ncols=3, fontsize=8, columnspacing=1)
show(
    figure,
    "The same ranks in viridis and jet, in colour and in grey. In grey, "
    "viridis still shows the top tiles lightest; jet shows them dark and the "
    "middle ranks lightest. Lightness rises steadily for viridis; for jet and "
    "for red–green it rises and falls",
)

# %% [markdown] id="colours-read"
# Without colour, jet's tiles with the *most* attention turn dark. Red–green does the same, and about one man
# in twelve cannot tell red from green well. Viridis rises steadily.

# %% [markdown] id="bar"
# ## Say what the colours mean
#
# A colour without a bar is decoration. The bar must say what was scaled and how (chapter 09 compares
# four ways), in which unit, and over which range. Shares span many powers of ten: on a linear bar
# only the top tile shows. So `plot_attention` uses a logarithmic one, and says so. It also outlines the
# truth.

# %% id="bar-figure"
from mil_tutorial import plot_attention

truth = val.instance_labels[typical]
tiles = (weights[typical], val.coords[typical], TILE)
figure = plot_attention(image, *tiles, truth=truth)
show(
    figure,
    "The median slide, its attention on a logarithmic scale, and both; the "
    "hottest tile has 108 equal shares and lies inside the outlined tumour at "
    "the upper edge; a few tiles elsewhere have about one share",
)

# %% [markdown] id="bar-ask"
# Now a quiet slide, the one with the median probability among the negatives. Its weights sum to 1 too, so it
# has a hottest tile. What does that tile look like on the *first* slide's range?

# %% id="bar-quiet"
negatives = np.flatnonzero(predictions.labels == 0)
by_probability = negatives[np.argsort(predictions.probabilities[negatives])]
quiet, false_alarm = by_probability[[len(by_probability) // 2, -1]]
miss = positives[predictions.probabilities[positives].argmin()]

tiles = (weights[quiet], val.coords[quiet], TILE)
title = f"{val.names[quiet]}, no tumour, on the range of {val.names[typical]}"
figure = plot_attention(
    slide_image(val.names[quiet]), *tiles, limits=(0, share.max()), title=title
)
show(
    figure,
    "A slide without tumour on the range of the first: its hottest tile is "
    "light green, none is yellow, and many tiles have about one share",
)

# %% [markdown] id="bar-read"
# <details><summary>Answer: the tile on the first slide's range</summary>
#
# It is light green, not yellow: in the stored run its share is 30, against 108.
#
# </details>
#
# On a range of its own this slide would show a yellow tile too. Slides that are compared need the same
# range: `limits` sets it.

# %% [markdown] id="explore"
# ## Explore a slide
#
# Look closer, at four slides: the median one, the quiet one, the positive slide with the lowest
# probability (a miss), and the negative one with the highest (a false alarm). All four share one range of
# colours. Change the opacity, and point at tiles to read their numbers.
#
# 1. How many tiles hold nearly all the attention of the false alarm?
# 2. Does the hottest tile of the miss hold tumour?
# 3. Does a large top share (the share of the hottest tile) prove tumour?

# %% id="explore-widget"
from mil_tutorial.widgets import SlideExplorer

chosen = [views[i] for i in (typical, quiet, miss, false_alarm)]
SlideExplorer(chosen, start=val.names[typical])


# %% id="explore-table"
def table(head, rows):
    """A table in Markdown: names of columns, and rows of cells."""
    lines = [head, ["---"] * len(head), *rows]
    return Markdown("\n".join(f"| {' | '.join(map(str, x))} |" for x in lines))


rows = []
for i in (typical, quiet, miss, false_alarm):
    a, truth = np.sort(weights[i])[::-1], val.instance_labels[i]
    few = np.searchsorted(np.cumsum(a), 0.9) + 1
    inside = f"{weights[i][truth == 1].sum():.2f}" if truth.any() else "–"
    p, top = f"{predictions.probabilities[i]:.2f}", f"{a[0] * len(a):.0f}"
    rows.append([val.names[i], truth.sum(), p, top, few, inside])
tops = np.array([len(a) * a.max() for a in weights])
for name, group in {"with tumour": positives, "without": negatives}.items():
    print(f"median top share of slides {name}: {np.median(tops[group]):.0f}")
head = ["slide", "tumour tiles", "probability", "top share"]
table([*head, "tiles with 90 %", "attention on tumour"], rows)

# %% [markdown] id="explore-answers"
# <details><summary>Answers: the false alarm, the miss, the top share</summary>
#
# From the stored table: (1) Two. (2) No: its one tumour tile gets almost nothing. (3) No: the false alarm
# has the largest of the four, although positive slides have larger ones on the whole. A top share says how
# *narrowly* the model looks, not what it saw.
#
# </details>

# %% [markdown] id="what-if"
# ## Take tiles away
#
# Hot tiles weigh a lot. Do they also *decide*? Take them away and ask again; the softmax shares their weight
# among the remaining tiles. The head is linear, so the widget can compute the exact answer from attention and
# own scores, even on a page without a kernel. Predict before each step.
#
# 1. How many of the hottest tiles must go before the median slide is called negative?
# 2. What if ten tiles go at random instead?
# 3. Can the probability *rise* when a hot tile goes?

# %% id="what-if-widget"
from mil_tutorial.widgets import WhatIf

WhatIf(model, val, val.names[typical], image=image, tile_size=TILE)


# %% id="what-if-table"
def probability_without(slide, gone):
    """Probability of tumour when the tiles with these numbers are gone."""
    kept = np.setdiff1d(np.arange(len(weights[slide])), gone)
    features = val[slide][0][kept]
    with torch.inference_mode():
        return torch.sigmoid(model(features[None]).logits).item()


rng, rows, steps = np.random.default_rng(0), [], (0, 1, 2, 3, 4, 5, 10)
names = {"median": typical, "miss": miss, "false alarm": false_alarm}
for title, i in names.items():
    hottest = np.argsort(-weights[i])
    found = [probability_without(i, hottest[:k]) for k in steps]
    tens = [rng.permutation(len(hottest))[:10] for _ in range(20)]
    blind = [probability_without(i, ten) for ten in tens]
    spread = f"{min(blind):.2f} to {max(blind):.2f}"
    rows.append([title, *(f"{p:.2f}" for p in found), spread])
table(["hottest tiles gone", *steps, "ten at random"], rows)

# %% [markdown] id="what-if-answers"
# <details><summary>Answers: how many tiles decide</summary>
#
# From the stored table: (1) Four of 222. (2) Next to nothing happens: the hot tiles are rarely among the ten.
# (3) Yes: without its hottest tile the probability of the miss rises from 0.06 to 0.28. That tile spoke
# *against* tumour. High attention means "it counted", for or against.
#
# </details>

# %% [markdown] id="scale"
# ## Save the picture with its scale
#
# A picture must say how large things are. Our slides nominally have 0.5 µm per pixel, so a tile is 16 µm wide
# and the slide 256 µm, far smaller than a real node. A **scale bar** has a round length near a fifth of the
# width: 50 µm, which is 50 / 0.5 = 100 pixels. `save_heat_map` draws it below the overlay, and refuses to work
# without the size of a pixel.

# %% [markdown] id="ex-bar"
# ### Exercise 3: predict the length of a scale bar
#
# <!-- card bar_pixels -->
#
# A slide was scanned at 0.25 µm per pixel. You draw on a picture of it with a downsample of 32. How many pixels
# of the picture make 1 mm? Write your guess, then run the check.

# %% id="exercise-bar-pixels"
### BEGIN SOLUTION
my_guess = 125  # a pixel of the picture is 0.25 × 32 = 8 µm; 1,000 / 8
### END SOLUTION

# %% id="check-bar-pixels"
from mil_tutorial.checks.chapter_10 import check_bar_pixels

check_bar_pixels(my_guess)

# %% id="save-run"
from mil_tutorial import save_heat_map

tiles = (weights[typical], val.coords[typical], TILE)
file = save_heat_map(
    f"results/{val.names[typical]}.png",
    image,
    *tiles,
    microns_per_pixel=0.5,
    truth=val.instance_labels[typical],
)
saved = plt.imread(file)
height, width = saved.shape[:2]
figure = plt.figure(figsize=(width / 90, height / 90), layout="none")
figure.add_axes((0, 0, 1, 1)).imshow(saved)
plt.axis("off")
show(
    figure,
    "The saved file: the overlay, and below it a scale bar of 50 µm, a colour "
    "bar of shares from 0.1 to 108 on a logarithmic scale, and a sample of "
    "the tumour's outline",
)

# %% [markdown] id="qupath"
# ## Send the tiles to QuPath
#
# Pathologists already have a viewer. QuPath reads **GeoJSON**: shapes, each with its numbers. A tile is a
# polygon, and a polygon is a **ring** of points whose last point is its first. Coordinates are pixels of the
# full slide, x before y. Tiles cut from a smaller level need their `downsample`.

# %% [markdown] id="ex-ring"
# ### Exercise 4: close the ring
#
# <!-- card tile_ring -->
#
# Return the ring of a tile: from its top-left corner go right, then down, then left, and back.


# %% id="exercise-tile-ring"
def tile_ring(x, y, side):
    """Corners of the tile at x, y as a closed ring: five [x, y]."""
    ### BEGIN SOLUTION
    right, bottom = x + side, y + side
    return [[x, y], [right, y], [right, bottom], [x, bottom], [x, y]]
    ### END SOLUTION


# %% id="check-tile-ring"
from mil_tutorial.checks.chapter_10 import check_tile_ring

check_tile_ring(tile_ring)

# %% id="qupath-run"
import json

from mil_tutorial import save_geojson

name = val.names[typical]
plt.imsave(f"results/{name}-slide.png", image)  # to open in QuPath
path = f"results/{name}.geojson"
file = save_geojson(path, *tiles, threshold=10, slide=name)
features = json.loads(file.read_text(encoding="utf-8"))["features"]
kinds = [f["properties"]["classification"]["name"] for f in features]
hot = [f for f, kind in zip(features, kinds) if kind == "high attention"]
print(f"{len(features)} tiles, {len(hot)} with at least 10 shares; the first:")
print("ring:", hot[0]["geometry"]["coordinates"][0])
measured = hot[0]["properties"]["measurements"]["attention share"]
print("share:", round(measured, 1))

# %% [markdown] id="qupath-read"
# Open the slide in QuPath (0.4 or later) and drop the `.geojson` file on it. *Measure → Show measurement
# maps* colours the tiles by their share, and the classes tell hot from cold. MIRAX slides need
# `origin=Slide(path).origin`. We checked the file against QuPath's source code, not in QuPath itself.

# %% [markdown] id="summary"
# ## Summary
#
# * x is the column, y the row, and NaN means that nobody looked.
# * An overlay whose opacity grows with the value keeps the tissue visible.
# * Use colours that grow lighter with the value, a bar that names scale and unit, and one range for
#   slides that are compared.
# * A hot tile counts, for or against tumour. Take it away to see which.
# * A picture needs a scale. GeoJSON carries the numbers to a viewer.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * Test a pipeline on an oblong slide: square ones hide swapped axes.
# * Save numbers next to pictures: a picture cannot be rescaled.
# * Show slides that a rule chose, including a miss and a false alarm.

# %% [markdown] id="reading"
# ## Further reading
#
# * D. Borland and R. M. Taylor, *Rainbow color map (still) considered harmful*, IEEE Computer Graphics and
#   Applications 27, 2007.
# * F. Crameri, G. E. Shephard and P. J. Heron, *The misuse of colour in science communication*, Nature
#   Communications 11, 2020, [doi:10.1038/s41467-020-19160-7](https://doi.org/10.1038/s41467-020-19160-7).
# * P. Bankhead and others, *QuPath: open source software for digital pathology image analysis*, Scientific
#   Reports 7, 2017.
#
# <!-- next -->
