"""A class hands in chapter 05: plain nbgrader runs the notebooks, and keeps the scores."""

import copy
import csv
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason='needs: pip install ".[teach]"')
if sys.platform == "win32":
    pytest.skip("nbgrader grades on Linux and macOS", allow_module_level=True)

from teach import main
from tools.assignment import make_assignment
from tools.chapters import exercise_name
from tools.restore_checks import restore_checks

pytestmark = pytest.mark.full

STEM = "05_attention"
NAMES = ("attend", "attention-mil", "sigmoid-cap", "one-bag-at-a-time")
FORGETS_THE_MASK = """
from mil_tutorial import masked_softmax
import sys
def attend(h, mask, V, w):
    print("a warning", file=sys.stderr)
    return torch.softmax(torch.tanh(h @ V.T) @ w, dim=1)
"""


def cell_of(notebook, cell_id):
    (cell,) = [cell for cell in notebook.cells if cell.get("id") == cell_id]
    return cell


def answer(notebook, texts):
    for name, text in texts.items():
        cell_of(notebook, f"exercise-{name}").source = text


def add_below(notebook, cell_id, text):
    place = notebook.cells.index(cell_of(notebook, cell_id))
    notebook.cells.insert(place + 1, nbformat.v4.new_code_cell(text))


def lose_metadata(notebook):
    """Drop ids and metadata, as some editors do."""
    notebook.nbformat_minor = 4
    for cell in notebook.cells:
        del cell["id"]
        cell.metadata.clear()


@pytest.fixture(scope="module")
def solutions():
    path = Path(__file__).parents[2] / "notebooks" / "solutions" / f"{STEM}.ipynb"
    solved = nbformat.read(path, as_version=4)
    return {name: cell_of(solved, f"exercise-{name}").source for name in NAMES}


class Course:
    """A course folder, and nbgrader run in it."""

    def __init__(self, folder):
        self.folder = folder
        self.log = ""

    def nbgrader(self, *command):
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        done = subprocess.run(
            [sys.executable, "-m", "nbgrader", *command],
            cwd=self.folder,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
        )
        return done.stdout + done.stderr

    def released(self):
        return nbformat.read(self.folder / "release" / STEM / f"{STEM}.ipynb", as_version=4)

    def hand_in(self, learner, notebook):
        folder = self.folder / "submitted" / learner / STEM
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{STEM}.ipynb")

    def scores(self, learner):
        """Read the points of each exercise from the gradebook."""
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as book:
            grades = book.find_submission_notebook(STEM, STEM, learner).grades
            assert not any(grade.needs_manual_grade for grade in grades), self.log
            scores = {grade.name: grade.score for grade in grades}
        return [scores[f"check-{name}"] for name in NAMES]


@pytest.fixture(scope="module")
def course(tmp_path_factory, solutions):
    """The course after all have handed in and nbgrader has run once."""
    course = Course(tmp_path_factory.mktemp("my course"))
    assert main(["assignment", "05", "--out", str(course.folder)]) == 0
    course.nbgrader("generate_assignment", STEM)
    course.hand_in("untouched", course.released())

    solved = course.released()
    answer(solved, solutions)
    course.hand_in("solved", solved)

    partly = course.released()
    answer(partly, solutions | {"attend": FORGETS_THE_MASK, "sigmoid-cap": "my_guess = 0.5"})
    cell_of(partly, "check-attend").source = "pass"
    cell_of(partly, "exercise-one-bag-at-a-time").source = "while True:\n    pass\n"
    course.hand_in("partly", partly)

    below = course.released()
    for name, text in solutions.items():
        add_below(below, f"exercise-{name}", text)
    lose_metadata(below)
    course.hand_in("stripped", below)

    late = course.released()
    answer(late, {name: text for name, text in solutions.items() if name != "attend"})
    add_below(late, "check-attend", solutions["attend"])
    course.hand_in("late", late)

    config = course.folder / "nbgrader_config.py"
    config.write_text(config.read_text() + "c.Execute.timeout = 20\n")
    course.log = course.nbgrader("autograde", STEM)
    return course


