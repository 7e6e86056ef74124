"""A table of labels: one row for each slide, read from CSV and checked as a whole."""

import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mil_tutorial.bags.groups import is_missing
from mil_tutorial.datasets.features.divisions import (
    as_folds,
    as_splits,
    division_columns,
    read_split_file,
)
from mil_tutorial.datasets.features.tables import (
    Table,
    in_order,
    look,
    one_form,
    read_table,
    shorten,
)

COLUMNS = {
    "slide": ("slide", "slide_id", "wsi"),
    "label": ("label",),
    "patient": ("patient", "patient_id", "case_id"),
    "split": ("split",),
    "fold": ("fold",),
}
"""Names of a column: the project's own first, then those of CLAM and TRIDENT; also ``Slide ID``."""

NEGATIVE = {"normal", "negative", "neg", "benign", "healthy", "control", "no", "false"}
POSITIVE = {
    *("tumor", "positive", "pos", "malignant", "cancer", "cancerous", "carcinoma", "metastasis"),
    *("metastases", "metastatic", "abnormal", "yes", "true"),
}
"""Names of a class that tell which is 0 and which is 1; tumour counts as tumor."""

DENIAL = re.compile(
    r"(non|un).*|.*(free|less|normal|negative)|not|never|hardly|rarely|without|lack\w*|absen\w*|of|"
    rf"[pcy]*[tnm]?0+|{'|'.join(sorted(NEGATIVE))}"
)
"""A word that may turn a name round; ``of`` as in free of cancer, ``0`` as in N0."""

SPREADSHEET = {"0.0": "0", "1.0": "1"}
"""Labels as spreadsheets write them."""

NEUTRAL = {"", "tissue", "slide", "sample", "case"}
"""Words that may stand beside a known one, as in CLAM's ``tumor_tissue``."""


class LabelTable(NamedTuple):
    """The rows of a table, column by column; what it does not have is None.

    ``classes`` are the names of 0 and 1; ``splits`` are train, val and test, ``folds`` numbers.
    ``left_out`` are slides of the folder without a row, which ``read_features`` finds. ``groups``
    are the cells of the column ``group``, which was named to keep slides together.
    """

    slides: list[str]
    labels: list[int]
    patients: list[str] | None
    splits: list[str] | None
    classes: tuple[str, str]
    folds: list[int] | None = None
    left_out: Sequence[str] = ()
    group: str | None = None
    groups: list[str] | None = None

    @property
    def divided(self) -> bool:
        """Whether the slides come with a division."""
        return self.splits is not None or self.folds is not None


def read_labels(
    path: Path | str,
    positive: str | None = None,
    split: Path | str | None = None,
    group: str | None = None,
    classes: tuple[str, str] | None = None,
) -> LabelTable:
    """Read the labels of slides.

    Parameters
    ----------
    path : path
        CSV with a header. Columns ``slide`` and ``label``, perhaps ``patient`` and one division:
        ``split`` (train, val, test), ``fold`` (whole numbers), or ``train``, ``val`` and ``test``
        of True and False. Other names are in ``COLUMNS``; other columns are ignored.
        Labels are 0 and 1, or two names. A name that consists of a word of ``NEGATIVE`` is 0, the
        other 1, unless that is negated too; one that consists of a word of ``POSITIVE`` is 1 if
        the other is of ``NEGATIVE`` or its own negation.
    positive : str, optional
        The name that is 1, where the words do not tell; upper and lower case need not agree.
    split : path, optional
        The split in a file of its own, see ``read_split_file``; it replaces one in the table.
        Slides that it does not list are left out, with a warning.
    group : str, optional
        A further column to read, whose cells are to keep slides together: a hospital, a scanner.
    classes : (str, str), optional
        The names of 0 and 1 for a model that was trained before: they are taken where the table
        has no others, even if it has one only, and a division of the table is not read.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        For a missing column or cell (``NA``, ``nan``, ``-``, …), a slide listed twice, labels that
        are not two, or a division that cannot be used. The message names the file and the slides.
    """
    table = read_table(path)
    names = _columns(table)
    if classes is not None:
        columns = {}
    elif split is None:
        columns = division_columns(table, split=names.get("split"), fold=names.get("fold"))
    else:
        table, columns = _listed(table, names["slide"], Path(split))
    own = ("slide", "label", "patient")
    columns |= {what: table.column(names[what]) for what in own if what in names}
    kept = {} if group is None else _group_column(table, group)
    slides = _complete(table, columns | kept)
    labels = [SPREADSHEET.get(cell, cell) for cell in columns["label"]]
    if classes is None or positive is not None or not set(labels) <= set(classes):
        trained, classes = classes, _classes(table.path, labels, positive)
        if positive is None:
            _check_sides(table.path, classes, trained or classes)
    patients = columns.get("patient")
    _warn_of_alike(table.path, "patients", patients or [])
    for name, cells in kept.items():
        _warn_of_alike(table.path, f"values of {name}", cells)
    return LabelTable(
        slides,
        [classes.index(label) for label in labels],
        patients,
        as_splits(Path(split or path), columns["split"]) if "split" in columns else None,
        classes,
        as_folds(table.path, columns["fold"]) if "fold" in columns else None,
        group=next(iter(kept), None),
        groups=next(iter(kept.values()), None),
    )


