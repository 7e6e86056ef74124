"""The theme's icons come from its fonts; the script that would draw them again is left out.

That script is 1.6 MB, a third of a chapter's weight, and only needed for icons that users add.
"""

import re
from typing import Any

from docutils import nodes
from markupsafe import Markup
from sphinx.application import Sphinx

SCRIPT = re.compile(r"<script[^>]*/fontawesome[^>]*\.js[^>]*></script>")


def without_icon_script(head: str) -> Markup:
    """Return part of a page's head without that script."""
    return Markup(SCRIPT.sub("", head))


def offer(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Let the template call it."""
    context["without_icon_script"] = without_icon_script


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("html-page-context", offer)
