"""What if: take tiles away, and see what the model makes of the rest."""

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
from mil_tutorial.widgets.scene import (
    TileNumbers,
    check_numbers,
    counted,
    mark_tiles,
    outlined,
    palette,
    scene,
    show_tissue,
)
from mil_tutorial.widgets.slide_view import SlideView
from mil_tutorial.widgets.without_tiles import SlideWithoutTiles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class WhatIf(TakingTurns):
    """Take tiles away from a slide; probability and weights are those of the tiles that are left.

    The browser draws, takes clicks and keeps nothing to itself; every answer comes from the model
    in the kernel, as ``predict`` would give it for a slide without these tiles.

    Parameters
    ----------
    model : MIL
        Copied as it is now: training it further does not change the widget.
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
        The tiles taken away, in the order in which they went. Set it to take others away.
    logit, probability : float
        Of the slide without them.
    history : list of [int, float]
        Number of tiles taken away and probability: of the whole slide, then of each step.
    outline : bool
        Whether the tumour is outlined; not at first.

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
    answer = traitlets.Dict().tag(sync=True)  # numbered, so that the page hears of each
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
        self._view, logit = self._slide.view(image, tile_size)
        self._pixels = self._view.pixels()
        self._steps: list[list[int]] = [[]]
        self._random = np.random.default_rng(0)
        drawn = scene(self._view, self._pixels) | {"logit": logit}
        super().__init__(scene=drawn, palette=palette())
        self._answer()
        self.on_msg(self._listen)

    @property
    def attention(self) -> np.ndarray:
        """Weights of all tiles, (n,): 0 for those taken away, 1 in sum over the others."""
        return np.frombuffer(self.answer["weights"], dtype=np.float32)

    @property
    def left(self) -> np.ndarray:
        """Numbers of the tiles that are left, ascending."""
        return self._slide.left(self.removed)

    def remove_hottest(self, count: int = 1) -> None:
        """Take the tile of the highest weight away, then the highest of those left, and so on."""
        self._check_count(count)
        self.removed = [*self.removed, *self._slide.hottest(self.removed, count)]

    def remove_random(self, count: int = 1) -> None:
        """Take tiles away by chance; after ``reset`` chance repeats itself."""
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
    def _possible(self, proposal: dict) -> list[int]:
        n = len(self._slide)
        check_numbers(proposal["value"], n, "removed", self._slide.name)
        if len(proposal["value"]) == n:
            raise ValueError(
                f"slide {self._slide.name}: removed holds all {n} tiles, but one has to stay: "
                "there is no softmax over no tiles"
            )
        return proposal["value"]

    @traitlets.observe("removed")
    def _step(self, change: dict) -> None:
        if self.removed != self._steps[-1]:  # equal when going back
            self._steps.append(list(self.removed))
        self._answer()

    def _answer(self) -> None:
        found = self._slide.predict(self.removed)
        weights = np.zeros(len(self._slide), dtype=np.float32)
        weights[self.left] = found.attention
        earlier = self.history[: len(self._steps) - 1]
        with self.hold_sync():  # one message for all
            self.logit, self.probability = float(found.logits[0]), float(found.probabilities[0])
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

    def _listen(self, _: Any, asked: dict, __: Any) -> None:
        """Do what a button on the page asks for, from the tiles that the page shows."""
        todo: dict[str, Callable[[], None]] = {
            "hottest": lambda: self.remove_hottest(asked["count"]),
            "random": lambda: self.remove_random(asked["count"]),
            "undo": self.undo,
            "reset": self.reset,
        }
        with self.hold_sync():  # one message for all
            if asked["removed"]["turn"] == self.turn:
                self.removed = asked["removed"]["value"]
            self.turn += 1
            todo[asked["do"]]()

    def twin(self) -> "Figure":
        """Draw the tiles taken away, the weights of those left, and the steps so far."""
        return draw_what_if(
            self._view, self._pixels, self.removed, self.attention, self.history, self.outline
        )

    def description(self) -> str:
        """Say how many tiles are gone, and what that does to the probability."""
        whole, left = self._view, self.left
        all_tiles = counted(len(whole.attention))
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
            f"Of the {counted(len(left))} left, tile {highest} has the highest weight, "
            f"{self.attention[highest]:.3g}. Probabilities step by step: {steps}."
        )


def draw_what_if(
    view: SlideView,
    pixels: np.ndarray,
    removed: list[int],
    attention: np.ndarray,
    history: list[Any],
    outline: bool,
) -> "Figure":
    """Draw a slide without some of its tiles.

    Parameters
    ----------
    view, pixels
        The whole slide and its picture.
    removed : list of int
    attention : array, shape (n,)
        0 for the tiles removed.
    history : list of (number removed, probability)
    outline : bool
        Outline the tumour.
    """
    import matplotlib.pyplot as plt
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    coords = np.asarray(view.coords)
    left = np.setdiff1d(np.arange(len(coords)), removed)
    shape = (pixels.shape[0], pixels.shape[1])
    shares = scale_attention(attention[left], "share")
    heat = stitch_tiles(shares, coords[left], view.tile_size, shape)
    low, high = colour_limits(heat)
    pictures = [
        _paler(p, coords[np.asarray(removed, dtype=int)], view.tile_size)
        for p in (pixels, overlay(pixels, heat))
    ]
    if outline and view.truth is not None:
        pictures = [outlined(p, view.truth, coords, view.tile_size) for p in pictures]
    with figure_style():
        figure, (tissue, weights, steps) = plt.subplots(1, 3, figsize=(11, 3.8))
        show_tissue(tissue, pictures[0], f"{len(removed)} of {len(coords)} tiles removed (×)")
        mark_tiles(tissue, removed, coords, view.tile_size, "cross", "black")
        show_tissue(weights, pictures[1], "weights of the tiles left")
        bar = figure.colorbar(
            ScalarMappable(Normalize(low, high), HEAT_MAP), ax=weights, shrink=0.8
        )
        bar.set_label(SCALINGS["share"].split(" (")[0])
        _draw_steps(steps, history)
        figure.suptitle(f"{view.name}, probability {history[-1][1]:.3f}, {len(left)} tiles left")
    return figure


def _paler(picture: np.ndarray, coords: np.ndarray, tile_size: int) -> np.ndarray:
    """Return the picture with these tiles nearly white."""
    if not len(coords):
        return picture
    shape = (picture.shape[0], picture.shape[1])
    gone = ~np.isnan(stitch_tiles(np.ones(len(coords)), coords, tile_size, shape))
    pale = picture.copy()
    pale[gone] = np.round(0.28 * picture[gone] + 0.72 * 255)
    return pale


def _draw_steps(axes: "Axes", history: list[Any]) -> None:
    from matplotlib.ticker import MaxNLocator

    probabilities = [probability for _, probability in history]
    axes.axhline(probabilities[0], color="0.5", linestyle="--", linewidth=1, label="all tiles")
    axes.plot(probabilities, marker="o", color="#0072B2")
    axes.set(title="probability by step", xlabel="step", ylim=(-0.03, 1.03))
    axes.set_xlim(-0.5, max(len(history), 5) - 0.5)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend()
