"""Tables as people have them: cells without what surrounds them, and names in messages."""

import csv
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

LONGEST = 100
"""Characters of a name in a message; an unclosed quote makes one of all rows that follow."""


class Table(NamedTuple):
    """A CSV file: its rows, by the names in the header."""

    path: Path
    header: list[str]
    rows: list[dict[str, str]]

    def column(self, name: str) -> list[str]:
        """Return the cells of a column; a row that is too short has an empty one."""
        return [row.get(name, "") for row in self.rows]


def read_table(path: Path | str) -> Table:
    """Read a CSV in UTF-8 with a header; no spaces around cells, accents in one form (NFC)."""
    path = Path(path)
    if not path.is_file():
        problem = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{path} {problem}; name a CSV file that lists the slides")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows = []
            for row in reader:
                if any(row.pop(None, ())):
                    raise ValueError(
                        f"{path}: line {reader.line_num} has more cells than the header; put a "
                        'cell with a comma in quotes: "Doe, J"'
                    )
                rows.append({one_form(k): one_form(v or "") for k, v in row.items()})
            rows = [row for row in rows if any(row.values())]  # spreadsheets add empty ones
            return Table(path, [one_form(name or "") for name in reader.fieldnames or []], rows)
    except (UnicodeDecodeError, csv.Error, AttributeError) as error:
        raise ValueError(f"{path} cannot be read as CSV in UTF-8; save it again") from error


def one_form(name: str) -> str:
    """Return a name as names are compared: macOS and others write the same accents differently."""
    return unicodedata.normalize("NFC", name).strip()


def shorten(names: Iterable[str], most: int = 5) -> str:
    """List names in a message, the first few of them by name; what is invisible is spelt out."""
    listed = sorted(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    shown = [name if name.isprintable() else repr(name)[1:-1] for name in listed[:most]]
    shown = [name if len(name) <= LONGEST else f"{name[:LONGEST]}…" for name in shown]
    return ", ".join(shown) + more
