"""The two editions of a chapter: what learners open, and the same with the exercises solved."""

import re

import nbformat
from nbformat import NotebookNode

from tools.chapters import Chapter, exercise_name
from tools.pages import fill, setup
from tools.stubs import solution, stub

EDITIONS = ("learner", "solutions")
CHECKED = "nbval-check-output"  # the test run compares the outputs of cells with this tag
DRAWS = "hide-input"  # the site folds the code of cells with this tag


def make_edition(chapter: Chapter, edition: str, chapters: list[Chapter]) -> NotebookNode:
    """Return one edition as a notebook without outputs."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    notebook.cells = [_cell(cell, chapter, edition, chapters) for cell in chapter.cells]
    return notebook


def _cell(
    source: NotebookNode, chapter: Chapter, edition: str, chapters: list[Chapter]
) -> NotebookNode:
    if source.cell_type == "markdown":
        text = fill(source.source, chapter, edition, chapters)
        if edition == "solutions":  # one folder deeper
            text = re.sub(r"\]\((?=\.\./|images/|recipes/|capstone/|README)", "](../", text)
        return nbformat.v4.new_markdown_cell(text, id=source.id)
    code = source.source
    if code.strip() == "# setup":
        code = setup(chapter)
    elif exercise_name(source):
        code = stub(code) if edition == "learner" else solution(code)
    cell = nbformat.v4.new_code_cell(code, id=source.id)
    tags = list(source.metadata.get("tags", []))
    if source.id.startswith("check-") and CHECKED not in tags:
        tags.append(CHECKED)
    if tags:
        cell.metadata["tags"] = tags
    if DRAWS in tags:  # and so does JupyterLab
        cell.metadata["jupyter"] = {"source_hidden": True}
    return cell
