"""Rules for folds: every answer is folded, so that readers can think first.

A fold is ``<details><summary>…</summary>``, a blank line, Markdown, a blank line, ``</details>``.
"""

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from tools.chapters import Chapter, exercise_name

FOLD = re.compile(r"<details>.*?</details>", re.DOTALL)
LABEL = re.compile(r"<details><summary>[^\n]*?</summary>|</details>")
UNREAD = re.compile(r"<details><summary>[^\n]*</summary>\n(?!\n)|(?<!\n)\n</details>")
CODE = re.compile("`[^`]+`")
BEFORE = re.compile(r"\b([Bb]efore you (look|run)|[Gg]uess|[Pp]redict)\b")


def asks(paragraph: str) -> bool:
    """Return True if a paragraph asks for a prediction, which the next output answers."""
    words = CODE.sub("", paragraph)
    return "?" in words and BEFORE.search(words) is not None


def folds(chapter: Chapter) -> Iterator[str]:
    """Every fold has a summary and an end, and its Markdown is read as Markdown."""
    for cell in _markdown(chapter.cells):
        opened = cell.source.count("<details>")
        whole = len(re.findall(r"<details><summary>\S[^\n]*</summary>", cell.source))
        if not opened == whole == cell.source.count("</details>"):
            yield f"cell {cell.id}: write a fold as <details><summary>…</summary>…</details>"
        elif UNREAD.search(cell.source):
            yield f"cell {cell.id}: a fold needs blank lines around its Markdown"


def answers(chapter: Chapter) -> Iterator[str]:
    """Answers are folded: those that are named so, and those to a question before code."""
    for cell in _markdown(chapter.cells):
        if cell.id.endswith(("answer", "answers")) and FOLD.sub("", cell.source).strip():
            yield f"cell {cell.id}: fold the answer, all of it"
    for asked, answered in _questions(chapter.cells):
        if "<details>" not in answered.source:
            yield f"cell {answered.id}: fold the answer to the question of cell {asked.id}"


def _questions(cells: list[NotebookNode]) -> Iterator[tuple[NotebookNode, NotebookNode]]:
    """Yield the cells of text before and after code, where the one before closes with a question.

    Its last paragraph asks. Where the next text opens a section, the output alone answers.
    """
    for place, cell in enumerate(cells[:-1]):
        run = cells[place + 1]
        if cell.cell_type == "markdown" and run.cell_type == "code" and not exercise_name(run):
            last = cell.source.rpartition("\n\n")[2]
            answered = next(_markdown(cells[place + 1 :]), cell)
            output_alone = answered.source.startswith("#")
            if asks(last) or ("?" in CODE.sub("", last) and not output_alone):
                yield cell, answered


def _markdown(cells: list[NotebookNode]) -> Iterator[NotebookNode]:
    return (cell for cell in cells if cell.cell_type == "markdown")
