"""A chapter as a deck of reveal.js, made by nbconvert from the stored page.

A chapter's or section's heading starts a slide, other text one below it; code stays with the text
before it. The set-up, bare imports and the checks are left out.
"""

from pathlib import Path

import nbformat
from nbconvert import SlidesExporter
from nbformat import NotebookNode

from tools.chapters import CHECK, EXERCISE, Chapter


def write_deck(
    chapter: Chapter, folder: Path, *, solutions: bool = False, reveal: str | None = None
) -> Path:
    """Write a chapter's deck into a folder; ``reveal`` names a copy of reveal.js, if any."""
    stored = nbformat.read(chapter.path("solutions" if solutions else "learner"), as_version=4)
    stored.metadata.pop("widgets", None)  # their plain pictures need no further script
    stored.metadata["title"] = chapter.title
    for cell in stored.cells:
        cell.metadata["slideshow"] = {"slide_type": slide_type(cell)}
    exporter = SlidesExporter(
        reveal_scroll=True,
        reveal_number="c/t",
        reveal_transition="none",
        exclude_input_prompt=True,
        exclude_output_prompt=True,
        **({"reveal_url_prefix": reveal} if reveal else {}),
    )
    html, _ = exporter.from_notebook_node(stored)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{chapter.stem}{'.solutions' if solutions else ''}.slides.html"
    path.write_text(html, encoding="utf-8")
    return path


def slide_type(cell: NotebookNode) -> str:
    """Return what a cell becomes: a slide, one below it, more of the same slide, or nothing."""
    if cell.cell_type == "markdown":
        return "slide" if cell.source.startswith(("# ", "## ")) else "subslide"
    shown = cell.outputs or "def " in cell.source or cell.id.startswith(EXERCISE)
    left_out = cell.id == "setup" or cell.id.startswith(CHECK) or not shown
    return "skip" if left_out else "-"
