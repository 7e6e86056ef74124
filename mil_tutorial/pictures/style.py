"""One look for all figures: colours that colour-blind readers can tell apart."""

from contextlib import AbstractContextManager
from typing import Any

POOLING_COLOURS = {  # Okabe & Ito 2008, "Color universal design"
    "max": "#E69F00",
    "mean": "#56B4E9",
    "attention": "#009E73",
    "gated": "#CC79A7",
    "max_embedding": "#D55E00",
    "mean_instance": "#0072B2",
}
POOLING_MARKERS = dict(zip(POOLING_COLOURS, "svo^DP"))
HEAT_MAP = "viridis"
OUTLINE = "black"  # drawn upon a wider white line, it shows on tissue and on any colour


STYLE: dict[Any, Any] = {
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 150,
    "font.size": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "legend.frameon": False,
}
"""Settings of matplotlib."""


def figure_style() -> AbstractContextManager:
    """Return a context in which figures are drawn in the project's style."""
    import matplotlib as mpl

    return mpl.rc_context(STYLE)
