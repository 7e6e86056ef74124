"""Diagrams become part of the page, so that they follow its light and dark colours."""

import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class DiagramsInline(SphinxTransform):
    """Replace each picture ``images/NAME.svg`` by the drawing itself, with the page's alt text."""

    default_priority = 200

    def apply(self) -> None:
        """Look at all pictures of this page."""
        for image in list(self.document.findall(nodes.image)):
            if re.search(r"(^|/)images/\w+\.svg$", image["uri"]):
                path = Path(self.env.relfn2path(image["uri"], self.env.docname)[1])
                drawing = inline(path.read_text(encoding="utf-8"), image.get("alt", ""))
                image.replace_self(nodes.raw("", drawing, format="html"))


def inline(svg: str, alt: str) -> str:
    """Return a drawing for a page: described by ``alt``, sized by the style sheet."""
    svg = re.sub(r"<title>.*?</title>\n", "", svg, flags=re.DOTALL)  # would pop up as a tooltip
    svg = re.sub(r' width="[\d.]+" height="[\d.]+" role', " role", svg, count=1)
    svg = re.sub(r'aria-label="[^"]*"', lambda _: f'aria-label="{escape(alt)}"', svg, count=1)
    return f'<span class="diagram">{svg}</span>'


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_transform(DiagramsInline)
