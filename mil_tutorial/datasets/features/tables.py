"""Tables as people have them: cells without what surrounds them, and names in messages."""

import csv
import io
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from mil_tutorial.system.reading import check_no_pointer

LONGEST = 100
"""Characters of a name in a message; an unclosed quote makes one of all rows that follow."""
ENDING = re.compile(
    r"\.(svs|tiff?|ndpi|mrxs|scn|vm[su]|svslide|bif|czi|dcm|isyntax|qptiff|vsi|jpe?g|png|h5|hdf5|pt"
    r"|np[yz]|0+)$",
    re.IGNORECASE,
)
"""What stands behind the name of a slide; ``.0`` as in a column of numbers with a gap."""


class Table(NamedTuple):
    """A CSV file: its rows, by the names in the header, and the line where each ends."""

    path: Path
    header: list[str]
    rows: list[dict[str, str]]
    lines: list[int]

    def column(self, name: str) -> list[str]:
        """Return the cells of a column; a row that is too short has an empty one."""
        return [row.get(name, "") for row in self.rows]


def read_table(path: Path | str) -> Table:
    """Read a CSV in UTF-8 with a header; no spaces around cells, accents in one form (NFC)."""
    path = Path(path)
    if not path.is_file():
        problem = "is a folder" if path.is_dir() else "does not exist"
        raise FileNotFoundError(f"{path} {problem}; name a CSV file that lists the slides")
    check_no_pointer(path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        return parse_table(path, file)


def parse_table(path: Path, lines: Iterable[str]) -> Table:
    """Read the lines of a CSV, as ``read_table`` does; ``path`` is named in messages."""
    try:
        reader = csv.reader(lines, skipinitialspace=True)
        read = [(reader.line_num, [one_form(cell) for cell in cells]) for cells in reader]
        if any("\0" in cell for _, cells in read for cell in cells):
            raise csv.Error("UTF-16 without its mark")
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path} cannot be read as CSV in UTF-8; save it again") from error
    # Spreadsheets add empty rows.
    (_, header), *rows = [item for item in read if any(item[1])] or [(0, [])]
    if twice := [name for name, count in Counter(header).items() if name and count > 1]:
        raise ValueError(f"{path} has several columns {shorten(twice)}; keep or rename one")
    if longer := [line for line, cells in rows if any(cells[len(header) :])]:
        raise ValueError(
            f"{path}: line {in_order(map(str, longer))} has more cells than the header; put a cell "
            f'with a comma in quotes: "Doe, J". The first line is the header: {in_order(header)}'
        )
    return Table(path, header, [dict(zip(header, cells)) for _, cells in rows], [*dict(rows)])


def csv_text(head: Iterable[str], rows: Iterable[Iterable[Any]]) -> str:
    """Return a table as the text of a CSV file; None is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return text.getvalue()


def one_form(name: str) -> str:
    """Return a name as names are compared: macOS and others write the same accents differently."""
    return unicodedata.normalize("NFC", name).strip()


def bare(name: str) -> str:
    """Return the name of a slide without folders and ending; other dots belong to it."""
    return ENDING.sub("", re.split(r"[\\/]", name)[-1])


def look(name: str) -> str:
    """Return what is left of a name without case, zeros, spaces and invisible characters."""
    characters = unicodedata.normalize("NFKC", name)
    visible = "".join(c for c in characters if unicodedata.category(c)[0] not in "CZ")
    # A column of numbers with a gap is written as 1.0, 2.0, …
    return re.sub(r"(?<![0-9.])0+(?=[0-9])|(?<=[0-9])\.0+$", "", visible.casefold())


def shorten(names: Iterable[str], most: int = 5) -> str:
    """List names in a message, the first few of them by name; what is invisible is spelt out."""
    return in_order(sorted(names), most)


def in_order(names: Iterable[str], most: int = 5) -> str:
    """List names as ``shorten`` does, in the order in which they come."""
    listed = list(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    shown = [name if name.isprintable() else repr(name)[1:-1] for name in listed[:most]]
    shown = [name if len(name) <= LONGEST else f"{name[:LONGEST]}…" for name in shown]
    return ", ".join(shown) + more
