"""How high a cell comes out on a slide, in pixels: an estimate, to break before it overflows."""

import base64
import math
import struct

from nbformat import NotebookNode

WIDTH, HEIGHT = 1280, 760  # of a slide
ROOM = 660  # what a slide may hold
TEXT, CODE, PICTURE = 37, 26, 430  # a line of text, a line of code, the highest picture
CHARACTERS, PRINTED = 88, 105  # in a line of text, in a line of output


def height(cell: NotebookNode) -> float:
    """Estimate the height of a cell."""
    if cell.cell_type == "markdown":
        return sum(_block(part) for part in cell.source.split("\n\n"))
    lines = 1 if cell.metadata.get("folded") else len(cell.source.splitlines())
    return CODE * lines + 30 + sum(_output(output) for output in cell.outputs)


def _block(text: str) -> float:
    if text.startswith("#"):
        return 95
    if text.startswith("$$"):
        return 90
    if text.startswith("|"):
        return sum(_row(line.strip("|").split("|")) for line in text.splitlines()) + 20
    if text.startswith(("* ", "- ", "**", "```")):
        return sum(TEXT * math.ceil(len(line) / CHARACTERS) + 6 for line in text.splitlines()) + 20
    return TEXT * math.ceil(len(text) / CHARACTERS) + 20


def _row(columns: list[str]) -> float:
    """Estimate a table's row: its columns share the width, in smaller letters."""
    share = 1.15 * CHARACTERS / len(columns)
    return 0.85 * TEXT * max(math.ceil(len(column.strip()) / share) for column in columns) + 14


def _output(output: NotebookNode) -> float:
    if "text" in output:
        return _printed(output.text)
    data = output.get("data", {})
    if "image/png" in data:
        return min(PICTURE, _picture_height(data["image/png"])) + 10
    if "text/markdown" in data:
        return sum(_block(part) for part in data["text/markdown"].split("\n\n"))
    return _printed(data.get("text/plain", ""))


def _printed(text: str) -> float:
    """Estimate printed lines; long ones are wrapped."""
    return CODE * sum(max(1, math.ceil(len(line) / PRINTED)) for line in text.splitlines()) + 20


def _picture_height(png: str) -> int:
    """Read the height from the head of a PNG."""
    return struct.unpack(">I", base64.b64decode(png[:40])[20:24])[0]
