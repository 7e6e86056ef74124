"""The site shows an exercise's hints and solution in folds, as no check runs there.

A verdict "not attempted yet" is left out. One on a planted bug names the bug,
so it folds too.
"""

import json
import re

from docutils import nodes
from docutils.core import publish_doctree
from myst_parser.parsers.docutils_ import Parser
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from tools.exercises import FILE

CALL = re.compile(r"^check_(\w+)\(", re.MULTILINE)
LEAD = "The check runs in a notebook. Hints and a solution are here:"


class HintsAndSolutions(SphinxTransform):
    """Put folds below each cell that calls a check."""

    default_priority = 200

    def apply(self) -> None:
        """Look at all code cells of this page."""
        texts = json.loads(FILE.read_text(encoding="utf-8"))
        for cell in list(self.document.findall(is_code_cell)):
            call = CALL.search(cell.children[0].astext())
            if call is None or call[1] not in texts:  # the package has a check_groups, too
                continue
            self.env.note_dependency(str(FILE))
            cell["classes"].append("check")
            verdict = cell.pop() if cell.children[-1].astext().startswith(("○", "✗")) else None
            box = _box(**texts[call[1]])
            if verdict is not None and verdict.astext().startswith("✗"):
                box[1:1] = _fold("What the check says of the code above", [verdict])
            cell.parent.insert(cell.parent.index(cell) + 1, box)


def is_code_cell(node: nodes.Node) -> bool:
    """Return True if a node is a code cell of a notebook, with its outputs."""
    return isinstance(node, nodes.container) and node.get("nb_element") == "cell_code"


def _box(hints: list[str], solution: str) -> nodes.container:
    box = nodes.container("", nodes.paragraph("", LEAD), classes=["hints"])
    for number, hint in enumerate(hints, 1):
        document = publish_doctree(hint, parser=Parser())
        box += _fold(f"Hint {number}", document.children)
    code = nodes.literal_block(solution, solution, language="python")
    box += _fold("Solution", [code])
    return box


def _fold(summary: str, content: list[nodes.Node]) -> list[nodes.Node]:
    before = nodes.raw("", f"<details><summary>{summary}</summary>", format="html")
    return [before, *content, nodes.raw("", "</details>", format="html")]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_transform(HintsAndSolutions)
