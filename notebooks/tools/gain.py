"""What a class learned: answers before and after, scored, and the normalised gain by chapter.

The gain is that of Hake (1998), (after − before) / (1 − before), of the class's means: the part
learned of what was not known before. Its interval is a bootstrap of learners.
"""

import csv
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.stats import DegenerateDataWarning, bootstrap

from tools.questions import FORMS, Question, form_of, letters, right_letter


@dataclass(frozen=True)
class Answers:
    """Scores (learners, questions) of those who answered both forms, and who did not."""

    before: np.ndarray
    after: np.ndarray
    left_out: list[str]


def read_answers(path: Path, questions: list[Question]) -> Answers:
    """Read and score a CSV with the columns ``learner``, ``form``, and the questions' numbers.

    Raises
    ------
    ValueError
        When a column is missing or too many, a form or an answer unknown, or nobody answered
        both forms.
    """
    wanted = {form: form_of(questions, form) for form in FORMS}
    numbers = [str(number) for number in range(1, len(wanted["pre"]) + 1)]
    scores: dict[str, dict[str, list[float]]] = {form: {} for form in FORMS}
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        columns = reader.fieldnames or ()
        missing = [name for name in ("learner", "form", *numbers) if name not in columns]
        if missing:
            raise ValueError(f"{path.name} has no column {', '.join(missing)}")
        if surplus := [name for name in columns if name.isdecimal() and name not in numbers]:
            raise ValueError(
                f"{path.name} has a column {surplus[0]}, but {len(numbers)} questions were asked; "
                "give the same --chapters as for the forms"
            )
        for line, row in enumerate(reader, 2):
            form, learner = row["form"].strip(), row["learner"].strip()
            if form not in FORMS or learner in scores[form]:
                raise ValueError(
                    f"{path.name}, line {line}: form is {form!r}, or {learner} is there twice"
                )
            right = [right_letter(question) for question in wanted[form]]
            answers = [
                _letter(row[number], letters(question), f"{path.name}, line {line}")
                for number, question in zip(numbers, wanted[form])
            ]
            scores[form][learner] = [float(a == b) for a, b in zip(answers, right)]
    both = sorted(set(scores["pre"]) & set(scores["post"]))
    if not both:
        raise ValueError(f"{path.name}: nobody answered both forms")
    before, after = (np.array([scores[form][name] for name in both]) for form in FORMS)
    return Answers(before, after, sorted(set(scores["pre"]) ^ set(scores["post"])))


def _letter(text: str | None, known: str, place: str) -> str:
    letter = (text or "").strip().upper()
    if len(letter) > 1 or letter not in known:
        raise ValueError(f"{place}: an answer is {text!r}, expected A to {known[-1]} or nothing")
    return letter


def gain(before: np.ndarray, after: np.ndarray, axis: int = -1) -> np.ndarray:
    """Return the normalised gain of scores of learners; NaN where all was known before."""
    old, new = before.mean(axis=axis), after.mean(axis=axis)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(old < 1, (new - old) / (1 - old), np.nan)


def gain_interval(before: np.ndarray, after: np.ndarray) -> tuple[float, float]:
    """Return the 95 % interval of the gain, from learners drawn anew; NaN for a single learner."""
    if len(before) < 2:
        return np.nan, np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DegenerateDataWarning)  # draws without a gain are NaN
        drawn = bootstrap(
            (before, after), gain, paired=True, method="percentile", random_state=0
        ).bootstrap_distribution
    if np.isnan(drawn).any():  # some draws hold only learners who knew it all
        return np.nan, np.nan
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)


def gain_table(answers: Answers, questions: list[Question]) -> str:
    """Write the table: what was right before and after, and the gain, by chapter and over all."""
    asked = [question["chapter"] for question in form_of(questions, "pre")]
    rows = {chapter: [c == chapter for c in asked] for chapter in dict.fromkeys(asked)}
    rows["all"] = [True] * len(asked)
    lines = ["| chapter | before | after | gain [95 %] |", "|---|---|---|---|"]
    for name, columns in rows.items():
        before = answers.before[:, columns].mean(axis=1)
        after = answers.after[:, columns].mean(axis=1)
        low, high = gain_interval(before, after)
        interval = "" if np.isnan(low) else f" [{low:+.2f}, {high:+.2f}]"
        value = float(gain(before, after))
        shown = "–" if np.isnan(value) else f"{value:+.2f}{interval}"
        lines.append(f"| {name} | {before.mean():.2f} | {after.mean():.2f} | {shown} |")
    lines += ["", f"{len(answers.before)} learners answered both forms."]
    if answers.left_out:
        lines.append(f"Left out, with one form only: {', '.join(answers.left_out)}.")
    return "\n".join(lines)
