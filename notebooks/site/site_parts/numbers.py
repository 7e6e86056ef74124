"""Chapters carry their number in their title, and so in all lists of pages."""

import re

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform


class NumberInTitle(SphinxTransform):
    """Put a chapter's number before its title."""

    default_priority = 200

    def apply(self) -> None:
        """Change the first title of a page whose name begins with two digits."""
        number = re.match(r"\d\d(?=_)", self.env.docname)
        title = next(iter(self.document.findall(nodes.title)), None)
        if number and title is not None:
            title.insert(0, nodes.Text(f"{number[0]}. "))


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_transform(NumberInTitle)
