"""Chapters as they are written: ``src/NN_name.py`` (cells) and ``src/NN_name.yaml`` (data).

The YAML file holds ``minutes``, ``exercises`` (card and hints of each) and ``quiz``, and perhaps
``packages`` to install in the first cell, beside the usual ones.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import yaml
from nbformat import NotebookNode

EXERCISE = "exercise-"  # an exercise's code cell has the id exercise-NAME, with - for _
CHECK = "check-"  # so begins the id of its check


@dataclass(frozen=True)
class Chapter:
    """One chapter: its cells, solved, and its data."""

    notebooks: Path
    stem: str
    cells: list[NotebookNode]
    data: dict[str, Any]

    @property
    def number(self) -> str:
        """Two digits, such as ``05``."""
        return self.stem[:2]

    @property
    def title(self) -> str:
        """The heading of the first cell."""
        return self.cells[0].source.splitlines()[0].removeprefix("# ").strip()

    @property
    def code(self) -> list[NotebookNode]:
        """The code cells."""
        return [cell for cell in self.cells if cell.cell_type == "code"]

    def path(self, edition: str) -> Path:
        """Where an edition is stored."""
        folder = self.notebooks / "solutions" if edition == "solutions" else self.notebooks
        return folder / f"{self.stem}.ipynb"


def read_chapters(notebooks: Path) -> list[Chapter]:
    """Read all chapters, in order."""
    return [read_chapter(path) for path in sorted((notebooks / "src").glob("[0-9][0-9]_*.py"))]


def read_chapter(path: Path) -> Chapter:
    """Read one chapter.

    Raises
    ------
    ValueError
        When a cell has no id, or two have the same.
    """
    cells = jupytext.read(path, fmt="py:percent").cells
    seen: set[str] = set()
    for cell in cells:
        cell.id = cell.metadata.pop("id", "")
        if not cell.id or cell.id in seen:
            start = cell.source[:60].replace("\n", " ")
            raise ValueError(f'{path.name}: give the cell "{start}…" an id of its own (id="…")')
        seen.add(cell.id)
    data = read_yaml(path.with_suffix(".yaml"), dict)
    return Chapter(path.parents[1], path.stem, cells, data)


def read_yaml(path: Path, kind: type) -> Any:
    """Read a file of YAML whose outermost value is a ``dict`` or a ``list``.

    Raises
    ------
    ValueError
        When it is not; the message is one line and names the file, and the line if it knows.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"{path.name} cannot be read as YAML: {reason}") from error
    if not isinstance(data, kind):
        raise ValueError(f"{path.name} holds a {type(data).__name__}, expected a {kind.__name__}")
    return data


def exercise_name(cell: NotebookNode) -> str | None:
    """Return the exercise that a code cell holds, or None."""
    if cell.cell_type != "code" or not cell.id.startswith(EXERCISE):
        return None
    return cell.id.removeprefix(EXERCISE).replace("-", "_")
