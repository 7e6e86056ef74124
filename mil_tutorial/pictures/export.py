"""Heat maps as files: the overlay pixel for pixel, with a scale bar and a colour bar below it."""

import io
import math
import os
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.heatmaps import SCALINGS, scale_attention
from mil_tutorial.legend import draw_legend
from mil_tutorial.overlays import OPACITY, check_limits, draw_outline, overlay
from mil_tutorial.stitching import stitch_tiles
from mil_tutorial.tile_checks import check_tiles


def save_heat_map(
    path: str | Path,
    image: np.ndarray,
    attention: Any,
    coords: Any,
    tile_size: int,
    *,
    microns_per_pixel: float,
    scaling: str = "share",
    limits: tuple[float, float] | None = None,
    truth: Any | None = None,
    downsample: float = 1.0,
    opacity: float = OPACITY,
    slide: str = "",
) -> Path:
    """Write a slide's overlay as PNG, one pixel for each of the image's, and a legend below.

    The legend holds a scale bar, the colour bar with its unit, and what the outline means. It
    stands under the picture, so that it hides no tissue and is legible on any.

    Parameters
    ----------
    path : str or Path
        Ends in ``.png``. It is written whole or not at all; its folder is made if need be.
    image : uint8 array, shape (height, width, 3)
        The slide, or a smaller picture of it: then say ``downsample``.
    attention : array, shape (n,)
    coords : array, shape (n, 2)
        x, y of each tile in pixels of the slide.
    tile_size : int
        In pixels of the slide.
    microns_per_pixel : float
        Side of a pixel of the slide, as scanners store it (``openslide.mpp-x``).
    scaling : str
        One of ``SCALINGS``.
    limits : (low, high), optional
        Values at the ends of the colour bar; by default those of this slide.
    truth : array of 0/1, shape (n,), optional
        Instance labels; the positive tiles are outlined.
    downsample : float
        Pixels of the slide for each pixel of the image.
    opacity : float
        Of the colour at the upper end.
    slide : str
        A name for error messages.

    Returns
    -------
    Path

    Raises
    ------
    ValueError
        When something does not fit together, or the size of a pixel is missing or not positive.
    """
    from PIL import Image

    path, image = Path(path), np.asarray(image)
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path.name} does not end in .png, the format that keeps every pixel")
    check_scale(microns_per_pixel)
    check_tiles(attention, coords, truth, image, tile_size, slide, downsample)
    values = scale_attention(attention, scaling)
    heat = _on_picture(values, coords, tile_size, image.shape, downsample)
    limits = check_limits(limits, heat)
    drawn = overlay(image, heat, limits, opacity)
    outlined = truth is not None and bool(np.any(truth))
    if outlined:
        inside = _on_picture(truth, coords, tile_size, image.shape, downsample) > 0.5
        drawn = draw_outline(drawn, inside, width=max(1, image.shape[1] // 256))
    pale = np.median(image[np.isfinite(heat)], axis=0).astype(np.uint8)  # the tissue's own colour
    strip = draw_legend(
        image.shape[1],
        scale_bar(image.shape[1], microns_per_pixel * downsample),
        _bar(pale, opacity),
        _ends(heat, limits),
        SCALINGS[scaling],
        outlined,
    )
    page = np.full((len(drawn) + len(strip), strip.shape[1], 3), 255, dtype=np.uint8)
    page[: len(drawn), : drawn.shape[1]] = drawn
    page[len(drawn) :] = strip
    buffer = io.BytesIO()
    Image.fromarray(page).save(buffer, format="png", optimize=True)
    return write_whole(path, buffer.getvalue())


def scale_bar(width: int, microns_per_pixel: float) -> tuple[int, str]:
    """Choose a scale bar of a round length, about a fifth of a picture's width.

    Parameters
    ----------
    width : int
        Of the picture, in pixels.
    microns_per_pixel : float
        Side of a pixel of this picture.

    Returns
    -------
    pixels : int
    label : str
        The length: 1, 2 or 5 times a power of ten, in µm, or in mm from 1,000 µm on.
    """
    check_scale(microns_per_pixel)
    wanted = width * microns_per_pixel / 5
    power = math.floor(math.log10(wanted))
    lengths = [float(f"{digit}e{power}") for digit in (1, 2, 5, 10)]
    length = min(lengths, key=lambda length: abs(math.log(length / wanted)))
    label = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    return max(1, round(length / microns_per_pixel)), label


def check_scale(microns_per_pixel: Any) -> None:
    """Refuse a size of pixels that is missing, or not a positive number."""
    number = isinstance(microns_per_pixel, int | float | np.number)
    if not number or isinstance(microns_per_pixel, bool) or not 0 < microns_per_pixel < np.inf:
        raise ValueError(
            f"microns_per_pixel is {microns_per_pixel!r}, expected a positive number of µm, such "
            "as 0.25; scanners store it as openslide.mpp-x, and without it no scale can be drawn"
        )


def write_whole(path: Path, content: bytes) -> Path:
    """Write a file; a kill at any moment leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    return path


def _on_picture(
    values: Any, coords: Any, tile_size: int, shape: tuple[int, ...], downsample: float
) -> np.ndarray:
    """Stitch tiles onto a picture whose size was rounded down when it was made smaller."""
    height, width = shape[:2]
    spare = int(downsample != 1)
    slide = (math.ceil((height + spare) * downsample), math.ceil((width + spare) * downsample))
    return stitch_tiles(values, coords, tile_size, slide, downsample)[:height, :width]


def _bar(tissue: np.ndarray, opacity: float) -> np.ndarray:
    """Return the colours from end to end as they look on tissue of this colour."""
    ramp = np.linspace(0, 1, 256)[None]
    return overlay(np.broadcast_to(tissue, (1, 256, 3)), ramp, (0, 1), opacity)[0]


def _ends(heat: np.ndarray, limits: tuple[float, float]) -> tuple[str, str]:
    """Write the values at the ends of the colour bar; a sign says where the map goes beyond."""
    low, high = limits
    decimals = max(0, 2 - math.floor(math.log10(high - low)))
    below = "≤ " if np.nanmin(heat) < low else ""
    beyond = "≥ " if np.nanmax(heat) > high else ""
    return f"{below}{low:.{decimals}f}", f"{beyond}{high:.{decimals}f}"
