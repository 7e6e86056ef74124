"""The table of chapters in ``notebooks/README.md``, with measured run time and memory."""

import json
import re
from pathlib import Path

from tools.chapters import Chapter

Times = dict[str, dict[str, float]]


def read_times(notebooks: Path) -> Times:
    """Return what was measured when each chapter was last run."""
    path = notebooks / "times.json"
    return json.loads(path.read_text()) if path.is_file() else {}


def write_times(notebooks: Path, times: Times) -> None:
    """Store what was measured."""
    text = json.dumps(times, indent=1, sort_keys=True)
    (notebooks / "times.json").write_text(text + "\n", newline="\n")


def write_table(notebooks: Path, chapters: list[Chapter]) -> None:
    """Bring the table up to date."""
    readme = notebooks / "README.md"
    text = readme.read_text(encoding="utf-8")
    text = with_table(text, chapters, read_times(notebooks))
    readme.write_text(text, encoding="utf-8", newline="\n")


def with_table(text: str, chapters: list[Chapter], times: Times) -> str:
    """Return the README's text with the table of these chapters between its two comments."""
    rows = [
        "| chapter | minutes to work through | run time, full | run time, fast | memory, kernel "
        "| with its processes |",
        "|---|---|---|---|---|---|",
        *(_row(chapter, times.get(chapter.stem)) for chapter in chapters),
    ]
    parts = re.split(r"(?<=<!-- chapters -->\n)[\s\S]*(?=<!-- end -->)", text)
    if len(parts) != 2:
        raise ValueError("README.md needs the comments <!-- chapters --> and <!-- end -->")
    before, after = parts
    return before + "\n".join(rows) + "\n" + after


def _row(chapter: Chapter, measured: dict[str, float] | None) -> str:
    start = f"| [{chapter.number}. {chapter.title}]({chapter.stem}.ipynb) "
    if measured is None:
        return f"{start}| {chapter.data['minutes']} | – | – | – | – |"
    return (
        f"{start}| {chapter.data['minutes']} | {measured['full_seconds']:.0f} s "
        f"| {measured['fast_seconds']:.0f} s | {measured['peak_gb']:.2f} GB "
        f"| {measured['together_gb']:.2f} GB |"
    )
