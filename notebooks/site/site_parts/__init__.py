"""What the site adds to Sphinx, myst-nb and the theme; each part is a file."""

from typing import Any

from sphinx.application import Sphinx

from site_parts import (
    buttons,
    cells,
    code_lines,
    descriptions,
    docstrings,
    evidence,
    exercises,
    icons,
    inline_svg,
    learning_path,
    links,
    live_widget,
    numbers,
    page_files,
    paths,
    predictions,
    scripts,
    self_test,
    twins,
)

PARTS = (
    buttons,
    cells,
    code_lines,
    descriptions,
    docstrings,
    evidence,
    exercises,
    icons,
    inline_svg,
    learning_path,
    links,
    live_widget,
    numbers,
    page_files,
    paths,
    predictions,
    scripts,
    self_test,
    twins,
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Add all parts."""
    for part in PARTS:
        part.setup(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
