"""A widget on a page that is no notebook, made while the site is built: ``{live-widget} NAME``.

Like the widgets of notebooks it has its state and its view in the page, ``widgets.js`` draws it,
and browsers without scripts show its static twin.
"""

import base64
import functools
import html
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from sphinx.util.images import get_image_size
from tools.widget_state import STATE, VIEW

import mil_tutorial.widgets
from mil_tutorial.widgets.base import Explanation

FOLDER = Path(mil_tutorial.widgets.__file__).parent


def find_the_tumour() -> Explanation:
    """Return the game with the validation slide of the median witness rate and a trained model."""
    from mil_tutorial import TILE, load_slides, load_trained_model, predict, slide_image
    from mil_tutorial.cli.demo import typical_positive
    from mil_tutorial.widgets import FindTheTumour, slide_views

    _, val, _ = load_slides("slides")
    slide = val.subset([typical_positive(val)])
    predictions = predict(load_trained_model(), slide)
    return FindTheTumour(slide_views(slide, predictions, image_of=slide_image, tile_size=TILE))


def mil_playground() -> Explanation:
    """Return the playground where max pooling finds the tumour from some starts only."""
    from mil_tutorial.widgets import MILPlayground

    return MILPlayground(preset="lost-starts")


WIDGETS: dict[str, Callable[[], Explanation]] = {
    "find-the-tumour": find_the_tumour,
    "mil-playground": mil_playground,
}


@functools.cache
def stored(name: str) -> tuple[dict[str, Any], bytes, str]:
    """Make a widget; return its state for the page, its twin as PNG, and the twin in words."""
    widget = WIDGETS[name]()
    model = widget._get_embed_state()
    model["state"].pop("layout")  # is a widget of its own, which the page does without
    data, _ = widget._repr_mimebundle_()
    widget.close()
    return model, base64.b64decode(data["image/png"]), data["text/plain"]


class LiveWidget(SphinxDirective):
    """Put a widget of ``WIDGETS`` on the page."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a box with the state, the view, and the twin for browsers without scripts."""
        name = self.arguments[0]
        if name not in WIDGETS:
            raise self.error(f"there is no live widget {name!r}; there are {', '.join(WIDGETS)}")
        for source in FOLDER.rglob("*"):
            if source.suffix in (".py", ".js", ".css"):
                self.env.note_dependency(str(source))
        model, png, words = stored(name)
        box = nodes.container(classes=["live-widget"])
        box += _script(STATE, {"version_major": 2, "version_minor": 0, "state": {name: model}})
        box += _script(VIEW, {"version_major": 2, "version_minor": 0, "model_id": name})
        box += nodes.raw("", "<noscript>", format="html")
        box += self._picture(name, png, words)
        box += nodes.raw("", "</noscript>", format="html")
        return [box]

    def _picture(self, name: str, png: bytes, words: str) -> nodes.image:
        file = Path(self.env.doctreedir) / "live_widgets" / f"{name}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(png)
        width, height = get_image_size(file)
        size = {"width": str(width), "height": str(height)}
        return nodes.image(uri="/" + os.path.relpath(file, self.env.srcdir), alt=words, **size)


def _script(kind: str, content: dict[str, Any]) -> nodes.raw:
    text = json.dumps(content, sort_keys=True).replace("<", "\\u003c")  # ends no script early
    return nodes.raw("", f'<script type="{html.escape(kind)}">{text}</script>', format="html")


def add_script(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Give a page with live widgets the script that draws them."""
    boxes = doctree.findall(nodes.container) if doctree else ()
    if any("live-widget" in box["classes"] for box in boxes):
        app.add_js_file("widgets.js", type="module")


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_directive("live-widget", LiveWidget)
    app.connect("html-page-context", add_script)
