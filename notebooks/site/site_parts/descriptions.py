"""Each page says in its head what it is about, in the words of its first paragraph."""

import html
import textwrap
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx

LENGTH = 160  # characters that search engines show


def describe(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None
) -> None:
    """Add ``<meta name="description">`` to a page that has none."""
    tags = context.get("metatags", "")
    if doctree is None or 'name="description"' in tags:
        return
    text = first_paragraph(doctree) or app.config.html_title
    short = html.escape(textwrap.shorten(text, LENGTH, placeholder=" …"))
    context["metatags"] = f'{tags}\n<meta name="description" content="{short}" />'


def first_paragraph(doctree: nodes.document) -> str:
    """Return the first paragraph of text that is not a row of buttons."""
    for paragraph in doctree.findall(nodes.paragraph):
        text = isinstance(paragraph.parent, nodes.section) and paragraph.astext().strip()
        if text and "start-buttons" not in paragraph["classes"]:
            return text
    return ""


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("html-page-context", describe)
