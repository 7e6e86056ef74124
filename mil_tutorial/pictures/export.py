"""Heat maps as files: the overlay pixel for pixel, with a scale bar and a colour bar below it."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mil_tutorial.pictures.heatmaps import SCALINGS, scale_attention
from mil_tutorial.pictures.overlays import OPACITY, check_limits, draw_outline, overlay
from mil_tutorial.pictures.stitching import stitch_tiles
from mil_tutorial.pictures.tile_checks import check_tiles
from mil_tutorial.system.files import replacing

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont


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
    with replacing(path) as partial:
        Image.fromarray(page).save(partial, format="png", optimize=True)
    return path


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


OUTLINED = "tumour (truth)"


def draw_legend(
    width: int,
    scale: tuple[int, str],
    colours: np.ndarray,
    ends: tuple[str, str],
    label: str,
    outlined: bool,
) -> np.ndarray:
    """Draw a white strip to stand below a picture.

    Parameters
    ----------
    width : int
        Of the picture in pixels; the strip is wider if its words need more.
    scale : (pixels, label)
        Of the scale bar.
    colours : uint8 array, shape (k, 3)
        Of the colour bar, from its lower end to its upper.
    ends, label : str
        Values at the two ends of the colour bar, and what they are values of.
    outlined : bool
        Say what the outline means.

    Returns
    -------
    uint8 array, shape (height, width or more, 3)
    """
    from PIL import Image, ImageDraw

    size = max(11, width // 42)  # of the letters
    font = _font(size)

    def words(*texts: str) -> int:
        return sum(int(font.getlength(text)) + size for text in texts)

    width = max(width, size + words(*ends, label), 4 * size + scale[0] + words(scale[1], OUTLINED))
    strip = Image.new("RGB", (width, 6 * size), "white")
    draw = ImageDraw.Draw(strip)
    first, last = size, 5 * size  # where the lines of words have their middle
    draw.rectangle((size, first - size // 6, size + scale[0] - 1, first + size // 6), fill="black")
    draw.text((2 * size + scale[0], first), scale[1], "black", font, anchor="lm")
    if outlined:
        left = width - words(OUTLINED)
        draw.text((left, first), OUTLINED, "black", font, anchor="lm")
        strip.paste(Image.fromarray(_box(size)), (left - 2 * size, first - size // 2))
    bar = Image.fromarray(colours[None]).resize((width - 2 * size, 2 * size))
    strip.paste(bar, (size, 2 * size))
    draw.text((size, last), ends[0], "black", font, anchor="lm")
    draw.text((width // 2, last), label, "black", font, anchor="mm")
    draw.text((width - size, last), ends[1], "black", font, anchor="rm")
    return np.asarray(strip)


def _font(size: int) -> "FreeTypeFont":
    """Return the font that comes with matplotlib: it has µ and ×, on every machine."""
    import matplotlib as mpl
    from PIL import ImageFont

    return ImageFont.truetype(
        str(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")), size
    )


def _box(size: int) -> np.ndarray:
    """Draw a sample of the outline."""
    inside = np.zeros((size, size + size // 2), dtype=bool)
    inside[2:-2, 2:-2] = True
    return draw_outline(np.full((*inside.shape, 3), 255, dtype=np.uint8), inside)
