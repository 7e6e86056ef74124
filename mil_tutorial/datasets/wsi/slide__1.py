"""How large a pixel is: what a slide says of its µm/px, and when two resolutions are one."""

import math
from collections.abc import Mapping
from pathlib import Path

TOLERANCE = 0.05
"""Two resolutions this close count as one: scanners sold as 0.25 µm/px measure 0.23 to 0.26."""
PLAUSIBLE = (0.02, 20.0)
"""µm/px of microscopes; a TIFF file for print says 353 (72 dpi) and means nothing by it."""


def close(a: float, b: float) -> bool:
    """Say whether two resolutions count as one."""
    return max(a / b, b / a) <= 1 + TOLERANCE


def slide_mpp(path: Path, properties: Mapping[str, str], given: float | None) -> float:
    """Return the µm/px of a slide's level 0: as given, else as the slide says.

    Parameters
    ----------
    path : Path
        For messages.
    properties : mapping
        OpenSlide's. A magnification is not enough: 40× means anything from 0.21 to 0.28 µm/px.
    given : float, optional

    Raises
    ------
    ValueError
        When neither says it, or both disagree.
    """
    own = _own_mpp(properties)
    if given is None:
        if own is None:
            raise ValueError(
                f"{path}: the slide does not say its µm/px{_what_it_says(properties)}; give it "
                "for this slide alone (--slide-mpp): whoever scanned it knows it"
            )
        return own
    if not PLAUSIBLE[0] <= given <= PLAUSIBLE[1]:
        raise ValueError(
            f"{given:g} µm/px was given for the slide, expected {PLAUSIBLE[0]:g} to "
            f"{PLAUSIBLE[1]:g}: 0.25 is usual at 40×, 0.5 at 20×"
        )
    if own is not None and not close(given, own):
        raise ValueError(
            f"{path}: the slide says {own:g} µm/px, but {given:g} was given; "
            "give it only for slides that do not say it themselves"
        )
    return float(given)


def number(properties: Mapping[str, str], key: str) -> float | None:
    """Return a positive number among a slide's properties, if it is there."""
    try:
        value = float(properties[key])
    except (KeyError, ValueError):
        return None
    return value if 0 < value < math.inf else None


def _own_mpp(properties: Mapping[str, str]) -> float | None:
    """Return what the slide says, if it is the same along x and y and can be true."""
    x, y = _sides(properties)
    if x is None or y is None or not close(x, y):
        return None
    mean = math.sqrt(x * y)
    return mean if PLAUSIBLE[0] <= mean <= PLAUSIBLE[1] else None


def _what_it_says(properties: Mapping[str, str]) -> str:
    x, y = _sides(properties)
    if x is None or y is None:
        return ""
    return f" (only {x:g} × {y:g}, which is no square pixel of a microscope)"


def _sides(properties: Mapping[str, str]) -> tuple[float | None, float | None]:
    return number(properties, "openslide.mpp-x"), number(properties, "openslide.mpp-y")
