"""What if: remove tiles, and see how the model classifies the rest."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import traitlets

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.models.mil import MIL
from mil_tutorial.pictures.colour_scales import colour_scale
from mil_tutorial.pictures.heatmaps import scale_attention
from mil_tutorial.pictures.overlays import overlay
from mil_tutorial.pictures.stitching import stitch_tiles
from mil_tutorial.pictures.style import HEAT_MAP, figure_style
from mil_tutorial.widgets.base import Explanation, script
from mil_tutorial.widgets.scene import palette, scene
from mil_tutorial.widgets.slide_view import SlideView
from mil_tutorial.widgets.tiles import (
    TileNumbers,
    check_numbers,
    count_in_words,
    mark_tiles,
    outline_tumour,
    show_tissue,
)
from mil_tutorial.widgets.without_tiles import SlideWithoutTiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class WhatIf(Explanation):
    """Remove tiles from a slide; probability and weights are those of the tiles left.

    Every number is what ``predict`` would give for a slide without these tiles. As the model's head
    is linear, the browser can compute it from the attention score and the own score of each tile,
    with or without a kernel. For ``max_embedding``, and for a pooling of your own, it asks the
    model, which needs a running kernel.

    Parameters
    ----------
    model : MIL
        Copied; further training does not change the widget.
    dataset : MedicalBagDataset
        With coordinates; with instance labels the tumour can be outlined.
    slide : str
        Name of one of its slides.
    image : array (height, width, 3), uint8, or a function without arguments that returns one
    tile_size : int
        In pixels of the picture.

    Attributes
    ----------
    removed : list of int
        The tiles in the order of removal. Set it to remove others.
    steps : list of list of int
        What was removed after each step; the first step is the whole slide.
    outline : bool
        Whether the tumour is outlined; at first it is not.

    Raises
    ------
    ValueError
        For an unknown slide, a data set without coordinates, features of a width that the model
        does not take, tiles that cannot be drawn; later for removing a tile that does not exist,
        one tile twice, or all of them.
    """

    _esm = script(
        "svg.js",
        "slide_canvas.js",
        "colour_scale.js",
        "tile_gallery.js",
        "what_if_model.js",
        "what_if_numbers.js",
        "what_if.js",
    )
    removed = TileNumbers(traitlets.Int())
    steps = traitlets.List(traitlets.List(traitlets.Int()), [[]]).tag(sync=True)
    outline = traitlets.Bool(False).tag(sync=True)
    rule = traitlets.Unicode().tag(sync=True)  # by which the browser classifies; empty without one
    answer = traitlets.Dict().tag(sync=True)  # the model's, where there is no rule
    scene = traitlets.Dict().tag(sync=True)  # values and probability of the whole slide
    palette = traitlets.Bytes().tag(sync=True)

    def __init__(
        self,
        model: MIL,
        dataset: MedicalBagDataset,
        slide: str,
        *,
        image: np.ndarray | Callable[[], np.ndarray],
        tile_size: int,
    ) -> None:
        self._slide = SlideWithoutTiles(model, dataset, slide)
        whole = self._slide.predict([])
        self._view = SlideView(
            slide,
            image,
            whole.attention,
            self._slide.coords,
            tile_size,
            self._slide.truth,
            whole.instance_logits,
            float(whole.probabilities[0]),
        )
        self._pixels = self._view.pixels()
        self._random = np.random.default_rng(0)
        drawn = scene(self._view, self._pixels) | {
            "logit": float(whole.logits[0]),
            "energies": self._slide.energies.tobytes(),
        }
        super().__init__(scene=drawn, palette=palette(), rule=self._slide.rule)
        self._answer()

    @property
    def logit(self) -> float:
        """The logit of the slide without the tiles removed."""
        return float(self._slide.predict(self.removed).logits[0])

    @property
    def probability(self) -> float:
        """The probability of the slide without the tiles removed."""
        return float(self._slide.predict(self.removed).probabilities[0])

    @property
    def history(self) -> list[list[float]]:
        """Number of tiles removed and probability, of the whole slide, then after each step."""
        answers = map(self._slide.predict, self.steps)
        return [[len(r), float(p.probabilities[0])] for r, p in zip(self.steps, answers)]

    @property
    def attention(self) -> np.ndarray:
        """Weights of all tiles, (n,): 0 for those removed, 1 in sum over the others."""
        weights = np.zeros(len(self._slide), dtype=np.float32)
        weights[self.left] = self._slide.predict(self.removed).attention
        return weights

    @property
    def left(self) -> np.ndarray:
        """Numbers of the tiles that are left, ascending."""
        return self._slide.left(self.removed)

    def remove_hottest(self, count: int = 1) -> None:
        """Remove the tile of the highest weight, then the highest of those left, and so on."""
        self._check_count(count)
        self.removed = [*self.removed, *self._slide.hottest(self.removed, count)]

    def remove_random(self, count: int = 1) -> None:
        """Remove tiles at random, after ``reset`` the same ones again."""
        self._check_count(count)
        self.removed = [*self.removed, *self._random.choice(self.left, count, replace=False)]

    def undo(self) -> None:
        """Go back one step; at the beginning nothing happens."""
        self.steps = self.steps[:-1] or [[]]

    def reset(self) -> None:
        """Put all tiles back and forget the steps."""
        self._random = np.random.default_rng(0)
        self.steps = [[]]

    @traitlets.validate("removed")
    def _check_removed(self, proposal: dict) -> list[int]:
        n = len(self._slide)
        check_numbers(proposal["value"], n, "removed", self._slide.name)
        if len(proposal["value"]) == n:
            raise ValueError(
                f"slide {self._slide.name}: removed holds all {n} tiles, but one has to stay: "
                "a softmax needs at least one tile"
            )
        return proposal["value"]

    @traitlets.observe("removed")
    def _add_step(self, change: dict) -> None:
        if self.removed != self.steps[-1]:  # else the steps have changed first
            self.steps = [*self.steps, list(self.removed)]

    @traitlets.observe("steps")
    def _take_steps(self, change: dict) -> None:
        self.removed = self.steps[-1]
        self._answer()

    def _answer(self) -> None:
        """Send the model's answer, where the page cannot find it by itself."""
        if not self.rule:
            self.answer = {
                "steps": self.steps,
                "history": self.history,
                "logit": self.logit,
                "weights": self.attention.tobytes(),
            }

    def _check_count(self, count: int) -> None:
        if not 1 <= count < len(self.left):
            raise ValueError(
                f"slide {self._slide.name}: {count} tiles to remove, expected 1 to "
                f"{len(self.left) - 1}: {len(self.left)} are left and one has to stay"
            )

    def twin(self) -> "Figure":
        """Draw the tiles removed, the weights of those left, and the steps so far."""
        import matplotlib.pyplot as plt
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import LogNorm

        view, left = self._view, self.left
        height, width = self._pixels.shape[:2]
        shares = scale_attention(self.attention[left], "share")
        heat = stitch_tiles(shares, np.asarray(view.coords)[left], view.tile_size, (height, width))
        scale = colour_scale(heat, "share", len(left))
        coloured = overlay(self._pixels, scale.position(heat), scale.ends)
        pictures = [self._fade(p) for p in (self._pixels, coloured)]
        if self.outline and view.truth is not None:
            pictures = [outline_tumour(p, view) for p in pictures]
        with figure_style():
            figure, (tissue, weights, steps) = plt.subplots(1, 3, figsize=(11, 3.8))
            title = f"{len(self.removed)} of {len(self._slide)} tiles removed (×)"
            show_tissue(tissue, pictures[0], title)
            mark_tiles(tissue, view, self.removed, "cross", "black")
            show_tissue(weights, pictures[1], "weights of the tiles left")
            colours = ScalarMappable(LogNorm(scale.low, scale.high), HEAT_MAP)
            bar = figure.colorbar(colours, ax=weights, shrink=0.8)
            bar.set_label("equal shares, log scale")
            self._draw_steps(steps)
            probability = self.history[-1][1]
            figure.suptitle(f"{view.name}, probability {probability:.3f}, {len(left)} tiles left")
        return figure

    def _fade(self, picture: np.ndarray) -> np.ndarray:
        """Return the picture with the tiles removed nearly white."""
        if not self.removed:
            return picture
        height, width = picture.shape[:2]
        coords = np.asarray(self._view.coords)[self.removed]
        covered = stitch_tiles(np.ones(len(coords)), coords, self._view.tile_size, (height, width))
        faded = picture.copy()
        removed = ~np.isnan(covered)
        faded[removed] = np.round(0.28 * picture[removed] + 0.72 * 255)
        return faded

    def _draw_steps(self, axes: "Axes") -> None:
        from matplotlib.ticker import MaxNLocator

        probabilities = [probability for _, probability in self.history]
        axes.axhline(probabilities[0], color="0.5", linestyle="--", linewidth=1, label="all tiles")
        axes.plot(probabilities, marker="o", color="#0072B2")
        axes.set(title="probability by step", xlabel="step", ylim=(-0.03, 1.03))
        axes.set_xlim(-0.5, max(len(probabilities), 5) - 0.5)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend()

    def description(self) -> str:
        """Return the number of tiles removed, and the probability without them, in words."""
        whole, left = self._view, self.left
        all_tiles = count_in_words(len(whole.attention))
        highest = int(self.attention.argmax())
        text = (
            f"What if, slide {whole.name}: the whole slide of {all_tiles} has a "
            f"probability of {whole.probability:.3f} (logit {self.scene['logit']:.2f}). "
        )
        if self.removed:
            text += (
                f"Without {len(self.removed)} of them, marked ×, it has {self.probability:.3f} "
                f"(logit {self.logit:.2f}). "
            )
        steps = ", ".join(f"{probability:.3f}" for _, probability in self.history[-20:])
        return text + (
            f"Of the {count_in_words(len(left))} left, tile {highest} has the highest weight, "
            f"{self.attention[highest]:.3g}. Probabilities step by step: {steps}."
        )
