"""A chapter as an assignment for nbgrader, made from the chapter's own source."""

import ast
import re
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from tools.chapters import Chapter, exercise_name
from tools.editions import make_edition
from tools.settings import BRANCH, REPOSITORY
from tools.stored import write_notebook
from tools.stubs import solution, stub

CONFIG = '''\
"""Made by notebooks/teach.py: how nbgrader makes and grades assignments of this course."""

import sys
from pathlib import Path

NOTEBOOKS = Path({notebooks!r})  # of the checkout; it must stay at the released version
if not (NOTEBOOKS / "tools" / "grading.py").is_file():
    sys.exit(f"{{__file__}}: no checkout of the course at {{NOTEBOOKS}}; correct NOTEBOOKS there")
sys.path.insert(0, str(NOTEBOOKS))
from tools.grading import GENERATE, SANITIZE, GRADE

c = get_config()  # noqa: F821
c.CourseDirectory.course_id = {course!r}
c.CourseDirectory.root = str(Path(__file__).resolve().parent)
c.GenerateAssignment.preprocessors = GENERATE
c.Autograde.sanitize_preprocessors = SANITIZE
c.Autograde.autograde_preprocessors = GRADE
# c.Judge.seconds = 60  # of computing, for one exercise
# c.Judge.python = ["docker", "run", ...]  # see grading.md: answers run in a container
'''


def points(exercise: dict[str, Any]) -> int:
    """Return what an exercise earns: its difficulty, or 1 for a prediction, right or wrong."""
    return 1 if exercise["kind"] == "predict" else exercise["difficulty"]


def make_assignment(chapter: Chapter, chapters: list[Chapter]) -> NotebookNode:
    """Return the teacher's version: solutions between their markers, checks worth points."""
    notebook = make_edition(chapter, "learner", chapters)
    for cell, source in zip(notebook.cells, chapter.cells):
        if cell.cell_type == "markdown":
            cell.source = _linked(cell.source)
        elif exercise_name(source):
            cell.source = source.source
            cell.metadata["nbgrader"] = _metadata(cell.id, solution=True)
        elif cell.id.startswith("check-"):
            exercise = chapter.data["exercises"][check_call(cell.source)[0]]
            cell.source = _test(cell.source, exercise["kind"])
            cell.metadata = _without_tags(cell.metadata)
            cell.metadata["nbgrader"] = _metadata(cell.id, points=points(exercise))
    return notebook


def write_course(chapter: Chapter, chapters: list[Chapter], course: Path) -> Path:
    """Write a chapter's assignment into a course folder, and the folder's configuration.

    Raises
    ------
    FileExistsError
        When the assignment is there and was edited, or comes from another version.
    """
    target = course / "source" / chapter.stem / f"{chapter.stem}.ipynb"
    wanted = make_assignment(chapter, chapters)
    if target.exists() and nbformat.read(target, as_version=4) != wanted:
        raise FileExistsError(f"{target} differs from what would be written; remove it first")
    target.parent.mkdir(parents=True, exist_ok=True)
    write_notebook(wanted, target)
    config = course / "nbgrader_config.py"
    if not config.exists():  # it may have been changed by hand
        here = str(chapter.notebooks.resolve())
        text = CONFIG.format(notebooks=here, course=course.resolve().name)
        config.write_text(text, encoding="utf-8")
    return target


def check_call(source: str) -> tuple[str, str]:
    """Return the exercise that a check cell judges, and the code of what it judges."""
    call: Any = ast.parse(source).body[-1]
    return call.value.func.id.removeprefix("check_"), ast.unparse(call.value.args[0])


def make_job(
    chapter: Chapter, position: int, answer: str, own: list[str], check: str
) -> dict[str, Any]:
    """Return what is needed to judge one answer to the exercise at ``position``."""
    cell = chapter.cells[position]
    name, argument = check_call(check)
    above = [c for c in chapter.cells[:position] if c.cell_type == "code" and c.id != "setup"]
    return {
        "name": name,
        "argument": argument,
        "check": "\n".join(line for line in check.splitlines() if "import" in line),
        "given": [solution(c.source) if exercise_name(c) else c.source for c in above],
        "own": own,
        "answer": answer,
        "stub": stub(cell.source),
        "solution": solution(cell.source),
    }


def _test(source: str, kind: str) -> str:
    name, argument = check_call(source)
    verdict = f"check_{name}.judge({argument}).state"
    wanted = f'{verdict} != "open"' if kind == "predict" else f'{verdict} == "right"'
    return f"{source}\nassert {wanted}"


def _metadata(cell_id: str, *, solution: bool = False, points: int | None = None) -> NotebookNode:
    common = {"grade_id": cell_id, "schema_version": 3, "task": False}
    if solution:
        return NotebookNode(common, solution=True, grade=False, locked=False)
    return NotebookNode(common, solution=False, grade=True, locked=True, points=points)


def _without_tags(metadata: NotebookNode) -> NotebookNode:
    return NotebookNode({key: value for key, value in metadata.items() if key != "tags"})


def _linked(text: str) -> str:
    """Let links to other pages lead to the repository: they are not handed out."""
    address = f"https://github.com/{REPOSITORY}/blob/{BRANCH}/notebooks/"
    return re.sub(r"\]\((?=[\w./]+\.(ipynb|md)\))", f"]({address}", text)
