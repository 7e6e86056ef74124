"""A chapter as a deck, from its stored outputs: what to show, where to break, what to say instead.

A section becomes slides, an exercise with its card gets one of its own, and so does every question
of the quiz. Headings, first paragraphs, lists, tables and formulas are shown; what else the text
says becomes the speaker's notes. Checks, the set-up and bare imports stay in the chapter.
"""

import re
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from tools.chapters import Chapter
from tools.deck_height import ROOM, height
from tools.deck_page import export_deck, fetch_scripts

LONGEST_CODE = 12  # lines; longer code opens on a click
WIDGET = "application/vnd.jupyter.widget-view+json"


def write_deck(chapter: Chapter, folder: Path, *, solutions: bool = False) -> Path:
    """Write a chapter's deck into a folder, beside the scripts that it needs."""
    folder.mkdir(parents=True, exist_ok=True)
    fetch_scripts(folder)
    stored = nbformat.read(chapter.path("solutions" if solutions else "learner"), as_version=4)
    path = folder / f"{chapter.stem}{'.solutions' if solutions else ''}.deck.html"
    path.write_text(export_deck(make_deck(stored), chapter.title), encoding="utf-8")
    return path


def make_deck(stored: NotebookNode) -> NotebookNode:
    """Turn a chapter as it is stored into cells with slide breaks."""
    slides = nbformat.v4.new_notebook(metadata={"language_info": {"name": "python"}})
    section = ""
    room = 0.0
    for cell in _shown(stored):
        kind = _kind(cell)
        needed = height(cell)
        if kind == "slide":
            section = cell.source.split("\n")[0].lstrip("# ").replace("`", "")
        if kind == "-" and needed > room:
            where = new_markdown_cell(f'<p class="where">{section}</p>')
            slides.cells.append(_slide(where, "subslide"))
            room = ROOM - height(where)
        elif kind != "-":
            room = ROOM
        room -= needed
        if cell.id.startswith("exercise-"):
            room = 0  # what follows may tell the answer
        notes = cell.metadata.pop("notes", "")
        slides.cells.append(_slide(cell, kind))
        if notes:
            slides.cells.append(_slide(new_markdown_cell(notes), "notes"))
    return slides


def _slide(cell: NotebookNode, kind: str) -> NotebookNode:
    cell.metadata["slideshow"] = {"slide_type": kind}
    return cell


def _kind(cell: NotebookNode) -> str:
    """Return the break before a cell: a slide, one below it, or "-" for none."""
    if cell.cell_type == "markdown" and cell.source.startswith(("# ", "## ")):
        return "slide"
    exercise = cell.cell_type == "markdown" and cell.source.startswith("### ")
    return "subslide" if exercise or cell.metadata.get("question") else "-"


def _shown(stored: NotebookNode) -> list[NotebookNode]:
    shown = []
    for cell in stored.cells:
        if cell.id == "quiz":
            shown += _questions(cell.source)
        elif cell.cell_type == "markdown":
            shown += [_short(text) for text in re.split(r"\n(?=#{2,3} )", cell.source)]
        elif cell.id != "setup" and not cell.id.startswith("check-") and _says_something(cell):
            shown.append(_code(cell))
    return shown


def _says_something(cell: NotebookNode) -> bool:
    """Tell whether a code cell has an output, a definition or an exercise."""
    defines = re.search(r"^(class|def) ", cell.source, re.MULTILINE)
    return bool(cell.outputs or defines) or cell.id.startswith("exercise-")


def _code(cell: NotebookNode) -> NotebookNode:
    """Keep a widget's picture only; fold code that is long, or leaves no room for its output.

    An output that fills more than a slide is set in small letters.
    """
    for output in cell.outputs:
        output.get("data", {}).pop(WIDGET, None)
    exercise = cell.id.startswith("exercise-")
    long = len(cell.source.splitlines()) > LONGEST_CODE or height(cell) > ROOM
    cell.metadata["folded"] = long and not exercise
    cell.metadata["small"] = height(cell) > ROOM
    return cell


def _short(text: str) -> NotebookNode:
    """Split Markdown into what is shown and what is said."""
    exercise = text.startswith("###")
    shown: list[str] = []
    said: list[str] = []
    plain = 0
    for part in re.split(r"\n{2,}", text.strip()):
        if part.startswith("[!["):  # badges
            continue
        if re.match(r"#|[*-] |\d+\. |\||>|\$\$|```", part) or part.endswith(":"):
            shown.append(part)
        else:
            plain += 1
            (shown if exercise or plain == 1 else said).append(part)
    notes = "\n\n".join(said)
    return new_markdown_cell("\n\n".join(shown), metadata={"notes": notes})


def _questions(source: str) -> list[NotebookNode]:
    """Split the quiz; its heading stays with the first question."""
    heading, *questions = re.split(r"\n\n(?=\*\*\d+\. )", source)
    cells = [new_markdown_cell(text, metadata={"question": True}) for text in questions]
    cells[0].source = f"{heading}\n\n{cells[0].source}"
    return cells
