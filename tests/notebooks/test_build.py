"""The build: what is stored is what the sources say, and every difference is seen."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import pytest
from tools.chapters import read_chapter, read_chapters
from tools.compare import differences
from tools.editions import make_edition
from tools.execute import execute
from tools.memory_watch import MemoryWatch
from tools.pages import fill
from tools.stored import write_notebook

TINY = '''# %% [markdown] id="title"
# # See a tiny chapter

# %% id="exercise-twice"
def twice(x):
    """Double x."""
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION

# %% id="show"
import os
print(twice(2), bool(os.environ.get("MIL_TUTORIAL_FAST")), object())
'''


@pytest.fixture()
def copy(notebooks, tmp_path):
    """The notebooks folder, to be spoilt."""
    target = tmp_path / "notebooks"
    shutil.copytree(notebooks, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


@pytest.fixture()
def tiny(tmp_path):
    (tmp_path / "src").mkdir()
    path = tmp_path / "src" / "00_tiny.py"
    path.write_text(TINY)
    path.with_suffix(".yaml").write_text("minutes: 1\nexercises: {}\nquiz: []\n")
    return path


def test_everything_is_up_to_date(notebooks):
    command = [sys.executable, str(notebooks / "build.py"), "--check"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr


def spoil(path, change):
    notebook = nbformat.read(path, as_version=4)
    change(notebook)
    nbformat.write(notebook, path)


def edit(notebook):
    notebook.cells[3].source += " "


def swap(notebook):
    notebook.cells[3:5] = notebook.cells[4:2:-1]


def forget(notebook):
    next(c for c in notebook.cells if c.cell_type == "code").execution_count = None


def fail(notebook):
    error = nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
    next(c for c in notebook.cells if c.cell_type == "code").outputs = [error]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edit, "differs"),
        (swap, "another order"),
        (forget, "was not run"),
        (fail, "stores an error"),
        (lambda n: [c.update(outputs=[]) for c in n.cells if "outputs" in c], "lost its output"),
        (lambda n: n.cells.pop(), "is missing"),
        (lambda n: n.cells.append(nbformat.v4.new_code_cell("1")), "not in the source"),
    ],
)
def test_a_change_by_hand_is_seen(copy, change, message):
    spoil(copy / "solutions" / "05_attention.ipynb", change)
    found = differences(copy, read_chapters(copy))
    assert any("solutions/05_attention.ipynb" in line and message in line for line in found)


def test_a_stray_notebook_and_an_old_table_are_seen(copy):
    shutil.copy(copy / "05_attention.ipynb", copy / "99_stray.ipynb")
    readme = copy / "README.md"
    readme.write_text(readme.read_text().replace("| 60 |", "| 61 |"))
    found = differences(copy, read_chapters(copy))
    assert "99_stray.ipynb: has no source" in found
    assert "README.md: the table is old" in found


def test_a_chapter_that_was_never_measured_is_seen(copy):
    (copy / "times.json").write_text("{}")
    found = differences(copy, read_chapters(copy))
    assert "times.json: nothing measured of 05_attention" in found
    assert "run notebooks/build.py" in found[-1]


def test_half_a_file_is_seen(copy):
    path = copy / "05_attention.ipynb"
    path.write_text(path.read_text()[:1000])
    found = differences(copy, read_chapters(copy))
    assert "05_attention.ipynb: the file is missing or cannot be read" in found


def test_a_misspelt_placeholder_is_refused(chapters):
    for text in ("<!-- badge -->", "<!--cards attend-->", "<!-- card nonsense -->"):
        with pytest.raises(ValueError, match="stands for nothing"):
            fill(text, chapters[0], "learner", chapters)


def test_a_changed_hint_is_seen(copy):
    source = copy / "src" / "05_attention.yaml"
    source.write_text(source.read_text().replace("Work from the inside out", "Work outwards"))
    assert any("hints or solutions" in line for line in differences(copy, read_chapters(copy)))


def test_editions_differ_in_the_exercise_only_and_building_twice_gives_the_same_file(tiny):
    chapter = read_chapter(tiny)
    learner, solved = (make_edition(chapter, e, [chapter]) for e in ("learner", "solutions"))
    assert [c.id for c in learner.cells] == [c.id for c in solved.cells]
    assert learner.cells[1].source != solved.cells[1].source
    texts = []
    for _ in range(2):
        notebook = make_edition(chapter, "solutions", [chapter])
        run = execute(notebook, fast=True)
        write_notebook(notebook, chapter.path("solutions"))
        texts.append(chapter.path("solutions").read_text())
    assert texts[0] == texts[1]
    assert "4 True <object object>" in texts[0]
    assert run.seconds > 0
    assert run.peak_bytes > 1e7


def test_memory_counts_the_processes_that_a_kernel_starts():
    me = SimpleNamespace(provisioner=SimpleNamespace(pid=os.getpid()))
    peaks = []
    for size in (1, 300_000_000):
        code = f"x = bytearray({size}); import time; time.sleep(1.5)"
        with MemoryWatch(me) as watch:
            subprocess.run([sys.executable, "-c", code], check=True)
        peaks.append(watch.peak_bytes)
    assert peaks[1] - peaks[0] == pytest.approx(3e8, rel=0.2)


def test_cells_need_ids_of_their_own(tiny):
    tiny.write_text(TINY.replace('id="show"', 'id="title"'))
    with pytest.raises(ValueError, match="give the cell .* an id of its own"):
        read_chapter(tiny)


def test_an_unknown_chapter_is_refused(notebooks):
    command = [sys.executable, str(notebooks / "build.py"), "77"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 2
    assert "no chapter 77; there are: 00" in found.stderr
