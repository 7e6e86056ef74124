"""The question bank of the tests before and after the course, and its two parallel forms."""

from pathlib import Path
from typing import Any

from tools.chapters import read_yaml
from tools.pages import LETTERS

FORMS = ("pre", "post")
FIELDS = {"id", "form", "chapter", "skill", "difficulty", "question", "options"}
TITLES = {"pre": "Before the course", "post": "After the course"}
UNKNOWN = "I do not know"  # the last option of every question; it is scored as wrong
Question = dict[str, Any]


def read_questions(notebooks: Path) -> list[Question]:
    """Read the bank.

    Raises
    ------
    ValueError
        When a question lacks a field, has other than one right answer, or an id or a letter twice.
    """
    path = notebooks / "instructor" / "questions.yaml"
    questions = read_yaml(path, list)
    seen: set[str] = set()
    for question in questions:
        if not isinstance(question, dict):
            raise ValueError(f"{path.name}: {question!r} is not a question with its fields")
        name = question.get("id", "a question without id")
        if set(question) != FIELDS or question["form"] not in FORMS:
            raise ValueError(
                f"{path.name}: {name} needs {', '.join(sorted(FIELDS))}; form: pre or post"
            )
        if name in seen:
            raise ValueError(f"{path.name}: the id {name} is used twice")
        if sum(bool(option.get("right")) for option in question["options"]) != 1:
            raise ValueError(f"{path.name}: {name} needs exactly one right answer")
        seen.add(name)
    return questions


def form_of(questions: list[Question], form: str) -> list[Question]:
    """Return the questions of a form, in the order in which they are printed and answered."""
    return sorted(
        (q for q in questions if q["form"] == form), key=lambda q: (q["chapter"], q["skill"])
    )


def of_chapters(questions: list[Question], chapters: list[str]) -> list[Question]:
    """Return the questions on these chapters.

    Raises
    ------
    ValueError
        When there is none on one of them.
    """
    known = sorted({question["chapter"] for question in questions})
    if unknown := [chapter for chapter in chapters if chapter not in known]:
        raise ValueError(f"no question on chapter {unknown[0]}; there are: {', '.join(known)}")
    return [question for question in questions if question["chapter"] in chapters]


def letters(question: Question) -> str:
    """Return the letters of the answers, the last one for those who do not know."""
    return LETTERS[: len(question["options"]) + 1]


def right_letter(question: Question) -> str:
    """Return the letter of the right answer."""
    return next(a for a, option in zip(LETTERS, question["options"]) if option.get("right"))


def print_form(questions: list[Question], form: str, *, key: bool = False) -> str:
    """Write a form as Markdown: for learners, or with answers and feedback for the teacher."""
    lines = [f"# {TITLES[form]}{': key' if key else ''}", ""]
    if not key:
        lines += [
            "Name, or the code you were given: ____________________",
            "",
            "Choose one answer to each question. Do not guess: the last answer is a good one too.",
            "",
        ]
    for number, question in enumerate(form_of(questions, form), 1):
        lines += [f"**{number}. {question['question']}**", ""]
        lines += _key(question) if key else _choices(question)
        lines.append("")
    return "\n".join(lines).rstrip()


def _choices(question: Question) -> list[str]:
    texts = [option["text"] for option in question["options"]] + [UNKNOWN]
    return [f"- {letter}. {text}" for letter, text in zip(letters(question), texts)]


def _key(question: Question) -> list[str]:
    head = (
        f"*Chapter {question['chapter']}: {question['skill']}; difficulty {question['difficulty']}*"
    )
    lines = [head, ""]
    for letter, option in zip(LETTERS, question["options"]):
        mark = "**right** " if option.get("right") else ""
        lines.append(f"- {letter}. {mark}{option['text']} → {option['feedback']}")
    return lines
