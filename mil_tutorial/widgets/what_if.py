"""What if: remove tiles, and see how the model classifies the rest."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.models.mil import MIL
from mil_tutorial.pictures.heatmaps import SCALINGS, scale_attention
from mil_tutorial.pictures.overlays import colour_limits, overlay
from mil_tutorial.pictures.stitching import stitch_tiles
from mil_tutorial.pictures.style import HEAT_MAP, figure_style
from mil_tutorial.widgets.base import BOUND, TakingTurns, script
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


class WhatIf(TakingTurns):
    """Remove tiles from a slide; probability and weights are those of the tiles left.

    The browser draws and takes clicks; every number comes from the model in the kernel, as
    ``predict`` would give it for a slide without these tiles.

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
    logit, probability : float
        Of the slide without them.
    history : list of [int, float]
        Number of tiles removed and probability, of the whole slide, then of each step.
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
        "turn.js",
        "slide_canvas.js",
        "colour_scale.js",
        "tile_gallery.js",
        "what_if_numbers.js",
        "what_if.js",
    )
    removed = TileNumbers(traitlets.Int()).tag(**BOUND)
    logit = traitlets.Float().tag(sync=True)
    probability = traitlets.Float().tag(sync=True)
    history: traitlets.List = traitlets.List().tag(sync=True)
    outline = traitlets.Bool(False).tag(sync=True)
    answer = traitlets.Dict().tag(sync=True)  # numbered, so that equal ones are sent too
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
        self._steps: list[list[int]] = [[]]
        self._random = np.random.default_rng(0)
        drawn = scene(self._view, self._pixels) | {"logit": float(whole.logits[0])}
        super().__init__(scene=drawn, palette=palette())
        self._answer()
        self.on_msg(self._listen)

    @property
    def attention(self) -> np.ndarray:
        """Weights of all tiles, (n,): 0 for those removed, 1 in sum over the others."""
        return np.frombuffer(self.answer["weights"], dtype=np.float32)

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
        self._go_to(self._steps[:-1] or self._steps)

    def reset(self) -> None:
        """Put all tiles back and forget the steps."""
        self._random = np.random.default_rng(0)
        self._go_to([[]])

    @traitlets.validate("removed")
    def _check_removed(self, proposal: dict) -> list[int]:
        n = len(self._slide)
        check_numbers(proposal["value"], n, "removed", self._slide.name)
        if len(proposal["value"]) == n:
            raise ValueError(
                f"slide {self._slide.name}: removed holds all {n} tiles, but one has to stay: "
                "there is no softmax over no tiles"
            )
        return proposal["value"]

    @traitlets.observe("removed")
    def _add_step(self, change: dict) -> None:
        if self.removed != self._steps[-1]:  # equal when going back
            self._steps.append(list(self.removed))
        self._answer()

    def _answer(self) -> None:
        rest = self._slide.predict(self.removed)
        weights = np.zeros(len(self._slide), dtype=np.float32)
        weights[self.left] = rest.attention
        earlier = self.history[: len(self._steps) - 1]
        with self.hold_sync():  # one message for all
            self.logit, self.probability = float(rest.logits[0]), float(rest.probabilities[0])
            self.history = [*earlier, [len(self.removed), self.probability]]
            self.answer = {
                "number": self.answer.get("number", 0) + 1,
                "removed": list(self.removed),
                "weights": weights.tobytes(),
            }

    def _go_to(self, steps: list[list[int]]) -> None:
        self._steps = list(steps)
        if self.removed == steps[-1]:
            self._answer()
        else:
            self.removed = steps[-1]

    def _check_count(self, count: int) -> None:
        if not 1 <= count < len(self.left):
            raise ValueError(
                f"slide {self._slide.name}: {count} tiles to remove, expected 1 to "
                f"{len(self.left) - 1}: {len(self.left)} are left and one has to stay"
            )

    def _listen(self, _widget: Any, content: dict, _buffers: list) -> None:
        """Do the action of a button on the page, from the tiles that the page shows."""
        actions: dict[str, Callable[[], None]] = {
            "hottest": lambda: self.remove_hottest(content["count"]),
            "random": lambda: self.remove_random(content["count"]),
            "undo": self.undo,
            "reset": self.reset,
        }
        with self.hold_sync():  # one message for all
            if content["removed"]["turn"] == self.turn:
                self.removed = content["removed"]["value"]
            self.turn += 1
            actions[content["do"]]()

    def twin(self) -> "Figure":
        """Draw the tiles removed, the weights of those left, and the steps so far."""
        import matplotlib.pyplot as plt
        from matplotlib.cm import ScalarMappable
        from matplotlib.colors import Normalize

        view, left = self._view, self.left
        height, width = self._pixels.shape[:2]
        shares = scale_attention(self.attention[left], "share")
        heat = stitch_tiles(shares, np.asarray(view.coords)[left], view.tile_size, (height, width))
        low, high = colour_limits(heat)
        pictures = [self._fade(p) for p in (self._pixels, overlay(self._pixels, heat))]
        if self.outline and view.truth is not None:
            pictures = [outline_tumour(p, view) for p in pictures]
        with figure_style():
            figure, (tissue, weights, steps) = plt.subplots(1, 3, figsize=(11, 3.8))
            title = f"{len(self.removed)} of {len(self._slide)} tiles removed (×)"
            show_tissue(tissue, pictures[0], title)
            mark_tiles(tissue, view, self.removed, "cross", "black")
            show_tissue(weights, pictures[1], "weights of the tiles left")
            colours = ScalarMappable(Normalize(low, high), HEAT_MAP)
            bar = figure.colorbar(colours, ax=weights, shrink=0.8)
            bar.set_label(SCALINGS["share"].split(" (")[0])
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
