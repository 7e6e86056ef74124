import re

import nbformat
import pytest

from browser.jupyterlab import Notebook
from mil_tutorial.cli.lab import find_chapter

pytestmark = pytest.mark.full


@pytest.fixture()
def chapter(page, lab):
    """Chapter 05, open as a learner finds it."""
    notebook = Notebook(page, lab.url)
    notebook.open(find_chapter(lab.folder, "05").name)
    return notebook


@pytest.fixture()
def solutions(lab):
    """The solved exercises of chapter 05, by cell id."""
    edition = nbformat.read(find_chapter(lab.folder / "solutions", "05"), as_version=4)
    return {cell.id: cell.source for cell in edition.cells if cell.id.startswith("exercise-")}


def assert_all_ran(notebook):
    """Fail when a cell raised, or was left out because the kernel died."""
    errors = notebook.errors()
    assert not errors, "\n".join(errors)
    cells = [cell for cell in notebook.code_cells() if cell["source"].strip()]
    assert [cell["id"] for cell in cells if cell["count"] is None] == []


def check_results(notebook):
    """Return what the checks say, by cell id."""
    return {
        cell["id"]: cell["output"].strip()
        for cell in notebook.code_cells()
        if re.search(r"^check_\w+\(", cell["source"], re.MULTILINE)
    }


def without(marks, results):
    """Return the results that begin with none of the marks."""
    return {name: text for name, text in results.items() if not text.startswith(marks)}


def test_run_all_unsolved_reaches_the_end(chapter, console_errors):
    chapter.run_all()
    assert_all_ran(chapter)
    results = check_results(chapter)
    assert results
    assert without(("○", "✗"), results) == {}  # ✗ where the learner is to find a bug
    assert console_errors == []


def test_solutions_typed_in_turn_every_check_green(chapter, solutions, console_errors):
    chapter.run_all()
    exercises = [cell["id"] for cell in chapter.code_cells() if cell["id"].startswith("exercise-")]
    assert exercises
    for cell_id in exercises:
        chapter.set_source(cell_id, solutions[cell_id])
    chapter.run_all()
    assert_all_ran(chapter)
    results = check_results(chapter)
    assert results
    assert without("✓", results) == {}
    assert console_errors == []
