"""Plans and notes for teachers agree with the chapters."""

import re
from collections.abc import Iterator
from pathlib import Path

from tools.chapters import Chapter
from tools.questions import read_questions

PARTS = ("**The idea.**", "| learners … | answer |", "**On the board.**", "**Short of time.**")


def kit_faults(notebooks: Path, chapters: list[Chapter]) -> Iterator[str]:
    """Yield one line for each rule that the instructor's pages break."""
    folder = notebooks / "instructor"
    plans = (folder / "README.md").read_text(encoding="utf-8")
    for what in _plans(plans, {chapter.number: chapter for chapter in chapters}):
        yield f"instructor/README.md: {what}"
    asked = {question["chapter"] for question in read_questions(notebooks)}
    taught = set(re.findall(r"^\| \d+ \| (\d\d) \|", _half_day(plans), re.MULTILINE))
    wanted = ",".join(sorted(taught & asked))
    for named in re.findall(r"--chapters ([\d,]+)", plans):
        if named != wanted:
            yield f"instructor/README.md: --chapters {named}, half a day teaches {wanted}"
    notes = (folder / "chapter_notes.md").read_text(encoding="utf-8").split("\n## ")[1:]
    if [note[:2] for note in notes] != [chapter.number for chapter in chapters]:
        yield "instructor/chapter_notes.md: each chapter needs its notes, in order"
        return
    for note, chapter in zip(notes, chapters):
        for what in _note(note, chapter):
            yield f"instructor/chapter_notes.md, {chapter.number}: {what}"


def _half_day(text: str) -> str:
    return text.split("\n### Half a day")[1].split("\n### ")[0]


def _headings(chapter: Chapter) -> set[str]:
    text = "\n".join(cell.source for cell in chapter.cells if cell.cell_type == "markdown")
    return {title.replace("`", "") for title in re.findall(r"^#{2,3} (.+)$", text, re.MULTILINE)}


def _plans(text: str, chapters: dict[str, Chapter]) -> Iterator[str]:
    """Minutes add up; a plan names sections that exist, and a whole chapter takes its minutes."""
    for plan in text.split("\n## Plans\n")[1].split("\n## ")[0].split("\n### ")[1:]:
        title, *lines = plan.splitlines()
        rows = [
            [column.strip() for column in line.strip("|").split("|")]
            for line in lines
            if re.match(r"\| \d+ \|", line)
        ]
        total = sum(int(row[0]) for row in rows)
        if f"{total} minutes" not in title:
            yield f"the minutes of {title!r} add up to {total}"
        for minutes, number, sections, *_ in rows:
            if number != "–":
                for what in _row(int(minutes), chapters.get(number), sections):
                    yield f"{title}, chapter {number}: {what}"


def _row(minutes: int, chapter: Chapter | None, sections: str) -> Iterator[str]:
    if chapter is None:
        yield "there is no such chapter"
        return
    whole = chapter.data["minutes"]
    if (minutes != whole) if sections == "all" else (minutes >= whole):
        yield f"{minutes} minutes, the whole chapter takes {whole}"
    if sections != "all":
        listed = sections.removeprefix("all but ").replace("`", "").split(";")
        for name in sorted({name.strip() for name in listed} - _headings(chapter)):
            yield f"no section {name!r}"


def _note(note: str, chapter: Chapter) -> Iterator[str]:
    heading = f"{chapter.number}. {chapter.title} ({chapter.data['minutes']} minutes)"
    if note.splitlines()[0] != heading:
        yield f"the heading has to be {heading!r}"
    for part in PARTS:
        if part not in note:
            yield f"no {part}"
    if len(re.findall(r"^\| .+ \| .+ \|$", note, re.MULTILINE)) < 4:
        yield "fewer than three mistakes that learners make"
    named = re.findall(r'"([^"]+)"', note.partition(PARTS[-1])[2])
    sections = {" ".join(name.replace("`", "").split()) for name in named}
    if not sections:
        yield "no section to leave out"
    for name in sorted(sections - _headings(chapter)):
        yield f"no section {name!r}"
