"""What every notebook needs: a start that says where it runs, and figures with alt text."""

import base64
import html
import io
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def fast_mode() -> bool:
    """Tell whether ``MIL_TUTORIAL_FAST`` asks for short training, as test runs do."""
    return os.environ.get("MIL_TUTORIAL_FAST", "") not in ("", "0")


def start() -> bool:
    """Prepare a notebook and print what it runs on: versions, device, data, fast mode.

    Seeds torch, sets the figures' style, and keeps torch to one thread: a bag is too small to
    share, and on a machine with other users threads wait for each other.

    Returns
    -------
    bool
        Whether fast mode is on; chapters then train for fewer epochs.
    """
    import platform

    import matplotlib as mpl
    import numpy as np
    import torch

    from mil_tutorial import __version__
    from mil_tutorial.style import STYLE

    mpl.rcParams.update(STYLE)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(
        f"mil_tutorial {__version__}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, numpy {np.__version__}"
    )
    print(f"device: {device}, 1 thread")
    print(f"data: {_data_state()}")
    fast = fast_mode()
    print("fast mode: on, trainings are shortened" if fast else "fast mode: off")
    return fast


def _data_state() -> str:
    """Compare the shipped features with their checksum; return both in words."""
    from mil_tutorial.datasets.paths import data_dir, sha256, verify_checksum

    path = verify_checksum(data_dir() / "slides" / "slides.npz")
    return f"slides.npz, SHA-256 {sha256(path)[:12]}…, as it should be"


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
