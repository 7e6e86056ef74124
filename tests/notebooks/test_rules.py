"""The rules of pages: each sees the fault that it is there for."""

import copy
import subprocess
import sys

import nbformat
import pytest
from tools import rules
from tools.kit_rules import _note, _plans
from tools.widget_state import STATE


@pytest.fixture()
def chapter(chapters):
    """Chapter 10, which has widgets, to be spoilt."""
    return copy.deepcopy(next(chapter for chapter in chapters if chapter.number == "10"))


@pytest.fixture()
def page(chapter):
    """The stored learner's edition of chapter 10, to be spoilt."""
    notebook = nbformat.read(chapter.path("learner"), as_version=4)
    return rules.Page(chapter, "learner", notebook)


@pytest.mark.parametrize(
    ("rule", "change", "message"),
    [
        (rules.length, lambda c: c.cells.pop(0) and c.cells.clear(), "0 words"),
        (rules.comments, lambda c: setattr(c.cells[0], "source", "to 95\n% of"), "begins with %"),
        (rules.exercises, lambda c: c.data["exercises"].popitem(), "exercises in the cells"),
        (rules.exercises, lambda c: c.data["exercises"]["tile_ring"]["hints"].clear(), "hints"),
        (rules.exercises, lambda c: setattr(c.cells[-1], "source", "### BEGIN"), "begin with"),
        (rules.quiz, lambda c: c.data["quiz"][0]["options"].pop(), "three to five answers"),
        (rules.quiz, lambda c: c.data["quiz"][1]["options"][0].update(feedback=" "), "feedback"),
        (rules.packages, lambda c: c.data.update(packages={"x": "nopackage"}), "nopackage"),
    ],
)
def test_a_fault_of_a_source_is_named(chapter, rule, change, message):
    assert list(rule(chapter)) == []
    change(chapter)
    assert any(message in line for line in rule(chapter))


def edit(number, old, new):
    def change(page):
        cell = page.notebook.cells[number]
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def write_stderr(page):
    page.code[1].outputs = [nbformat.v4.new_output("stream", name="stderr", text="a warning")]


def print_path(page):
    page.code[1].outputs = [nbformat.v4.new_output("stream", text="in /home/ann/course")]


def forget_descriptions(page):
    for cell in page.code:
        for output in cell.outputs:
            output.get("data", {}).pop("text/html", None)


def mark_right(page):
    next(c for c in page.code if c.id.startswith("check-")).outputs[0].text = "✓ right"


@pytest.mark.parametrize(
    ("rule", "change", "message"),
    [
        (rules.parts, edit(0, "**You need**", "You need"), "no row **You need**"),
        (rules.parts, edit(0, "colab.research", "elsewhere"), "no badges of this page"),
        (rules.parts, edit(-1, "## Further reading", "## More"), "the last sections"),
        (rules.cells, lambda p: setattr(p.code[2], "source", "x\n" * 26), "more than 25 lines"),
        (rules.cells, write_stderr, "writes to stderr"),
        (rules.cells, print_path, "shows a path"),
        (rules.first_cell, edit(1, '"pooch"', '"pooch"\n%pip install torch'), "may not install"),
        (rules.first_cell, lambda p: p.code[0].outputs.clear(), "does not print torch"),
        (rules.pictures, forget_descriptions, "describe the picture"),
        (rules.pictures, lambda p: p.notebook.metadata.widgets[STATE].state.clear(), "its state"),
        (rules.checks, mark_right, "shows '✓ right'"),
        (rules.links, edit(0, "](", "](nowhere.md) ["), "nowhere.md leads nowhere"),
    ],
)
def test_a_fault_of_a_page_is_named(page, rule, change, message):
    assert list(rule(page)) == []
    change(page)
    assert any(message in line for line in rule(page))


def test_measured_costs_have_limits(chapter, monkeypatch):
    assert list(rules.cost(chapter)) == []
    times = {"fast_seconds": 61, "full_seconds": 10, "peak_gb": 1.0, "together_gb": 1.0}
    monkeypatch.setattr(rules, "read_times", lambda _: {chapter.stem: times})
    assert list(rules.cost(chapter)) == ["fast_seconds is 61, the limit is 60"]


def test_faults_of_the_kit_are_named(chapter):
    plan = "\n## Plans\n\n### A day: 60 minutes\n"
    rows = f"| 50 | 10 | all | | |\n| 20 | 10 | No such thing | | |\n{'| 1 | 77 | all | | |'}\n"
    assert list(_plans(plan + rows, {"10": chapter})) == [
        "the minutes of 'A day: 60 minutes' add up to 71",
        "A day: 60 minutes, chapter 10: 50 minutes, the whole chapter takes 45",
        "A day: 60 minutes, chapter 10: no section 'No such thing'",
        "A day: 60 minutes, chapter 77: there is no such chapter",
    ]
    note = 'A heading\n**Short of time.** Leave out "No such\nthing".'
    lines = list(_note(note, chapter))
    assert "the heading has to be '10. Draw and explore heat maps (45 minutes)'" in lines
    assert "no **The idea.**" in lines
    assert "no section 'No such thing'" in lines


def test_words_are_spelt_right(notebooks):
    files = [str(p) for kind in ("*.py", "*.yaml") for p in sorted(notebooks.glob(f"src/{kind}"))]
    files += [str(notebooks / "README.md"), str(notebooks.parent / "README.md")]
    files += [str(notebooks / "instructor")]
    files += [str(notebooks.parent / "mil_tutorial")]
    command = [sys.executable, "-m", "codespell_lib", "--skip=*.json", *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
