"""The build: what is stored is what the sources say, and every difference is seen."""

import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import psutil
import pytest
from tools.chapters import read_chapter, read_chapters
from tools.compare import differences
from tools.editions import make_edition
from tools.execute import Run, execute
from tools.memory_watch import MemoryWatch
from tools.pages import fill
from tools.stored import read_stored, write_notebook

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
    shutil.copy(notebooks.parent / "README.md", tmp_path)
    return target


@pytest.fixture()
def tiny(tmp_path):
    (tmp_path / "src").mkdir()
    path = tmp_path / "src" / "00_tiny.py"
    path.write_text(TINY)
    path.with_suffix(".yaml").write_text("minutes: 1\nexercises: {}\nquiz: []\n")
    return path


def test_everything_is_up_to_date_and_keeps_the_rules(notebooks):
    command = [sys.executable, str(notebooks / "build.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.endswith("chapters are up to date\n")


@pytest.fixture()
def builds(copy, monkeypatch):
    """``build.main`` in a copy of the notebooks, and the editions that it runs."""
    import build

    runs = []

    def execute(notebook, *, fast):
        runs.append("fast" if fast else "full")
        for cell in notebook.cells:
            if cell.cell_type == "code":
                output = nbformat.v4.new_output("stream", name="stdout", text="ran anew")
                cell.update(outputs=[output], execution_count=1)
        return Run(seconds=12.3, peak_bytes=5e8, together_bytes=6e8)

    monkeypatch.setattr(build, "NOTEBOOKS", copy)
    monkeypatch.setattr(build, "execute", execute)
    monkeypatch.setattr(build, "write_exercises", lambda chapters: None)

    def run(*arguments):
        runs.clear()
        monkeypatch.setattr(sys, "argv", ["build.py", *arguments])
        assert build.main() == 0
        return list(runs)

    return run


def replace(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_changed_word_keeps_outputs_and_times(copy, builds):
    files = [copy / "times.json", copy / "README.md"]
    before = [path.read_bytes() for path in files]
    pages = [copy / "05_attention.ipynb", copy / "solutions" / "05_attention.ipynb"]
    texts = [path.read_text() for path in pages]
    replace(copy / "src" / "05_attention.py", "A pathologist who reads", "A reader of")
    replace(copy / "src" / "05_attention.py", 'tags=["nbval-check-output"]', "")
    assert builds() == []
    assert [path.read_bytes() for path in files] == before
    for path, text in zip(pages, texts):
        assert "A reader of" in path.read_text()
        assert "ran anew" not in path.read_text()
        old, new = (nbformat.reads(t, as_version=4) for t in (text, path.read_text()))
        assert [c.get("outputs") for c in new.cells] == [c.get("outputs") for c in old.cells]
        assert new.metadata == old.metadata
    assert builds("05") == []


@pytest.mark.parametrize("change", ["code", "solution", "version", "output"])
def test_changed_code_is_run(copy, builds, change, monkeypatch):
    source = copy / "src" / "05_attention.py"
    replace(source, "A pathologist who reads", "A reader of")
    if change == "code":
        replace(source, "scores = torch.tensor([2.0, 1.0, 0.0])", "scores = torch.zeros(3)")
    elif change == "solution":
        replace(source, "my_guess = 0.23 ", "my_guess = 0.24 ")
    elif change == "version":
        monkeypatch.setattr("tools.stored.VERSION", "0.0.1")
    else:
        spoil(copy / "05_attention.ipynb", forget)
    times = (copy / "times.json").read_text()
    assert builds() == ["full", "full"]
    assert "ran anew" in (copy / "05_attention.ipynb").read_text()
    assert (copy / "times.json").read_text() == times


def test_times_are_written_where_they_are_asked_for(copy, builds):
    assert builds("05", "--force") == ["full", "full"]
    assert "0.60 GB" not in (copy / "README.md").read_text()
    assert builds("05", "--measure") == ["full", "full", "fast"]
    assert "| 60 | 12 s | 12 s | 0.50 GB | 0.60 GB |" in (copy / "README.md").read_text()


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
def test_a_change_by_hand_is_seen(chapters, change, message):
    chapter = next(chapter for chapter in chapters if chapter.number == "05")
    stored = read_stored(chapter.path("solutions"))
    change(stored.notebook)
    lines = stored.different_cells(make_edition(chapter, "solutions", chapters))
    assert any(message in line for line in lines)


def test_what_is_old_cut_off_or_astray_is_seen(copy):
    shutil.copy(copy / "05_attention.ipynb", copy / "99_stray.ipynb")
    path = copy / "05_attention.ipynb"
    path.write_text(path.read_text()[:1000])
    replace(copy / "README.md", "| 60 |", "| 61 |")
    replace(copy / "src" / "06_add_a_gate.yaml", 'hints:\n      - "', 'hints:\n      - "Look. ')
    assert differences(copy, read_chapters(copy)) == [
        "05_attention.ipynb: the file is missing or cannot be read",
        "99_stray.ipynb: has no source",
        "exercises.json: hints or solutions differ from the sources",
        "README.md: the table is old",
    ]


def test_a_chapter_that_was_never_measured_is_seen(copy):
    (copy / "times.json").write_text("{}")
    lines = differences(copy, read_chapters(copy))
    assert "times.json: nothing measured of 05_attention" in lines
    assert "run notebooks/build.py --measure" in lines[-1]


def test_a_misspelt_placeholder_is_refused(chapters):
    for text in ("<!-- badge -->", "<!--cards attend-->", "<!-- card nonsense -->"):
        with pytest.raises(ValueError, match="not a known placeholder"):
            fill(text, chapters[0], "learner", chapters)


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
    started = [" ".join(process.cmdline()) for process in psutil.Process().children()]
    assert not any("ipykernel" in command for command in started)  # each kernel has ended


def test_code_that_only_draws_is_collapsed_in_jupyterlab(tiny):
    tiny.write_text(TINY.replace('id="show"', 'id="show" tags=["hide-input"]'))
    chapter = read_chapter(tiny)
    notebook = make_edition(chapter, "learner", [chapter])
    assert [cell.metadata.get("jupyter") for cell in notebook.cells] == [
        None,
        None,
        {"source_hidden": True},
    ]
    write_notebook(notebook, chapter.path("learner"))
    stored = read_stored(chapter.path("learner"))
    notebook.cells[2].metadata.pop("jupyter")
    assert "cell show differs" in stored.different_cells(notebook)


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
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "no chapter 77; there are: 00" in done.stderr
