"""Tables as people have them: cells without what surrounds them, and names in messages."""

import csv
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple


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
        raise FileNotFoundError(f"{path} does not exist; name a CSV file that lists the slides")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows = [
                {one_form(k): one_form(v or "") for k, v in row.items() if k is not None}
                for row in reader
            ]
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
    return ", ".join(shown) + more
