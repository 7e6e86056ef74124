"""Build the course: ``src/NN_name.py`` → ``NN_name.ipynb`` and ``solutions/NN_name.ipynb``.

python notebooks/build.py              # rebuild what changed; run the chapters whose code changed
python notebooks/build.py 05 --force   # rebuild and run chapter 05 in any case
python notebooks/build.py 05 --measure # the same, and publish its run time and memory
python notebooks/build.py --check      # write nothing; fail when a page is old or breaks a rule
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
from tools.rules import faults
from tools.stored import read_stored, write_notebook
from tools.times import read_times, write_table, write_times

NOTEBOOKS = Path(__file__).parent


def build(chapter: Chapter, chapters: list[Chapter], *, force: bool, measure: bool) -> None:
    """Bring both editions up to date; run them if their code changed, or if asked to."""
    editions = {edition: make_edition(chapter, edition, chapters) for edition in EDITIONS}
    stored = {edition: read_stored(chapter.path(edition)) for edition in EDITIONS}
    run_anew = force or measure
    if not run_anew and not any(stored[e].different_cells(editions[e]) for e in EDITIONS):
        return
    if not run_anew and all(stored[e].lend_outputs(editions[e]) for e in EDITIONS):
        print(f"{chapter.stem}: the code is as it was, outputs are kept", flush=True)
    else:
        runs = {}
        for edition, notebook in editions.items():
            print(f"{chapter.stem}: running the {edition} edition", flush=True)
            runs[edition] = execute(notebook, fast=False)
        if measure:
            print(f"{chapter.stem}: running in fast mode", flush=True)
            runs["fast"] = execute(make_edition(chapter, "solutions", chapters), fast=True)
            write_times(NOTEBOOKS, read_times(NOTEBOOKS) | {chapter.stem: summary(runs)})
    for edition, notebook in editions.items():  # nothing is stored of a build that was stopped
        write_notebook(notebook, chapter.path(edition))


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
    parser.add_argument("--measure", action="store_true", help="run, and write time and memory")
    options = parser.parse_args()
    try:
        chapters = read_chapters(NOTEBOOKS)
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    unknown = set(options.numbers) - {chapter.number for chapter in chapters}
    if unknown:
        known = ", ".join(chapter.number for chapter in chapters)
        parser.error(f"no chapter {', '.join(sorted(unknown))}; there are: {known}")
    if options.check:
        problems = differences(NOTEBOOKS, chapters) + faults(NOTEBOOKS, chapters)
        print("\n".join(problems) or f"{len(chapters)} chapters are up to date")
        return 1 if problems else 0
    write_exercises(chapters)
    for chapter in chapters:
        if not options.numbers or chapter.number in options.numbers:
            build(chapter, chapters, force=options.force, measure=options.measure)
    write_table(NOTEBOOKS, chapters)
    write_launch(NOTEBOOKS.parent / "README.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
