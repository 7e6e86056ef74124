"""What of a slide goes to the browser: a small picture, and numbers as bytes."""

import io
from typing import Any

import numpy as np

from mil_tutorial.heatmaps import SCALINGS, scale_attention
from mil_tutorial.overlays import colour_limits
from mil_tutorial.widgets.slide_view import SlideView

LONGEST_SIDE = 1024
"""Pixels of the picture that the browser gets; a larger slide is sent smaller."""


def scene(view: SlideView, pixels: np.ndarray) -> dict[str, Any]:
    """Return what the browser needs to draw a slide: numbers as bytes.

    Every scaling of the attention is computed here, by the code that draws the figures, with the
    ends of its colours and its usual threshold. It keeps all its digits: in float32 a tile at the
    threshold could be called on the page and not in the kernel.
    """
    n = len(view.attention)
    step = reduction(pixels)
    scaled = {name: scale_attention(view.attention, name) for name in SCALINGS}
    return {
        "name": view.name,
        "image": _jpeg(pixels, step),
        "width": -(-pixels.shape[1] // step),
        "height": -(-pixels.shape[0] // step),
        "tile": view.tile_size / step,
        "reduced": step > 1,
        "limits": {name: colour_limits(values) for name, values in scaled.items()},
        "tiles": _float32(np.asarray(view.coords) / step),
        "values": {name: values.astype(np.float64).tobytes() for name, values in scaled.items()},
        "scores": _float32(view.scores) if view.scores is not None else b"",
        "truth": np.asarray(view.truth, dtype=np.uint8).tobytes()
        if view.truth is not None
        else b"",
        "thresholds": {"share": 10.0, "raw": 10.0 / n, "min-max": 0.5, "rank": 0.5},
        "probability": view.probability,
    }


def reduction(pixels: np.ndarray) -> int:
    """Return how many pixels of a side become one in the browser: 1 or an even number."""
    step = -(-max(pixels.shape[:2]) // LONGEST_SIDE)
    return step if step == 1 else step + step % 2


def palette() -> bytes:
    """Return the colours of the heat map: 256 × (red, green, blue)."""
    import matplotlib as mpl

    from mil_tutorial.style import HEAT_MAP

    return (mpl.colormaps[HEAT_MAP](np.arange(256))[:, :3] * 255).round().astype(np.uint8).tobytes()


def crop(view: SlideView, pixels: np.ndarray, tile: int) -> bytes:
    """Return a tile and half a tile around it as PNG, at full resolution, white off the slide."""
    from PIL import Image

    left, top = (int(c) for c in np.asarray(view.coords)[tile])
    margin = view.tile_size // 2
    box = (
        left - margin,
        top - margin,
        left + view.tile_size + margin,
        top + view.tile_size + margin,
    )
    whole = Image.fromarray(pixels)
    ground = Image.new("RGB", (box[2] - box[0], box[3] - box[1]), "white")
    inside = (max(box[0], 0), max(box[1], 0), min(box[2], whole.width), min(box[3], whole.height))
    ground.paste(whole.crop(inside), (inside[0] - box[0], inside[1] - box[1]))
    png = io.BytesIO()
    ground.save(png, format="png")
    return png.getvalue()


def _jpeg(pixels: np.ndarray, step: int) -> bytes:
    from PIL import Image

    # Of a large slide most pixels are left out before the rest are averaged: that is three times
    # as fast and looks the same.
    skip = max(step // 2, 1)
    image = Image.fromarray(pixels[::skip, ::skip]).reduce(step // skip)
    jpeg = io.BytesIO()
    image.save(jpeg, format="jpeg", quality=88)
    return jpeg.getvalue()


def _float32(values: Any) -> bytes:
    return np.ascontiguousarray(values, dtype=np.float32).tobytes()
