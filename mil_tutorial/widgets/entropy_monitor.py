"""Curves of a training while it runs: loss, entropy of the attention, effective instances, AUC."""

import math
from collections.abc import Callable
from dataclasses import asdict
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import traitlets

from mil_tutorial.pictures.style import figure_style
from mil_tutorial.training.history import EpochRecord
from mil_tutorial.widgets.base import Explanation, script

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


PANELS = {
    "loss": "Loss",
    "entropy": "Attention entropy, normalised",
    "instances": "Effective instances",
    "auc": "AUC",
}
LINES: dict[str, dict[str, dict[str, Any]]] = {
    "loss": {
        "train_loss": {"label": "training", "color": "0.45", "linestyle": "--"},
        "val_loss": {"label": "validation", "color": "k"},
    },
    "entropy": {"val_attention_entropy": {"label": "all", "color": "k"}},
    "instances": {"val_effective_instances": {"label": "all", "color": "k"}},
    "auc": {"val_auc": {"label": "validation", "color": "k"}},
}
APART: dict[str, dict[str, Any]] = {
    "val_entropy_positive": {"label": "positives", "color": "#D55E00", "dashes": (5, 1.5)},
    "val_entropy_negative": {"label": "negatives", "color": "#0072B2", "dashes": (1, 1.5)},
}


