"""Plans and notes for teachers agree with the chapters."""

import re

import pytest
from tools.questions import read_questions

WHOLE, BUT, NOTHING = "all", "all but ", "–"


def headings(chapter):
    text = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    return {line.replace("`", "") for line in re.findall(r"^#{2,3} (.+)$", text, re.MULTILINE)}


def plans(notebooks):
    """Yield each plan's title, its minutes, and its rows (minutes, chapter, sections)."""
    text = (notebooks / "instructor" / "README.md").read_text(encoding="utf-8")
    section = text.split("\n## Plans\n")[1].split("\n## ")[0]
    for plan in section.split("\n### ")[1:]:
        title = plan.splitlines()[0]
        rows = [
            [column.strip() for column in line.strip("|").split("|")]
            for line in plan.splitlines()
            if re.match(r"\| \d+ \|", line)
        ]
        assert all(len(row) == 5 for row in rows), title
        yield title, int(re.search(r"(\d+) minutes", title)[1]), rows


def test_there_is_a_plan_for_a_lecture_half_a_day_and_two_days(notebooks):
    assert [minutes for _, minutes, _ in plans(notebooks)] == [90, 240, 840]


def test_minutes_of_a_plan_sum_to_what_its_title_says(notebooks):
    for title, minutes, rows in plans(notebooks):
        assert sum(int(row[0]) for row in rows) == minutes, title


def test_a_plan_names_sections_that_exist_and_keeps_the_chapters_minutes(notebooks, chapters):
    known = {chapter.number: chapter for chapter in chapters}
    for title, _, rows in plans(notebooks):
        for minutes, number, sections, *_ in rows:
            if number == NOTHING:
                assert sections == NOTHING
                continue
            assert number in known, f"{title}: no chapter {number}"
            if sections == WHOLE:
                assert int(minutes) == known[number].data["minutes"], f"{title}: {number}"
            else:
                assert int(minutes) < known[number].data["minutes"], f"{title}: {number}"
                listed = sections.removeprefix(BUT).split(";")
                named = {name.strip().replace("`", "") for name in listed}
                assert named <= headings(known[number]), f"{title}: {number}"


def test_the_short_test_asks_about_the_chapters_of_half_a_day(notebooks):
    text = (notebooks / "instructor" / "README.md").read_text(encoding="utf-8")
    asked = {question["chapter"] for question in read_questions(notebooks)}
    _, (_, _, rows), _ = plans(notebooks)
    taught = sorted({row[1] for row in rows} & asked)
    assert set(re.findall(r"--chapters ([\d,]+)", text)) == {",".join(taught)}


def notes(notebooks):
    text = (notebooks / "instructor" / "chapter_notes.md").read_text(encoding="utf-8")
    return {part[:2]: part for part in text.split("\n## ")[1:]}


def test_every_chapter_has_its_notes(chapter, notebooks):
    found = notes(notebooks)[chapter.number]
    minutes = chapter.data["minutes"]
    assert found.splitlines()[0] == f"{chapter.number}. {chapter.title} ({minutes} minutes)"
    for part in (
        "**The idea.**",
        "| learners … | answer |",
        "**On the board.**",
        "**Short of time.**",
    ):
        assert part in found
    assert len(re.findall(r"^\| .+ \| .+ \|$", found, re.MULTILINE)) >= 4


def test_notes_name_sections_that_exist(chapter, notebooks):
    short = notes(notebooks)[chapter.number].split("**Short of time.**")[1]
    named = re.findall(r'"([^"]+)"', short)
    assert {" ".join(name.replace("`", "").split()) for name in named} <= headings(chapter)
    assert named


def test_notes_are_of_chapters_only(chapters, notebooks):
    assert list(notes(notebooks)) == [chapter.number for chapter in chapters]


@pytest.mark.parametrize("command", ["deck", "questions", "gain", "assignment"])
def test_the_page_names_the_commands(notebooks, command):
    text = (notebooks / "instructor" / "README.md").read_text(encoding="utf-8")
    assert f"python notebooks/teach.py {command} " in text


def test_no_notebook_is_stored_with_the_kit(notebooks):
    assert not list((notebooks / "instructor").rglob("*.ipynb"))
