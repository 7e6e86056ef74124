"""Ways to start lead to what exists: badges, Codespaces, conda, workflows, citation."""

import json
import re
import subprocess
import sys

import pytest
import yaml
from tools.launch import site, with_launch
from tools.settings import BRANCH, REPOSITORY

README_ROW = re.compile(r"^\| (\d\d) \| \[(.+?)\]\(notebooks/(\w+)\.ipynb\) \| (\d+) \|", re.M)


@pytest.fixture()
def root(notebooks):
    return notebooks.parent


@pytest.fixture()
def extras(root):
    text = (root / "pyproject.toml").read_text().split("[project.optional-dependencies]")[1]
    return set(re.findall(r"^(\w+) = \[", text.split("\n[")[0], re.M))


def test_a_fork_changes_one_line(root, monkeypatch):
    text = (root / "README.md").read_text(encoding="utf-8")
    monkeypatch.setattr("tools.launch.REPOSITORY", "ann/fork")
    changed = with_launch(text)
    assert "git clone https://github.com/ann/fork && cd fork`" in changed
    assert REPOSITORY not in changed


def test_every_badge_leads_to_a_file_of_this_repository(root, notebooks):
    text = (root / "README.md").read_text(encoding="utf-8")
    places = {
        "Colab": r"colab\..+/github/(?P<repo>[^/]+/[^/]+)/blob/main/(?P<path>.+)",
        "Binder": r"mybinder\.org/v2/gh/(?P<repo>[^/]+/[^/]+)/main\?urlpath=lab/tree/(?P<path>.+)",
        "Kaggle": r"kaggle\.com/.+github\.com/(?P<repo>[^/]+/[^/]+)/blob/main/(?P<path>.+)",
        "Codespaces": r"codespaces\.new/(?P<repo>[^/]+/[^/]+)\?ref=main(?P<path>)",
    }
    for name, pattern in places.items():
        (address,) = re.findall(rf"\[!\[Open in [^\]]*{name}\]\([^)]+\)\]\(([^)]+)\)", text)
        match = re.search(pattern.replace("main", BRANCH) + "$", address)
        assert match, address
        assert match["repo"] == REPOSITORY
        assert (root / match["path"]).exists()
    assert f"({site()})" in text
    assert (root / ".devcontainer" / "devcontainer.json").is_file()
    assert (root / "environment.yml").is_file()  # Binder's; a folder binder/ would hide it
    assert not any((root / name).exists() for name in ("binder", ".binder"))


def test_the_readmes_chapters_are_the_courses(root, chapters):
    rows = README_ROW.findall((root / "README.md").read_text(encoding="utf-8"))
    listed = [(number, title, stem, int(minutes)) for number, title, stem, minutes in rows]
    titles = [chapter.title.removeprefix(f"{chapter.number}. ") for chapter in chapters]
    assert listed == [
        (c.number, title, c.stem, c.data["minutes"]) for c, title in zip(chapters, titles)
    ]


def test_codespaces_installs_extras_that_exist(root, extras):
    settings = json.loads((root / ".devcontainer" / "devcontainer.json").read_text())
    (named,) = re.findall(r"pip install -e '\.\[([\w,]+)\]'", settings["postCreateCommand"])
    assert set(named.split(",")) <= extras
    for name in settings["customizations"]["codespaces"]["openFiles"]:
        assert (root / name).is_file()


def test_workflows_call_what_exists(root, extras):
    files = sorted((root / ".github" / "workflows").glob("*.yml"))
    assert files
    for path in files:
        workflow = yaml.safe_load(path.read_text())
        assert {"name", "jobs"} <= set(workflow)
        text = path.read_text()
        for named in re.findall(r'pip install (?:-e )?"\.\[([\w,]+)\]"', text):
            assert set(named.split(",")) <= extras, path.name
        for name in re.findall(r"python (\S+\.py)", text):
            assert (root / name).is_file(), name


def test_the_oldest_versions_are_those_the_package_allows(root):
    command = [sys.executable, str(root / ".github" / "oldest.py")]
    lines = subprocess.check_output(command, text=True).split()
    project = (root / "pyproject.toml").read_text()
    assert "torch==2.4.*" in lines
    assert len(lines) == len(set(lines)) == len(set(re.findall(r'"([\w-]+)>=', project)))


def test_conda_and_pip_ask_for_the_same_versions(root):
    project = dict(re.findall(r'"([\w-]+)>=([\d.]+)"', (root / "pyproject.toml").read_text()))
    listed = yaml.safe_load((root / "environment.yml").read_text())["dependencies"]
    called = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}
    for entry in listed:
        if isinstance(entry, str) and ">=" in entry:
            name, version = entry.split(">=")
            assert project[called.get(name, name)] == version, name


def test_the_citation_is_complete(root):
    import mil_tutorial

    citation = yaml.safe_load((root / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= set(citation)
    assert citation["version"] == mil_tutorial.__version__
    assert citation["repository-code"] == f"https://github.com/{REPOSITORY}"
    assert citation["license"] == "MIT"


def test_issue_templates_ask_for_something(root):
    for name in ("bug", "unclear"):
        form = yaml.safe_load((root / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text())
        assert {"name", "description", "body"} <= set(form)
        ids = [field["id"] for field in form["body"]]
        assert len(ids) == len(set(ids))
