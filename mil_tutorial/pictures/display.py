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
    """Turn a figure and its description into what a notebook stores; close the figure.

    The picture is there twice, as HTML with the description and as a plain picture, because
    viewers differ in which of them they show.

    Returns
    -------
    dict
        MIME type → content.
    """
    import matplotlib.pyplot as plt

    png = base64.b64encode(_small_png(figure)).decode()
    plt.close(figure)
    image = f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{png}">'
    return {"text/html": image, "image/png": png, "text/plain": alt}


def _small_png(figure: "Figure") -> bytes:
    """Return the figure as a PNG of 256 colours: a quarter of the size."""
    from PIL import Image

    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", dpi=90)
    image = Image.open(drawn).convert("RGB")
    image.quantize(256, Image.Quantize.MAXCOVERAGE).save(small, format="png", optimize=True)
    return small.getvalue()
