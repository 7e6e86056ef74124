"""The page for readers of blog posts prints what it says: its cells are run in order."""

import contextlib
import io
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "notebooks" / "recipes" / "from_a_post.md"
CELL = re.compile(r"```python\n(.*?)```\n(?:\n```text\n(.*?)```)?", re.DOTALL)
CELLS = CELL.findall(PAGE.read_text(encoding="utf-8"))


def run(code, names):
    """Return what a cell prints, and its error as the last line."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        try:
            exec(compile(code, PAGE.name, "exec"), names)
        except Exception as error:
            print(f"{type(error).__name__}: {error}")
    return printed.getvalue()


@pytest.mark.filterwarnings("ignore:Initializing zero-element tensors")
def test_every_cell_prints_what_the_page_shows():
    names = {"__name__": "page"}
    outputs = [run(code, names) for code, _ in CELLS]
    assert outputs == [shown for _, shown in CELLS]
    assert sum(bool(shown) for _, shown in CELLS) >= 12
