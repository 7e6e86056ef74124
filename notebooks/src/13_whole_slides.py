# %% [markdown] id="title"
# # Work on whole slides
#
# <!-- badges -->
#
# So far, slides came cut into tiles, and tiles as features. Now you do both steps yourself, from a slide file to a
# heat map, and from a folder of features to the table of chapter 11.
#
# | | |
# |---|---|
# | **You will do** | read pyramids, find tissue, cut tiles by µm, check an encoder, run `compare` on a folder of features, use the kept model |
# | **You will learn** | how large a pixel is, what coordinates refer to, what to check before training |
# | **You need** | heat maps ([chapter 10](10_draw_heat_maps.ipynb)), the comparison ([chapter 11](11_compare_fairly.ipynb)) |
# | **Time** | 60 minutes |

# %% id="setup"
# setup

# %% id="imports"
import time
from pathlib import Path

import h5py
import matplotlib.pyplot as plt
import numpy as np
import tifffile
from skimage import data

# %% [markdown] id="pyramid"
# ## Open a pyramid
#
# How do you open a picture of 100,000 × 100,000 pixels? At three bytes per pixel it would fill 30 GB of memory. You
# never open all of it: the file is a **pyramid**, the same picture several times, each **level** smaller than the one
# before. **Level 0** is the picture as scanned. Each level is cut into blocks, so a nucleus takes a few blocks only.
#
# Make one: a picture of brown-stained tissue, repeated four by four on white "glass", with two smaller levels. We
# declare 0.25 µm/px.


