"""Arguments that several commands share, and how they report on many slides."""

import argparse
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from mil_tutorial.datasets.wsi.folders import Outcome

T = TypeVar("T")


def whole_number(text: str) -> int:
    """Read a positive whole number."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def not_negative(text: str) -> int:
    """Read a whole number, 0 or more."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative; 0 is the least")
    return value


def add_out(command: argparse.ArgumentParser, default: str | None = None) -> None:
    """Declare ``--out``, the folder that a command writes; required where there is no default."""
    command.add_argument(
        "--out",
        type=Path,
        default=default and Path(default),
        required=default is None,
        metavar="FOLDER",
        help=f"default: {default}" if default else "a folder that does not exist yet",
    )


def add_slides(command: argparse.ArgumentParser, required: bool = True) -> None:
    """Declare the slides to work on, and the folder with a file for each."""
    command.add_argument(
        "slides",
        nargs="+" if required else "*",
        type=Path,
        metavar="SLIDE",
        help="slides, or folders of slides",
    )
    command.add_argument(
        "--out",
        type=Path,
        required=required,
        metavar="FOLDER",
        help="gets one .h5 file per slide; slides that already have one are skipped",
    )


def print_outcome(outcome: "Outcome", done: str, out: Path) -> int:
    """Print the outcome of many slides; return the exit code."""
    skipped = f", {outcome.skipped} done before" if outcome.skipped else ""
    failed = f", {len(outcome.failures)} failed" if outcome.failures else ""
    print(f"{outcome.made} {done}{skipped}{failed}; in {out}/")
    for failure in outcome.failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if outcome.failures else 0


def print_warnings(function: Callable[..., T], *arguments: Any, **options: Any) -> T:
    """Call a function; print each of its warnings once, on one line of the terminal."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            return function(*arguments, **options)
        finally:
            for message in dict.fromkeys(str(warning.message) for warning in caught):
                print(f"warning: {message}", file=sys.stderr)
