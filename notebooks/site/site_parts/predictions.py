"""Where a page asks for a prediction, the output of the next cell is folded."""

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from tools.folds import asks
from tools.widget_state import VIEW

from site_parts.exercises import is_code_cell


class FoldedOutputs(SphinxTransform):
    """Ask myst-nb to hide such an output, unless it is a widget, which has to be drawn."""

    default_priority = 200

    def apply(self) -> None:
        """Look at the paragraph before each code cell."""
        for cell in list(self.document.findall(is_code_cell)):
            before = cell.previous_sibling()
            if not isinstance(before, nodes.paragraph) or not asks(before.rawsource):
                continue
            if not any(node.get("mime_type") == VIEW for node in cell.findall(nodes.container)):
                folded = "input+output" if cell.get("hide_mode") == "input" else "output"
                cell["hide_mode"] = folded
                cell["prompt_show"] = "Show what it gives"
                cell["prompt_hide"] = "Hide what it gives"


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_transform(FoldedOutputs)
