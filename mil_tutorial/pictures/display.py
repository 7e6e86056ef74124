"""Figures in a notebook, with a description for those who cannot see them."""

import base64
import html
import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def show(figure: "Figure", alt: str) -> None:
    """Display a figure with a description for those who cannot see it, and close it."""
    from IPython.display import display

    display(picture(figure, alt), raw=True)


def picture(figure: "Figure", alt: str) -> dict[str, str]:
    """Return a figure as a notebook stores it, MIME type → content; close the figure.

    The picture is stored twice, as HTML with the description and as a plain PNG of 256 colours,
    because viewers differ in which of them they show.
    """
    import matplotlib.pyplot as plt
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=90)
    plt.close(figure)
    full = Image.open(drawn).convert("RGB")
    colours = full.quantize(256, Image.Quantize.MAXCOVERAGE, kmeans=3)  # greys stay grey
    colours.save(small, format="png", optimize=True)  # a quarter of the size
    png = base64.b64encode(small.getvalue()).decode()
    image = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{png}">'
    return {"text/html": image, "image/png": png, "text/plain": alt}