def test_learners_get_the_stubs_of_the_course_and_checks_that_never_raise(course, notebooks):
    learner = nbformat.read(notebooks / f"{STEM}.ipynb", as_version=4)
    released = course.released()
    assert [cell.id for cell in released.cells] == [cell.id for cell in learner.cells]
    for name in NAMES:
        for kind in ("exercise", "check"):
            cell = cell_of(released, f"{kind}-{name}")
            assert cell.source == cell_of(learner, cell.id).source
        assert cell.metadata.nbgrader.locked
    assert all("](03_" not in cell.source for cell in released.cells)


@pytest.mark.parametrize(
    ("learner", "scores"),
    [
        ("solved", [3, 3, 1, 2]),
        ("stripped", [3, 3, 1, 2]),
        ("partly", [0, 3, 1, 0]),
        ("untouched", [0, 0, 0, 0]),
    ],
)
def test_each_exercise_earns_its_points(course, learner, scores):
    assert course.scores(learner) == scores, course.log


def test_an_answer_out_of_reach_of_its_check_is_reported_by_name(course):
    assert not (course.folder / "autograded" / "late").exists()
    message = f"late, {STEM}: the answer to check-attend is out of its reach: "
    assert message in course.log
    assert f"processing assignment '{STEM}' for student 'late'" in course.log


def test_scores_are_exported_and_feedback_shows_the_verdicts(course):
    course.nbgrader("export")
    with (course.folder / "grades.csv").open() as file:
        rows = {row["student_id"]: (row["score"], row["max_score"]) for row in csv.DictReader(file)}
    assert rows["solved"] == ("9.0", "17.0")  # 8 points are of the optional stages
    assert rows["partly"] == ("4.0", "17.0")
    log = course.nbgrader("generate_feedback", STEM, "--student", "partly")
    page = course.folder / "feedback" / "partly" / STEM / f"{STEM}.html"
    assert page.exists(), log
    assert "Padding takes part in the softmax" in " ".join(page.read_text().split())


def test_what_was_said_on_stderr_costs_no_points(capsys):
    from mil_tutorial.checks.chapter_05 import check_sigmoid_cap

    class Loud(float):
        def __float__(self):
            print("a warning", file=sys.stderr)
            return 0.23

    check_sigmoid_cap(Loud())
    assert capsys.readouterr().err == ""


def merge_check(notebook):
    cell_of(notebook, "exercise-attend").source += "\ncheck_attend(attend)"
    notebook.cells.remove(cell_of(notebook, "check-attend"))


def answer_in_check(notebook):
    cell_of(notebook, "check-attend").source = "def attend(h, mask, V, w):\n    return h"


def shared_name(notebook):
    """Two exercises ask for ``my_guess``; the first answer stands in the range of the second."""
    first, second = (cell_of(notebook, f"{kind}-sigmoid-cap") for kind in ("exercise", "check"))
    place = notebook.cells.index(second)
    other = nbformat.from_dict(second)
    other.id, other.source = "check-other", second.source.replace("sigmoid_cap", "other")
    other.metadata.nbgrader.grade_id = "check-other"
    stub = nbformat.from_dict(first)
    stub.id, stub.metadata.nbgrader.grade_id = "exercise-other", "exercise-other"
    notebook.cells[place + 1 : place + 1] = [stub, other]


@pytest.mark.parametrize("change", [merge_check, answer_in_check])
@pytest.mark.parametrize("strip", [False, True])
def test_a_check_that_cannot_be_found_is_reported(course, change, strip):
    submitted = course.released()
    change(submitted)
    if strip:
        lose_metadata(submitted)
    (problem,) = restore_checks(submitted, course.released())
    assert problem == (
        "check-attend is missing: put check_attend(attend) back into a cell below the answer"
    )


