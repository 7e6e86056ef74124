"""Open JupyterLab at a chapter; what else is said goes to JupyterLab."""

import argparse
import re
import subprocess
import sys
from pathlib import Path


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Take all words as they come: argparse would look for the chapter among their values."""
    command.usage = "%(prog)s [-h] [NN] [OPTION ...]"
    command.formatter_class = argparse.RawDescriptionHelpFormatter
    command.epilog = (
        "NN is the chapter's number, such as 05. Options go to JupyterLab, for example\n"
        "  %(prog)s 05 --port 9999 --no-browser\n"
        "and, as root in a container, --allow-root. `jupyter lab --help` lists them."
    )
    command.set_defaults(further=[])


def run(arguments: argparse.Namespace) -> int:
    """Start JupyterLab in the notebooks folder, at a chapter if one is named; wait for its end."""
    notebooks, options = find_notebooks(), list(arguments.further)
    chapters = [place for place in range(len(options)) if _names_chapter(options, place)]
    if len(chapters) > 1:
        raise ValueError(f"got {' '.join(options)}; name one chapter")
    target = find_chapter(notebooks, options.pop(chapters[0])) if chapters else notebooks
    return subprocess.call([sys.executable, "-m", "jupyterlab", str(target), *options])


def _names_chapter(words: list[str], place: int) -> bool:
    """Return True for a first word, or later a number, that is no option and no value of one."""
    if place == 0:
        return not words[0].startswith("-")
    if not re.fullmatch("[0-9]{1,2}", words[place]):
        return False
    before = words[place - 1]
    if not before.startswith("-") or "=" in before:
        return True
    from jupyterlab.labapp import LabApp  # slow to import; it knows the options without a value

    return before.lstrip("-") in LabApp.flags


def find_notebooks(start: Path | None = None) -> Path:
    """Return the ``notebooks`` folder of the checkout around ``start`` or around the package."""
    here = (start or Path.cwd()).absolute()
    for folder in (here, *here.parents, Path(__file__).parents[2]):
        if (folder / "notebooks" / "README.md").is_file() and (folder / "mil_tutorial").is_dir():
            return folder / "notebooks"
    raise FileNotFoundError(
        f"no notebooks folder in or above {here}; the chapters come with the repository: "
        "clone it and run this command inside"
    )


def find_chapter(notebooks: Path, number: str) -> Path:
    """Return the notebook of a chapter, by its number such as ``05`` or ``5``."""
    matches = sorted(notebooks.glob(f"{number.zfill(2)}_*.ipynb"))
    if not matches:
        known = [path.name[:2] for path in sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))]
        raise FileNotFoundError(
            f"no chapter {number} in {notebooks}; there are: {', '.join(known) or 'none yet'}"
        )
    return matches[0]
