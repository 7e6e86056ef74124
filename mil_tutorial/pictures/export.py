"""Heat maps as files: the overlay pixel for pixel, with a scale bar and a colour bar below it."""

import math
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.pictures.colour_scales import ColourScale, colour_scale, plain_number
from mil_tutorial.pictures.heatmaps import SCALINGS, scale_attention
from mil_tutorial.pictures.overlays import OPACITY, draw_outline, overlay
from mil_tutorial.pictures.stitching import stitch_tiles
from mil_tutorial.pictures.tile_checks import check_tiles
from mil_tutorial.system.files import write_whole

OUTLINED = "tumour (truth)"


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

    The legend holds a scale bar, the colour bar with its unit, and the meaning of the outline. It
    lies below the picture, where it hides no tissue and is legible on any. Colours are those of
    ``plot_attention``.

    Parameters
    ----------
    path : str or Path
        Ends in ``.png``. The whole file is written or nothing; missing folders are made.
    image : uint8 array, shape (height, width, 3)
        The slide, or a smaller picture of it with its ``downsample``.
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
        When arguments do not fit together, or the size of a pixel is missing or not positive.
    """
    from PIL import Image

    path, image = Path(path), np.asarray(image)
    if path.suffix.lower() != ".png":
        raise ValueError(f"{path.name} does not end in .png, the format that keeps every pixel")
    number = isinstance(microns_per_pixel, int | float | np.number)
    if not number or isinstance(microns_per_pixel, bool) or not 0 < microns_per_pixel < np.inf:
        raise ValueError(
            f"microns_per_pixel is {microns_per_pixel!r}, expected a positive number of µm, such "
            "as 0.25; scanners store it as openslide.mpp-x, and without it no scale can be drawn"
        )
    check_tiles(attention, coords, truth, image, tile_size, slide, downsample)
    values = scale_attention(attention, scaling)
    heat = _stitch_on_picture(values, coords, tile_size, image.shape, downsample)
    colours = colour_scale(heat, scaling, len(values), limits)
    drawn = overlay(image, colours.position(heat), colours.ends, opacity)
    outlined = truth is not None and bool(np.any(truth))
    if outlined:
        inside = _stitch_on_picture(truth, coords, tile_size, image.shape, downsample) > 0.5
        drawn = draw_outline(drawn, inside, width=max(1, image.shape[1] // 256))
    tissue = np.median(image[np.isfinite(heat)], axis=0).astype(np.uint8)
    ramp = np.linspace(0, 1, 256)[None]
    legend = _legend(
        image.shape[1],
        scale_bar(image.shape[1], microns_per_pixel * downsample),
        overlay(np.broadcast_to(tissue, (1, 256, 3)), ramp, (0, 1), opacity),
        _end_labels(heat, colours),
        SCALINGS[scaling] + colours.note,
        outlined,
    )
    page = np.full((len(drawn) + len(legend), legend.shape[1], 3), 255, dtype=np.uint8)
    page[: len(drawn), : drawn.shape[1]] = drawn
    page[len(drawn) :] = legend
    write_whole(path, lambda file: Image.fromarray(page).save(file, format="png", optimize=True))
    return path


def scale_bar(width: int, microns_per_pixel: float) -> tuple[int, str]:
    """Choose a scale bar, about a fifth of a picture's width: its pixels and its label.

    The length is 1, 2 or 5 times a power of ten, in µm, or in mm from 1,000 µm on.
    """
    fifth = width * microns_per_pixel / 5
    power = math.floor(math.log10(fifth))
    lengths = [float(f"{digit}e{power}") for digit in (1, 2, 5, 10)]
    length = min(lengths, key=lambda length: abs(math.log(length / fifth)))
    label = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    return max(1, round(length / microns_per_pixel)), label


def _stitch_on_picture(
    values: Any, coords: Any, tile_size: int, shape: tuple[int, ...], downsample: float
) -> np.ndarray:
    """Stitch tiles onto a picture whose size was rounded down when it was made smaller."""
    height, width = shape[:2]
    spare = int(downsample != 1)
    slide = (math.ceil((height + spare) * downsample), math.ceil((width + spare) * downsample))
    return stitch_tiles(values, coords, tile_size, slide, downsample)[:height, :width]


def _end_labels(heat: np.ndarray, colours: ColourScale) -> tuple[str, str]:
    """Return the values at the ends of the colour bar, with ≤ or ≥ where the map goes beyond."""
    below, beyond = colours.cut(heat)
    low, high = plain_number(colours.low), plain_number(colours.high)
    return f"{'≤ ' * below}{low}", f"{'≥ ' * beyond}{high}"


def _legend(
    width: int,
    scale: tuple[int, str],
    colours: np.ndarray,
    ends: tuple[str, str],
    label: str,
    outlined: bool,
) -> np.ndarray:
    """Draw a white strip to lie below a picture of this width, wider if its words need more.

    It holds the scale bar (pixels, label), the colour bar (1, k, 3) between the values at its
    ends with a label of what they measure, and a sample of the outline.
    """
    import matplotlib as mpl
    from PIL import Image, ImageDraw, ImageFont

    size = max(11, width // 42)  # of the letters
    # matplotlib brings this font to every machine; it has µ and ×
    font = ImageFont.truetype(f"{mpl.get_data_path()}/fonts/ttf/DejaVuSans.ttf", size)

    def words(*texts: str) -> int:
        return sum(int(font.getlength(text)) + size for text in texts)

    width = max(width, size + words(*ends, label), 4 * size + scale[0] + words(scale[1], OUTLINED))
    strip = Image.new("RGB", (width, 6 * size), "white")
    draw = ImageDraw.Draw(strip)
    first, last = size, 5 * size  # middles of the two lines of words
    draw.rectangle((size, first - size // 6, size + scale[0] - 1, first + size // 6), fill="black")
    draw.text((2 * size + scale[0], first), scale[1], "black", font, anchor="lm")
    if outlined:
        left = width - words(OUTLINED)
        draw.text((left, first), OUTLINED, "black", font, anchor="lm")
        inside = np.zeros((size, size + size // 2), dtype=bool)
        inside[2:-2, 2:-2] = True
        sample = draw_outline(np.full((*inside.shape, 3), 255, dtype=np.uint8), inside)
        strip.paste(Image.fromarray(sample), (left - 2 * size, first - size // 2))
    bar = Image.fromarray(colours).resize((width - 2 * size, 2 * size))
    strip.paste(bar, (size, 2 * size))
    draw.text((size, last), ends[0], "black", font, anchor="lm")
    draw.text((width // 2, last), label, "black", font, anchor="mm")
    draw.text((width - size, last), ends[1], "black", font, anchor="rm")
    return np.asarray(strip)
