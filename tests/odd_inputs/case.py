"""What a line of the table says, and how commands and folders of features are tried."""

from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

from feature_folders import toy_bags, write_folder, write_labels

from mil_tutorial.__main__ import main


class Case(NamedTuple):
    """An odd input: what is odd about it, and what it leads to.

    ``act`` makes the input in an empty folder, which is the working folder too, and uses it. Where
    ``error`` is None the result must be right, which ``act`` asserts; otherwise one line refuses
    the input, matches this pattern, and nothing is left in the folder ``out``.
    """

    name: str
    act: Callable[[Path], Any]
    error: str | None = None


class Refusal(ValueError):
    """The line in which a command refused its input."""


def command(*words: Any) -> str:
    """Run a command in this process; return what it printed, warnings included."""
    out, err = StringIO(), StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main([str(word) for word in words])
    if code == 2:
        errors = [line for line in err.getvalue().splitlines() if "warning: " not in line]
        assert len(errors) == 1, err.getvalue()
        raise Refusal(errors[0])
    assert code == 0, err.getvalue()
    return out.getvalue() + err.getvalue()


def feature_folder(here: Path, n_bags: int = 30, **columns: list[str]) -> tuple[Path, Path]:
    """Write a good folder of features and its table, for one thing to be spoilt; return both."""
    bags = toy_bags(n_bags)
    return write_folder(here / "f", bags), write_labels(here / "l.csv", bags, **columns)


def compare(folder: Path, labels: Path, *options: Any) -> str:
    """Run the command ``compare`` on a folder, as short as it can be."""
    own = ("--data", folder, "--labels", labels, "--out", "out")
    short = ("--seeds", 1, "--epochs", 1, "--poolings", "attention")
    return command("compare", *own, *short, *options)
