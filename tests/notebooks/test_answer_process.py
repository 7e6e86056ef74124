"""How one answer is judged in a process of its own."""

import shutil
import socket
import subprocess
import sys
from types import SimpleNamespace

import pytest
from test_exercises import names_before
from tools.answer_judge import definitions, spoilt
from tools.answer_process import judge_answer
from tools.assignment import make_job
from tools.chapters import exercise_name
from tools.stubs import solution


def position(chapters, number, name):
    chapter = next(chapter for chapter in chapters if chapter.number == number)
    places = [i for i, cell in enumerate(chapter.cells) if exercise_name(cell) == name]
    return chapter, places[0]


@pytest.fixture()
def attend(chapters):
    """A job that judges an answer to the first exercise of chapter 05."""
    chapter, place = position(chapters, "05", "attend")
    check = chapter.cells[place + 1].source
    return lambda answer, own=(): make_job(chapter, place, answer, list(own), check)


def test_a_check_refuses_a_spoilt_solution_of_every_exercise(chapter):
    """Otherwise an honest answer to this exercise could be called suspect."""
    for place, cell in enumerate(chapter.cells):
        if (name := exercise_name(cell)) is None:
            continue
        check = chapter.cells[place + 1].source
        job = make_job(chapter, place, "", [], check)
        names = names_before(chapter, cell.id, solution)
        exec(job["check"], names)
        answer = eval(job["argument"], names)
        assert names[f"check_{name}"].judge(answer).state == "right", name
        assert names[f"check_{name}"].judge(spoilt(answer)).state != "right", name


def test_an_answer_may_use_a_cell_of_its_own_and_lines_of_ipython(attend):
    helper = "def score(h, V, w):\n    return torch.tanh(h @ V.T) @ w\n"
    answer = (
        "%time\nfrom mil_tutorial import masked_softmax\n"
        "def attend(h, mask, V, w):\n    return masked_softmax(score(h, V, w), mask)\n"
        "print(attend(h, mask, V, w).shape)"  # names of the chapter that nobody has made
    )
    assert judge_answer(attend(answer, [helper])).state == "right"


@pytest.mark.parametrize(
    "says",
    ['print(\'{"state": "right"}\')', "print('[' * 10000)", "import time; time.sleep(60)"],
)
def test_what_is_no_verdict_is_not_believed(attend, says):
    judgement = judge_answer(attend("attend = 1"), [sys.executable, "-c", says], seconds=1)
    assert judgement.state == "lost"
    assert "or took more than 1 seconds" in judgement.text


SPIES = """
import os, socket
found = []
for act in (
    lambda: open(HERE, "w"),
    lambda: socket.create_connection(("127.0.0.1", PORT), 5),
):
    try:
        act()
        found.append("done")
    except OSError:
        found.append("refused")
raise RuntimeError(f"{found} {os.listdir(COURSE)}")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="macOS and Windows set no limit of memory")
@pytest.mark.parametrize("greedy", ["bytearray(10**11)", "__import__('numpy').empty(10**9)"])
def test_an_answer_that_asks_for_too_much_memory_is_refused_it(attend, greedy):
    judgement = judge_answer(attend(f"attend = {greedy}"))
    assert judgement.state != "right"
    assert "(in your cell: " in judgement.text
    assert "MemoryError" in judgement.text


@pytest.mark.skipif(
    shutil.which("bwrap") is None,
    reason="the sandbox of grading.md is not tested: it needs bubblewrap, the command bwrap",
)
def test_the_sandbox_of_the_page_keeps_an_answer_from_files_and_network(
    attend, notebooks, tmp_path
):
    page = (notebooks / "instructor" / "grading.md").read_text(encoding="utf-8")
    line = next(text for text in page.split("```python\n") if '"bwrap' in text).split("```")[0]
    config = SimpleNamespace(Judge=SimpleNamespace(), CourseDirectory=SimpleNamespace())
    course = tmp_path / "my course"
    course.mkdir()
    config.CourseDirectory.root = str(course)
    exec(line, {"c": config, "sys": sys})
    (course / "gradebook.db").write_text("scores")
    if subprocess.run([*config.Judge.python, "-c", ""]).returncode:
        pytest.skip("the sandbox of grading.md is not tested: bwrap may not make namespaces here")
    with socket.create_server(("127.0.0.1", 0)) as server:
        names = {"HERE": __file__, "PORT": server.getsockname()[1], "COURSE": str(course)}
        spies = "".join(f"{name} = {value!r}\n" for name, value in names.items()) + SPIES
        assert "['refused', 'refused'] []" in judge_answer(attend(spies), config.Judge.python).text
        assert "['done', 'done']" in judge_answer(attend(spies.replace(repr(__file__), "'x'"))).text


def test_an_answer_that_was_not_touched_needs_no_process(attend):
    job = attend("")
    assert judge_answer(job | {"answer": job["stub"]}, ["no such command"]).state == "open"


def test_only_definitions_are_taken_from_other_cells():
    kept = definitions("import os\nx = 1\ndef f(): ...\nprint(x)\nclass A: ...")
    assert [type(node).__name__ for node in kept] == ["Import", "FunctionDef", "ClassDef"]
    assert definitions("not python") == []
