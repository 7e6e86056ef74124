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
"""What a column may be called: the project's own name first, then those of CLAM and TRIDENT."""

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
"""Words in the name of a class that say which is 0 and which is 1."""


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
        the names in ``COLUMNS``; others are ignored, with a warning where one looks like a
        split. Labels are 0 and 1, or two names: then the one
        with a word of ``NEGATIVE`` is 0, or the one with a word of ``POSITIVE`` is 1.
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
    rows, names = _rows(path)
    slides = [row[names["slide"]] for row in rows]
    _check_filled(path, rows, names, slides)
    if twice := [slide for slide, count in Counter(slides).items() if count > 1]:
        raise ValueError(f"{path} lists {shorten(twice)} more than once; keep one row a slide")
    given = [row[names["label"]] for row in rows]
    classes = _classes(path, given, positive)
    patients = [row[names["patient"]] for row in rows] if "patient" in names else None
    splits = _splits(path, [row[names["split"]] for row in rows]) if "split" in names else None
    if splits is None:
        _warn_of_a_split(path, rows)
    return LabelTable(slides, [classes.index(_plain(g)) for g in given], patients, splits, classes)


def shorten(names: Iterable[str], most: int = 5) -> str:
    """List names in a message, the first few of them by name."""
    listed = sorted(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more


def _rows(path: Path) -> tuple[list[dict[str, str]], dict[str, str]]:
    """Return the rows, without spaces around cells, and the names of the columns there are."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist; it should list slides and labels")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            rows = [{k: (v or "").strip() for k, v in row.items() if k} for row in reader]
            header = [(name or "").strip() for name in reader.fieldnames or []]
    except (UnicodeDecodeError, csv.Error, AttributeError) as error:
        raise ValueError(f"{path} cannot be read as CSV in UTF-8; save it again") from error
    rows = [{k.strip(): v for k, v in row.items()} for row in rows]
    names = {what: _column(path, header, called) for what, called in COLUMNS.items()}
    for what in ("slide", "label"):
        if names[what] is None:
            raise ValueError(
                f"{path} lacks a column {' or '.join(COLUMNS[what])}; it has "
                f"{', '.join(header) or 'none'} (separated by commas?)"
            )
    if not rows:
        raise ValueError(f"{path} has no rows; give one for each slide")
    return rows, {what: name for what, name in names.items() if name is not None}


def _column(path: Path, header: list[str], called: tuple[str, ...]) -> str | None:
    found = [name for name in header if name.lower() in called]
    if len(found) > 1:
        raise ValueError(f"{path} has the columns {' and '.join(found)}; keep one of them")
    return found[0] if found else None


def _check_filled(
    path: Path, rows: list[dict[str, str]], names: dict[str, str], slides: list[str]
) -> None:
    for what, name in names.items():
        empty = [slides[i] or f"row {i + 2}" for i, row in enumerate(rows) if not row.get(name)]
        if empty:
            raise ValueError(f"{path} has no {what} for {shorten(empty)}; fill it in or remove it")


def _classes(path: Path, given: list[str], positive: str | None) -> tuple[str, str]:
    """Return the names of 0 and 1."""
    found = sorted({_plain(value) for value in given})
    if positive is not None and positive not in found:
        raise ValueError(f"{path} has no label {positive!r}; it has {shorten(found)}")
    if set(found) <= {"0", "1"} and positive is None:
        return "0", "1"
    if len(found) != 2:
        raise ValueError(
            f"{path} has {len(found)} different labels ({shorten(found)}), expected two: 0 and 1, "
            "or a negative and a positive name; leave out or merge classes"
        )
    first, second = found
    if positive is None:
        positive = _positive(path, first, second)
    return (first, second) if second == positive else (second, first)


def _positive(path: Path, first: str, second: str) -> str:
    """Tell by the words in two names which is positive; never by their order."""
    for words, other_way in ((NEGATIVE, True), (POSITIVE, False)):
        said = [bool(words & set(re.split(r"[^a-z]+", name.lower()))) for name in (first, second)]
        if sum(said) == 1:
            return first if said[0] != other_way else second
    raise ValueError(
        f"{path} has the labels {first} and {second}; say which of them is positive (--positive "
        f"{second}), or write 0 and 1"
    )


def _plain(value: str) -> str:
    """Return 0 and 1 for 0.0 and 1.0, as spreadsheets write them."""
    return {"0.0": "0", "1.0": "1"}.get(value, value)


def _warn_of_a_split(path: Path, rows: list[dict[str, str]]) -> None:
    """Say that a column with train and test under another name is not used."""
    for name in rows[0]:
        held = {row.get(name, "").lower() for row in rows}
        if held & set(SPLITS["train"]) and held & set(SPLITS["test"]):
            warnings.warn(
                f"{path}: the column {name} looks like a split and is not used; call it split",
                stacklevel=3,
            )


def _splits(path: Path, given: list[str]) -> list[str]:
    named = {called: split for split, names in SPLITS.items() for called in names}
    if unknown := {value for value in given if value.lower() not in named}:
        raise ValueError(f"{path} has the splits {shorten(unknown)}, expected train, val or test")
    splits = [named[value.lower()] for value in given]
    if missing := {"train", "test"} - set(splits):
        raise ValueError(
            f"{path} has a column split, but no slide for {shorten(missing)}; without that column "
            "the slides are divided by patient"
        )
    return splits