@pytest.mark.parametrize("solved", [False, True])
def test_answers_under_one_name_are_told_apart(course, solved):
    released = course.released()
    shared_name(released)
    submitted = nbformat.from_dict(released)
    if solved:
        answer(submitted, {"other": "my_guess = 2"})
    assert restore_checks(submitted, released) == []
    add_below(submitted, "check-sigmoid-cap", "my_guess = 1")
    problems = restore_checks(submitted, released)
    assert len(problems) == (1 if solved else 2), "without an answer to either it may be to both"
    assert problems[0].startswith("the answer to check-sigmoid-cap is out of its reach")


def test_answers_out_of_reach_are_named_however_they_are_written(course):
    """An exercise whose stub is untouched, and whose answer stands somewhere else."""
    released = course.released()
    attend = "def attend(scores, values):\n    return values"

    def above_the_stub(notebook):
        place = notebook.cells.index(cell_of(notebook, "exercise-attend"))
        notebook.cells.insert(place, nbformat.v4.new_code_cell(attend))

    def below_in_a_branch(notebook):
        indented = attend.replace("\n", "\n    ")
        add_below(notebook, "check-attend", f"if True:\n    {indented}")

    def with_another_answer(notebook):
        answer(notebook, {"attention-mil": f"{attend}\n\n\nclass AttentionMIL:\n    pass"})

    for write in (above_the_stub, below_in_a_branch, with_another_answer):
        submitted = course.released()
        write(submitted)
        (problem,) = restore_checks(submitted, released)
        assert problem.startswith("the answer to check-attend is out of its reach"), write.__name__
    submitted = course.released()
    add_below(submitted, "check-sigmoid-cap", "my_guess, why = 0.23, 'e'")
    (problem,) = restore_checks(submitted, released)
    assert problem.startswith("the answer to check-sigmoid-cap")
    submitted = course.released()
    cell = cell_of(submitted, "check-sigmoid-cap")
    cell.source = cell.source.replace("(my_guess)", "(0.23)")
    (problem,) = restore_checks(submitted, released)
    assert problem.startswith("check-sigmoid-cap was changed: call check_sigmoid_cap(my_guess)")


@pytest.mark.parametrize("strip", [False, True])
def test_answers_to_every_exercise_are_found_wherever_they_stand(chapters, strip):
    for chapter in chapters:
        released = make_assignment(chapter, chapters)
        for cell in released.cells:
            cell.source = cell.source.split("\n### BEGIN HIDDEN")[0]  # as nbgrader does
        solved = nbformat.read(chapter.path("solutions"), as_version=4)
        answers = {c.id: c.source for c in solved.cells if exercise_name(c)}
        checks = [cell.id for cell in solved.cells if cell.id.startswith("check-")]
        checks_of = dict(zip(answers, checks, strict=True))
        for where in ("nowhere", "stub", "below stub", "below check"):
            submitted = nbformat.from_dict(copy.deepcopy(released))
            for name, text in answers.items():
                if where == "stub":
                    cell_of(submitted, name).source = text
                elif where == "below stub":
                    add_below(submitted, name, text)
                elif where == "below check":
                    add_below(submitted, checks_of[name], text)
            if strip:
                lose_metadata(submitted)
            problems = restore_checks(submitted, released)
            assert len(problems) == (len(answers) if where == "below check" else 0), chapter.stem
            marked = [c for c in submitted.cells if c.metadata.get("nbgrader", {}).get("grade")]
            assert len(marked) == len(answers), chapter.stem


def test_an_edited_assignment_is_not_overwritten(tmp_path, capsys):
    command = ["assignment", "05", "--out", str(tmp_path / "my course")]
    assert main(command) == 0
    assert main(command) == 0  # nothing was edited
    path = tmp_path / "my course" / "source" / STEM / f"{STEM}.ipynb"
    path.write_text(path.read_text().replace("Learn where", "Find where", 1))
    edited = path.read_bytes()
    capsys.readouterr()
    assert main(command) == 2
    assert f"{path} differs from what would be written; remove it" in capsys.readouterr().err
    assert path.read_bytes() == edited
