"""Commands for teachers; ``instructor/README.md`` says when to use which.

python notebooks/teach.py deck 05                  # decks/05_attention.slides.html
python notebooks/teach.py assignment 05            # course/source/05_attention, for nbgrader
python notebooks/teach.py questions pre            # a form for learners; --key for the teacher
python notebooks/teach.py gain answers.csv         # what was learned, chapter by chapter
"""

import argparse
import sys
from pathlib import Path

from tools.chapters import Chapter, read_chapters

NOTEBOOKS = Path(__file__).parent


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about, folder in (
        ("deck", "make a deck of slides of a chapter; further options go to nbconvert", "decks"),
        ("assignment", "make an assignment for nbgrader", "course"),
    ):
        command = commands.add_parser(name, help=about, description=about)
        command.add_argument("number", metavar="NN", help="chapter")
        command.add_argument("--out", type=Path, default=folder, help=f"folder (default: {folder})")
        if name == "deck":
            command.add_argument("--solutions", action="store_true", help="show the solutions too")
    asked = commands.add_parser("questions", help="print a form of the test before or after")
    asked.add_argument("form", choices=("pre", "post"))
    asked.add_argument("--key", action="store_true", help="right answers and feedback")
    gain = commands.add_parser("gain", help="score answers, and say what was learned")
    gain.add_argument("answers", type=Path, help="CSV: learner, form, 1, 2, …")
    for command in (asked, gain):
        command.add_argument("--chapters", metavar="NN,NN", help="ask about these alone")
    options, further = parser.parse_known_args(arguments)
    if further and options.command != "deck":
        parser.error(f"unrecognized arguments: {' '.join(further)}")
    options.nbconvert = further
    try:
        print(run(options))
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


def run(options: argparse.Namespace) -> str:
    """Do what was asked; return what to print. Each command imports what it needs alone."""
    if options.command == "deck":
        from tools.deck import write_deck

        chapter, _ = find(options.number)
        path = write_deck(chapter, options.out, options.nbconvert, solutions=options.solutions)
        return f"open {path}"
    if options.command == "assignment":
        from tools.assignment import write_course

        written = write_course(*find(options.number), options.out)
        return f"{written}\nnext: cd {options.out} && nbgrader generate_assignment {written.stem}"
    from tools.questions import of_chapters, print_form, read_questions

    questions = read_questions(NOTEBOOKS)
    if options.chapters:
        questions = of_chapters(questions, options.chapters.split(","))
    if options.command == "questions":
        return print_form(questions, options.form, key=options.key)
    from tools.gain import gain_table, read_answers

    return gain_table(read_answers(options.answers, questions), questions)


def find(number: str) -> tuple[Chapter, list[Chapter]]:
    """Return a chapter and all of them.

    Raises
    ------
    ValueError
        When there is no such chapter.
    """
    chapters = read_chapters(NOTEBOOKS)
    for chapter in chapters:
        if chapter.number == number:
            return chapter, chapters
    known = ", ".join(chapter.number for chapter in chapters)
    raise ValueError(f"no chapter {number}; there are: {known}")


if __name__ == "__main__":
    sys.exit(main())
