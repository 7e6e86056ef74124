"""nbgrader's steps that this course replaces: how stubs are made and how answers are judged.

nbgrader runs a learner's notebook in one kernel together with its tests, so the notebook could
change its own marks. Here no submitted notebook is run as a whole. Its answers are put into the
course's own page, and each is judged in a process of its own.
"""

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_output
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    ComputeChecksums,
    LockCells,
    NbGraderPreprocessor,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
    SaveCells,
)
from traitlets import Integer, List

from tools.answer_process import Judgement, judge_answer
from tools.assignment import check_call, make_assignment, make_job
from tools.chapters import EXERCISE, Chapter, read_chapters
from tools.stubs import stub

NOTEBOOKS = Path(__file__).parents[1]
LONGEST_ANSWER = 100_000  # characters


class ReduceToStub(NbGraderPreprocessor):
    """Take the solutions out, as in the edition for learners."""

    def preprocess_cell(
        self, cell: NotebookNode, resources: Any, index: int
    ) -> tuple[NotebookNode, Any]:
        """Reduce one cell."""
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = stub(cell.source)
        return cell, resources


class TakeAnswers(NbGraderPreprocessor):
    """Put a submission's answers, and cells of the learner's own, into the course's own page."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Rebuild the notebook; nothing else of the submission is kept."""
        chapter, chapters = _chapter(resources)
        page = make_assignment(chapter, chapters)
        known = {cell.id for cell in page.cells}
        answers = {c.id: stub(c.source) for c in page.cells if c.id.startswith(EXERCISE)}
        untouched = dict(answers)
        own: dict[str, list[NotebookNode]] = defaultdict(list)  # by exercise
        waiting: list[NotebookNode] = []
        for place, cell in enumerate(nb.cells):
            grade_id = str(cell.metadata.get("nbgrader", {}).get("grade_id") or cell.get("id"))
            exercise = grade_id.replace("check-", EXERCISE, 1)
            if exercise in answers:  # the exercise or its check: both end its own cells
                own[exercise] += waiting
                waiting = []
                if grade_id == exercise and cell.source.strip() != untouched[exercise].strip():
                    answers[exercise] = cell.source[:LONGEST_ANSWER]
            elif cell.cell_type == "code" and grade_id not in known:
                waiting.append(_own(cell, place))
        cells = []
        for cell in page.cells:
            cells += own[cell.id]
            cell.source = answers.get(cell.id, cell.source)
            cells.append(cell)
        page.cells = cells
        return page, resources


class Judge(NbGraderPreprocessor):
    """Judge every exercise by itself, and write verdict and points below its check."""

    seconds = Integer(60, help="Of computing, for one exercise.").tag(config=True)
    python = List(help="Command that starts Python; this Python if empty.").tag(config=True)

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Judge the answers, as many side by side as there are cores."""
        chapter, _ = _chapter(resources)
        tests = [cell for cell in nb.cells if cell.metadata.get("nbgrader", {}).get("grade")]
        jobs = [self._job(chapter, nb, test) for test in tests]
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            found = list(pool.map(lambda job: judge_answer(job, self.python, self.seconds), jobs))
        for number, (test, judgement) in enumerate(zip(tests, found), 1):
            name = check_call(_source_of(chapter, test.id))[0]
            kind = chapter.data["exercises"][name]["kind"]
            full = test.metadata.nbgrader["points"]
            test.execution_count = number
            test.outputs = _outputs(judgement, full if earned(judgement, kind) else 0, number)
            if judgement.state == "suspect":
                self.log.warning("%s, %s: %s", resources["nbgrader"]["student"], name, judgement)
        return nb, resources

    def _job(self, chapter: Chapter, nb: NotebookNode, test: NotebookNode) -> dict[str, Any]:
        exercise = test.id.replace("check-", EXERCISE, 1)
        place = next(i for i, cell in enumerate(nb.cells) if cell.id == exercise)
        own = [cell.source for cell in nb.cells[:place] if cell.metadata.get("own")]
        position = next(i for i, cell in enumerate(chapter.cells) if cell.id == exercise)
        check = _source_of(chapter, test.id)
        return make_job(chapter, position, nb.cells[place].source, own, check)


def earned(judgement: Judgement, kind: str) -> bool:
    """Tell whether an exercise earns its points; a prediction does when it was made."""
    return judgement.state in (("right", "wrong") if kind == "predict" else ("right",))


def _outputs(judgement: Judgement, score: int, number: int) -> list[NotebookNode]:
    mark = {"right": "✓", "open": "○"}.get(judgement.state, "✗")
    said = new_output("stream", name="stdout", text=f"{mark} {judgement.text}\n")
    data = {"text/plain": str(score)}  # where nbgrader reads the points
    return [said, new_output("execute_result", data=data, execution_count=number)]


def _chapter(resources: Any) -> tuple[Chapter, list[Chapter]]:
    chapters = read_chapters(NOTEBOOKS)
    stem = resources["nbgrader"]["notebook"]
    return next(chapter for chapter in chapters if chapter.stem == stem), chapters


def _source_of(chapter: Chapter, cell_id: str) -> str:
    return next(cell.source for cell in chapter.cells if cell.id == cell_id)


def _own(cell: NotebookNode, place: int) -> NotebookNode:
    """Return a learner's own cell with nothing but its text."""
    new = new_code_cell(cell.source[:LONGEST_ANSWER], id=f"own-{place}")
    new.metadata["own"] = True
    return new


GENERATE = [
    LockCells,
    ReduceToStub,
    ClearOutput,
    CheckCellMetadata,
    ComputeChecksums,
    SaveCells,
    CheckCellMetadata,
]
SANITIZE = [TakeAnswers, OverwriteKernelspec, OverwriteCells, CheckCellMetadata]
GRADE = [Judge, SaveAutoGrades, AssignLatePenalties, CheckCellMetadata]