# %% id="pyramid-make"
def write_slide(path, picture, mpp, shrink=()):
    """Write a TIFF: level 0, then a level for each factor of ``shrink``."""
    options = {"tile": (256, 256), "photometric": "rgb", "compression": "zlib"}
    options["resolution"] = (1e4 / mpp, 1e4 / mpp)  # pixels per centimetre
    options["resolutionunit"] = "CENTIMETER"
    with tifffile.TiffWriter(path) as file:
        file.write(picture, **options)
        for k in shrink:
            height, width = (side // k for side in picture.shape[:2])
            blocks = picture[: height * k, : width * k]
            blocks = blocks.reshape(height, k, width, k, 3)
            small = blocks.mean(axis=(1, 3)).round().astype(np.uint8)
            file.write(small, subfiletype=1, **options)


glass = np.full((3072, 4096, 3), 243, np.uint8)
glass[512:2560, 1024:3072] = np.tile(data.immunohistochemistry(), (4, 4, 1))
write_slide("made.tif", glass, mpp=0.25, shrink=(4, 16))
print(f"made.tif: {Path('made.tif').stat().st_size / 1e6:.1f} MB")

# %% id="pyramid-open" tags=["nbval-check-output"]
import openslide

from mil_tutorial.notebook import table

handle = openslide.OpenSlide("made.tif")
print("µm per pixel at level 0:", handle.properties["openslide.mpp-x"])
levels = range(handle.level_count)
sizes, smaller = handle.level_dimensions, handle.level_downsamples
table(
    ("level", "width", "height", "times smaller"),
    [(i, *sizes[i], round(smaller[i])) for i in levels],
)

# %% [markdown] id="mpp"
# ## Ask for µm, not for a level
#
# Can you ask for a magnification? "20×" names a lens: about 0.5 µm per pixel, but scanners differ. Can you ask
# for a level? With 0.25 µm/px at level 0, level 1 has 0.5 in a file that halves each side and 1.0 in one that
# quarters it. So ask for **µm per pixel** (in code `mpp`): the size of a pixel in the tissue.
#
# ### Exercise 1: predict a side
#
# <!-- card level0_side -->
#
# The encoder expects tiles of 256 pixels at 0.5 µm/px. A slide was scanned at 0.22 µm/px. How many pixels of
# *level 0* does the side of a tile have?

# %% id="exercise-level0-side"
### BEGIN SOLUTION
my_guess = 582  # 256 × 0.5 / 0.22
### END SOLUTION

# %% id="check-level0-side"
from mil_tutorial.checks.chapter_13 import check_level0_side

check_level0_side(my_guess)

# %% [markdown] id="ex-read"
# And where is a tile? **OpenSlide**, the library behind many slide readers, measures positions in **pixels of level
# 0**, whichever level you read. So do the files of CLAM and TRIDENT, two public pipelines from slides to features. The
# *size* is in pixels of the level you read.
#
# ### Exercise 2: find the bug
#
# <!-- card read_field -->
#
# `x`, `y` and `side` are in pixels of level 0. The function works at level 0. At level 1 it shows glass where tissue
# should be.


# %% id="exercise-read-field"
def read_field(handle, x, y, side, level):
    """Read a square field of a slide from a level of the pyramid."""
    smaller = handle.level_downsamples[level]
    size = round(side / smaller)
    ### BEGIN SOLUTION
    place = (x, y)
    ### INSTEAD
    # place = (round(x / smaller), round(y / smaller))
    ### END SOLUTION
    return handle.read_region(place, level, (size, size))


# %% id="check-read-field"
from mil_tutorial.checks.chapter_13 import check_read_field

check_read_field(read_field)

# %% id="read-figure" tags=["hide-input"]
fields = {
    "level 0": handle.read_region((1024, 512), 0, (1024, 1024)),
    "level 1, same position": handle.read_region((1024, 512), 1, (256, 256)),
    "level 1, position ÷ 4": handle.read_region((256, 128), 1, (256, 256)),
}
figure, axes = plt.subplots(1, 3, figsize=(8, 3))
for axis, (title, picture) in zip(axes, fields.items()):
    axis.imshow(picture.convert("RGB"))
    axis.set(title=title, xticks=[], yticks=[])
show(
    figure,
    "The same field of brown-stained tissue, 256 µm wide, read from level 0 "
    "and, coarser, from level 1; with the position divided by 4, level 1 "
    "shows mostly empty glass",
)

# %% [markdown] id="tissue"
# ## Find the tissue
#
# Most of a slide is glass. Dust and shadows on it are dark too, but grey, while stain has *colour*: its
# **saturation** (how far a pixel is from grey, here 0 to 255) is high. The price: fat, which preparation washes out,
# is as colourless as glass.

# %% id="tissue-picture"
from PIL import Image

from mil_tutorial.datasets import Slide, tissue_mask

with Slide("made.tif") as slide:
    picture = slide.picture(8.0)
saturation = np.asarray(Image.fromarray(picture).convert("HSV"))[..., 1]
counts = np.bincount(saturation.ravel(), minlength=256)
print(f"{picture.shape[1]} × {picture.shape[0]} pixels of 8 µm")
print(f"saturation {saturation.min()} to {saturation.max()}")

# %% [markdown] id="ex-otsu"
# Where do you cut? Otsu (1979) tries every threshold and takes the one whose two classes are furthest apart, *weighted
# by their sizes*, so that a handful of odd pixels does not decide. With $n_0$ pixels up to the threshold, $n_1$ pixels
# above it, and their mean saturations $m_0$ and $m_1$, the best threshold has the largest $n_0\,n_1\,(m_1 - m_0)^2$.
#
# ### Exercise 3: compute Otsu's threshold
#
# <!-- card otsu_threshold -->
#
# `counts` (256,) holds the number of pixels with saturation 0, 1, …, 255. Return the last value of the lower
# class. (A class without pixels has no mean: skip that threshold.)


# %% id="exercise-otsu-threshold"
def otsu_threshold(counts):
    """Threshold with the classes furthest apart: counts (256,) → int."""
    ### BEGIN SOLUTION
    values, best, threshold = np.arange(256), -1.0, 0
    for t in range(255):
        low, high = counts[: t + 1], counts[t + 1 :]
        n0, n1 = low.sum(), high.sum()
        if n0 and n1:
            apart = values[t + 1 :] @ high / n1 - values[: t + 1] @ low / n0
            if n0 * n1 * apart**2 > best:
                best, threshold = n0 * n1 * apart**2, t
    return threshold
    ### END SOLUTION


# %% id="check-otsu-threshold"
from mil_tutorial.checks.chapter_13 import check_otsu_threshold

check_otsu_threshold(otsu_threshold)

# %% id="tissue-figure" tags=["hide-input"]
from skimage.filters import threshold_otsu

cut = threshold_otsu(saturation)
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(9.5, 2.7))
left.imshow(picture)
middle.bar(range(256), counts, width=1, color="0.4")
middle.axvline(cut, color="#D55E00", label=f"Otsu: {cut}")
used = min(max(cut, 15), 30)
middle.axvline(used, color="#0072B2", linestyle="--", label=f"used: {used}")
middle.set(yscale="log", xlabel="saturation", ylabel="pixels")
middle.legend(loc="upper right")
right.imshow(tissue_mask(picture, 8.0), cmap="gray")
for axis, title in ((left, "slide at 8 µm/px"), (right, "tissue (white)")):
    axis.set(title=title, xticks=[], yticks=[])
