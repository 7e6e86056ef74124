"""What a change of slide costs the kernel: the slide explorer against redrawing with matplotlib.

python tests/benchmarks/widgets.py [--tiles 10000] [--rounds 15] [--json FILE]

Both get the same slides of so many tiles and take turns in one run. The explorer's time ends with
the message ready to be sent: reduced picture, scaled attention, serialised as a kernel does it. The
time of matplotlib ends with the PNG that ``interact`` would send.
"""

import argparse
import io
import json
import math
import time
from pathlib import Path

import comm
import matplotlib as mpl
import numpy as np
from comm.base_comm import BaseComm
from jupyter_client.session import Session

mpl.use("Agg")


class SerialisingComm(BaseComm):
    """Does with a message what a kernel does before it goes out; counts messages and bytes."""

    session = Session(key=b"benchmark")
    messages = 0
    sent_bytes = 0

    def publish_msg(self, msg_type, data=None, metadata=None, buffers=None, **keys):
        """Serialise the message in place of sending it."""
        content = {"data": data or {}, "comm_id": self.comm_id, **keys}
        parts = self.session.serialize(self.session.msg(msg_type, content, metadata=metadata))
        SerialisingComm.messages += 1
        SerialisingComm.sent_bytes += sum(map(len, parts)) + sum(len(b) for b in buffers or [])


def make_views(tiles, count=2):
    """Make slides of a grid of tiles, out of the pictures that ship."""
    from mil_tutorial.datasets.rendering.lesion import TILE
    from mil_tutorial.datasets.slides import load_slides, slide_image
    from mil_tutorial.widgets.slide_view import SlideView

    names = load_slides("slides")[1].names
    side = math.isqrt(tiles)
    generator = np.random.default_rng(0)
    grid = TILE * np.stack(np.meshgrid(range(side), range(side)), axis=-1).reshape(-1, 2)
    views = []
    for i in range(count):
        repeats = math.ceil(side * TILE / 512)
        image = np.tile(slide_image(names[i]), (repeats, repeats, 1))[: side * TILE, : side * TILE]
        weights = generator.gamma(0.1, size=len(grid)) + 1e-12
        truth = (generator.random(len(grid)) < 0.03).astype(int)
        views.append(SlideView(f"slide {i}", image, weights / weights.sum(), grid, TILE, truth))
    return views


def redraw(view):
    """Draw the explorer's picture, as small, with matplotlib; encode it, as ``interact`` does."""
    import matplotlib.pyplot as plt
    from PIL import Image

    from mil_tutorial.pictures.heatmaps import scale_attention
    from mil_tutorial.pictures.stitching import stitch_tiles
    from mil_tutorial.widgets.scene import LONGEST_SIDE

    step = math.ceil(max(view.image.shape) / LONGEST_SIDE)
    place = (view.coords, view.tile_size, view.image.shape[:2], step)
    heat = stitch_tiles(scale_attention(view.attention, "share"), *place)
    truth = stitch_tiles(view.truth, *place)
    figure, axes = plt.subplots(figsize=(6, 6))
    axes.imshow(Image.fromarray(view.image).reduce(step))
    colours = axes.imshow(heat, cmap="viridis", interpolation="nearest")
    colours.set_alpha(0.65 * np.nan_to_num(colours.norm(heat).filled(0)))
    axes.contour(np.nan_to_num(truth) > 0.5, levels=[0.5])
    figure.savefig(io.BytesIO(), format="png", dpi=100)
    plt.close(figure)


def timed(function, *arguments):
    """Return the milliseconds of a call."""
    start = time.perf_counter()
    function(*arguments)
    return 1000 * (time.perf_counter() - start)


def measure(tiles, rounds):
    """Return the milliseconds of each round, the two ways in turn."""
    comm.create_comm = SerialisingComm
    from mil_tutorial.widgets.slide_explorer import SlideExplorer

    views = make_views(tiles)
    explorer = SlideExplorer(views)
    times = {"explorer": [], "matplotlib": []}
    for i in range(rounds + 1):
        view = views[(i + 1) % len(views)]
        SerialisingComm.messages = SerialisingComm.sent_bytes = 0
        explorer_time = timed(setattr, explorer, "slide", view.name)
        assert explorer.scene["name"] == view.name
        drawn_time = timed(redraw, view)
        if i:  # the first round warms up
            times["explorer"].append(explorer_time)
            times["matplotlib"].append(drawn_time)
    counted = {"messages": SerialisingComm.messages, "bytes": SerialisingComm.sent_bytes}
    return times | counted | {"tiles": len(views[0].attention)}


def main():
    """Print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tiles", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    figures = measure(options.tiles, options.rounds)
    print(f"change of slide, {figures['tiles']:,} tiles, {options.rounds} rounds in turn")
    print("| | median ms | 10th to 90th percentile |")
    print("|---|---|---|")
    for name in ("explorer", "matplotlib"):
        low, middle, high = np.percentile(figures[name], [10, 50, 90])
        print(f"| {name} | {middle:.0f} | {low:.0f}–{high:.0f} |")
    ratio = np.median(np.array(figures["matplotlib"]) / np.array(figures["explorer"]))
    size = figures["bytes"] / 1e3
    print(f"ratio in pairs: {ratio:.0f}; {figures['messages']} messages with {size:.0f} kB")
    if options.json:
        options.json.write_text(json.dumps(figures))


if __name__ == "__main__":
    main()