class EntropyMonitor(Explanation):
    """Live curves of a training; pass it to ``fit`` as ``on_epoch``.

    >>> with EntropyMonitor(epochs=30) as monitor:  # doctest: +SKIP
    ...     fit(model, train, val, config, on_epoch=monitor, progress=False)

    Entering the block shows the curves; each epoch sends one message with its own record; leaving
    it, also by an error, stores the finished picture in the notebook. Two zones of the entropy are
    marked, as rules of thumb: attention that has collapsed, and attention that is uniform.

    Reading an epoch (pointer, slider, arrow keys) and choosing charts happen in the browser and
    need no answer from the kernel, which is busy training. A record whose epoch does not come
    after the last one begins a new run.

    Parameters
    ----------
    epochs : int
        The most that the training can have: the width of the charts.
    collapsed, uniform : float
        Borders of the zones, of the normalised entropy, 0 ≤ collapsed < uniform ≤ 1.

    Attributes
    ----------
    records : list of dict
        One dict an epoch, by the fields of ``EpochRecord``.
    epoch : int
        The epoch read by the learner; -1 for the newest.
    panels : list of str
        Which charts are shown, of "loss", "entropy", "instances" and "auc".
    apart : bool
        Whether positives and negatives have entropy curves of their own.
    status : {"waiting", "running", "finished", "stopped"}

    Raises
    ------
    ValueError
        When ``epochs`` is not a positive whole number, or the zones overlap.
    """

    _esm = script("svg.js", "line_panel.js", "entropy_monitor.js")

    epochs = traitlets.Int().tag(sync=True)
    collapsed = traitlets.Float().tag(sync=True)
    uniform = traitlets.Float().tag(sync=True)
    records = traitlets.List(traitlets.Dict()).tag(sync=True)
    epoch = traitlets.Int(-1).tag(sync=True)
    panels = traitlets.List(traitlets.Enum(list(PANELS)), list(PANELS)).tag(sync=True)
    apart = traitlets.Bool(True).tag(sync=True)
    status = traitlets.Unicode("waiting").tag(sync=True)

    def __init__(self, epochs: int, *, collapsed: float = 0.1, uniform: float = 0.95) -> None:
        if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
            raise ValueError(f"epochs must be a positive whole number, got {epochs!r}")
        if not 0 <= collapsed < uniform <= 1:
            raise ValueError(
                f"zones must be 0 ≤ collapsed < uniform ≤ 1, got {collapsed} and {uniform}"
            )
        super().__init__(epochs=epochs, collapsed=collapsed, uniform=uniform)
        self._update_display: Callable[[Any], None] | None = None

    def __call__(self, record: EpochRecord) -> None:
        """Add an epoch: the page gets this record alone."""
        row: dict[str, Any] = {  # JSON knows no NaN
            name: None if math.isnan(value) else value for name, value in asdict(record).items()
        }
        del row["seconds"]  # differs in each run
        if self.records and row["epoch"] <= self.records[-1]["epoch"]:
            self.records.clear()
        self.records.append(row)  # in place: an assignment would send the whole list
        if self.status != "running":
            self.status = "running"
        self.send({"record": row})
        if row["epoch"] + 1 >= self.epochs:
            self._finish("finished")

    def __enter__(self) -> "EntropyMonitor":
        from IPython.core.getipython import get_ipython
        from IPython.display import display

        if get_ipython() is not None:  # a script has nowhere to show it
            self._update_display = display(self, display_id=True).update
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self._finish("finished" if kind is None else "stopped")
        if self._update_display is not None:
            self._update_display(self)

    def _finish(self, status: str) -> None:
        """Store all records with the page, which has received them as messages only."""
        self.send_state("records")
        self.status = status

    def twin(self) -> "Figure":
        """Draw the curves of the chosen charts."""
        import matplotlib.pyplot as plt

        shown = [name for name in PANELS if name in self.panels]
        rows, columns = (len(shown) + 1) // 2, min(len(shown), 2)
        with figure_style():
            if not shown:
                return plt.figure(figsize=(4, 0.6))
            size = (8 if columns == 2 else 4.4, 2.7 * rows)
            figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False)
            for name, axes in zip(shown, grid.flat):
                self._draw_lines(axes, name)
                getattr(self, f"_finish_{name}")(axes)
            for axes in grid.flat[len(shown) :]:
                axes.set_visible(False)
        return figure

    def _draw_lines(self, axes: "Axes", name: str) -> None:
        lines = LINES[name] | (APART if name == "entropy" and self.apart else {})
        epochs = [row["epoch"] for row in self.records]
        for column, style in lines.items():
            values = [row[column] for row in self.records]
            axes.plot(epochs, np.array(values, dtype=float), **style)
        last = max([self.epochs - 1, *epochs])
        axes.set(title=PANELS[name], xlabel="epoch", xlim=(0, max(last, 1)))
        axes.locator_params(axis="x", integer=True)
        if self.epoch >= 0:  # the epoch read by the learner
            axes.axvline(self.epoch, color="0.6", linewidth=0.8)

    def _finish_loss(self, axes: "Axes") -> None:
        axes.set_ylim(0, None if self.records else 1)
        if self.records:
            best = min(self.records, key=lambda row: row["val_loss"])
            ring: dict[str, Any] = {"markersize": 9, "markerfacecolor": "none", "color": "#009E73"}
            axes.plot(best["epoch"], best["val_loss"], "o", label="lowest", **ring)
        axes.legend(fontsize=8)

    def _finish_entropy(self, axes: "Axes") -> None:
        axes.set_ylim(0, 1)
        axes.axhspan(0, self.collapsed, color="#D55E00", alpha=0.15, linewidth=0)
        axes.axhspan(self.uniform, 1, color="#D55E00", alpha=0.15, linewidth=0)
        place: dict[str, Any] = {"transform": axes.get_yaxis_transform(), "ha": "right"}
        place |= {"fontsize": 8, "color": "0.35"}
        axes.text(0.98, self.collapsed, "collapsed", va="bottom", **place)
        axes.text(0.98, self.uniform, "uniform", va="top", **place)
        axes.legend(fontsize=8, loc="upper right", bbox_to_anchor=(1, 0.93))

    def _finish_instances(self, axes: "Axes") -> None:
        most = [row["val_effective_instances"] or 1 for row in self.records]
        axes.set(yscale="log", ylim=(1, 1.1 * max([10, *most])))
        axes.yaxis.set_major_formatter("{x:g}")

    def _finish_auc(self, axes: "Axes") -> None:
        values = [row["val_auc"] for row in self.records if row["val_auc"] is not None]
        axes.set_ylim(min([0.4, *values]), 1.01)

    def description(self) -> str:
        """Return the numbers of the last epoch and the lowest validation loss, in words."""
        if not self.records:
            return "Charts of a training run by epoch; no epoch has been recorded yet."
        last, best = self.records[-1], min(self.records, key=lambda row: row["val_loss"])
        names = {
            "val_attention_entropy": "normalised attention entropy",
            "val_entropy_positive": "of positives",
            "val_entropy_negative": "of negatives",
            "val_effective_instances": "effective instances",
            "val_auc": "AUC",
        }
        values = [
            f"{text} {last[name]:.3g}" for name, text in names.items() if last[name] is not None
        ]
        return (
            f"Charts of a training by epoch, {last['epoch'] + 1} of {self.epochs} epochs. In the "
            f"last one: training loss {last['train_loss']:.3g}, validation loss "
            f"{last['val_loss']:.3g}, {', '.join(values)}; {self._zone(last)}. The lowest "
            f"validation loss is {best['val_loss']:.3g}, in epoch {best['epoch']}."
        )

    def _zone(self, row: dict[str, Any]) -> str:
        entropy = row["val_attention_entropy"]
        if entropy is None:
            return "the entropy is unknown"
        if entropy < self.collapsed:
            return "the entropy lies in the zone of collapsed attention"
        if entropy > self.uniform:
            return "the entropy lies in the zone of uniform attention"
        return "the entropy lies between the zones of collapsed and uniform attention"
