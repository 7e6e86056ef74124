"""The MIL playground: bags of points in the plane, and models that are trained in the browser."""

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from mil_tutorial.pictures.style import figure_style
from mil_tutorial.system.numbers import as_integer, as_number
from mil_tutorial.widgets.base import Explanation, script
from mil_tutorial.widgets.mil_playground_bags import (
    LOOKALIKE,
    PARTNER,
    WITNESS,
    PointBag,
    point_bags,
)
from mil_tutorial.widgets.mil_playground_presets import CHOICES, DEFAULTS, NUMBERS, PRESETS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SITE = "https://mil-tutorial.github.io/mil-tutorial/index.html"
MARKERS = {0: "o", WITNESS: "D", PARTNER: "^", LOOKALIKE: "s"}
KINDS = {0: "ordinary", WITNESS: "witness", PARTNER: "second kind", LOOKALIKE: "look-alike"}
COLOURS = {0: "#0072B2", 1: "#D55E00"}


class MILPlayground(Explanation):
    """Bags of points in the plane, and ten starts of a model that is trained in the browser.

    Only bags have labels. A positive bag holds witnesses, a negative one does not. Choose the
    data, the pooling and what to break, press Train, and watch the plane by instance score or by
    attention, unseen bags by probability, loss, AUC, attention entropy, and the ten starts side
    by side. The arithmetic is that of the package's models in float64 (embedding of 8 units,
    attention of 8, Adam with a rate of 0.02, 10 bags a step). No kernel is needed.

    On a web site the address holds the settings after a change, and a page that is opened with
    such an address starts with them; in a notebook "Copy link" gives an address of the site.

    Parameters
    ----------
    preset : str
        A situation with a question: ``lost-starts``, ``mean-wins``, ``gate``, ``sigmoid`` or
        ``padding``.
    settings
        What differs from the preset: ``data`` (``cluster``, ``ring``, ``pair``, ``size``),
        ``pooling`` (``max``, ``mean``, ``attention``, ``gated``), ``witnesses`` and
        ``lookalikes`` (per cent of a bag's points), ``size`` (mean points of a bag), ``bags``
        (to train on), ``noise`` (added spread), ``squashed`` (a sigmoid before the softmax),
        ``unmasked`` (padding takes part), ``seed``.

    Attributes
    ----------
    settings : dict
        All settings; the browser changes it, and a new dict can be assigned.

    Raises
    ------
    ValueError
        For an unknown preset or setting, or a value that cannot be shown.
    """

    _esm = script(
        "mil_playground_model.js",
        "mil_playground_data.js",
        "mil_playground_training.js",
        "mil_playground_plots.js",
        "mil_playground_starts.js",
        "mil_playground_controls.js",
        "mil_playground_link.js",
        "mil_playground.js",
    )
    _css = Explanation._css + files("mil_tutorial.widgets").joinpath(
        "static", "mil_playground.css"
    ).read_text("utf-8")

    preset = traitlets.Unicode().tag(sync=True)
    settings = traitlets.Dict().tag(sync=True)
    presets = traitlets.Dict(PRESETS, read_only=True).tag(sync=True)
    defaults = traitlets.Dict(DEFAULTS, read_only=True).tag(sync=True)
    limits = traitlets.Dict({"choices": CHOICES, "numbers": NUMBERS}, read_only=True).tag(sync=True)
    site = traitlets.Unicode(SITE, read_only=True).tag(sync=True)

    def __init__(self, preset: str = "lost-starts", **settings: Any) -> None:
        if preset not in PRESETS:
            raise ValueError(f"unknown preset {preset!r}; choose from {', '.join(PRESETS)}")
        start = DEFAULTS | PRESETS[preset]["settings"] | settings
        super().__init__(preset=preset, settings=start)

    @traitlets.validate("settings")
    def _check_settings(self, proposal: Any) -> dict[str, Any]:
        settings = DEFAULTS | proposal["value"]
        for name, value in settings.items():
            if name not in DEFAULTS:
                raise ValueError(f"unknown setting {name!r}; choose from {', '.join(DEFAULTS)}")
            if name in CHOICES and value not in CHOICES[name]:
                raise ValueError(f"{name} is {value!r}; choose from {', '.join(CHOICES[name])}")
            if name in NUMBERS:
                low, high, step = NUMBERS[name]
                number = as_number(value, name) if step < 1 else as_integer(value, name, 0)
                if not low <= number <= high:
                    raise ValueError(f"{name} is {value}, expected {low} to {high}")
        return settings

    def bags(self) -> tuple[list[PointBag], list[PointBag]]:
        """Return the bags that the browser trains on, and those it keeps aside."""
        return point_bags(self.settings)

    def twin(self) -> "Figure":
        """Draw the training bags: all points by the bag's label, and one bag of each label."""
        import matplotlib.pyplot as plt

        train, _ = self.bags()
        with figure_style():
            figure, panels = plt.subplots(1, 3, figsize=(9, 3.4), sharex=True, sharey=True)
            for label in (1, 0):
                points = np.concatenate([bag.points for bag in train if bag.label == label])
                panels[0].scatter(*points.T, s=4, alpha=0.5, color=COLOURS[label], linewidths=0)
            panels[0].set_title(f"Points of {len(train)} bags")
            for axes, label, word in zip(panels[1:], (1, 0), ("positive", "negative")):
                _draw_bag(axes, next(bag for bag in train if bag.label == label))
                axes.set_title(f"A {word} bag")
            panels[0].set(xlim=(-4, 4), ylim=(-4, 4), aspect="equal")
            handles, names = _legend(train)
            figure.legend(handles, names, loc="outside lower center", ncols=len(names))
        return figure

    def description(self) -> str:
        """Return the situation in words."""
        s, (train, _) = self.settings, self.bags()
        sizes = [len(bag.points) for bag in train]
        shares = [np.isin(bag.kinds, (WITNESS, PARTNER)).mean() for bag in train if bag.label]
        text = (
            f"MIL playground: {len(train)} bags of {min(sizes)} to {max(sizes)} points in the "
            f"plane, half of them positive; data set {s['data']}, pooling {s['pooling']}. "
            f"Witnesses are {100 * np.mean(shares):.0f} % of the points of a positive bag, "
            f"look-alikes {s['lookalikes']} % of every bag. "
        )
        return text + (PRESETS[self.preset]["question"] if self.preset in PRESETS else "").strip()


def _draw_bag(axes: "Axes", bag: PointBag) -> None:
    for kind, marker in MARKERS.items():
        x, y = bag.points[bag.kinds == kind].T
        axes.scatter(x, y, s=30, marker=marker, color=COLOURS[bag.label], edgecolors="white")


def _legend(bags: list[PointBag]) -> tuple[list[Any], list[str]]:
    """Return handles and names of the kinds of points that occur."""
    from matplotlib.lines import Line2D

    present = sorted(set(np.concatenate([bag.kinds for bag in bags]).tolist()))
    options: dict[str, Any] = {"linestyle": "", "color": "0.4"}
    return (
        [Line2D([], [], marker=MARKERS[kind], **options) for kind in present],
        [KINDS[kind] for kind in present],
    )
