"""How exercises are reduced to stubs."""

import ast

import pytest
from tools.chapters import exercise_name
from tools.stubs import solution, stub

FUNCTION = '''
def double(x):
    """Twice x."""
    ### BEGIN SOLUTION
    y = 2 * x
    return y
    ### END SOLUTION
'''.strip()


def test_a_function_keeps_signature_and_docstring():
    assert stub(FUNCTION).splitlines() == [
        "def double(x):",
        '    """Twice x."""',
        "    ...  # your code here",
    ]
    assert "###" not in solution(FUNCTION)
    names = {}
    exec(solution(FUNCTION), names)
    assert names["double"](4) == 8


def test_an_assignment_becomes_an_ellipsis():
    source = "### BEGIN SOLUTION\na = 1\nb = 2\n### END SOLUTION"
    assert stub(source) == "a = ...  # your code here\nb = ...  # your code here"
    source = "### BEGIN SOLUTION\na, b = 1, 2\na: int = b\n### END SOLUTION"
    assert stub(source) == "a = ...  # your code here\nb = ...  # your code here"


def test_a_bug_is_given_in_place_of_the_solution():
    lines = ["BEGIN SOLUTION", "y = 1", "INSTEAD", "# y = 2", "END SOLUTION"]
    lines = [f"    ### {line}" if line.isupper() else f"    {line}" for line in lines]
    source = "\n".join(["if x:", *lines])
    assert stub(source) == "if x:\n    y = 2"
    assert solution(source) == "if x:\n    y = 1"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("### BEGIN SOLUTION\na = 1", "without ### END"),
        ("### END SOLUTION", "unexpected marker"),
        ("### BEGIN SOLUTION\na = 1\n### INSTEAD\na = 2\n### END SOLUTION", "must be comments"),
    ],
)
def test_broken_markers_are_refused(source, message):
    with pytest.raises(ValueError, match=message):
        stub(source)


def outline(node):
    """The parts of a definition that a learner must find as they were.

    The methods of a class may be all the learner's, as in what is built from an empty cell.
    """
    if isinstance(node, ast.ClassDef):
        bases = [ast.dump(base) for base in node.bases]
        return node.name, bases, ast.get_docstring(node)
    if isinstance(node, ast.FunctionDef):
        return node.name, ast.dump(node.args), ast.get_docstring(node)
    return type(node).__name__


def methods(node):
    return [outline(child) for child in node.body if isinstance(child, ast.FunctionDef)]


def test_stubs_are_faithful_reductions(chapters):
    for cell in (cell for chapter in chapters for cell in chapter.cells):
        if exercise_name(cell) is None:
            continue
        reduced, solved = stub(cell.source), solution(cell.source)
        tree, full = ast.parse(reduced), ast.parse(solved)
        kept = [outline(n) for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        assert kept == [outline(n) for n in full.body if hasattr(n, "name")], cell.id
        for mine, whole in zip(tree.body, full.body):
            if isinstance(mine, ast.ClassDef):
                assert methods(mine) in ([], methods(whole)), cell.id
        hidden = set(solved.splitlines()) - set(reduced.splitlines())
        assert hidden, f"{cell.id}: nothing is left to do"
        lines, left = (list(filter(None, code.splitlines())) for code in (solved, reduced))
        before = [line for line in lines if line in left]
        assert before == [line for line in left if line in lines]
