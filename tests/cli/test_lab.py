import subprocess

import pytest

from mil_tutorial.__main__ import main
from mil_tutorial.cli import lab


@pytest.fixture()
def checkout(tmp_path):
    (tmp_path / "mil_tutorial").mkdir()
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "README.md").write_text("")
    for name in ("00_start_here", "05_attention"):
        (tmp_path / "notebooks" / f"{name}.ipynb").write_text("{}")
    return tmp_path


def test_chapters_are_found_by_number_from_any_folder_inside(checkout):
    notebooks = lab.find_notebooks(checkout / "notebooks")
    assert notebooks == checkout / "notebooks"
    assert lab.find_chapter(notebooks, "5").name == "05_attention.ipynb"
    with pytest.raises(FileNotFoundError, match="no chapter 07 in .*there are: 00, 05"):
        lab.find_chapter(notebooks, "07")


def test_without_a_checkout_it_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setattr(lab, "__file__", str(tmp_path / "site" / "mil_tutorial" / "cli" / "lab.py"))
    with pytest.raises(FileNotFoundError, match="come with the repository: clone it"):
        lab.find_notebooks(tmp_path)


@pytest.mark.parametrize(("number", "target"), [(None, "notebooks"), ("00", "00_start_here.ipynb")])
def test_jupyterlab_is_started_there(checkout, monkeypatch, number, target):
    monkeypatch.chdir(checkout)
    calls = []
    monkeypatch.setattr(subprocess, "call", lambda command: calls.append(command) or 0)
    assert main(["lab", number] if number else ["lab"]) == 0
    assert calls[0][1:3] == ["-m", "jupyterlab"]
    assert calls[0][3].endswith(target)
    assert calls[0][4:] == []


@pytest.mark.parametrize(("words", "target"), [(["5"], "05_attention.ipynb"), ([], "notebooks")])
def test_further_options_go_to_jupyterlab(checkout, monkeypatch, words, target):
    monkeypatch.chdir(checkout)
    calls = []
    monkeypatch.setattr(subprocess, "call", lambda command: calls.append(command) or 0)
    options = ["--port", "9999", "--no-browser", "--ServerApp.token=x", "--allow-root"]
    assert main(["lab", *words, *options]) == 0
    assert calls[0][3].endswith(target)
    assert calls[0][4:] == options


@pytest.mark.parametrize(
    ("words", "target", "options"),
    [
        (["--allow-root", "05"], "05_attention.ipynb", ["--allow-root"]),
        (["--port", "9999", "-y", "5"], "05_attention.ipynb", ["--port", "9999", "-y"]),
        (["--port=9999", "5", "--debug"], "05_attention.ipynb", ["--port=9999", "--debug"]),
        (["--port-retries", "5"], "notebooks", ["--port-retries", "5"]),
        (["00", "--port-retries", "5"], "00_start_here.ipynb", ["--port-retries", "5"]),
    ],
)
def test_the_chapter_may_follow_options(checkout, monkeypatch, words, target, options):
    monkeypatch.chdir(checkout)
    calls = []
    monkeypatch.setattr(subprocess, "call", lambda command: calls.append(command) or 0)
    assert main(["lab", *words]) == 0
    assert calls[0][3].endswith(target)
    assert calls[0][4:] == options


def test_help_says_where_options_go_and_other_commands_take_none(capsys):
    with pytest.raises(SystemExit):
        main(["lab", "--help"])
    assert "as root in a container, --allow-root" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["demo", "--port", "9999"])
    assert stop.value.code == 2
    assert "unrecognized arguments: --port 9999" in capsys.readouterr().err
