"""Every chapter keeps the form of a page, and reads and runs within its limits."""

import re
import subprocess
import sys

import pytest
from tools.settings import BRANCH, REPOSITORY
from tools.times import read_times
from tools.widget_state import STATE, VIEW

VERBS = {
    "Add",
    "Audit",
    "Batch",
    "Build",
    "Compare",
    "Draw",
    "Find",
    "Judge",
    "Learn",
    "Pool",
    "Reproduce",
    "Scale",
    "See",
    "Start",
    "Train",
    "Watch",
    "Work",
}
ENDING = ["Summary", "Check yourself", "In practice", "Further reading"]


def markdown(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "markdown"]


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def headings(notebook, level):
    text = "\n".join(cell.source for cell in markdown(notebook))
    return re.findall(rf"^{'#' * level} (.+)$", text, re.MULTILINE)


def test_the_page_has_its_parts_in_order(chapter, learner):
    title = learner.cells[0].source
    assert headings(learner, 1) == [chapter.title]
    assert chapter.title.split()[0] in VERBS
    for row in ("You will do", "You will learn", "You need", "Time"):
        assert f"**{row}**" in title
    assert f"| {chapter.data['minutes']} minutes |" in title
    assert headings(learner, 2)[-4:] == ENDING
    assert code(learner)[0].id == "setup"
    assert len(headings(learner, 3)) >= 3


def test_the_page_has_the_length_of_a_page(chapter, learner):
    words = sum(len(cell.source.split()) for cell in chapter.cells if cell.cell_type == "markdown")
    assert 1_200 <= words <= 1_800
    assert 35 <= len(learner.cells) <= 60


@pytest.mark.parametrize("edition", ["learner", "solutions"])
def test_cells_are_short_and_outputs_are_clean(chapter, edition, learner, solved):
    for cell in code(learner if edition == "learner" else solved):
        assert len(cell.source.splitlines()) <= 25, cell.id
        if cell.id != "setup":  # its address is as long as a fork's name
            assert max(map(len, cell.source.splitlines())) <= 100, cell.id
        for output in cell.outputs:
            assert output.get("name") != "stderr", (cell.id, output.text)


@pytest.mark.parametrize("edition", ["learner", "solutions"])
def test_every_picture_has_alt_text(chapter, edition, learner, solved):
    notebook = learner if edition == "learner" else solved
    pictures = 0
    for cell in code(notebook):
        for output in cell.outputs:
            data = output.get("data", {})
            html = "".join(data.get("text/html", ""))
            drawn = any(kind.startswith("image/") for kind in data) or VIEW in data
            if drawn or "<img" in html:
                pictures += 1
                (alt,) = re.findall(r'<img alt="([^"]*)"', html)
                assert len(alt) > 30, cell.id
    assert pictures >= 2
    for cell in markdown(notebook):
        assert "<img" not in cell.source
        assert all(alt.strip() for alt in re.findall(r"!\[([^\]]*)\]", cell.source))


@pytest.mark.parametrize("edition", ["learner", "solutions"])
def test_every_widget_is_stored_with_its_state(chapter, edition, learner, solved):
    notebook = learner if edition == "learner" else solved
    stored = notebook.metadata.get("widgets", {}).get(STATE, {"state": {}})["state"]
    for cell in code(notebook):
        for output in cell.outputs:
            if VIEW in output.get("data", {}):
                assert output.data[VIEW]["model_id"] in stored, cell.id


def anchors(text):
    """Return the addresses that GitHub gives the headings of a page."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


def assert_links_lead_somewhere(text, folder, within=frozenset()):
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    targets += re.findall(r"""(?:href|src)=["']([^"']+)["']""", text)
    for target in targets:
        if target.startswith("#"):
            assert target in within, f"{target}: no heading of this page"
        elif not target.startswith(("https://", "data:")):
            assert (folder / target).exists(), target


@pytest.mark.parametrize("edition", ["learner", "solutions"])
def test_links_lead_somewhere(chapter, edition, learner, solved):
    for cell in markdown(learner if edition == "learner" else solved):
        assert_links_lead_somewhere(cell.source, chapter.path(edition).parent)


READMES = [
    "README.md",
    "notebooks/README.md",
    "notebooks/instructor/README.md",
    "notebooks/instructor/chapter_notes.md",
    "notebooks/instructor/grading.md",
    "data/README.md",
]


@pytest.mark.parametrize("name", READMES)
def test_links_of_the_readmes_lead_somewhere(notebooks, name):
    path = notebooks.parent / name
    text = path.read_text(encoding="utf-8")
    assert_links_lead_somewhere(text, path.parent, anchors(text))


def test_badges_point_to_this_notebook(chapter, learner, solved):
    for notebook, edition in ((learner, "learner"), (solved, "solutions")):
        title = notebook.cells[0].source
        path = chapter.path(edition).relative_to(chapter.notebooks.parent).as_posix()
        for site in (
            "colab.research.google.com/github",
            "mybinder.org/v2/gh",
            "kaggle.com/kernels",
        ):
            assert any(
                site in link and link.endswith(path) and REPOSITORY in link and BRANCH in link
                for link in re.findall(r"\]\((https://[^)]+)\)", title)
            ), site


def test_no_output_tells_where_it_was_made(learner, solved):
    for cell in code(learner) + code(solved):
        told = [output.get("text", "") for output in cell.outputs]
        told += [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
        assert not re.search(r"(?<!\S)/(home|root|work|Users)/", "\n".join(told)), cell.id


def test_the_first_cell_leaves_torch_and_numpy_alone(learner):
    source = code(learner)[0].source
    installs = [line for line in source.splitlines() if "pip install" in line]
    assert installs
    assert all("torch" not in line and "numpy" not in line for line in installs)
    assert '--no-deps "mil-tutorial @ git+https://github.com/' in source
    printed = code(learner)[0].outputs[0].text
    for part in ("mil_tutorial", "torch", "numpy", "device:", "SHA-256", "fast mode: off"):
        assert part in printed


def test_a_chapter_installs_only_what_an_extra_of_the_package_names(chapter, learner, notebooks):
    project = (notebooks.parent / "pyproject.toml").read_text(encoding="utf-8")
    source = code(learner)[0].source
    for module, names in chapter.data.get("packages", {}).items():
        assert f'"{module}": "{names}"' in source
        assert all(f'"{name}>=' in project for name in names.split())
    assert ("packages[" in source) is ("packages" in chapter.data)


def test_measured_time_and_memory_are_within_limits(chapter, notebooks):
    measured = read_times(notebooks)[chapter.stem]
    assert 0 < measured["fast_seconds"] <= 60
    assert 0 < measured["full_seconds"] <= 180
    assert 0.1 < measured["peak_gb"] <= 1.2
    assert measured["peak_gb"] <= measured["together_gb"]
    if chapter.number != "15":  # it starts two processes only where it finds room for them
        assert measured["together_gb"] <= 1.75


def test_words_are_spelt_right(notebooks):
    files = [str(p) for kind in ("*.py", "*.yaml") for p in sorted(notebooks.glob(f"src/{kind}"))]
    files += [str(notebooks / "README.md"), str(notebooks.parent / "README.md")]
    files += [str(notebooks / "instructor")]
    files += [str(notebooks.parent / "mil_tutorial")]
    command = [sys.executable, "-m", "codespell_lib", "--skip=*.json", *files]
    found = subprocess.run(command, capture_output=True, text=True)
    assert found.returncode == 0, found.stdout + found.stderr
