"""Rules of what a page shows at once: code within its column, and no answer below its question."""

import jupytext
import pytest
from tools import rules
from tools.chapters import Chapter
from tools.folds import answers, asks, folds

FOLD = "# <details><summary>Answer: the mean</summary>\n#\n# It *falls*.\n#\n# </details>\n"
ASKING = "# Which of the two falls? Decide before you run.\n"


def chapter(*cells):
    """A chapter of the given cells, each an id and lines of the source."""
    text = "\n".join(
        f'# %% {"" if source.startswith("print") else "[markdown] "}id="{name}"\n{source}\n'
        for name, source in cells
    )
    notebook = jupytext.reads(text, fmt="py:percent")
    for cell in notebook.cells:
        cell.id = cell.metadata.pop("id")
    return Chapter(None, "05_tiny", notebook.cells, {})


def test_code_fits_the_column_except_for_the_address_of_a_fork():
    line = "print(" + 72 * "1" + ")"
    assert list(rules.width(chapter(("run", line)))) == []
    assert list(rules.width(chapter(("run", f"{line}  # git+https://github.com")))) == []
    (fault,) = rules.width(chapter(("run", f"{line};")))
    assert fault.startswith("cell run: 80 characters, 79 fit")


@pytest.mark.parametrize(
    "text",
    [
        FOLD,
        f"# Why?\n#\n{FOLD}#\n{FOLD}",
        "# <details><summary>A. `softmax`</summary>✓ Right.</details>",
        "# No fold at all.",
    ],
)
def test_a_whole_fold_is_accepted(text):
    assert list(folds(chapter(("text", text)))) == []


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("# </details>\n", "", "write a fold as"),
        ("<summary>Answer: the mean</summary>", "", "write a fold as"),
        ("Answer: the mean", "", "write a fold as"),
        ("</summary>\n#\n", "</summary>\n", "blank lines"),
        ("#\n# </details>", "# </details>", "blank lines"),
    ],
)
def test_a_broken_fold_is_named(old, new, message):
    assert old in FOLD
    (line,) = folds(chapter(("text", FOLD.replace(old, new))))
    assert line.startswith("cell text: ")
    assert message in line


def test_labels_of_folds_are_no_prose():
    (with_fold,) = rules.length(chapter(*[(f"text-{i}", FOLD) for i in range(40)]))
    assert with_fold.startswith("80 words")


@pytest.mark.parametrize("name", ["find-answers", "answer"])
def test_an_answer_is_folded_as_a_whole(name):
    assert list(answers(chapter((name, FOLD)))) == []
    for text in ("# It falls.", f"{FOLD}#\n# It falls."):
        assert list(answers(chapter((name, text)))) == [f"cell {name}: fold the answer, all of it"]


@pytest.mark.parametrize(
    ("text", "is_prediction"),
    [
        ("Which falls? Decide before you look.", True),
        ("Before you run: which falls?", True),
        ("Guess: which falls?", True),
        ("Can you predict which falls?", True),
        ("Which falls?", False),
        ("Guess which falls.", False),
        ("What does `predict` return?", False),
        ("What do predictions tell?", False),
    ],
)
def test_a_prediction_is_a_question_before_its_answer(text, is_prediction):
    assert asks(text) == is_prediction


@pytest.mark.parametrize(
    "asking",
    [ASKING, "# They race.\n#\n# Which of the two falls?", "# Which falls? Train both.\n# Look."],
)
def test_the_answer_to_a_question_is_folded(asking):
    ask, run = ("ask", asking), ("run", "print(1)")
    assert list(answers(chapter(ask, run, ("why", FOLD)))) == []
    open_answer = chapter(ask, run, ("again", "print(2)"), ("why", "# It falls."))
    expected = ["cell why: fold the answer to the question of cell ask"]
    assert list(answers(open_answer)) == expected


def test_code_that_ends_a_chapter_needs_a_fold_in_the_question_itself():
    run = ("run", "print(1)")
    assert list(answers(chapter(("ask", f"{FOLD}#\n{ASKING}"), run))) == []
    (line,) = answers(chapter(("ask", ASKING), run))
    assert line.startswith("cell ask: fold the answer")


def test_a_fold_above_a_question_does_not_answer_it():
    ask, run = ("ask", f"{FOLD}#\n{ASKING}"), ("run", "print(1)")
    (line,) = answers(chapter(ask, run, ("why", "# It falls.")))
    assert line.startswith("cell why: fold the answer")


def test_code_in_a_paragraph_asks_nothing():
    cells = ("text", "# Write `a ? b : c`."), ("run", "print(1)"), ("why", "# It falls.")
    assert list(answers(chapter(*cells))) == []


@pytest.mark.parametrize("heading", ["### Exercise 2: find the bug", "## Summary"])
def test_a_question_at_the_end_of_a_section_is_answered_by_its_output(heading):
    run, then = ("run", "print(1)"), ("then", f"# {heading}")
    assert list(answers(chapter(("ask", "# Which falls?"), run, then))) == []
    assert len(list(answers(chapter(("ask", ASKING), run, then)))) == 1


def test_a_prediction_is_no_question_where_an_exercise_or_more_text_follows():
    why = ("why", "# It falls.")
    exercise = ("exercise-guess", "print('my guess')")
    assert list(answers(chapter(("ask", ASKING), exercise, why))) == []
    more = ("ask", f"{ASKING}#\n# Here is a loop.")
    assert list(answers(chapter(more, ("run", "print(1)"), why))) == []
