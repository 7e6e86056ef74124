"""Pictures of notebooks with their descriptions, and static twins where a widget cannot run."""

import html
import json
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from myst_nb.sphinx_ import NbMetadataCollector
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.images import get_image_size
from tools.widget_state import VIEW


class TwinsOfWidgets(SphinxPostTransform):
    """Prepare outputs that hold a picture, before myst-nb chooses one kind of each output.

    The description is kept in the output's HTML. Of HTML, picture and widget the site shows the
    widget if the page has its state, with the picture for browsers without scripts; else the
    picture.
    """

    default_priority = 3

    def run(self, **options: Any) -> None:
        """Look at all outputs of this page."""
        models = self._models()
        for output in list(self.document.findall(_is_output)):
            kinds = {kind["mime_type"]: kind for kind in output.children}
            if "image/png" not in kinds:
                continue
            (image,) = kinds["image/png"].findall(nodes.image)
            image["loading"] = "lazy"
            self._reserve_place(image)
            if "text/html" in kinds:
                image["alt"] = _alt(kinds["text/html"].astext())
                output.remove(kinds["text/html"])
            widget = kinds.get(VIEW)
            if widget is None:
                continue
            if any(model in widget.astext() for model in models):
                widget.insert(0, nodes.raw("", "<noscript>", format="html"))
                widget.insert(1, image.deepcopy())
                widget.insert(2, nodes.raw("", "</noscript>", format="html"))
            else:
                output.remove(widget)

    def _reserve_place(self, image: nodes.image) -> None:
        """Give the picture its size, so that nothing moves when it arrives."""
        width, height = get_image_size(Path(self.env.srcdir) / image["uri"])
        image["width"], image["height"] = str(width), str(height)

    def _models(self) -> list[str]:
        """Return the ids of the widgets whose state the page has and widgets.js can draw."""
        scripts = NbMetadataCollector.get_js_files(self.env, self.env.docname)
        _, stored = scripts.get("ipywidgets_state", (None, {"body": '{"state": {}}'}))
        models = json.loads(stored["body"])["state"].items()
        return [name for name, model in models if model["model_module"] == "anywidget"]


def _is_output(node: nodes.Node) -> bool:
    return isinstance(node, nodes.container) and node.get("nb_element") == "mime_bundle"


def _alt(source: str) -> str:
    match = re.search(r'<img alt="([^"]*)"', source)
    return html.unescape(match[1]) if match else ""


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_post_transform(TwinsOfWidgets)
