"""The self-test: questions whose wrong answers name the chapter to read.

Each answer is a fold, so the page works without scripts; ``self_test.js`` counts the first answer
to each question and lists the chapters.
"""

import html
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from tools.chapters import Chapter, read_chapters, read_yaml
from tools.pages import LETTERS

SOURCE = Path(__file__).parents[1] / "self_test.yaml"
UNKNOWN = "I do not know."
Question = dict[str, Any]


def read_self_test(path: Path = SOURCE) -> list[Question]:
    """Read the questions: each has a chapter, a text and options, one of which is right.

    Raises
    ------
    ValueError
        When a question lacks a part, or has other than one right option.
    """
    questions: list[Question] = read_yaml(path, list)
    for question in questions:
        if set(question) != {"chapter", "question", "options"}:
            raise ValueError(f"{path.name}: {question} needs chapter, question, options")
        if sum(bool(option.get("right")) for option in question["options"]) != 1:
            raise ValueError(f"{path.name}: {question['question']!r} needs one right option")
    return questions


def markdown(questions: list[Question], chapters: list[Chapter], root: str) -> list[str]:
    """Return the questions as Markdown; ``root`` leads from the page to that of the site."""
    known = {chapter.number: chapter for chapter in chapters}
    lines = []
    for number, question in enumerate(questions, 1):
        chapter = known[question["chapter"]]
        link = f"[{chapter.number}. {chapter.title}](/{chapter.stem}.ipynb)"
        lines += [
            f'<div class="self-test-question" data-chapter="{chapter.number}" '
            f'data-title="{html.escape(f"{chapter.number}. {chapter.title}")}" '
            f'data-page="{root}{chapter.stem}.html">',
            "",
            f"**{number}. {question['question']}**",
            "",
        ]
        unknown = {"text": UNKNOWN, "feedback": "Good to know."}
        for letter, option in zip(LETTERS, [*question["options"], unknown]):
            right = bool(option.get("right"))
            text = option["feedback"] if right else f"{option['feedback']} Read {link}."
            lines += [
                f"<details{' data-right' if right else ''}>"
                f"<summary>{letter}. {_as_html(option['text'])}</summary>",
                "",
                text if option is unknown else f"{'✓ Right.' if right else '✗ No.'} {text}",
                "",
                "</details>",
            ]
        lines += ["</div>", ""]
    return lines


def _as_html(text: str) -> str:
    """Markdown is not read inside HTML: turn back-ticks into code by hand."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text, quote=False))


class SelfTest(SphinxDirective):
    """All questions, and a place for the result."""

    def run(self) -> list[nodes.Node]:
        """Return the questions in a box."""
        self.env.note_dependency(str(SOURCE))
        chapters = read_chapters(Path(self.env.srcdir))
        root = "../" * self.env.docname.count("/")
        box = nodes.container(classes=["self-test"])
        lines = StringList(markdown(read_self_test(), chapters, root))
        self.state.nested_parse(lines, self.content_offset, box)
        return [box]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_directive("self-test", SelfTest)
