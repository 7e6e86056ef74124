"""Scripts and style sheets that one page needs alone, so that others do not load them."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

SCRIPTS = {"site/self_test": "self_test.js"}
STYLES = {"site/cheat_sheet": "cheat_sheet.css"}


def add_files(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add what the page needs; Sphinx forgets it with the next page."""
    if page in SCRIPTS:
        app.add_js_file(SCRIPTS[page], defer="defer")
    if page in STYLES:
        app.add_css_file(STYLES[page])


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("html-page-context", add_files)
