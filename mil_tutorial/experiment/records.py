"""Recorded results: reports of ``compare`` that ship, so that a page can be checked against them.

``data/results/README.md`` says which command made each of them.
"""

import json
from typing import Any

from mil_tutorial.datasets.paths import data_dir, verify_checksum
from mil_tutorial.reproduction import read_reproductions


def load_recorded(name: str) -> dict[str, Any]:
    """Return a recorded ``results.json``.

    Parameters
    ----------
    name : {"slides", "slides-hard", "slides-hard-max", "learning-curve"}

    Raises
    ------
    ValueError
        For a name that is not recorded, or a file that was changed.
    """
    folder = data_dir() / "results"
    names = sorted(path.stem for path in folder.glob("*.json"))
    if name not in names:
        raise ValueError(f"no results are recorded as {name!r}; there are {', '.join(names)}")
    return json.loads(verify_checksum(folder / f"{name}.json").read_text(encoding="utf-8"))


def load_reproductions() -> list[dict[str, Any]]:
    """Return the recorded reproductions of published experiments, one for each recipe.

    Raises
    ------
    ValueError
        When the file was changed.
    """
    return read_reproductions(verify_checksum(data_dir() / "results" / "reproductions.jsonl"))


def table_cells(markdown: str) -> list[str]:
    """Return the cells of all Markdown tables in a text, in reading order, without the rules."""
    lines = [line.strip() for line in markdown.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]
    return [cell for row in rows if any(cell.strip("-:") for cell in row) for cell in row]
