"""What all widgets share: scripts put together from files, a static twin, and turns.

The twin is a plain picture with a description for readers without a running widget: in an untrusted
notebook, on GitHub, in a PDF, in continuous integration.
"""

from importlib.resources import files
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from mil_tutorial.pictures.display import picture

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def script(*names: str) -> str:
    """Return the JavaScript of a widget: the shared parts, then the named files.

    Parameters
    ----------
    names : str
        Files in ``static/``. The last one exports ``render``; the others define its parts.
    """
    return "\n".join(_static(name) for name in ("parts.js", *names))


def _static(name: str) -> str:
    return files("mil_tutorial.widgets").joinpath("static", name).read_text(encoding="utf-8")


class Explanation(anywidget.AnyWidget):
    """A widget that explains something, with a static twin.

    A subclass sets ``_esm = script("its_own.js")`` and writes ``twin`` and ``description``.
    """

    _css = _static("widgets.css")

    def twin(self) -> "Figure":
        """Draw the present state of the widget as a figure."""
        raise NotImplementedError

    def description(self) -> str:
        """Return the twin in words, for those who cannot see it."""
        raise NotImplementedError

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict, dict]:
        bundle = super()._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        assert data is not None  # as the view has a name
        return data | picture(self.twin(), self.description()), metadata


BOUND = {
    "sync": True,
    "bound": True,
    "to_json": lambda value, widget: {"turn": widget.turn, "value": value},
    "from_json": lambda sent, widget: sent["value"],
}
"""Tags of a trait that travels with the turn that it holds for; ``turn.js`` is the page's side."""


class TakingTurns(Explanation):
    """A widget whose page and kernel both change the same values.

    A change on the page can arrive after the kernel has made it void, because messages travel and
    a busy kernel lets them wait. Whoever makes values void, kernel or page, begins a new ``turn``;
    ``BOUND`` values of another turn are then ignored.

    Attributes
    ----------
    turn : int
        Increased in one message with all that is new in the turn.
    """

    turn = traitlets.Int(0).tag(sync=True)

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take the page's changes, except those of another turn."""
        bound, turn = self.trait_names(bound=True), sync_data.get("turn", self.turn)
        super().set_state(
            {
                name: value
                for name, value in sync_data.items()
                if name not in bound or value["turn"] == turn
            }
        )
