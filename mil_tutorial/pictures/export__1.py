"""The legend below a heat map in a file: scale bar, colour bar, and what the outline means."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mil_tutorial.overlays import draw_outline

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

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
