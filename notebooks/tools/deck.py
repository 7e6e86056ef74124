"""A chapter as a deck of slides: ``jupyter nbconvert --to slides`` of the stored page.

A chapter's or section's heading starts a slide, other text one below it; code stays with the text
before it. The set-up, bare imports and the checks are left out.
"""

import subprocess
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from tools.chapters import CHECK, EXERCISE, Chapter
from tools.stored import write_notebook

OPTIONS = (
    "--to=slides",
    "--no-prompt",
    "--log-level=ERROR",
    "--SlidesExporter.reveal_scroll=True",
    "--SlidesExporter.reveal_number=c/t",
    "--SlidesExporter.reveal_theme=white",  # others ask a further host for their fonts
    "--SlidesExporter.reveal_width=1280",
    "--SlidesExporter.reveal_height=760",
    "--SlidesExporter.reveal_transition=none",
)


def write_deck(chapter: Chapter, folder: Path, options: list[str], *, solutions: bool) -> Path:
    """Write a chapter's deck into a folder, with further options of nbconvert.

    Raises
    ------
    OSError
        When nbconvert fails.
    """
    stored = nbformat.read(chapter.path("solutions" if solutions else "learner"), as_version=4)
    stored.metadata.pop("widgets", None)  # their plain pictures need no further script
    for cell in stored.cells:
        cell.metadata["slideshow"] = {"slide_type": slide_type(cell)}
    path = folder / f"{chapter.stem}{'.solutions' if solutions else ''}.ipynb"
    folder.mkdir(parents=True, exist_ok=True)
    write_notebook(stored, path)
    if subprocess.run([sys.executable, "-m", "nbconvert", path, *OPTIONS, *options]).returncode:
        raise OSError("nbconvert failed to make the deck; its message is above")
    return path.with_suffix(".slides.html")


def slide_type(cell: NotebookNode) -> str:
    """Return what a cell becomes: a slide, one below it, more of the same slide, or nothing."""
    if cell.cell_type == "markdown":
        return "slide" if cell.source.startswith(("# ", "## ")) else "subslide"
    shown = cell.outputs or "def " in cell.source or cell.id.startswith(EXERCISE)
    left_out = cell.id == "setup" or cell.id.startswith(CHECK) or not shown
    return "skip" if left_out else "-"
