"""Rules for pages: what ``build.py --check`` asks of every chapter, besides being up to date."""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from mil_tutorial.__main__ import COMMANDS
from tools.chapters import CHECK, EXERCISE, Chapter, exercise_name
from tools.editions import EDITIONS
from tools.folds import LABEL, answers, folds
from tools.kit_rules import kit_faults
from tools.launch import badges, with_launch
from tools.stored import read_stored
from tools.times import read_times
from tools.widget_state import STATE, VIEW

VERBS = (
    *("Add", "Audit", "Batch", "Build", "Compare", "Draw", "Find", "Judge", "Learn"),
    *("Meet", "Pool", "Reproduce", "Scale", "See", "Start", "Train", "Watch", "Work"),
)
WIDTH = 79  # characters of code; what the site's column holds at 1,200 px
ENDING = ["Summary", "Check yourself", "In practice", "Further reading"]
DEEPER = re.compile(
    r"from mil_tutorial\.(?!(checks|widgets|datasets|notebook)\b)\S+ import", re.MULTILINE
)
COMMAND = re.compile(r"python -m mil_tutorial ([a-z]+)")


@dataclass(frozen=True)
class Page:
    """A stored edition of a chapter."""

    chapter: Chapter
    edition: str
    notebook: NotebookNode

    @property
    def path(self) -> Path:
        """Where the page is stored."""
        return self.chapter.path(self.edition)

    @property
    def code(self) -> list[NotebookNode]:
        """The code cells."""
        return [cell for cell in self.notebook.cells if cell.cell_type == "code"]

    @property
    def markdown(self) -> list[NotebookNode]:
        """The cells of text."""
        return [cell for cell in self.notebook.cells if cell.cell_type == "markdown"]

    def headings(self, level: int) -> list[str]:
        """Return the headings of one level."""
        text = "\n".join(cell.source for cell in self.markdown)
        return re.findall(rf"^{'#' * level} (.+)$", text, re.MULTILINE)


def faults(notebooks: Path, chapters: list[Chapter]) -> list[str]:
    """Return one line for each broken rule."""
    lines = []
    for chapter in chapters:
        lines += [f"src/{chapter.stem}: {what}" for rule in OF_SOURCES for what in rule(chapter)]
        for edition in EDITIONS:
            notebook = read_stored(chapter.path(edition)).notebook
            if notebook is not None:
                page = Page(chapter, edition, notebook)
                name = page.path.relative_to(notebooks)
                lines += [f"{name}: {what}" for rule in OF_PAGES for what in rule(page)]
    names = [name for chapter in chapters for name in chapter.data["exercises"]]
    lines += [f"{name}: two exercises have this name" for name in repeated(names)]
    lines += [f"{where}: {what}" for where, what in readme_faults(notebooks.parent)]
    return lines + list(kit_faults(notebooks, chapters))


def repeated(names: list[str]) -> list[str]:
    """Return the names that are used more than once."""
    return sorted({name for name in names if names.count(name) > 1})


def length(chapter: Chapter) -> Iterator[str]:
    """A page is read in one sitting."""
    texts = [cell.source for cell in chapter.cells if cell.cell_type == "markdown"]
    words = sum(len(LABEL.sub("", text).split()) for text in texts)
    if not 1_200 <= words <= 1_800:
        yield f"{words} words; a page has 1,200 to 1,800"
    if not 35 <= len(chapter.cells) <= 60:
        yield f"{len(chapter.cells)} cells; a page has 35 to 60"


def comments(chapter: Chapter) -> Iterator[str]:
    """No line of text begins with a sign that the site takes for a comment."""
    for cell in chapter.cells:
        if cell.cell_type == "markdown" and re.search("^ *%", cell.source, re.MULTILINE):
            yield f"cell {cell.id}: a line begins with %, and the site would leave it out"


