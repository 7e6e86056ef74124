"""A step of nbgrader's autograde: no answer is scored 0 because its check was lost.

``teach.py assignment`` copies this file into the course folder, which then needs no checkout.
"""

import ast
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

UNTOUCHED = "...  # your code here"
DEFINED = re.compile(r"^(?:def|class) (\w+)|^(\w+) *(?::[^=\n]+)?=(?!=)", re.MULTILINE)


class RestoreChecks(NbGraderPreprocessor):
    """Mark check cells that lost their metadata; refuse a submission with answers out of reach.

    nbgrader reports a refused submission by its learner's name and goes on with the others.
    """

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Restore the checks of one submission.

        Raises
        ------
        ValueError
            When a check is missing, or an answer stands where its check cannot see it.
        """
        names = resources["nbgrader"]
        stem = names["notebook"]
        path = Path("release", names["assignment"], f"{stem}.ipynb")  # from the course folder
        released = nbformat.read(path, as_version=4)
        problems = restore_checks(nb, released)
        if problems:
            raise ValueError(f"{names['student']}, {stem}: {'; '.join(problems)}")
        return nb, resources


def restore_checks(submitted: NotebookNode, released: NotebookNode) -> list[str]:
    """Give check cells their metadata back; return what keeps an answer from being graded."""
    unchanged = {cell.source.strip() for cell in released.cells}
    sources = [cell.source.strip() if cell.cell_type == "code" else "" for cell in submitted.cells]
    problems, unanswered = [], []
    counted: set[tuple[int, str]] = set()  # names that a cell binds for an exercise of its own
    start = 0
    for stub, check in _exercises(released):
        name, wanted = check.metadata.nbgrader.grade_id, _names(stub.source)
        call = check.source.splitlines()[-1]
        place = _find(submitted, check, wanted)
        if place is None:
            problems.append(f"{name} is missing: put {call} back into a cell below the answer")
            continue
        submitted.cells[place].metadata["nbgrader"] = check.metadata.nbgrader
        answers = []
        for number in range(start, place):
            source = sources[number]
            if source == stub.source.strip() or UNTOUCHED in source:
                answers = []  # the stub takes back what stood above it
            elif source not in unchanged and _names(source) & wanted:
                answers.append(number)
        counted |= {(number, word) for number in answers[-1:] for word in wanted}
        if not answers:
            unanswered.append((name, wanted))
            if call.partition("(")[0] in sources[place] and sources[place] != check.source.strip():
                problems.append(f"{name} was changed: call {call}, and answer in a cell above")
        start = place + 1
    bound = {
        (number, word)
        for number, source in enumerate(sources)
        if source not in unchanged and UNTOUCHED not in source
        for word in _names(source)
    }
    stray = {word for _, word in bound - counted}
    return problems + [
        f"the answer to {name} is out of its reach: put it into the stub's cell"
        for name, wanted in unanswered
        if wanted & stray
    ]


def _exercises(released: NotebookNode) -> list[tuple[NotebookNode, NotebookNode]]:
    """Return each exercise's stub and its check."""
    marked = [cell for cell in released.cells if "nbgrader" in cell.metadata]
    return [pair for pair in pairwise(marked) if pair[1].metadata.nbgrader.grade]


def _find(submitted: NotebookNode, check: NotebookNode, names: set[str]) -> int | None:
    """Return the place of a check: by its metadata, else the last cell that calls it."""
    name = check.metadata.nbgrader.grade_id
    call = re.search(r"^check_\w+\(", check.source, re.MULTILINE)[0]
    marked, calling = [], []
    for place, cell in enumerate(submitted.cells):
        if cell.cell_type == "code" and not _names(cell.source) & names:
            marked += [place] * (cell.metadata.get("nbgrader", {}).get("grade_id") == name)
            calling += [place] * (call in cell.source)
    return next(iter(marked[-1:] + calling[-1:]), None)


def _names(source: str) -> set[str]:
    """Return the names that the code of a cell binds, at any depth but inside of functions."""
    try:
        nodes: list[ast.AST] = [ast.parse(source)]
    except SyntaxError:  # a line for the notebook, or a mistake
        return {function or variable for function, variable in DEFINED.findall(source)}
    names = set()
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        nodes += ast.iter_child_nodes(node)
    return names