def _columns(table: Table) -> dict[str, str]:
    """Return what the table calls each column that it has, by the project's names."""
    names = {}
    for what, synonyms in COLUMNS.items():
        if name := _spelt_like(table, *synonyms):
            names[what] = name
        elif what in ("slide", "label"):
            raise ValueError(
                f"{table.path} lacks a column {' or '.join(synonyms)}; it has "
                f"{in_order(table.header, 20) or 'none'} (separated by commas?)"
            )
    if not table.rows:
        raise ValueError(f"{table.path} has no rows; give one for each slide")
    return names


def _spelt_like(table: Table, *names: str) -> str | None:
    """Return the column with one of these names; case, spaces and punctuation do not matter."""
    plain = {re.sub(r"[\W_]", "", name.lower()) for name in names}
    matches = [name for name in table.header if re.sub(r"[\W_]", "", name.lower()) in plain]
    if len(matches) > 1:
        raise ValueError(f"{table.path} has the columns {' and '.join(matches)}; keep one of them")
    return matches[0] if matches else None


def _group_column(table: Table, group: str) -> dict[str, list[str]]:
    """Return the column that a user names → its cells; it must tell some slides from others."""
    group = one_form(group)
    name = group if group in table.header else _spelt_like(table, group)
    if not name:
        raise ValueError(
            f"{table.path} has no column {group!r} to keep slides together by (--group); it has "
            f"{in_order(filter(None, table.header), 20)}"
        )
    cells = table.column(name)
    if len(set(cells)) == 1 and not is_missing(cells[0]):
        raise ValueError(
            f"{table.path} has one value in the column {name}, {shorten(set(cells))}, so no slides "
            "can be kept apart by it; name another column, or leave out --group"
        )
    return {name: cells}


def _listed(table: Table, slide: str, split: Path) -> tuple[Table, dict[str, list[str]]]:
    """Return the rows of the slides that a split file lists, and their splits as a column."""
    slides = _complete(table, {"slide": table.column(slide)})
    split_of = read_split_file(split, slides)
    if left_out := [name for name in slides if name not in split_of]:
        warnings.warn(
            f"{split} leaves out {len(left_out)} of the {len(slides)} slides in {table.path}: "
            f"{shorten(left_out)}",
            stacklevel=3,
        )
    kept = [i for i, name in enumerate(slides) if name in split_of]
    rows, lines = [table.rows[i] for i in kept], [table.lines[i] for i in kept]
    return table._replace(rows=rows, lines=lines), {"split": [split_of[slides[i]] for i in kept]}


