"""The question bank: parallel forms, a key that agrees, and gains checked by hand."""

import csv
import re
from collections import Counter

import numpy as np
import pytest
import yaml
from teach import main
from tools.gain import gain, gain_interval, gain_table, read_answers
from tools.questions import form_of, of_chapters, print_form, read_questions, right_letter


@pytest.fixture()
def questions(notebooks):
    return read_questions(notebooks)


def test_each_question_has_one_right_answer_and_feedback_on_all(questions, chapters):
    assert len({question["id"] for question in questions}) == len(questions) >= 28
    known = {chapter.number for chapter in chapters}
    for question in questions:
        options = question["options"]
        assert question["chapter"] in known
        assert question["difficulty"] in (1, 2, 3)
        assert len(options) == len({option["text"] for option in options}) == 4
        assert all(option["feedback"].strip() for option in options)
        assert sum(bool(option.get("right")) for option in options) == 1


def test_the_forms_are_parallel(questions):
    pre, post = (form_of(questions, form) for form in ("pre", "post"))
    what = [[(q["chapter"], q["skill"], q["difficulty"]) for q in form] for form in (pre, post)]
    assert what[0] == what[1]
    assert len(set(what[0])) == len(pre) == 14
    assert not {q["question"] for q in pre} & {q["question"] for q in post}


def test_the_place_of_the_right_answer_gives_nothing_away(questions):
    for form in ("pre", "post"):
        letters = Counter(right_letter(question) for question in form_of(questions, form))
        assert set(letters) == set("ABCD")
        assert max(letters.values()) <= 5


def test_no_question_is_one_of_the_chapters(questions, chapters):
    asked = {q["question"].strip() for chapter in chapters for q in chapter.data["quiz"]}
    assert not asked & {question["question"] for question in questions}


@pytest.mark.parametrize("form", ["pre", "post"])
def test_form_and_key_agree_and_only_the_key_tells(questions, form):
    shown, key = print_form(questions, form), print_form(questions, form, key=True)
    numbered = re.compile(r"^\*\*(\d+)\. (.+)\*\*$", re.MULTILINE)
    assert numbered.findall(shown) == numbered.findall(key)
    assert len(numbered.findall(shown)) == 14
    assert re.findall(r"^- (\w)\. \*\*right\*\*", key, re.MULTILINE) == [
        right_letter(question) for question in form_of(questions, form)
    ]
    assert "right*" not in shown
    for question in form_of(questions, form):
        for letter, option in zip("ABCD", question["options"]):
            assert f"- {letter}. {option['text']}\n" in shown
            assert option["feedback"] not in shown
            assert f"{option['text']} → {option['feedback']}" in key
    assert shown.count("E. I do not know") == 14


