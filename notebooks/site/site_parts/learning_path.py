"""The landing page's lists of chapters, from the chapters themselves."""

import re
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from machine.chapters import Chapter, read_chapters
from machine.launch import FIRST, badges
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

Lines = list[str]


def path_of(chapters: list[Chapter]) -> Lines:
    """Return a Markdown table: chapter, minutes, what is learnt."""
    rows = [f"| {_link(each)} | {each.data['minutes']} | {learnt(each)} |" for each in chapters]
    return ["| chapter | minutes | you will learn |", "|---|---|---|", *rows]


def learnt(chapter: Chapter) -> str:
    """Return the line "You will learn" of a chapter's first table."""
    return re.search(r"\*\*You will learn\*\* \| (.*?) \|$", chapter.cells[0].source, re.M)[1]


def _link(chapter: Chapter) -> str:
    return f"[{chapter.number}. {chapter.title}]({chapter.stem}.ipynb)"


class FromChapters(SphinxDirective):
    """Write Markdown that follows from the chapters which have been built."""

    def run(self) -> list[nodes.Node]:
        """Return what the Markdown becomes."""
        everything = read_chapters(Path(self.env.srcdir))
        chapters = [chapter for chapter in everything if chapter.path("learner").is_file()]
        box = nodes.container()
        self.state.nested_parse(StringList(self.lines(chapters)), self.content_offset, box)
        return box.children

    def lines(self, chapters: list[Chapter]) -> Lines:
        """Return the Markdown."""
        raise NotImplementedError


class LearningPath(FromChapters):
    """The table of all chapters."""

    def lines(self, chapters: list[Chapter]) -> Lines:
        """Return the table."""
        return path_of(chapters)


class StartButtons(FromChapters):
    """Buttons that open the first chapter in the cloud, or here."""

    def lines(self, chapters: list[Chapter]) -> Lines:
        """Return one line."""
        return [f"{badges(FIRST)} "]


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_directive("learning-path", LearningPath)
    app.add_directive("start-buttons", StartButtons)
