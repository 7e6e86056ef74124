"""Build the course: ``src/NN_name.py`` → ``NN_name.ipynb`` and ``solutions/NN_name.ipynb``.

python notebooks/build.py              # rebuild and run the chapters whose cells changed
python notebooks/build.py 05 --force   # rebuild and run chapter 05 in any case
python notebooks/build.py --check      # write nothing; fail when anything is out of date
"""

import argparse
import sys
from pathlib import Path

from tools.chapters import Chapter, read_chapters
from tools.compare import differences
from tools.editions import EDITIONS, make_edition
from tools.execute import Run, execute
from tools.exercises import write_exercises
from tools.launch import write_launch
from tools.stored import read_stored, write_notebook
from tools.times import read_times, write_table, write_times

NOTEBOOKS = Path(__file__).parent


def build(chapter: Chapter, chapters: list[Chapter]) -> None:
    """Run both editions in full, and the solutions once more in fast mode; store what they show."""
    editions = {edition: make_edition(chapter, edition, chapters) for edition in EDITIONS}
    runs = {}
    for edition, notebook in editions.items():
        print(f"{chapter.stem}, {edition} edition", flush=True)
        runs[edition] = execute(notebook, fast=False)
    runs["fast"] = execute(make_edition(chapter, "solutions", chapters), fast=True)
    for edition, notebook in editions.items():  # nothing is stored of a build that was stopped
        write_notebook(notebook, chapter.path(edition))
    times = read_times(NOTEBOOKS)
    times[chapter.stem] = summary(runs)
    write_times(NOTEBOOKS, times)


def is_stale(chapter: Chapter, chapters: list[Chapter]) -> bool:
    """Tell whether a chapter was not built from these sources, or never measured."""
    return chapter.stem not in read_times(NOTEBOOKS) or any(
        read_stored(chapter.path(edition)).different_cells(make_edition(chapter, edition, chapters))
        for edition in EDITIONS
    )


def summary(runs: dict[str, Run]) -> dict[str, float]:
    """Keep what the table shows, rounded so that noise does not change files."""
    return {
        "full_seconds": max(round(runs[edition].seconds) for edition in EDITIONS),
        "fast_seconds": round(runs["fast"].seconds),
        "peak_gb": round(max(run.peak_bytes for run in runs.values()) / 1e9, 2),
        "together_gb": round(max(run.together_bytes for run in runs.values()) / 1e9, 2),
    }


def main() -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", nargs="*", metavar="NN", help="chapters (default: all)")
    parser.add_argument("--check", action="store_true", help="write nothing, report differences")
    parser.add_argument("--force", action="store_true", help="run chapters that did not change too")
    options = parser.parse_args()
    chapters = read_chapters(NOTEBOOKS)
    unknown = set(options.numbers) - {chapter.number for chapter in chapters}
    if unknown:
        known = ", ".join(chapter.number for chapter in chapters)
        parser.error(f"no chapter {', '.join(sorted(unknown))}; there are: {known}")
    if options.check:
        found = differences(NOTEBOOKS, chapters)
        print(*found, sep="\n") if found else print(f"{len(chapters)} chapters are up to date")
        return 1 if found else 0
    write_exercises(chapters)
    for chapter in chapters:
        wanted = not options.numbers or chapter.number in options.numbers
        if wanted and (options.force or is_stale(chapter, chapters)):
            build(chapter, chapters)
    write_table(NOTEBOOKS, chapters)
    write_launch(NOTEBOOKS.parent / "README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
