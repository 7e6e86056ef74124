"""A chapter as an assignment for nbgrader, made from the chapter's own source."""

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from tools.chapters import CHECK, Chapter, exercise_name
from tools.editions import make_edition
from tools.settings import BRANCH, REPOSITORY
from tools.stored import write_notebook

RESTORE = Path(__file__).with_name("restore_checks.py")
CONFIG = '''\
"""How nbgrader makes and grades assignments of this course; made by notebooks/teach.py."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
from restore_checks import RestoreChecks

os.environ["MIL_TUTORIAL_FAST"] = "1"  # short trainings

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = {course!r}
c.CourseDirectory.root = str(HERE)
c.ClearSolutions.enabled = False  # the source holds the course's own stubs
c.Autograde.sanitize_preprocessors.prepend([RestoreChecks])
c.Execute.timeout = 300  # seconds for one cell, on a CPU
'''


def make_assignment(chapter: Chapter, chapters: list[Chapter]) -> NotebookNode:
    """Return the learner's edition with checks that are worth points."""
    notebook = make_edition(chapter, "learner", chapters)
    for cell, source in zip(notebook.cells, chapter.cells):
        if cell.cell_type == "markdown":
            cell.source = _linked(cell.source)
        elif exercise_name(source):
            cell.metadata["nbgrader"] = _metadata(cell.id, solution=True)
        elif cell.id.startswith(CHECK):
            name = re.search(r"^check_(\w+)\(", cell.source, re.MULTILINE)[1]
            exercise = chapter.data["exercises"][name]
            cell.source = _with_test(cell.source, exercise["kind"])
            cell.metadata = NotebookNode(nbgrader=_metadata(cell.id, points=points(exercise)))
    return notebook


def points(exercise: dict[str, Any]) -> int:
    """Return what an exercise earns: its difficulty, or 1 for a prediction, right or wrong."""
    return 1 if exercise["kind"] == "predict" else exercise["difficulty"]


def write_course(chapter: Chapter, chapters: list[Chapter], course: Path) -> Path:
    """Write a chapter's assignment into a course folder, and the folder's configuration.

    Raises
    ------
    FileExistsError
        When the assignment exists and was edited, or comes from another version.
    """
    target = course / "source" / chapter.stem / f"{chapter.stem}.ipynb"
    wanted = make_assignment(chapter, chapters)
    if target.exists() and nbformat.read(target, as_version=4) != wanted:
        raise FileExistsError(f"{target} differs from what would be written; remove it first")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_notebook(wanted, target)
    config = course / "nbgrader_config.py"
    if not config.exists():  # it may have been changed by hand
        config.write_text(CONFIG.format(course=course.resolve().name), encoding="utf-8")
        shutil.copy(RESTORE, course)
    return target


def _with_test(source: str, kind: str) -> str:
    """Add a line that raises unless points are earned; nbgrader hides it from learners."""
    *_, call = source.splitlines()
    judged = re.sub(r"\(", ".judge(", call, count=1)
    wanted = '!= "open"' if kind == "predict" else '== "right"'
    test = f"assert {judged}.state {wanted}"
    return f"{source}\n### BEGIN HIDDEN TESTS\n{test}\n### END HIDDEN TESTS"


def _metadata(cell_id: str, *, solution: bool = False, points: int | None = None) -> NotebookNode:
    common = {"grade_id": cell_id, "schema_version": 3, "task": False}
    if solution:
        return NotebookNode(common, solution=True, grade=False, locked=False)
    return NotebookNode(common, solution=False, grade=True, locked=True, points=points)


def _linked(text: str) -> str:
    """Let links to other pages lead to the repository: they are not handed out."""
    address = f"https://github.com/{REPOSITORY}/blob/{BRANCH}/notebooks/"
    return re.sub(r"\]\((?=[\w./]+\.(ipynb|md)\))", f"]({address}", text)