def exercises(chapter: Chapter) -> Iterator[str]:
    """Exercises are of all kinds, and each has its cells, its card and its hints."""
    data = chapter.data["exercises"]
    cells = [name for cell in chapter.cells if (name := exercise_name(cell))]
    if cells != list(data):
        yield f"exercises in the cells: {cells}, in the YAML file: {list(data)}"
    if missing := {"predict", "bug", "code"} - {exercise["kind"] for exercise in data.values()}:
        yield f"no exercise of the kind {', '.join(sorted(missing))}"
    text = "\n".join(cell.source for cell in chapter.cells)
    for name, exercise in data.items():
        if f"<!-- card {name} -->" not in text:
            yield f"exercise {name} has no card"
        if not exercise["hints"] or exercise["minutes"] < 1:
            yield f"exercise {name} needs hints and minutes"
        if exercise["level"] not in ("core", "stretch"):
            yield f"exercise {name}: its level has to be core or stretch"
        for scale in ("difficulty", "importance"):
            if not 1 <= exercise[scale] <= 5:
                yield f"exercise {name}: its {scale} has to be from 1 to 5"
    for cell in chapter.cells:
        if "### BEGIN" in cell.source and not cell.id.startswith(EXERCISE):
            yield f"cell {cell.id} holds a solution; its id has to begin with {EXERCISE}"


def quiz(chapter: Chapter) -> Iterator[str]:
    """The quiz has one right answer a question, and a word on every answer."""
    questions = chapter.data["quiz"]
    if len(questions) < 3:
        yield "the quiz has fewer than three questions"
    for number, question in enumerate(questions, 1):
        options = question["options"]
        if not 3 <= len(options) <= 5:
            yield f"question {number} needs three to five answers"
        if sum(bool(option.get("right")) for option in options) != 1:
            yield f"question {number} needs exactly one right answer"
        if not all(option["feedback"].strip() for option in options):
            yield f"question {number} has an answer without feedback"


def packages(chapter: Chapter) -> Iterator[str]:
    """A chapter installs only what an extra of the package names."""
    project = (chapter.notebooks.parent / "pyproject.toml").read_text(encoding="utf-8")
    for names in chapter.data.get("packages", {}).values():
        for name in names.split():
            if f'"{name}>=' not in project:
                yield f"the package {name} is in no extra of pyproject.toml"


def cost(chapter: Chapter) -> Iterator[str]:
    """A chapter runs on a small laptop, and in Binder's 2 GB."""
    measured = read_times(chapter.notebooks).get(chapter.stem)
    if measured is None:
        return
    limits = {"fast_seconds": 60, "full_seconds": 180, "peak_gb": 1.2, "together_gb": 1.75}
    if chapter.number == "16":  # it starts processes only where it finds room for them
        del limits["together_gb"]
    for name, limit in limits.items():
        if not 0 < measured[name] <= limit:
            yield f"{name} is {measured[name]}, the limit is {limit}"


def parts(page: Page) -> Iterator[str]:
    """A page has its parts in order."""
    chapter, title = page.chapter, page.notebook.cells[0].source
    if page.headings(1) != [chapter.title]:
        yield "the title has to be the only heading of the first level"
    if chapter.title.split()[0] not in VERBS:
        yield f"the title has to begin with one of the verbs {', '.join(VERBS)}"
    rows = ["**You will do**", "**You will learn**", "**You need**"]
    for row in (*rows, f"**Time** | {chapter.data['minutes']} minutes |"):
        if row not in title:
            yield f"the first cell has no row {row}"
    if page.headings(2)[-4:] != ENDING:
        yield f"the last sections have to be {', '.join(ENDING)}"
    if len(page.headings(3)) < 3:
        yield "fewer than three exercises have a heading"
    if badges(page.path.relative_to(chapter.notebooks.parent).as_posix()) not in title:
        yield "the first cell has no badges of this page"


def width(part: Chapter | Page) -> Iterator[str]:
    """Code fits the column of the site."""
    for cell in part.code:
        for line in cell.source.splitlines():
            if len(line) > WIDTH and "git+https:" not in line:  # a fork's name may be long
                yield f"cell {cell.id}: {len(line)} characters, {WIDTH} fit: {line.strip()[:30]}…"


def cells(page: Page) -> Iterator[str]:
    """Cells are short; outputs hold no warning and no path of the machine that made them."""
    for cell in page.code:
        lines = cell.source.splitlines()
        if len(lines) > 25:
            yield f"cell {cell.id} has more than 25 lines"
        for output in cell.outputs:
            text = output.get("text", "") + output.get("data", {}).get("text/plain", "")
            if output.get("name") == "stderr":
                yield f"cell {cell.id} writes to stderr: {text[:60]!r}"
            if re.search(r"(?<!\S)/(home|root|work|Users)/", text):
                yield f"cell {cell.id} shows a path of the machine that made it"


