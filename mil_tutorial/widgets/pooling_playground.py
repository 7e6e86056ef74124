"""The pooling playground: change the score of a tile and see the bag's logit by each pooling."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
import traitlets

from mil_tutorial.models.pooling import (
    AttentionPooling,
    GatedAttentionPooling,
    MaxPooling,
    MeanPooling,
)
from mil_tutorial.pictures.style import POOLING_COLOURS, figure_style
from mil_tutorial.widgets.base import Explanation, script

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


LOWEST, HIGHEST = -4.0, 8.0  # scores that fit into the picture
MOST_TILES = 24
SHARPEST = 10.0

PARAMETERS = {"v": 0.25, "b": 0.5, "u": -2.0, "c": 11.0}
"""Detector tanh(v s + b), zero at a score of -2; gate sigm(u s + c), half open at 5.5."""

_HEALTHY = [-2.0, -1.5, -2.5, -1.0, -3.0, -2.0, -1.5]
PRESETS = {
    "one tumour tile": [*_HEALTHY[:2], 4.0, *_HEALTHY[2:]],
    "a tenth tumour": [*_HEALTHY[:4], 4.0, *_HEALTHY, 3.5, *_HEALTHY],
    "no tumour": [*_HEALTHY, -2.5],
    "no tumour, one artefact": [*_HEALTHY[:4], 7.0, *_HEALTHY[4:]],
}

WORDS = {"max": "max", "mean": "mean", "attention": "attention", "gated": "gated attention"}


class PooledBag(NamedTuple):
    """The result of a pooling for one bag."""

    logit: float
    probability: float
    weights: np.ndarray  # (n,), sums to 1


class PoolingPlayground(Explanation):
    r"""Tiles as bars to drag; below them the weights and the bag's logit of four poolings.

    A tile is one number here, its score s (a logit: above 0 it speaks for tumour). The bag's
    logit is :math:`z = \sum_k a_k s_k` with the weights a of max, mean, attention

    .. math:: a_k = \mathrm{softmax}_k\{ w \tanh(v s_k + b) \}

    and gated attention

    .. math:: a_k = \mathrm{softmax}_k\{ w \tanh(v s_k + b)\, \mathrm{sigm}(u s_k + c) \}.

    The numbers v, b, u and c are set by hand (``PARAMETERS``), not learned. The tanh is nearly flat
    above a score of 4, so plain attention cannot tell a tumour tile (4) from an artefact with a
    score that no tumour has (7). The gate closes between them: a tile that it shuts out counts
    neither for nor against, like a healthy tile with a score of -2.

    The browser computes all that it shows. The kernel gets ``scores`` and ``sharpness`` when a bar
    or slider is let go, and can set them. Assign a new list; a change inside is not noticed.

    Parameters
    ----------
    scores : sequence of n numbers, optional
        Scores of 1 to 24 tiles, each from -4 to 8. Without it one tumour tile among seven healthy.
    sharpness : float
        w, 0 to 10: the larger, the more weights may differ. At 0 attention is the mean.

    Raises
    ------
    ValueError
        When there is no tile or more than 24, when a score cannot be drawn, or ``sharpness`` is
        out of its range. The same on assigning to ``scores`` and ``sharpness``.
    """

    _esm = script(
        "svg.js",
        "pooling_math.js",
        "pooling_tiles.js",
        "attention_detail.js",
        "pooling_playground.js",
    )

    scores: Any = traitlets.List().tag(sync=True)
    sharpness = traitlets.Float().tag(sync=True)
    parameters = traitlets.Dict(PARAMETERS, read_only=True).tag(sync=True)
    presets = traitlets.Dict(PRESETS, read_only=True).tag(sync=True)
    limits = traitlets.Dict(
        {"low": LOWEST, "high": HIGHEST, "most": MOST_TILES, "sharpest": SHARPEST}, read_only=True
    ).tag(sync=True)
    start = traitlets.Dict().tag(sync=True)  # for the button Reset

    def __init__(self, scores: Iterable[float] | None = None, *, sharpness: float = 3.0) -> None:
        super().__init__(
            scores=list(PRESETS["one tumour tile"] if scores is None else scores),
            sharpness=float(sharpness),
        )

    @traitlets.default("start")
    def _start(self) -> dict[str, Any]:
        return {"scores": self.scores, "sharpness": self.sharpness}

    @traitlets.validate("scores")
    def _check_scores(self, proposal: Any) -> list[float]:
        scores = [float(score) for score in proposal["value"]]
        if not 1 <= len(scores) <= MOST_TILES:
            raise ValueError(
                f"got {len(scores)} tiles, expected 1 to {MOST_TILES}; a bar for each must fit"
            )
        for tile, score in enumerate(scores, start=1):
            if not LOWEST <= score <= HIGHEST:  # NaN fails this too
                raise ValueError(
                    f"the score of tile {tile} is {score:g}, expected {LOWEST:g} to {HIGHEST:g}; "
                    "give logits as a classifier of tiles returns them, and clip larger ones"
                )
        return scores

    @traitlets.validate("sharpness")
    def _check_sharpness(self, proposal: Any) -> float:
        if not 0 <= proposal["value"] <= SHARPEST:
            raise ValueError(f"sharpness is {proposal['value']:g}, expected 0 to {SHARPEST:g}")
        return proposal["value"]

    def layers(self) -> dict[str, torch.nn.Module]:
        """Return the package's pooling layers with the playground's parameters in them."""
        attention, gated = AttentionPooling(1, 1).double(), GatedAttentionPooling(1, 1).double()
        for layer in (attention, gated):
            _fill(layer.V, PARAMETERS["v"], PARAMETERS["b"])
            _fill(layer.w, self.sharpness)
        _fill(gated.U, PARAMETERS["u"], PARAMETERS["c"])
        return {"max": MaxPooling(), "mean": MeanPooling(), "attention": attention, "gated": gated}

    def results(self) -> dict[str, PooledBag]:
        """Pool the present bag with the package's own layers.

        Returns
        -------
        dict
            ``max``, ``mean``, ``attention``, ``gated`` → logit, probability and weights.
        """
        values = torch.tensor(self.scores, dtype=torch.float64)[:, None]
        bags = {}
        for name, layer in self.layers().items():
            with torch.inference_mode():
                pooled = layer(values, torch.tensor([len(values)]))
            logit = pooled.values.squeeze()
            weights = pooled.attention.numpy()
            bags[name] = PooledBag(float(logit), float(torch.sigmoid(logit)), weights)
        return bags

    def twin(self) -> "Figure":
        """Draw the tiles, and below them the weights and the bag's logit by each pooling."""
        import matplotlib.pyplot as plt

        with figure_style():
            figure, (top, *panels) = plt.subplots(
                1 + len(WORDS), 1, figsize=(8, 5.6), sharex=True, height_ratios=[2.4, 1, 1, 1, 1]
            )
            self._draw_scores(top)
            for axes, (name, bag) in zip(panels, self.results().items()):
                _draw_weights(axes, name, bag)
            panels[-1].set_xlabel("tile")
            panels[-1].set_xticks(range(1, len(self.scores) + 1))
            figure.suptitle(f"One bag, four poolings; sharpness w = {self.sharpness:.1f}")
        return figure

    def _draw_scores(self, axes: "Axes") -> None:
        tiles = np.arange(1, len(self.scores) + 1)
        colours = ["#D55E00" if score >= 0 else "#0072B2" for score in self.scores]
        axes.bar(tiles, self.scores, width=0.64, color=colours)
        axes.axhline(0, color="0.6", linewidth=0.8)
        for tile, score in zip(tiles, self.scores):
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

    def description(self) -> str:
        """Return the scores, and the result of each pooling, in words."""
        n, scores = len(self.scores), ", ".join(f"{score:.1f}" for score in self.scores)
        tiles = "1 tile with the score" if n == 1 else f"{n} tiles with the scores"
        text = f"A bag of {tiles} {scores}; w = {self.sharpness:.1f}."
        for name, bag in self.results().items():
            text += f" {WORDS[name].capitalize()}: {_weights_in_words(bag.weights)}; logit "
            text += f"{bag.logit:.2f}, probability {bag.probability:.2f}."
        return text


def _weights_in_words(weights: np.ndarray) -> str:
    if np.ptp(weights) < 1e-9:
        return f"every tile has weight {weights[0]:.3f}"
    return f"largest weight {weights.max():.3f}, on tile {weights.argmax() + 1}"


def _fill(layer: torch.nn.Module, weight: float, bias: float = 0.0) -> None:
    """Set the one weight of a linear layer from one number to one number, and its bias."""
    with torch.no_grad():
        for name, value in layer.named_parameters():
            value.fill_(weight if name == "weight" else bias)


def _draw_weights(axes: "Axes", name: str, bag: PooledBag) -> None:
    tiles = np.arange(1, len(bag.weights) + 1)
    axes.bar(tiles, bag.weights, width=0.64, color=POOLING_COLOURS[name])
    called = "called tumour" if bag.probability >= 0.5 else "called healthy"
    text = f"logit {bag.logit:.2f}, p = {bag.probability:.2f}\n{called}".replace("-", "−")
    axes.text(1.01, 0.5, text, transform=axes.transAxes, va="center", fontsize=9)
    axes.set(ylim=(0, 1), yticks=[0, 1], ylabel=WORDS[name].replace(" ", "\n"))
