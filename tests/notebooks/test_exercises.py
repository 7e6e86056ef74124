"""Every exercise: its solution passes its check, its stub is open, its hints are there."""

import ast

import pytest
from tools.chapters import exercise_name
from tools.stubs import solution, stub

from mil_tutorial.checks.exercise import Exercise

DEFINITIONS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
PLAIN = (ast.Constant, ast.Tuple, ast.Name, ast.Load)


def targets_of(node):
    return [
        name
        for target in node.targets
        for name in (target.elts if isinstance(target, ast.Tuple) else [target])
    ]


def is_plain(node, names):
    """Whether a statement only gives names to constants, or to what has a name already."""
    if not isinstance(node, ast.Assign):
        return False
    if not all(isinstance(target, ast.Name) for target in targets_of(node)):
        return False
    parts = list(ast.walk(node.value))
    known = all(part.id in names for part in parts if isinstance(part, ast.Name))
    return known and all(isinstance(part, PLAIN) for part in parts)


def names_before(chapter, cell_id, reduce):
    """Run what costs nothing up to an exercise, each exercise reduced by ``reduce``."""
    names = {"FAST": True, "__name__": "chapter"}
    for cell in chapter.cells:
        if cell.cell_type == "code" and cell.source.strip() != "# setup":
            code = reduce(cell.source) if exercise_name(cell) else cell.source
            for node in ast.parse(code).body:
                own = cell.id == cell_id and isinstance(node, ast.Assign)
                if own or isinstance(node, DEFINITIONS) or is_plain(node, names):
                    exec(compile(ast.Module([node], []), cell.id, "exec"), names)
        if cell.id == cell_id:
            return names
    raise AssertionError(f"no cell {cell_id}")


def verdicts(chapter, reduce):
    """Judge every exercise of a chapter; yield its kind and the verdict."""
    for position, cell in enumerate(chapter.cells):
        if (name := exercise_name(cell)) is None:
            continue
        names = names_before(chapter, cell.id, reduce)
        check_cell = chapter.cells[position + 1].source
        exec("\n".join(line for line in check_cell.splitlines() if "import" in line), names)
        check = names[f"check_{name}"]
        assert isinstance(check, Exercise)
        call = ast.parse(check_cell).body[-1].value
        assert call.func.id == f"check_{name}"
        answer = eval(compile(ast.Expression(call.args[0]), "answer", "eval"), names)
        yield chapter.data["exercises"][name]["kind"], check.judge(answer)


def test_every_solution_passes_its_check(chapters):
    results = [verdict for chapter in chapters for _, verdict in verdicts(chapter, solution)]
    assert len(results) >= 3 * len(chapters)
    assert [verdict for verdict in results if verdict.state != "right"] == []


def test_every_stub_is_open_and_every_bug_is_seen(chapters):
    results = [result for chapter in chapters for result in verdicts(chapter, stub)]
    for kind, verdict in results:
        assert verdict.state == ("wrong" if kind == "bug" else "open"), verdict


def test_hints_and_solutions_are_printed(capsys):
    from mil_tutorial.checks.chapter_05 import check_attend

    check_attend.hint(1)
    check_attend.hint(9)
    check_attend.solution()
    check_attend(None)
    printed = capsys.readouterr().out
    assert "Hint 1 (of 3): Work from the inside out" in printed
    assert "There are 3 hints" in printed
    assert "return masked_softmax(scores, mask)" in printed
    last = "○ attend: not attempted yet, or nothing returned; check_attend.hint(1) helps"
    assert printed.splitlines()[-1] == last
    assert ".hint(1)" in repr(check_attend)


@pytest.mark.parametrize("answer", [None, ...])
def test_nothing_is_not_attempted_rather_than_wrong(answer):
    from mil_tutorial.checks import chapter_05, chapter_06

    for module in (chapter_05, chapter_06):
        checks = [value for value in vars(module).values() if isinstance(value, Exercise)]
        assert {check.judge(answer).state for check in checks} == {"open"}
