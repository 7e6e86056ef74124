"""Lines of code that know their indent, so that one too long for a phone goes on below itself."""

import re
from collections.abc import Iterator

from pygments.formatters import HtmlFormatter
from sphinx.application import Sphinx

INDENT = re.compile(r"(?:<[^>]+>)*( *)")


class LineFormatter(HtmlFormatter):
    """Put each line into an element that CSS can indent."""

    def wrap(self, source: Iterator[tuple[int, str]]) -> Iterator[tuple[int, str]]:
        """Yield each line as a span, its newline behind it."""
        return super().wrap(map(_as_element, source))


def _as_element(item: tuple[int, str]) -> tuple[int, str]:
    kind, line = item
    indent = len(INDENT.match(line)[1])
    style = f' style="--indent: {indent}ch"' if indent else ""
    return kind, f'<span class="line"{style}>' + line.removesuffix("\n") + "</span>\n"


def format_lines(app: Sphinx) -> None:
    """Use this formatter for pages."""
    if app.builder.format == "html":
        app.builder.highlighter.formatter = LineFormatter


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("builder-inited", format_lines)
