"""What the course is about in numbers: sentences made from the recorded results."""

from diagrams.starts import POOLINGS
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from mil_tutorial.experiment.records import load_recorded
from mil_tutorial.system.paths import data_dir

SIGN = str.maketrans("-", "−")


def sentence(name: str) -> str:
    """Return the mean test AUC of each pooling, and how far the gate is ahead of max pooling."""
    record = load_recorded(name)
    aucs = {row["pooling"]: f"{row['auc']:.2f}" for row in record["rows"]}
    listed = ", ".join(f"{pooling} {aucs[pooling]}" for pooling in POOLINGS)
    (pair,) = (
        row for row in record["paired"] if (row["pooling"], row["against"]) == ("gated", "max")
    )
    ends = f"[{pair['auc_low']:+.2f}, {pair['auc_high']:+.2f}]"
    ahead = f"{pair['auc']:+.2f} {ends}".translate(SIGN)
    starts, slides = len(record["seeds"]), record["data"]["test_bags"]
    return (
        f"Mean test AUC over {starts} starts on {slides} slides: {listed}. Gated attention minus "
        f"max: {ahead}, a 95 % interval over patients and starts."
    )


class Evidence(SphinxDirective):
    """``{evidence} slides-hard``: the sentence of a record."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return a paragraph."""
        self.env.note_dependency(str(data_dir() / "results" / f"{self.arguments[0]}.json"))
        box = nodes.container(classes=["evidence"])
        lines = StringList([sentence(self.arguments[0])])
        self.state.nested_parse(lines, self.content_offset, box)
        return [box]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_directive("evidence", Evidence)