def first_cell(page: Page) -> Iterator[str]:
    """The first code cell leaves torch and numpy alone, and prints what it runs on."""
    cell = page.code[0]
    if cell.id != "setup":
        yield "the first code cell is not the set-up"
        return
    for line in cell.source.splitlines():
        if "pip install" in line and re.search("torch|numpy", line):
            yield f"the set-up may not install torch or numpy: {line.strip()}"
    printed = "".join(output.get("text", "") for output in cell.outputs)
    for part in ("mil_tutorial", "torch", "numpy", "device:", "SHA-256", "fast mode: off"):
        if part not in printed:
            yield f"the set-up does not print {part}"


def pictures(page: Page) -> Iterator[str]:
    """Every picture is described, and a widget is stored with its state."""
    count = 0
    stored = page.notebook.metadata.get("widgets", {}).get(STATE, {"state": {}})["state"]
    for cell in page.code:
        for data in (output.get("data", {}) for output in cell.outputs):
            html = "".join(data.get("text/html", ""))
            if VIEW in data and data[VIEW]["model_id"] not in stored:
                yield f"cell {cell.id} shows a widget without its state"
            if VIEW in data or "<img" in html or any(kind.startswith("image/") for kind in data):
                count += 1
                alt = re.findall(r'<img alt="([^"]*)"', html)
                if len(alt) != 1 or len(alt[0]) <= 30:
                    yield f"cell {cell.id}: describe the picture in more than 30 characters"
    if count < 2:
        yield "a page has at least two pictures"
    for cell in page.markdown:
        if "<img" in cell.source or re.search(r"!\[\s*\]", cell.source):
            yield f"cell {cell.id}: write a picture as ![description](address)"


def checks(page: Page) -> Iterator[str]:
    """Stored checks are green in the solutions, and open or red for learners."""
    marks = "✓" if page.edition == "solutions" else "○✗"
    for cell in page.code:
        if cell.id.startswith(CHECK) and cell.outputs and cell.outputs[0].text[0] not in marks:
            yield f"cell {cell.id} shows {cell.outputs[0].text[:40]!r}"


def links(page: Page) -> Iterator[str]:
    """Links of a page lead somewhere."""
    for cell in page.markdown:
        for target in broken_links(cell.source, page.path.parent):
            yield f"cell {cell.id}: the link {target} leads nowhere"


def broken_links(text: str, folder: Path) -> Iterator[str]:
    """Yield addresses of files that do not exist."""
    targets = re.findall(r"\]\(([^)\s]+)\)", text)
    targets += re.findall(r"""(?:href|src)=["']([^"']+)["']""", text)
    for target in targets:
        outside = target.startswith(("https://", "data:", "#"))
        if not outside and not (folder / target.partition("#")[0]).exists():
            yield target


def readme_faults(root: Path) -> Iterator[tuple[str, str]]:
    """Yield what is wrong in Markdown files: links, commands, and the badges of the README."""
    listed = subprocess.check_output(["git", "ls-files", "*.md"], cwd=root, text=True)
    for name in listed.split():
        text = (root / name).read_text(encoding="utf-8")
        for target in broken_links(text, (root / name).parent):
            yield name, f"the link {target} leads nowhere"
        for command in set(COMMAND.findall(text)) - COMMANDS.keys():
            yield name, f"there is no command {command}"
        titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
        anchors = [re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles]
        for anchor in re.findall(r"\]\(#([^)]+)\)", text):
            if anchor not in anchors:
                yield name, f"no heading of this page is #{anchor}"
    text = (root / "README.md").read_text(encoding="utf-8")
    if with_launch(text) != text:
        yield "README.md", "the badges are old"


def imports(chapter: Chapter) -> Iterator[str]:
    """Chapters use what is public, and name commands that exist."""
    for cell in chapter.cells:
        if deep := DEEPER.search(cell.source):
            yield f"cell {cell.id}: {deep[0]}: use mil_tutorial, .checks, .widgets, .datasets"
        for command in set(COMMAND.findall(cell.source)) - COMMANDS.keys():
            yield f"cell {cell.id}: there is no command {command}"


OF_SOURCES = (length, comments, exercises, quiz, packages, cost, imports, width, folds, answers)
OF_PAGES = (parts, width, cells, first_cell, pictures, checks, links)
