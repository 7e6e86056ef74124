"""Hints and solutions, gathered for the package: ``check_NAME.hint(1)``, ``check_NAME.solution()``.

They are kept in the package because a notebook on Colab has no other file of the repository.
"""

import json
from pathlib import Path

from tools.chapters import Chapter, exercise_name
from tools.stubs import solution

FILE = Path(__file__).parents[2] / "mil_tutorial" / "checks" / "exercises.json"


def exercises_json(chapters: list[Chapter]) -> str:
    """Return the text of the file."""
    exercises = {}
    for chapter in chapters:
        cells = {name: cell for cell in chapter.cells if (name := exercise_name(cell))}
        for name, exercise in chapter.data["exercises"].items():
            hints = [hint.strip() for hint in exercise["hints"]]
            exercises[name] = {"hints": hints, "solution": solution(cells[name].source)}
    return json.dumps(exercises, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write_exercises(chapters: list[Chapter]) -> None:
    """Write the file into the package."""
    FILE.write_text(exercises_json(chapters), encoding="utf-8", newline="\n")
