"""What is the same on every page; it replaces comments such as ``<!-- badges -->``."""

import html
import re
from typing import Any

from tools.chapters import Chapter
from tools.launch import badges
from tools.settings import BRANCH, REPOSITORY

KINDS = {"code": "write code", "predict": "predict, then run", "bug": "find the bug"}
LETTERS = "ABCDEFG"

SETUP = f"""\
# Installs only what is missing; torch and numpy stay as they are.
from importlib.util import find_spec

wanted = ("anywidget", "pooch")
missing = " ".join(name for name in wanted if find_spec(name) is None)
if missing:
    %pip install --quiet {{missing}}
if find_spec("mil_tutorial") is None:
    course = "git+https://github.com/{REPOSITORY}@{BRANCH}"
    %pip install --quiet --no-deps {{course}}

from mil_tutorial.notebook import show, start

FAST = start()"""
"""The first code cell of every chapter."""


def setup(chapter: Chapter) -> str:
    """Return the first code cell; a chapter may name packages beside the usual ones."""
    further = chapter.data.get("packages", {})
    if not further:
        return SETUP
    packages = {"anywidget": "anywidget", "pooch": "pooch"} | further
    lines = "".join(f'    "{module}": "{name}",\n' for module, name in packages.items())
    named = SETUP.replace('("anywidget", "pooch")', f"{{\n{lines}}}")
    return named.replace("(name for name in wanted if", "(wanted[name] for name in wanted if")


def fill(text: str, chapter: Chapter, edition: str, chapters: list[Chapter]) -> str:
    """Replace the comments of a Markdown cell by what they stand for."""

    def replace(match: re.Match[str]) -> str:
        what, name = match[1], match[2]
        if what == "badges":
            return badges(chapter.path(edition).relative_to(chapter.notebooks.parent).as_posix())
        if what == "card" and name in chapter.data["exercises"]:
            return card(chapter.data["exercises"][name])
        if what == "quiz":
            return quiz(chapter.data["quiz"])
        if what == "next":
            return next_chapter(chapter, chapters)
        raise ValueError(f"{chapter.stem}: {match[0]} is not a known placeholder; is it misspelt?")

    return re.sub(r"<!--\s*(\w*)\s*(\w*)[\s\S]*?-->", replace, text)


def card(exercise: dict[str, Any]) -> str:
    """One line that says what an exercise asks for."""

    def dots(value: int) -> str:
        return "●" * value + "○" * (5 - value)

    minutes = exercise["minutes"]
    return (
        f"> **{KINDS[exercise['kind']]}** · {exercise['level']} · "
        f"difficulty {dots(exercise['difficulty'])} · importance {dots(exercise['importance'])} · "
        f"about {minutes} {'minute' if minutes == 1 else 'minutes'}"
    )


def quiz(questions: list[dict[str, Any]]) -> str:
    """Write the quiz as text that opens on a click, so that it needs no kernel."""
    return "\n\n".join(_question(i, question) for i, question in enumerate(questions, 1))


def _question(number: int, question: dict[str, Any]) -> str:
    lines = [f"**{number}. {question['question'].strip()}**", ""]
    for letter, option in zip(LETTERS, question["options"]):
        verdict = "✓ Right." if option.get("right") else "✗ No."
        summary, feedback = _as_html(option["text"]), _as_html(option["feedback"])
        lines.append(
            f"<details><summary>{letter}. {summary}</summary>{verdict} {feedback}</details>"
        )
    return "\n".join(lines)


def _as_html(text: str) -> str:
    """Markdown is not read inside HTML: turn back-ticks into code by hand."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text.strip(), quote=False))


def next_chapter(chapter: Chapter, chapters: list[Chapter]) -> str:
    """Link to the chapter that follows, if there is one yet."""
    later = [other for other in chapters if other.number > chapter.number]
    if not later:
        return "This is the last chapter so far."
    return f"Next: [{later[0].number}. {later[0].title}]({later[0].stem}.ipynb)"
