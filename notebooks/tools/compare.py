"""Everything built that differs from what the sources say."""

from pathlib import Path

from tools.chapters import Chapter
from tools.editions import EDITIONS, make_edition
from tools.exercises import FILE, exercises_json
from tools.stored import read_stored
from tools.times import read_times, with_table


def differences(notebooks: Path, chapters: list[Chapter]) -> list[str]:
    """Return one line for each difference; none when all is up to date."""
    lines = []
    for chapter in chapters:
        for edition in EDITIONS:
            path = chapter.path(edition)
            wanted = make_edition(chapter, edition, chapters)
            for what in read_stored(path).different_cells(wanted):
                lines.append(f"{path.relative_to(notebooks)}: {what}")
    lines += _strays(notebooks, chapters)
    if not FILE.is_file() or FILE.read_text(encoding="utf-8") != exercises_json(chapters):
        lines.append(f"{FILE.name}: hints or solutions differ from the sources")
    return lines + _table(notebooks, chapters)


def _strays(notebooks: Path, chapters: list[Chapter]) -> list[str]:
    built = {chapter.path(edition) for chapter in chapters for edition in EDITIONS}
    stored = {*notebooks.glob("*.ipynb"), *notebooks.glob("solutions/*.ipynb")}
    return [f"{path.relative_to(notebooks)}: has no source" for path in sorted(stored - built)]


def _table(notebooks: Path, chapters: list[Chapter]) -> list[str]:
    times = read_times(notebooks)
    missing = [f"times.json: nothing measured of {c.stem}" for c in chapters if c.stem not in times]
    if missing:
        return [*missing, "run notebooks/build.py --measure with the chapters' numbers"]
    text = (notebooks / "README.md").read_text(encoding="utf-8")
    return [] if with_table(text, chapters, times) == text else ["README.md: the table is old"]
