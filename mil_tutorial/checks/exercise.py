"""What an exercise's check is: it tries an answer, says what is probably wrong, and gives hints.

A check never raises: a learner's mistake gets help, not a traceback.
"""

import json
import sys
import textwrap
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


class Wrong(Exception):
    """The answer is wrong; the message says where and names the likely mistake."""


class NotAttempted(Exception):
    """The stub is still there."""


@dataclass(frozen=True)
class Verdict:
    """What a check found."""

    state: str  # "right", "wrong" or "open"
    text: str

    def __str__(self) -> str:
        return {"right": "✓ ", "wrong": "✗ ", "open": "○ "}[self.state] + self.text


class Exercise:
    """A check with its hints and its solution.

    Call it with your answer; ``hint(1)``, ``hint(2)`` … help you, ``solution()`` shows an answer.
    """

    def __init__(self, name: str, examine: Callable[[Any], str]) -> None:
        self.name, self.examine = name, examine
        self.__doc__ = examine.__doc__
        self._has_failed = False

    def __call__(self, answer: Any) -> None:
        """Print whether the answer is right, and if not, what to look at.

        The first failure also points to the hints; later ones do not repeat that.
        """
        verdict = self.judge(answer)
        text = str(verdict)
        if verdict.state == "wrong" and not self._has_failed:
            self._has_failed = True
            stop = "" if text.endswith((".", "!", "?")) else "."
            text += f"{stop} check_{self.name}.hint(1) helps."
        print(_wrapped(text))

    def judge(self, answer: Any) -> Verdict:
        """Return the verdict on an answer; what it writes to stderr goes to stdout.

        nbgrader takes any text on stderr, a warning or a progress bar, for a failed test.
        """
        try:
            with redirect_stderr(sys.stdout):
                praise = self.examine(answer)
            return Verdict("right", f"{self.name}: {praise}")
        except NotAttempted:
            help_ = f"check_{self.name}.hint(1) helps"
            return Verdict("open", f"{self.name}: not attempted yet, or nothing returned; {help_}")
        except Wrong as mistake:
            return Verdict("wrong", f"{self.name}: {mistake}")
        except Exception as error:  # something this check did not foresee
            what = f"{type(error).__name__}: {error}"
            return Verdict("wrong", f"{self.name}: this check could not judge your answer ({what})")

    def hint(self, number: int = 1) -> None:
        """Print a hint; the last one is the plainest."""
        hints = _texts()[self.name]["hints"]
        if not isinstance(number, int) or not 1 <= number <= len(hints):
            print(f"There are {len(hints)} hints: check_{self.name}.hint(1) is the first.")
            return
        more = f" (of {len(hints)})" if len(hints) > 1 else ""
        print(_wrapped(f"Hint {number}{more}: {hints[number - 1]}"))

    def solution(self) -> None:
        """Print one solution."""
        print(_texts()[self.name]["solution"])

    def __repr__(self) -> str:
        return f"check_{self.name}(answer); .hint(1), .solution()"


def exercise(examine: Callable[[Any], str]) -> Exercise:
    """Turn ``check_NAME(answer)``, which returns praise or raises ``Wrong``, into an exercise."""
    return Exercise(examine.__name__.removeprefix("check_"), examine)


def _wrapped(text: str) -> str:
    """Break lines between words: a notebook would break them anywhere."""
    return textwrap.fill(text, 79, break_long_words=False, break_on_hyphens=False)


@cache
def _texts() -> dict[str, Any]:
    text = files("mil_tutorial.checks").joinpath("exercises.json").read_text(encoding="utf-8")
    return json.loads(text)
