"""The landing page's lists of chapters, from the chapters themselves."""

import re
from collections.abc import Callable
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from tools.chapters import Chapter, read_chapters
from tools.launch import FIRST, badges

Lines = list[str]


def path_of(chapters: list[Chapter]) -> Lines:
    """Return a Markdown table: chapter, minutes, what you will learn."""
    rows = [f"| {_link(each)} | {each.data['minutes']} | {learned(each)} |" for each in chapters]
    return ["| chapter | minutes | you will learn |", "|---|---|---|", *rows]


def buttons_of_first(chapters: list[Chapter]) -> Lines:
    """Return the badges of the first chapter."""
    return [f"{badges(FIRST)} "]


def learned(chapter: Chapter) -> str:
    """Return the line "You will learn" of a chapter's first table."""
    return re.search(r"\*\*You will learn\*\* \| (.*?) \|$", chapter.cells[0].source, re.M)[1]


def _link(chapter: Chapter) -> str:
    return f"[{chapter.number}. {chapter.title}]({chapter.stem}.ipynb)"


class FromChapters(SphinxDirective):
    """Write Markdown that ``lines`` makes of the chapters which have been built."""

    lines: Callable[[list[Chapter]], Lines]

    def run(self) -> list[nodes.Node]:
        """Return what the Markdown becomes, in a box named after the directive."""
        everything = read_chapters(Path(self.env.srcdir))
        chapters = [chapter for chapter in everything if chapter.path("learner").is_file()]
        box = nodes.container(classes=[self.name])
        self.state.nested_parse(StringList(self.lines(chapters)), self.content_offset, box)
        return [box]


class LearningPath(FromChapters):
    """The table of all chapters."""

    lines = staticmethod(path_of)


class StartButtons(FromChapters):
    """Buttons that open the first chapter in the cloud, or here."""

    lines = staticmethod(buttons_of_first)


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_directive("learning-path", LearningPath)
    app.add_directive("start-buttons", StartButtons)
