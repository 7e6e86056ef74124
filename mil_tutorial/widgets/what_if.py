"""What if: take tiles away, and see what the model makes of the rest."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.models import MIL
from mil_tutorial.widgets.base import script
from mil_tutorial.widgets.scene import palette, scene
from mil_tutorial.widgets.tile_numbers import TileNumbers, check_numbers
from mil_tutorial.widgets.tissue import counted
from mil_tutorial.widgets.turns import BOUND, TakingTurns
from mil_tutorial.widgets.without_tiles import SlideWithoutTiles

if TYPE_CHECKING:
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
        from mil_tutorial.widgets.what_if_twin import draw_what_if

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
