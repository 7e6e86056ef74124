"""What the site adds to Sphinx, myst-nb and the theme; each part is a file."""

from typing import Any

from sphinx.application import Sphinx

from site_parts import (
    buttons,
    code_lines,
    descriptions,
    docstrings,
    exercises,
    icons,
    learning_path,
    links,
    live_widget,
    numbers,
    predictions,
    scripts,
    twins,
)

PARTS = (
    buttons,
    code_lines,
    descriptions,
    docstrings,
    exercises,
    icons,
    learning_path,
    links,
    live_widget,
    numbers,
    predictions,
    scripts,
    twins,
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add all parts."""
    for part in PARTS:
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
