"""The division that comes with the slides: in the table of labels, or in a file of its own."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from mil_tutorial.bags.groups import is_missing
from mil_tutorial.datasets.features.tables import Table, bare, in_order, read_table, shorten

SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}
SPLIT_OF = {name: split for split, names in SPLITS.items() for name in names}
PARTS = {*SPLIT_OF, "dev", "development", "eval", "evaluation", "holdout", "tune", "tuning"}
"""Words for a part of the slides; only those of ``SPLITS`` are understood."""
NAMES = {"cv", "split", "splits", "partition"}
"""Words in the name of a column that divides the slides; ``fold`` and ``set`` are others."""

YES, NO = {"true", "1", "1.0", "yes", "x"}, {"false", "0", "0.0", "no"}


def division_columns(table: Table, **named: str | None) -> dict[str, list[str]]:
    """Return the column that divides the slides: ``split`` or ``fold`` → its cells, or nothing.

    ``named`` says what the table calls these two. Columns train, val and test of True and False,
    one of them True in each row, count as one column ``split``.
    """
    flags = [name for name in table.header if name.lower() in SPLIT_OF]
    columns = {what: table.column(name) for what, name in named.items() if name is not None}
    if len(columns) + bool(flags) > 1:
        names = [name for name in named.values() if name is not None]
        raise ValueError(
            f"{table.path} has the columns {', '.join(names + flags)}; keep one division"
        )
    if flags:
        if absent := {"train", "test"} - {SPLIT_OF[name.lower()] for name in flags}:
            raise ValueError(
                f"{table.path} has the column {', '.join(flags)} and none for {shorten(absent)}; "
                "add it, or rename the column if it does not divide the slides"
            )
        return {"split": _from_flags(table, flags)}
    if not columns and (alike := [name for name in table.header if _looks_alike(table, name)]):
        raise ValueError(
            f"{table.path} has the columns {in_order(alike)}, which seem to divide the slides; "
            "call one of them split (train, val, test) or fold (0, 1, 2, …), or remove them"
        )
    return columns


def read_split_file(path: Path | str, slides: Iterable[str]) -> dict[str, str]:
    """Read CLAM's file of a split; return the split of each slide that it lists.

    That is ``splits_0.csv``, whose columns train, val and test list slides, or
    ``splits_0_bool.csv``, where one column names the slides and these say True or False.
    It may leave out some of ``slides``, those of the table of labels, and endings of names.
    """
    table = read_table(path)
    columns = [name for name in table.header if name.lower() in SPLIT_OF]
    if not {"train", "test"} <= {SPLIT_OF[name.lower()] for name in columns}:
        raise ValueError(
            f"{path} has the columns {in_order(filter(None, table.header)) or 'none'}, expected "
            "train, val and test, which list the slides or say True or False of each"
        )
    slides, others = list(slides), [name for name in table.header if name not in columns]
    if others and all(_is_flag(cell) for name in columns for cell in table.column(name)):
        known = {*map(bare, slides)}  # pandas may have put columns of row numbers before the names
        names = max(map(table.column, others), key=lambda cells: len(known & {*map(bare, cells)}))
        listed = list(zip(names, _from_flags(table, columns, names)))
    else:
        listed = [
            (cell, SPLIT_OF[name.lower()])
            for name in columns
            for cell in table.column(name)
            if not is_missing(cell)
        ]
    return _match(Path(path), listed, slides)


def _match(path: Path, listed: list[tuple[str, str]], slides: list[str]) -> dict[str, str]:
    """Return the split of each slide that is listed, with or without its ending."""
    names = Counter(map(bare, slides))
    known = {bare(s): s for s in slides if names[bare(s)] == 1} | {s: s for s in slides}
    split_of: dict[str, str] = {}
    unknown, twice = set(), []
    for name, split in listed:
        slide = known.get(name, known.get(bare(name)))
        if slide is None:
            unknown.add(name)
        elif split and split_of.setdefault(slide, split) != split:
            twice.append(f"{name} in {split_of[slide]} and in {split}")
    if twice:
        raise ValueError(f"{path} lists {in_order(twice)}; keep one")
    if unknown:
        raise ValueError(
            f"{path} lists {shorten(unknown)}, without a label; add their rows to the table"
        )
    return split_of


def as_splits(path: Path, cells: list[str]) -> list[str]:
    """Return the cells of a column ``split`` as train, val and test."""
    if unknown := {cell for cell in cells if cell.lower() not in SPLIT_OF}:
        raise ValueError(
            f"{path} has the splits {shorten(unknown)}, expected train, val or test; "
            "a column of numbers is called fold"
        )
    splits = [SPLIT_OF[cell.lower()] for cell in cells]
    if missing := {"train", "test"} - set(splits):
        raise ValueError(
            f"{path} has a split, but no slide for {shorten(missing)}; without a split the slides "
            "are divided by patient"
        )
    return splits


def as_folds(path: Path, cells: list[str]) -> list[int]:
    """Return the cells of a column ``fold`` as numbers."""
    if unknown := {cell for cell in cells if not re.fullmatch(r"[0-9]+(\.0+)?", cell)}:
        raise ValueError(
            f"{path} has the folds {shorten(unknown)}, expected whole numbers from 0; a column of "
            "train, val and test is called split"
        )
    folds = [int(float(cell)) for cell in cells]
    if (n := len(set(folds))) < 3:
        raise ValueError(
            f"{path} has {n} fold{'s' * (n > 1)}, expected at least 3: one tests, the next "
            "validates, the others train"
        )
    return folds


def _is_flag(cell: str) -> bool:
    return cell.lower() in YES | NO or is_missing(cell)


def _from_flags(table: Table, flags: list[str], names: list[str] | None = None) -> list[str]:
    """Return the split of each row from columns of True and False; "" where none is True."""
    if odd := {cell for name in flags for cell in table.column(name) if not _is_flag(cell)}:
        raise ValueError(
            f"{table.path} has {shorten(odd)} in the columns {', '.join(flags)}, expected True or "
            "False in each row; rename them if they do not divide the slides"
        )
    own = [[name for name in flags if row.get(name, "").lower() in YES] for row in table.rows]
    names = names or [f"row {line}" for line in table.lines]
    if twice := [f"{n} is in {' and in '.join(o)}" for n, o in zip(names, own) if len(o) > 1]:
        raise ValueError(f"{table.path}: {in_order(twice)}; keep one")
    return [SPLIT_OF[columns[0].lower()] if columns else "" for columns in own]


def _looks_alike(table: Table, name: str) -> bool:
    """Return True for a column of train and test, or with a name such as cv_fold or isTrain."""
    values = {cell.lower() for cell in table.column(name)}
    parts = {value for value in values if _is_part(value)}
    divided = parts and len(parts | set(filter(is_missing, values))) > 1
    words = {word.lower() for word in re.findall("[A-Z]?[a-z]+|[A-Z]+", name)}
    flags = len(values) > 1 and all(map(_is_flag, values)) and not words.isdisjoint(SPLIT_OF)
    named = re.search("(?<!f)fold(?!er)", name.lower()) or words & NAMES
    return bool(divided or flags or named or words == {"set"})


def _is_part(cell: str) -> bool:
    """Return True for train, external validation, …; train_01 is rather a slide."""
    words = re.split(r"[\W_]+", cell)
    return len(words) < 3 and all(map(str.isalpha, words)) and not PARTS.isdisjoint(words)