def _complete(table: Table, columns: dict[str, list[str]]) -> list[str]:
    """Return the slides; refuse missing cells and slides that are listed twice."""
    slides, problems = columns["slide"], []
    for what, cells in columns.items():
        missing = {
            f"row {table.lines[i]}" if is_missing(slides[i]) else slides[i]: cell
            for i, cell in enumerate(cells)
            if is_missing(cell)
        }
        if missing:
            spelt = ", ".join(sorted({repr(cell) for cell in missing.values() if cell}))
            empty = len(missing) == len(cells) and what not in ("slide", "label")
            problems.append(
                f"has no {what} for {shorten(missing)}{spelt and f' ({spelt})'}; "
                f"fill it in or remove the {'column' if empty else 'row'}"
            )
    named = (slide for slide in slides if not is_missing(slide))
    if twice := [slide for slide, count in Counter(named).items() if count > 1]:
        problems.append(f"lists {shorten(twice)} more than once; keep one row a slide")
    if problems:
        raise ValueError(f"{table.path} {'. It '.join(problems)}")
    return slides


def _classes(path: Path, labels: list[str], positive: str | None) -> tuple[str, str]:
    """Return the names of 0 and 1, which the names themselves tell; never their order."""
    names = sorted(set(labels))
    if positive is not None:
        wanted = one_form(str(positive))
        wanted = SPREADSHEET.get(wanted, wanted)
        alike = [name for name in names if name.casefold() == wanted.casefold()]
        positive = alike[0] if len(alike) == 1 else wanted
        if positive not in names:
            raise ValueError(f"{path} has no label {positive!r}; it has {shorten(names)}")
    if set(names) <= {"0", "1"} and positive is None:
        return "0", "1"
    if len(names) != 2:
        raise ValueError(
            f"{path} has {len(names)} different labels ({shorten(names)}), expected two: 0 and 1, "
            "or a negative and a positive name; leave out or merge classes"
        )
    for first, second in (names, names[::-1]):
        if second == positive or (positive is None and _is_negative(first, second)):
            return first, second
    first, second = (name if name.isalnum() else f'"{shorten([name])}"' for name in names)
    raise ValueError(
        f"{path} has the labels {first} and {second}; say which of them is positive (--positive "
        f"{first} or --positive {second}), or write 0 and 1"
    )


def _check_sides(path: Path, classes: tuple[str, str], trained: tuple[str, str]) -> None:
    """Refuse a name that was on the other side in training."""
    if any(name in trained and name != trained[i] for i, name in enumerate(classes)):
        raise ValueError(
            f"{path} has the labels {classes[0]} and {classes[1]}, but in training {trained[0]} "
            f"was 0 and {trained[1]} was 1; name the classes alike, or say which of yours is "
            "positive (--positive)"
        )


def _is_negative(name: str, other: str) -> bool:
    """Return True if the words of two names say that the first is the negative class.

    A name with several words tells nothing by itself: it may deny them (free of cancer) or stand
    before them (pre-cancer).
    """
    own, others = _words(name), _words(other)
    if len(own) == 1 and own <= NEGATIVE:
        return not any(map(_denies, others))
    if len(others) == 1 and others <= POSITIVE:
        denials = {word for word in own if _denies(word)}
        return own - denials == others and len(denials - {"of"}) == 1  # two undo each other
    return False


def _denies(word: str) -> bool:
    return word not in POSITIVE and DENIAL.fullmatch(word) is not None  # abnormal is positive


def _words(name: str) -> set[str]:
    words = re.split(r"[\W_]+", name.casefold().replace("tumour", "tumor"))
    known = NEGATIVE | POSITIVE
    return {word if word in known else word.removesuffix("s") for word in words} - NEUTRAL


def _warn_of_alike(path: Path, what: str, cells: list[str]) -> None:
    """Warn of names, of patients for example, that a reader would take for the same."""
    alike = defaultdict(set)
    for name in cells:
        alike[look(name)].add(name)
    pairs = [" and ".join(map(repr, sorted(names))) for names in alike.values() if len(names) > 1]
    if pairs:
        warnings.warn(
            f"{path}: the {what} {shorten(pairs, 3)} differ only in case, zeros, spaces or "
            "invisible characters and are taken as different; if they are one, spell them alike",
            stacklevel=3,
        )
