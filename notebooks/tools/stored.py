"""Editions as they are stored."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from mil_tutorial.system.files import replacing

PACKAGE = Path(__file__).parents[2] / "mil_tutorial" / "__init__.py"
VERSION = re.search(r'^__version__ = "(.+)"', PACKAGE.read_text(encoding="utf-8"), re.MULTILINE)[1]


@dataclass(frozen=True)
class Stored:
    """A stored edition; ``notebook`` is None where the file is missing or cannot be read."""

    notebook: NotebookNode | None

    def different_cells(self, wanted: NotebookNode) -> list[str]:
        """Name the cells that are missing, too many, changed or without output."""
        if self.notebook is None:
            return ["the file is missing or cannot be read"]
        old, new = _by_id(self.notebook), _by_id(wanted)
        differences = [f"cell {name} is missing" for name in new if name not in old]
        differences += [f"cell {name} is not in the source" for name in old if name not in new]
        common = [name for name in new if name in old]
        differences += [f"cell {name} differs" for name in common if old[name] != new[name]]
        if not differences and list(old) != list(new):
            differences.append("the cells are in another order")
        return differences + [f"cell {name} {why}" for name, why in _not_run(self.notebook)]

    def lend_outputs(self, wanted: NotebookNode) -> bool:
        """Give ``wanted`` the stored outputs if its code is the same, run by this version."""
        if self.notebook is None:
            return False
        old, new = _code(self.notebook), _code(wanted)
        if [c.source for c in old] != [c.source for c in new] or _not_run(self.notebook):
            return False
        if _version(old) != VERSION:
            return False
        for cell, stored in zip(new, old):
            cell.outputs, cell.execution_count = stored.outputs, stored.execution_count
        wanted.metadata = self.notebook.metadata  # with the state of widgets
        return True


def _code(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _version(cells: list[NotebookNode]) -> str | None:
    """Return the version of the package, as a chapter's first cell prints it."""
    printed = "".join(output.get("text", "") for cell in cells[:1] for output in cell.outputs)
    match = re.match(r"mil_tutorial ([^,]+),", printed)
    return match[1] if match else None


def _by_id(notebook: NotebookNode) -> dict[str, Any]:
    return {
        cell.id: (cell.cell_type, cell.source, dict(cell.metadata), cell.get("attachments"))
        for cell in notebook.cells
    }


def _not_run(notebook: NotebookNode) -> list[tuple[str, str]]:
    reasons = []
    for cell in _code(notebook):
        if cell.execution_count is None:
            reasons.append((cell.id, "was not run"))
        if any(output.output_type == "error" for output in cell.outputs):
            reasons.append((cell.id, "stores an error"))
        if re.search(r"^(show|print|check_\w+)\(", cell.source, re.MULTILINE) and not cell.outputs:
            reasons.append((cell.id, "has lost its output"))
    return reasons


def read_stored(path: Path) -> Stored:
    """Read a stored edition."""
    try:
        return Stored(nbformat.read(path, as_version=4))
    except (FileNotFoundError, nbformat.reader.NotJSONError):
        return Stored(None)


def write_notebook(notebook: NotebookNode, path: Path) -> None:
    """Write a notebook in one fixed form, so that equal notebooks are equal files."""
    nbformat.validate(notebook)
    text = json.dumps(_split(notebook), indent=1, sort_keys=True, ensure_ascii=False)
    with replacing(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8", newline="\n")


def _split(notebook: NotebookNode) -> Any:
    from nbformat.v4.rwbase import split_lines, strip_transient

    return split_lines(strip_transient(nbformat.from_dict(notebook)))
