"""Open JupyterLab at a chapter."""

import argparse
import subprocess
import sys
from pathlib import Path


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare the arguments of the command."""
    command.add_argument("chapter", nargs="?", metavar="NN", help="its number, such as 05")


def run(arguments: argparse.Namespace) -> int:
    """Start JupyterLab in the notebooks folder, at a chapter if one is named; wait for its end."""
    notebooks = find_notebooks()
    target = find_chapter(notebooks, arguments.chapter) if arguments.chapter else notebooks
    return subprocess.call([sys.executable, "-m", "jupyterlab", str(target)])


def find_notebooks(start: Path | None = None) -> Path:
    """Return the ``notebooks`` folder of the checkout around ``start`` or around the package.

    Raises
    ------
    FileNotFoundError
        When there is none: the notebooks come with the repository, not with the wheel.
    """
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
