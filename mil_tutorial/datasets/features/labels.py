"""A table of labels: one row for each slide, read from CSV and checked as a whole."""

import csv
import re
import warnings
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

COLUMNS = {
    "slide": ("slide", "slide_id", "wsi"),
    "label": ("label",),
    "patient": ("patient", "patient_id", "case_id"),
    "split": ("split",),
}
"""Names of a column: the project's own first, then those of CLAM and TRIDENT."""

SPLITS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing"),
}

NEGATIVE = {"normal", "negative", "neg", "benign", "healthy", "control", "no", "false"}
POSITIVE = {
    *("tumor", "tumour", "positive", "pos", "malignant", "cancer", "carcinoma", "metastasis"),
    *("yes", "true"),
}
"""Words in the name of a class that tell which is 0 and which is 1."""


class LabelTable(NamedTuple):
    """The rows of a table, column by column; ``patients`` and ``splits`` are None if it has none.

    ``classes`` are the names of 0 and 1.
    """

    slides: list[str]
    labels: list[int]
    patients: list[str] | None
    splits: list[str] | None
    classes: tuple[str, str]


def read_labels(path: Path | str, positive: str | None = None) -> LabelTable:
    """Read the labels of slides.

    Parameters
    ----------
    path : path
        CSV with a header. Columns ``slide`` and ``label``, perhaps ``patient`` and ``split``, or
        the names in ``COLUMNS``; others are ignored, with a warning where one looks like a split.
        Labels are 0 and 1, or two names: then the one with a word of ``NEGATIVE`` is 0, or the one
        with a word of ``POSITIVE`` is 1.
    positive : str, optional
        The name that is 1, where the words do not tell.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        For a missing column, an empty cell, a slide listed twice, labels that are not two, or an
        unknown split. The message names the file and lists the slides.
    """
    path = Path(path)
    rows, header = _rows(path)
    columns = _columns(path, rows, header)
    slides = columns["slide"]
    for name, cells in columns.items():
        if empty := [slides[i] or f"row {i + 2}" for i, cell in enumerate(cells) if not cell]:
            raise ValueError(f"{path} has no {name} for {shorten(empty)}; fill it in or remove it")
    if twice := [slide for slide, count in Counter(slides).items() if count > 1]:
        raise ValueError(f"{path} lists {shorten(twice)} more than once; keep one row a slide")
    # Spreadsheets write 0.0 and 1.0.
    labels = [{"0.0": "0", "1.0": "1"}.get(cell, cell) for cell in columns["label"]]
    classes = _classes(path, labels, positive)
    if "split" in columns:
        splits = _splits(path, columns["split"])
    else:
        splits = None
        _warn_of_other_splits(path, rows)
    numbers = [classes.index(label) for label in labels]
    return LabelTable(slides, numbers, columns.get("patient"), splits, classes)


def shorten(names: Iterable[str], most: int = 5) -> str:
    """List names in a message, the first few of them by name."""
    listed = sorted(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _rows(path: Path) -> tuple[list[dict[str, str]], list[str]]:
    """Return the rows and the header, without spaces around cells."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; it should list slides and labels")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows = [{k.strip(): (v or "").strip() for k, v in row.items() if k} for row in reader]
            return rows, [(name or "").strip() for name in reader.fieldnames or []]
    except (UnicodeDecodeError, csv.Error, AttributeError) as error:
        raise ValueError(f"{path} cannot be read as CSV in UTF-8; save it again") from error


def _columns(path: Path, rows: list[dict[str, str]], header: list[str]) -> dict[str, list[str]]:
    """Return the cells of the columns that are used, by the project's names."""
    columns = {}
    for name, synonyms in COLUMNS.items():
        matches = [column for column in header if column.lower() in synonyms]
        if len(matches) > 1:
            raise ValueError(f"{path} has the columns {' and '.join(matches)}; keep one of them")
        if matches:
            columns[name] = [row.get(matches[0], "") for row in rows]
        elif name in ("slide", "label"):
            raise ValueError(
                f"{path} lacks a column {' or '.join(synonyms)}; it has "
                f"{', '.join(header) or 'none'} (separated by commas?)"
            )
    if not rows:
        raise ValueError(f"{path} has no rows; give one for each slide")
    return columns


def _classes(path: Path, labels: list[str], positive: str | None) -> tuple[str, str]:
    """Return the names of 0 and 1, which words in them tell; never their order."""
    names = sorted(set(labels))
    if positive is not None and positive not in names:
        raise ValueError(f"{path} has no label {positive!r}; it has {shorten(names)}")
    if set(names) <= {"0", "1"} and positive is None:
        return "0", "1"
    if len(names) != 2:
        raise ValueError(
            f"{path} has {len(names)} different labels ({shorten(names)}), expected two: 0 and 1, "
            "or a negative and a positive name; leave out or merge classes"
        )
    first, second = names
    if positive is not None:
        return (first, second) if second == positive else (second, first)
    words = [set(re.split(r"[^a-z]+", name.lower())) for name in names]
    for vocabulary, other_way in ((NEGATIVE, False), (POSITIVE, True)):
        first_has, second_has = (bool(vocabulary & own) for own in words)
        if first_has != second_has:
            return (first, second) if first_has != other_way else (second, first)
    raise ValueError(
        f"{path} has the labels {first} and {second}; say which of them is positive (--positive "
        f"{second}), or write 0 and 1"
    )


def _warn_of_other_splits(path: Path, rows: list[dict[str, str]]) -> None:
    """Warn that a column with train and test under another name is not used."""
    for name in rows[0]:
        values = {row.get(name, "").lower() for row in rows}
        if values & set(SPLITS["train"]) and values & set(SPLITS["test"]):
            warnings.warn(
                f"{path}: the column {name} looks like a split and is not used; call it split",
                stacklevel=3,
            )


def _splits(path: Path, cells: list[str]) -> list[str]:
    split_of = {name: split for split, names in SPLITS.items() for name in names}
    if unknown := {cell for cell in cells if cell.lower() not in split_of}:
        raise ValueError(f"{path} has the splits {shorten(unknown)}, expected train, val or test")
    splits = [split_of[cell.lower()] for cell in cells]
    if missing := {"train", "test"} - set(splits):
        raise ValueError(
            f"{path} has a column split, but no slide for {shorten(missing)}; without that column "
            "the slides are divided by patient"
        )
    return splits
