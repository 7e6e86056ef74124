"""The pooling playground as a figure: tiles as bars, below them the weights of four poolings."""

from typing import TYPE_CHECKING

import numpy as np

from mil_tutorial.style import POOLING_COLOURS, figure_style
from mil_tutorial.widgets.pooling_playground import HIGHEST, LOWEST, WORDS, PooledBag

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def draw_poolings(scores: list[float], results: dict[str, PooledBag], sharpness: float) -> "Figure":
    """Draw the scores of a bag's tiles, and weights and logit of each pooling below them."""
    import matplotlib.pyplot as plt

    with figure_style():
        figure, panels = plt.subplots(
            1 + len(results), 1, figsize=(8, 5.6), sharex=True, height_ratios=[2.4, 1, 1, 1, 1]
        )
        _draw_scores(panels[0], scores)
        for axes, (name, bag) in zip(panels[1:], results.items()):
            _draw_weights(axes, name, bag)
        panels[-1].set_xlabel("tile")
        panels[-1].set_xticks(range(1, len(scores) + 1))
        figure.suptitle(f"One bag, four poolings; sharpness w = {sharpness:.1f}")
    return figure


def _draw_scores(axes: "Axes", scores: list[float]) -> None:
    tiles = np.arange(1, len(scores) + 1)
    colours = ["#D55E00" if score >= 0 else "#0072B2" for score in scores]
    axes.bar(tiles, scores, width=0.64, color=colours)
    axes.axhline(0, color="0.6", linewidth=0.8)
    for tile, score in zip(tiles, scores):
        axes.annotate(
            f"{score:.1f}".replace("-", "−"),
            (tile, score),
            (0, 2 if score >= 0 else -2),
            textcoords="offset points",
            ha="center",
            va="bottom" if score >= 0 else "top",
            fontsize=8,
        )
    axes.set(ylim=(LOWEST - 1, HIGHEST + 1), ylabel="score s")


def _draw_weights(axes: "Axes", name: str, bag: PooledBag) -> None:
    tiles = np.arange(1, len(bag.weights) + 1)
    axes.bar(tiles, bag.weights, width=0.64, color=POOLING_COLOURS[name])
    called = "called tumour" if bag.probability >= 0.5 else "called healthy"
    text = f"logit {bag.logit:.2f}, p = {bag.probability:.2f}\n{called}".replace("-", "−")
    axes.text(1.01, 0.5, text, transform=axes.transAxes, va="center", fontsize=9)
    axes.set(ylim=(0, 1), yticks=[0, 1], ylabel=WORDS[name].replace(" ", "\n"))