show(
    figure,
    "A slide with sixteen brown pieces on white glass; the histogram of its "
    "saturation, a peak at 0 for glass and a wide hill for tissue, Otsu's "
    "threshold at 45, the package's at 30; the mask, white where the stain "
    "is brown, black in the pale parts with blue nuclei",
)

# %% [markdown] id="tissue-read"
# Otsu's method makes two classes even of an empty slide. So the package keeps the threshold between 15 and 30, here
# at 30, drops specks and fills small holes. The pale parts with blue nuclei are tissue too, and most of them are lost;
# pen marks count as tissue. **Look at the mask of every slide once.** The command `tile` saves it beside the
# coordinates.

# %% [markdown] id="tiles"
# ## Cut tiles
#
# ### Exercise 4: lay the grid
#
# <!-- card tile_corners -->
#
# Return the top-left corner of every tile that lies entirely on a slide of `width` × `height` pixels as (x, y): row by
# row, each from left to right.


# %% id="exercise-tile-corners"
def tile_corners(width, height, side):
    """Top-left corners of whole tiles, row by row: (n, 2) of x, y."""
    ### BEGIN SOLUTION
    y, x = np.mgrid[: height // side, : width // side]
    return np.stack([x.ravel(), y.ravel()], axis=1) * side
    ### END SOLUTION


# %% id="check-tile-corners"
from mil_tutorial.checks.chapter_13 import check_tile_corners

check_tile_corners(tile_corners)

# %% [markdown] id="tiles-package"
# `tile_slide` does all of this, and keeps only tiles that are at least a quarter tissue. Now try a real slide: part of
# a section from OpenSlide's test data (CC0) in the routine stain, haematoxylin and eosin, which makes nuclei violet
# and the rest pink. It is downloaded once (2 MB). Without a network, the cell continues with the slide you made, and
# later numbers differ.

# %% id="real-slide"
from mil_tutorial import tile_slide
from mil_tutorial.datasets import fetch_example_slide

try:
    path = fetch_example_slide()
except FileNotFoundError as error:
    path = Path("made.tif")
    print(f"continuing with {path}: {error}")
tiles = tile_slide(path, mpp=0.5, tile_size=256)
with Slide(path) as slide:
    picture, scale = slide.thumbnail(4), 4
    width, height = slide.size
    print(f"{path.name}: {width} × {height} pixels of {slide.mpp} µm")
print(f"{len(tiles)} tiles of {tiles.side} pixels at level 0")
print(f"the first three at {tiles.coords[:3].tolist()}")

# %% id="real-figure" tags=["hide-input"]
figure, axes = plt.subplots(figsize=(4.5, 5.5))
axes.imshow(picture)
for x, y in tiles.coords / scale:
    side, style = tiles.side / scale, {"fill": False, "edgecolor": "#0072B2"}
    axes.add_patch(plt.Rectangle((x, y), side, side, **style))
axes.set(title=f"{len(tiles)} tiles with tissue", xticks=[], yticks=[])
show(
    figure,
    "A strip of pink and violet tissue on pale glass, covered by a grid of "
    "blue squares; the bottom edge and most of a thin strand at the left "
    "have none",
)

# %% [markdown] id="features"
# ## Turn tiles into features
#
# A **frozen encoder** is a network trained elsewhere whose weights stay as they are. It sees each tile once; its
# output, a row of numbers, goes to a file, and training needs only that file. This one is a small EfficientNet
# trained on photographs (ImageNet).

# %% id="features-run"
from mil_tutorial import extract_features, load_frozen_encoder

encoder = load_frozen_encoder("efficientnet-lite0")
start = time.perf_counter()
extract_features(path, tiles, encoder, "slide.h5", batch_size=4)
each = (time.perf_counter() - start) / len(tiles)
print(f"{len(tiles)} tiles, {1000 * each:.0f} ms each, measured here and now")
print(f"a slide of 10,000 tiles would take {10_000 * each / 60:.0f} minutes")

# %% id="features-file"
with h5py.File("slide.h5") as file:
    for name, values in file.items():
        print(f"{name}: {values.shape} {values.dtype}")
        for key in sorted(values.attrs):
            print(f"    {key} = {values.attrs[key]}")

# %% [markdown] id="features-read"
# `features` (N, D) and `coords` (N, 2) are in the same order, under the names that CLAM and TRIDENT use. The
# attributes say what the numbers mean: `patch_size_level0` is a tile's side in pixels of level 0, `target_mpp` its
# µm/px, `encoder` the network.

# %% [markdown] id="encoder"
# ## Choose and check an encoder
#
# Which encoder should you take? Try them on real tissue: 89 patches from four slides of CAMELYON16 (CC0), 45 normal and
# 44 tumour. Logistic regression tells them apart by their features. Divide the patches into folds at random, then by
# slide. How far apart will the AUCs be?

# %% id="patches-run"
import torch
from sklearn import model_selection as ms
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mil_tutorial import auc
from mil_tutorial.datasets import load_camelyon16_patches

try:
    patches = load_camelyon16_patches()
    parts = torch.from_numpy(patches.pixels).split(4)
    x, y = torch.cat([encoder(part) for part in parts]), patches.labels
    at_random = ms.StratifiedKFold(5, shuffle=True, random_state=0)
    by_slide = ms.LeaveOneGroupOut().split(x, y, patches.slides)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    how = {"method": "predict_proba"}
    one = np.array(patches.slides) == "tumor_073"  # 16 of each class
    for name, cv in (("at random", at_random), ("by slide", by_slide)):
        p = ms.cross_val_predict(model, x, y, cv=cv, **how)[one, 1]
        print(f"folds {name}: AUC in one slide {auc(y[one], p):.2f}")
except FileNotFoundError as error:
    print(f"the recorded numbers follow: {error}")

# %% id="encoders-table"
from mil_tutorial import load_recorded


def interval(auc):
    """Write an AUC with its interval."""
    return "{value:.2f} [{low:.2f}, {high:.2f}]".format(**auc)


ways = {
    "folds at random": "auc_random_folds",
    "folds by slide": "auc_by_slide",
    "the same, one scale": "auc_by_slide_one_scale",
}
recorded = load_recorded("encoders")["encoders"]
table(
    ("encoder", *ways),
    [
        (r["name"], *(interval(r[way]) for way in ways.values()))
        for r in recorded
    ],
)

# %% [markdown] id="encoders-read"
# <details><summary>Answer: how far apart</summary>
#
# .89 and .73. Folds at random flatter all, even random weights ("untrained") and six colours: patches
# of one slide share its stain, and 34 overlap another. By slide, the intervals are too wide to rank anything. Dividing all features by one number (last column), instead of each by its own deviation, matters
# as much as the encoder.
#
# </details>
#
# **Four slides choose no encoder, and a good AUC does not show that it works.** So look at the features themselves:
#
# * **dead**: the share of features that are constant over all tiles.
# * **spread**: how far tiles lie from their mean, relative to its length. Near 0, all look alike.
# * **effective dimension**: in how many directions tiles differ, $(\sum\lambda)^2 / \sum\lambda^2$ for the variances
#   $\lambda$ along the principal axes. Variances 4 and 1 give 25 / 17 = 1.5, equal ones 2.
# * **farthest**: how far out the farthest slide lies; the median slide has 1.
#
# ### Exercise 5: find what is wrong with the folders
#
# <!-- card folders -->
#
# Ten slides were encoded four times: properly (`"sound"`), by a network whose weights were never loaded (`"weights"`),
# with pixels wrongly divided by 255 (`"pixels"`), with one slide at twice the µm/px (`"scale"`). Say which is which,
# without looking at the code.

# %% id="folders-make" tags=["hide-input"]
from copy import deepcopy

from mil_tutorial import load_slides, slide_image

train, val, test = load_slides("slides")
torch.manual_seed(0)
untrained = deepcopy(encoder)
for layer in untrained.modules():
    if hasattr(layer, "reset_parameters"):
        layer.reset_parameters()


def fields(name):  # 16 tiles of 128 pixels
    blocks = slide_image(name).reshape(4, 128, 4, 128, 3).swapaxes(1, 2)
    return torch.from_numpy(blocks.reshape(16, 128, 128, 3))


slides = [fields(name)[: 3 if FAST else 16] for name in train.names[:10]]
sound = [encoder(x) for x in slides]
folders = {
    "A": [*sound[:3], encoder(slides[3][:, ::2, ::2]), *sound[4:]],
    "B": sound,
    "C": [untrained(x) for x in slides],
    "D": [encoder(x / 255) for x in slides],
}

# %% id="folders-table"
from mil_tutorial import measure_features

folders["swapped"] = [encoder(x.flip(3)) for x in slides]  # for later
numbers = {name: measure_features(folder) for name, folder in folders.items()}
head = ("folder", "dead", "spread", "effective dimension", "farthest")
rows = {
    name: (
        f"{m.dead:.1%}",
        f"{m.spread:.2f}",
        f"{m.dimension:.1f}",
        f"{max(m.distance):.1f}",
    )
    for name, m in numbers.items()
}
table(head, [(name, *rows[name]) for name in "ABCD"])

# %% id="exercise-folders"
### BEGIN SOLUTION
my_faults = {"A": "scale", "B": "sound", "C": "weights", "D": "pixels"}
### INSTEAD
# my_faults = {"A": ..., "B": ..., "C": ..., "D": ...}
### END SOLUTION

# %% id="check-folders"
from mil_tutorial.checks.chapter_13 import check_folders

check_folders(my_faults)

# %% [markdown] id="swapped"
# OpenCV reads colours as blue, green, red. What if *all* slides were encoded that way? Would these numbers show it?
# Would the command `features --check`, which also looks at the slide?

# %% id="swapped-run"
import os
import subprocess
import sys
from textwrap import fill


def swapped(tiles):
    """Encode tiles with red and blue swapped."""
    return encoder(tiles.flip(3))


swapped.name = encoder.name
Path("swapped").mkdir(exist_ok=True)
extract_features(path, tiles, swapped, f"swapped/{path.stem}.h5", batch_size=4)
call = [sys.executable, "-m", "mil_tutorial", "features", str(path)]
call += ["--check", "swapped"]
alone = {**os.environ, "OMP_NUM_THREADS": "1"}  # threads would only wait
done = subprocess.run(call, capture_output=True, text=True, env=alone)
for line in done.stdout.splitlines():
    print(fill(line, 79, subsequent_indent=" " * 24))
table(head, [(name, *rows[name]) for name in ("B", "swapped")])

# %% [markdown] id="swapped-read"
# <details><summary>Answer: what shows swapped colours</summary>
#
# None of the numbers. The command encoded eight tiles anew and tried the usual mistakes: one of them reproduces the
# features in the file.
#
# </details>
#
# Mistakes in *some* slides cost most: pixels left unnormalised in the held-out slides alone took the AUC (one scale)
# from .94 [.78, .98] to .46 [.31, .61].

# %% [markdown] id="truth"
# ## Follow one slide from file to heat map
#
# Test the whole path on a rendered slide, of which we know every tile, with the course's own encoder and trained
# model.

# %% id="truth-run"
from mil_tutorial import TILE, load_tile_encoder

row = int(np.flatnonzero(val.labels.numpy() == 1)[0])
name, shipped = val.names[row], val.instances[row].numpy()
places = [tuple(place) for place in val.coords[row].astype(int).tolist()]
write_slide(f"{name}.tif", slide_image(name), mpp=0.5)
tiling = tile_slide(f"{name}.tif", mpp=0.5, tile_size=TILE)
extract_features(f"{name}.tif", tiling, load_tile_encoder(), f"{name}.h5")
with h5py.File(f"{name}.h5") as file:
    features = file["features"][:]
row_of = {tuple(place): i for i, place in enumerate(tiling.coords.tolist())}
rows = [row_of[place] for place in places]  # stops if a tile is missing
print(f"{name}.tif: {len(tiling)} tiles, including all {len(rows)} that ship")
gap = np.abs(features[rows] - shipped).max()
print(f"features differ from those that ship by at most {gap:.4f}")

# %% [markdown] id="truth-read"
# The shipped features are rounded to multiples of 1/8, so ours may differ by 0.0625, and do not differ by more.
#
# All 256 tiles count as tissue here, because small holes are filled: 49 more than the shipped ones. Does that matter?
# Ask the model.

# %% id="heat-run"
from mil_tutorial import (
    MedicalBagDataset,
    instance_auc,
    load_trained_model,
    plot_attention,
    predict,
)

truth = np.zeros(len(tiling), dtype=int)
truth[rows] = val.instance_labels[row]
options = {"instance_labels": [truth], "coords": [tiling.coords]}
bag = MedicalBagDataset([(features, 1)], **options)
predictions = predict(load_trained_model(), bag)
(ranking,) = instance_auc([predictions.attention], [truth])
(before,) = predict(load_trained_model(), val.subset([row])).probabilities
(after,) = predictions.probabilities
print(f"probability with the {len(rows)} tiles that ship: {before:.2f}")
print(f"probability with all {len(tiling)} tiles:         {after:.2f}")
extra = np.setdiff1d(np.arange(len(tiling)), rows)
weight, own = predictions.attention[extra], predictions.instance_logits[extra]
print(f"attention on the {len(extra)} new tiles: {weight.sum():.0%}")
print(f"their own score, weighted by it: {weight @ own / weight.sum():+.1f}")

# %% id="heat-figure" tags=["hide-input"]
with Slide(f"{name}.tif") as slide:
    image = slide.thumbnail(1)
title = f"{name}: probability {after:.2f}, instance AUC {ranking:.2f}"
drawn = image, predictions.attention, tiling.coords, TILE
figure = plot_attention(*drawn, truth=truth, title=title)
show(
    figure,
    "A round lymph node that fills the slide; its attention map with one "
    "bright tile at the right; the overlay, where that tile lies inside the "
    "outline of four tumour tiles",
)

# %% [markdown] id="heat-read"
# <details><summary>Answer: what 49 more tiles change</summary>
#
# The brightest tile lies in the tumour and has half of all the attention. Yet the probability falls from .78 to .17,
# and the slide is missed. The new tiles show fat and glass; training left such tiles out, so the model never learned to
# look away from them.
#
# </details>
#
# **A different tissue mask makes a different bag.** Tile test slides with exactly the settings of your training slides.

# %% [markdown] id="folder"
# ## Bring a folder of your own
#
# Here is a folder as you may have one, made from the shipped slides: one `.h5` file per slide, and a CSV file with
# slide, label, patient and split. One command makes the table of chapter 11 from it; one seed, ten epochs and two poolings
# keep it quick.

# %% id="folder-make"
import csv

from mil_tutorial import Tiles
from mil_tutorial.datasets import write_features

Path("features").mkdir(exist_ok=True)
rows = [("slide", "label", "patient", "split")]
for split, part in {"train": train, "val": val, "test": test}.items():
    for i, name in enumerate(part.names):
        coords = part.coords[i].astype(int)
        tiles = Tiles(name, coords, tile_size=TILE, side=TILE)
        values = [part.instances[i].numpy()]
        write_features(f"features/{name}.h5", tiles, values, "shipped encoder")
        label = "tumor" if part.labels[i] == 1 else "normal"
        rows.append((name, label, part.groups[i], split))
with open("labels.csv", "w", newline="") as file:
    csv.writer(file).writerows(rows)
print(*Path("labels.csv").read_text().splitlines()[:3], sep="\n")
print(len(list(Path("features").iterdir())), "files")

# %% id="folder-run"
import shutil

from IPython.display import Markdown


def command(words):
    """Run a command as a terminal would; return what it prints."""
    call = [sys.executable, "-m", "mil_tutorial", *words.split()]
    done = subprocess.run(call, capture_output=True, text=True, env=alone)
    return (done.stdout if done.returncode == 0 else done.stderr).strip()


compare = "compare --data features --labels labels.csv --seeds 1"
compare += " --poolings max gated --keep --out results"
epochs = " --epochs 1 --members 1" if FAST else " --epochs 10"
files = command(compare + epochs).splitlines()[-1]
print(*files.replace(": ", ":, ").split(", "), sep="\n")
text = Path("results/results.md").read_text(encoding="utf-8")
Markdown(text.partition("\n\n")[2].partition("False-negative rate and")[0])

# %% [markdown] id="folder-read"
# In the stored run, the AUCs are .92 and .95; with the default number of epochs, both were .95. (Max's
# entropy is not 0: its three models differ.)
#
# `--keep` saved each pooling's models, here three, in one file. Let `gated` judge three test slides, which it has not
# seen, then the same features divided by 255. What will it say?

# %% id="kept-run"
from mil_tutorial import load_kept

kept = load_kept("results/model-gated.safetensors")
unseen = test.subset([0, 1, 2])
wrong = MedicalBagDataset([(x / 255, 0) for x in unseen.instances])
truths = unseen.labels.int().tolist()
rows = []
for what, bags in (("as extracted", unseen), ("divided by 255", wrong)):
    judged = kept.predict(bags)
    warning = judged.shift.warning() or "no warning"
    print(fill(f"{what}: {warning}", 79), "\n")
    columns = zip(judged.probabilities, judged.spread, judged.called_positive)
    for label, (p, spread, called) in zip(truths, columns):
        names = kept.classes[label], kept.classes[int(called)]
        rows.append((what, f"{p:.2f}", f"{spread:.2f}", *names))
print(f"threshold {judged.thresholds[0]:.2f}")
table(("features", "probability", "spread", "truth", "called"), rows)

# %% [markdown] id="kept-read"
# <details><summary>Answer: what it says of wrong features</summary>
#
# As extracted, only the slide with a tumour reaches the threshold. Divided by 255, all get .45 and are called
# tumour. The three models agree: a small spread does not make them right. Only the warning shows the fault, and silence
# is no proof.
#
# </details>
#
# On the command line, [`predict`](recipes/own_features.md#keep-a-model-and-use-it-on-new-slides) does this.

# %% [markdown] id="bad"
# ## Find bad files before training
#
# Files break too: one is cut off during copying; a label has no file; a slide does not say how large its pixels are.
# You want to hear of it *before* training, in a line that names the file:

# %% id="bad-run"
spoilt = compare.replace("features", "spoilt")
shutil.copytree("features", "spoilt", dirs_exist_ok=True)
broken = Path(f"spoilt/{train.names[0]}.h5")
broken.write_bytes(broken.read_bytes()[:5000])
print(fill("1. " + command(spoilt), 79), "\n")
broken.unlink()
print(fill("2. " + command(spoilt), 79), "\n")
blocks = {"tile": (256, 256), "photometric": "rgb"}
tifffile.imwrite("photo.tif", glass[:1024, :1024], **blocks)
last = command("tile photo.tif --out tiles").splitlines()[-1]
print(fill("3. " + last, 79))

# %% [markdown] id="bad-read"
# In the third case, a pixel size guessed from "40×" may be wrong, without any error. So you have to state it
# (`--slide-mpp`).
#
# ## Do it for 400 slides
#
# The first two commands resume where they were stopped; a bad slide does not hold up the others.
#
# ```text
# python -m mil_tutorial tile slides/ --out tiles --mpp 0.5
# python -m mil_tutorial features slides/ --tiles tiles --out features --encoder resnet18
# python -m mil_tutorial features slides/ --check features
# python -m mil_tutorial compare --data features --labels labels.csv --slides slides --keep --out results
# ```
#
# The [recipe for CAMELYON16](recipes/camelyon16.md) goes from the download to the table.

# %% [markdown] id="summary"
# ## Summary
#
# * Positions are in pixels of level 0, sizes in pixels of the level you read, scale in µm per pixel.
# * Colour finds stained tissue. It also finds pen marks, and misses fat.
# * A feature file holds features, coordinates and what they mean.
# * Check features before training, and encode a few tiles anew.
# * A kept model warns when features lie outside those of training.

# %% [markdown] id="quiz"
# ## Check yourself
#
# <!-- quiz -->

# %% [markdown] id="practice"
# ## In practice
#
# * State the encoder's name, the µm/px and the tile size beside every result.
# * Split by patient: two slides of one patient are not two patients.

# %% [markdown] id="reading"
# ## Further reading
#
# * A. Goode and others, *OpenSlide: a vendor-neutral software foundation for digital pathology*, Journal of
#   Pathology Informatics 4, 2013.
# * N. Otsu, *A threshold selection method from gray-level histograms*, IEEE Transactions on Systems, Man, and
#   Cybernetics 9, 1979: exercise 3.
# * M. Y. Lu and others, *Data-efficient and weakly supervised computational pathology on whole-slide images*,
#   Nature Biomedical Engineering 5, 2021, [arXiv:2004.09666](https://arxiv.org/abs/2004.09666): CLAM.
#
# <!-- next -->
