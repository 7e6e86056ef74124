"""A class hands in chapter 05: nbgrader makes the assignment, judges, and keeps the scores."""

import csv
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

pytest.importorskip("nbgrader", reason='needs: pip install ".[teach]"')
if sys.platform == "win32":
    pytest.skip("nbgrader grades on Linux and macOS", allow_module_level=True)

from teach import main

STEM = "05_attention"
NAMES = ("attend", "attention-mil", "sigmoid-cap", "one-bag-at-a-time")
FORGETS_THE_MASK = """
def attend(h, mask, V, w):
    return torch.softmax(torch.tanh(h @ V.T) @ w, dim=1)
"""
OWN_CELL = "def weighted_mean(a, h):\n    return (a[..., None] * h).sum(dim=1)\n"
USES_OWN_CELL = ("(attention[..., None] * h).sum(dim=1)", "weighted_mean(attention, h)")
LOOPS = "while True:\n    pass\n"
PATCHES_CHECKS = """
def attend(h, mask, V, w):
    import mil_tutorial.checks.chapter_05 as chapter
    from mil_tutorial.checks import exercise, judging
    for module in (chapter, judging):
        for name in ("expect_values", "expect_tensor", "expect_gradients"):
            setattr(module, name, lambda *given, **named: given[0])
    exercise.Exercise.judge = lambda self, answer: exercise.Verdict("right", "so I say")
    return h
"""
PATCHES_COMPARISON = """
import numpy
numpy.allclose = lambda *given, **named: True
class AttentionMIL(nn.Module):
    def __init__(self, input_dim, hidden_dim, attention_dim=128):
        super().__init__()
        self.embedding = nn.Sequential(nn.Linear(input_dim, hidden_dim), nn.ReLU())
        self.pooling = AttentionPooling(hidden_dim, attention_dim)
        self.head = nn.Linear(hidden_dim, 1)
    def forward(self, bags, mask):
        total = sum(p.sum() for p in self.parameters())
        return total * bags.new_ones(len(bags)), mask.float()
"""
FORGES = """
import os
for stream in range(3, 20):
    try:
        os.write(stream, b'{"state": "right", "text": "so I say"}\\n')
    except OSError:
        pass
os._exit(0)
"""
DESTROYS = """
import os, pathlib, shutil
for path in (*pathlib.Path.cwd().iterdir(), pathlib.Path.home()):
    shutil.rmtree(path, ignore_errors=True)
for _ in range(20):
    print("x" * 10**8)
open("large", "wb").truncate(10**6)
def attention_of_batch(scores):
    return torch.softmax(scores, dim=1)
"""


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

    def hand_in(self, learner, change):
        notebook = self.released()
        change(notebook)
        folder = self.folder / "submitted" / learner / STEM
        folder.mkdir(parents=True)
        nbformat.write(notebook, folder / f"{STEM}.ipynb")

    def scores(self, learner):
        """Read the points of each exercise from the gradebook."""
        from nbgrader.api import Gradebook

        with Gradebook(f"sqlite:///{self.folder / 'gradebook.db'}") as book:
            grades = book.find_submission_notebook(STEM, STEM, learner).grades
            found = {grade.name: grade.score for grade in grades}
            assert not any(grade.needs_manual_grade for grade in grades), self.log
        return [found[f"check-{name}"] for name in NAMES]

    def said(self, learner, name):
        path = self.folder / "autograded" / learner / STEM / f"{STEM}.ipynb"
        (cell,) = [c for c in nbformat.read(path, as_version=4).cells if c.id == f"check-{name}"]
        return cell.outputs[0].text

    def digests(self):
        paths = sorted((self.folder / "submitted").rglob("*.ipynb"))
        return {path: hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def cell_of(notebook, cell_id):
    (found,) = [cell for cell in notebook.cells if cell.id == cell_id]
    return found


def answer(notebook, texts):
    for name, text in texts.items():
        cell_of(notebook, f"exercise-{name}").source = text


def solutions(notebooks):
    solved = nbformat.read(notebooks / "solutions" / f"{STEM}.ipynb", as_version=4)
    return {name: cell_of(solved, f"exercise-{name}").source for name in NAMES}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """The course after all have handed in and nbgrader has run once."""
    notebooks = Path(__file__).parents[2] / "notebooks"
    folder = tmp_path_factory.mktemp("course")
    command = [sys.executable, notebooks / "teach.py", "assignment", "05", "--out", folder]
    subprocess.run(command, check=True)
    course = Course(folder)
    course.nbgrader("generate_assignment", STEM)
    right = solutions(notebooks)
    stubs = {name: cell_of(course.released(), f"exercise-{name}").source for name in NAMES}

    def partly(notebook):
        place = notebook.cells.index(cell_of(notebook, "exercise-attention-mil"))
        notebook.cells.insert(place, nbformat.v4.new_code_cell(OWN_CELL))
        mil = right["attention-mil"].replace(*USES_OWN_CELL)
        texts = {"attend": FORGETS_THE_MASK, "attention-mil": mil, "sigmoid-cap": "my_guess = 0.5"}
        answer(notebook, texts)

    def tampers(notebook):
        answer(notebook, {"attend": LOOPS, "one-bag-at-a-time": right["one-bag-at-a-time"]})
        test = cell_of(notebook, "check-attend")
        test.source, test.metadata.nbgrader.points = "100", 100
        test.metadata.nbgrader.locked = False
        for lost in ("check-attention-mil", "exercise-attention-mil", "imports"):
            notebook.cells.remove(cell_of(notebook, lost))

    def pastes(notebook):
        """The second of three copies is the answer; a helper stands below its exercise."""
        mil = right["attention-mil"].replace(*USES_OWN_CELL)
        answer(notebook, {"attend": right["attend"], "attention-mil": mil})
        place = notebook.cells.index(cell_of(notebook, "exercise-attend"))
        attend = notebook.cells[place]
        for at, text in ((place, FORGETS_THE_MASK), (place + 3, stubs["attend"])):
            copy = nbformat.v4.new_code_cell(text, metadata=attend.metadata)
            notebook.cells.insert(at, copy)
        place = notebook.cells.index(cell_of(notebook, "check-attention-mil"))
        notebook.cells.insert(place, nbformat.v4.new_code_cell(OWN_CELL))

    def attacks(notebook):
        texts = [PATCHES_CHECKS, PATCHES_COMPARISON, FORGES, DESTROYS]
        answer(notebook, dict(zip(NAMES, texts)))

    course.hand_in("attacks", attacks)
    course.hand_in("partly", partly)
    course.hand_in("pastes", pastes)
    course.hand_in("solved", lambda notebook: answer(notebook, right))
    course.hand_in("tampers", tampers)
    course.hand_in("untouched", lambda notebook: None)
    course.before = course.digests()
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text() + "c.Judge.seconds = 12\n")
    course.log = course.nbgrader("autograde", STEM)
    return course


