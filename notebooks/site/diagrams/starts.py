"""The recorded trainings on rendered slides, one mark each: where max pooling misses its start."""

import statistics
from typing import Any

from diagrams.svg import Picture
from mil_tutorial import load_slides
from mil_tutorial.experiment.records import FOUND, load_recorded

POOLINGS = ("max", "mean", "attention", "gated")
AXIS, LOWEST, HIGHEST = (92, 320), 0.4, 1.0
ROW, RADIUS = 64, 4.0
Starts = dict[str, list[float]]


def draw_hard() -> Picture:
    """Draw twenty starts of each pooling on the hard slides; of the mean, five were recorded."""
    starts = hard_starts()
    counts = {pooling: f"{found(starts[pooling])} of {len(starts[pooling])}" for pooling in starts}
    alt = (
        "Test AUC of single training runs on the hard slides, one mark for each random start. "
        f"Starts above {FOUND}: {_listed(counts)}. The others lie near 0.5, which is guessing."
    )
    return _draw("Hard slides", "slides-hard", alt, starts, "tumour found", counts)


def draw_default() -> Picture:
    """Draw five starts of each pooling on the default slides."""
    starts = starts_of("slides")
    means = {pooling: f"{statistics.mean(starts[pooling]):.2f}" for pooling in POOLINGS}
    alt = (
        "Test AUC of single training runs on the default slides, one mark for each random start. "
        f"Means: {_listed(means)}. All starts of a pooling lie close together."
    )
    return _draw("Default slides", "slides", alt, starts, "mean AUC", means)


def hard_starts() -> Starts:
    """Return the starts on the hard slides: twenty of each pooling, and five of the mean."""
    starts = starts_of("slides-hard") | starts_of("slides-hard-starts")
    return {pooling: starts[pooling] for pooling in POOLINGS}


def starts_of(name: str) -> Starts:
    """Return the test AUC of each recorded start, by pooling."""
    aucs: Starts = {}
    for run in load_recorded(name)["runs"]:
        aucs.setdefault(run["pooling"], []).append(run["auc"])
    return aucs


def found(aucs: list[float]) -> int:
    """Return how many starts found the tumour."""
    return sum(auc > FOUND for auc in aucs)


def median_slide(name: str) -> tuple[int, int]:
    """Return how many tumour tiles, and how many tiles, the median positive test slide has."""
    positive: list[Any] = [truth for truth in load_slides(name)[2].instance_labels if truth.any()]
    tumour = statistics.median(int(truth.sum()) for truth in positive)
    return round(tumour), round(statistics.median(map(len, positive)))


def _listed(words: dict[str, str]) -> str:
    return ", ".join(f"{pooling} {words[pooling]}" for pooling in POOLINGS)


def _draw(
    title: str, name: str, alt: str, starts: Starts, column: str, words: dict[str, str]
) -> Picture:
    picture = Picture(118 + ROW * len(POOLINGS), alt)
    tumour, tiles = median_slide(name)
    head = f"{title}: about {tumour} tumour tiles of {tiles}"
    picture.text("ink", 16, 28, head, bold=True)
    picture.text("soft", 16, 48, "Each mark is one training from a random start.", size=13)
    picture.text("soft", 404, 74, column, size=13, anchor="end")
    base = 66.0
    for pooling in POOLINGS:
        base += ROW
        picture.text("ink", 16, base - 4, pooling)
        _marks(picture, base, starts[pooling])
        picture.text("ink", 404, base - 4, words[pooling], anchor="end")
        picture.line("frame", (16, base + 4), (404, base + 4))
    for auc in (0.5, 0.7, 0.9):
        picture.text("soft", _x(auc), base + 22, f"{auc}", size=13, anchor="middle")
    picture.text("soft", _x(0.5), base + 40, "guessing", size=13, anchor="middle")
    picture.text("soft", 404, base + 40, "AUC on test slides", size=13, anchor="end")
    return picture


def _marks(picture: Picture, base: float, aucs: list[float]) -> None:
    """Stack the marks of a row where they would cover each other."""
    columns: dict[int, int] = {}
    for auc in sorted(aucs):
        column = round(_x(auc) / (2 * RADIUS))
        columns[column] = columns.get(column, 0) + 1
        y = base - 2 * RADIUS * (columns[column] - 1) - RADIUS
        kind = "dot" if auc > FOUND else "ring"
        picture.circle(kind, column * 2 * RADIUS, y, RADIUS - 0.6)


def _x(auc: float) -> float:
    return AXIS[0] + (auc - LOWEST) / (HIGHEST - LOWEST) * (AXIS[1] - AXIS[0])
