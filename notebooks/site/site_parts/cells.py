"""Code cells as targets of links: ``05_attention.ipynb#cell-sigmoid-train-run``."""

from pathlib import Path

import nbformat
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform

from site_parts.exercises import is_code_cell


class CellTargets(SphinxTransform):
    """Give each code cell of a notebook an anchor, named by its id, that links can refer to."""

    default_priority = 200

    def apply(self) -> None:
        """Look at all code cells of this page."""
        path = Path(self.env.doc2path(self.env.docname))
        if path.suffix != ".ipynb":
            return
        cells = nbformat.read(path, as_version=4).cells
        slugs = self.env.metadata[self.env.docname].setdefault("myst_slugs", {})
        for box in self.document.findall(is_code_cell):
            name = f"cell-{cells[box['cell_index']].id}"
            box["ids"].append(name)
            slugs[name] = (box.line, name, name)


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_transform(CellTargets)