def answers(path, questions, scores):
    """Write answers with so many right ones, from the first question on; the rest say E."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["learner", "form", *range(1, len(questions) // 2 + 1)])
        for learner, form, right in scores:
            letters = [right_letter(question) for question in form_of(questions, form)]
            writer.writerow([learner, form, *letters[:right], *("E" * (len(letters) - right))])
    return path


CLASS = [
    ("ann", "pre", 3),
    ("bob", "pre", 3),
    ("cy", "pre", 14),
    ("ann", "post", 14),
    ("bob", "post", 3),
    ("dee", "post", 1),
]


def test_a_small_class_is_scored_as_by_hand(questions, tmp_path):
    results = read_answers(answers(tmp_path / "a.csv", questions, CLASS), questions)
    assert results.before.sum(axis=1).tolist() == [3, 3]
    assert results.after.sum(axis=1).tolist() == [14, 3]
    assert results.left_out == ["cy", "dee"]
    # before 3/14 = 0.21; after (1 + 3/14) / 2 = 0.61; gain (11/28) / (11/14) = 0.5
    table = gain_table(results, questions)
    assert "| all | 0.21 | 0.61 | +0.50 [+0.00, +1.00] |" in table
    assert "| 01 | 1.00 | 1.00 | – |" in table  # all knew it before
    assert "| 17 | 0.00 | 0.50 | +0.50 [+0.00, +1.00] |" in table
    assert "2 learners answered both forms." in table
    assert "Left out, with one form only: cy, dee." in table


def test_the_interval_narrows_with_the_class_and_holds_the_gain():
    before = np.array([0.25, 0.5, 0.25, 0.5])
    after = np.array([0.5, 0.75, 0.75, 0.5])
    small, large = (gain_interval(np.tile(before, n), np.tile(after, n)) for n in (2, 20))
    assert small[0] < large[0] < gain(before, after) < large[1] < small[1]
    assert gain(before, after) == pytest.approx(0.25 / 0.625)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("form", "sheet", 1), "no column form"),
        (lambda text: text.replace("pre", "before", 1), "line 2: form is 'before'"),
        (lambda text: text.replace("bob", "ann"), "line 3: form is 'pre', or ann is there twice"),
        (lambda text: text.replace("E", "F", 1), "line 2: an answer is 'F'"),
        (lambda text: text.replace("post", "pre").replace("ann", "x", 1), "twice"),
        (lambda text: "\n".join(text.splitlines()[:4]), "nobody answered both forms"),
    ],
)
def test_a_table_that_cannot_be_scored_is_refused(questions, tmp_path, change, message, capsys):
    path = answers(tmp_path / "a.csv", questions, CLASS)
    path.write_text(change(path.read_text()))
    assert main(["gain", str(path)]) == 2
    assert message in capsys.readouterr().err


def test_a_course_that_leaves_out_chapters_asks_and_scores_the_others_alone(
    questions, tmp_path, capsys
):
    some = ["--chapters", "01,05,09"]
    assert main(["questions", "pre", *some, "--key"]) == 0
    printed = capsys.readouterr().out
    assert re.findall(r"^\*Chapter (\d\d)", printed, re.MULTILINE) == ["01", "05", "09"]
    assert re.findall(r"^\*\*(\d+)\. ", printed, re.MULTILINE) == ["1", "2", "3"]
    taught = of_chapters(questions, ["01", "05", "09"])
    short = str(answers(tmp_path / "short.csv", taught, [("ann", "pre", 0), ("ann", "post", 3)]))
    assert main(["gain", short, *some]) == 0
    assert "| all | 0.00 | 1.00 | +1.00 |" in capsys.readouterr().out
    assert main(["gain", short]) == 2
    assert "short.csv has no column 4, 5" in capsys.readouterr().err
    assert main(["gain", str(answers(tmp_path / "long.csv", questions, CLASS)), *some]) == 2
    assert "long.csv has a column 4, but 3 questions were asked" in capsys.readouterr().err
    assert main(["questions", "pre", "--chapters", "01,12"]) == 2
    assert "no question on chapter 12; there are: 01, 02" in capsys.readouterr().err


def test_the_example_of_the_page_can_be_scored_and_is_no_key(questions, notebooks, tmp_path):
    page = (notebooks / "instructor" / "README.md").read_text(encoding="utf-8")
    path = tmp_path / "ann.csv"
    path.write_text(page.split("```text\n")[1].split("```")[0])
    results = read_answers(path, questions)
    assert 2 <= results.before.sum() < results.after.sum() <= 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q: q[1].update(id=q[0]["id"]), "is used twice"),
        (lambda q: q[0]["options"][0].update(right=True), "exactly one right answer"),
        (lambda q: q[0].pop("skill"), "needs chapter, difficulty"),
        (lambda q: q[0].update(form="mid"), "form: pre or post"),
    ],
)
def test_a_broken_bank_is_refused(questions, tmp_path, change, message):
    change(questions)
    (tmp_path / "instructor").mkdir()
    (tmp_path / "instructor" / "questions.yaml").write_text(yaml.safe_dump(questions))
    with pytest.raises(ValueError, match=message):
        read_questions(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"- id: [a\n  form: pre", r"questions.yaml cannot be read as YAML: .* line 2"),
        (b"\xff\xfe", "questions.yaml cannot be read as YAML"),
        (b"id: a", "questions.yaml holds a dict, expected a list"),
        (b"", "questions.yaml holds a NoneType, expected a list"),
        (b"- a", "'a' is not a question"),
    ],
)
def test_a_bank_that_is_no_yaml_is_one_line(tmp_path, text, message):
    (tmp_path / "instructor").mkdir()
    (tmp_path / "instructor" / "questions.yaml").write_bytes(text)
    with pytest.raises(ValueError, match=message) as refusal:
        read_questions(tmp_path)
    assert "\n" not in str(refusal.value)


def test_the_commands_print_forms_and_gains(questions, tmp_path, capsys):
    assert main(["questions", "pre"]) == 0
    assert capsys.readouterr().out.startswith("# Before the course\n")
    assert main(["questions", "post", "--key"]) == 0
    assert capsys.readouterr().out.startswith("# After the course: key\n")
    assert main(["gain", str(answers(tmp_path / "a.csv", questions, CLASS))]) == 0
    assert "| all | 0.21 | 0.61 |" in capsys.readouterr().out
    assert main(["deck", "77"]) == 2
    assert "no chapter 77; there are: 00" in capsys.readouterr().err
