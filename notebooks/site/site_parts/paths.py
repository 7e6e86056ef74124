"""The paths through the course, with hours from the minutes that chapters state."""

from course_paths import PATHS, hours
from sphinx.application import Sphinx
from tools.chapters import Chapter

from site_parts.learning_path import FromChapters, Lines


def table_of_paths(chapters: list[Chapter]) -> Lines:
    """Return a Markdown table: path, for whom, chapters, hours."""
    known = {chapter.number: chapter for chapter in chapters}
    rows = []
    for path in PATHS:
        taken = [known[number] for number in path.numbers if number in known]
        minutes = sum(chapter.data["minutes"] for chapter in taken)
        links = [f"[{each.number}](/{each.stem}.ipynb)" for each in taken]
        rows.append(f"| **{path.name}** | {path.reader} | {' '.join(links)} | {hours(minutes)} |")
    return ["| path | for whom | chapters | time |", "|---|---|---|---|", *rows]


class CoursePaths(FromChapters):
    """The table of paths."""

    lines = staticmethod(table_of_paths)


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_directive("course-paths", CoursePaths)
