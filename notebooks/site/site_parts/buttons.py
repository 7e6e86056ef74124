"""Badges are pictures from other hosts: the site shows text buttons instead."""

from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from site_parts.links import on_github


class BadgesToButtons(SphinxTransform):
    """Replace each badge; add a button for the solved edition of a chapter."""

    default_priority = 200

    def apply(self) -> None:
        """Look at all linked pictures from other hosts."""
        rows = []
        for image in list(self.document.findall(nodes.image)):
            if image["uri"].startswith("https:") and isinstance(image.parent, nodes.reference):
                link = image.parent
                link["classes"].append("start-button")
                if link.parent not in rows:
                    rows.append(link.parent)
                image.replace_self(nodes.Text(image["alt"]))
        for row in rows:
            row["classes"].append("start-buttons")
        solved = Path(self.env.srcdir) / "solutions" / f"{self.env.docname}.ipynb"
        if rows and solved.is_file():
            button = nodes.reference("", "Solved edition", refuri=on_github(solved))
            button["classes"].append("start-button")
            rows[0] += [nodes.Text(" "), button]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_transform(BadgesToButtons)