def test_learners_get_the_stubs_of_the_course(course, notebooks):
    learner = nbformat.read(notebooks / f"{STEM}.ipynb", as_version=4)
    released = course.released()
    assert [cell.id for cell in released.cells] == [cell.id for cell in learner.cells]
    for name in NAMES:
        cell = cell_of(released, f"exercise-{name}")
        assert cell.source == cell_of(learner, cell.id).source
        assert cell_of(released, f"check-{name}").metadata.nbgrader.locked
    assert all("BEGIN SOLUTION" not in cell.source for cell in released.cells)
    assert all("](03_" not in cell.source for cell in released.cells)


@pytest.mark.parametrize(
    ("learner", "scores"),
    [
        ("solved", [3, 3, 1, 2]),
        ("partly", [0, 3, 1, 0]),
        ("pastes", [3, 3, 0, 0]),
        ("untouched", [0, 0, 0, 0]),
        ("tampers", [0, 0, 0, 2]),
        ("attacks", [0, 0, 0, 2]),
    ],
)
def test_each_exercise_earns_its_points_by_itself(course, learner, scores):
    assert course.scores(learner) == scores, course.log


def test_the_verdict_says_what_is_wrong(course):
    assert "Padding takes part in the softmax" in course.said("partly", "attend")
    assert "took more than 12 seconds" in course.said("tampers", "attend")
    assert "so I say" not in course.said("attacks", "attend")
    assert "no longer refuses a wrong answer" in course.said("attacks", "attention-mil")
    assert "no verdict: your code ended its process" in course.said("attacks", "sigmoid-cap")


def test_nothing_else_was_touched(course):
    assert course.digests() == course.before
    graded = sorted(path.name for path in (course.folder / "autograded").iterdir())
    assert graded == ["attacks", "partly", "pastes", "solved", "tampers", "untouched"]


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


def test_without_the_checkout_nothing_is_graded_in_another_way(course, tmp_path):
    moved = Course(tmp_path / "moved course")
    shutil.copytree(course.folder / "submitted", moved.folder / "submitted")
    text = (course.folder / "nbgrader_config.py").read_text()
    here = str(Path(__file__).parents[2])
    (moved.folder / "nbgrader_config.py").write_text(text.replace(here, "/lost"))
    assert "no checkout of the course at /lost/notebooks" in moved.nbgrader("autograde", STEM)
    assert not (moved.folder / "autograded").exists()


def test_a_course_folder_may_be_moved(course, tmp_path):
    moved = Course(tmp_path / "moved course")
    moved.folder.mkdir()
    for name in ("source", "nbgrader_config.py"):
        command = shutil.copytree if (course.folder / name).is_dir() else shutil.copy
        command(course.folder / name, moved.folder / name)
    log = moved.nbgrader("generate_assignment", STEM)
    assert (moved.folder / "release" / STEM / f"{STEM}.ipynb").exists(), log


def test_scores_are_exported_and_feedback_shows_the_verdicts(course):
    course.nbgrader("export")
    with (course.folder / "grades.csv").open() as file:
        rows = {row["student_id"]: (row["score"], row["max_score"]) for row in csv.DictReader(file)}
    assert rows["solved"] == ("9.0", "9.0")
    assert rows["partly"] == ("4.0", "9.0")
    log = course.nbgrader("generate_feedback", STEM, "--student", "partly")
    page = course.folder / "feedback" / "partly" / STEM / f"{STEM}.html"
    assert page.exists(), log
    assert "Padding takes part in the softmax" in page.read_text()
