"""Turn a solved exercise into its stub.

### BEGIN SOLUTION      the solution, which the stub replaces by ``...``
### INSTEAD             optional: commented lines that the learner gets in its place
### END SOLUTION
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

BEGIN, INSTEAD, END = "### BEGIN SOLUTION", "### INSTEAD", "### END SOLUTION"
YOUR_CODE = "...  # your code here"


@dataclass
class _Region:
    """The lines between two markers."""

    indent: str
    solved: list[str]
    instead: list[str]


def solution(source: str) -> str:
    """Return the solved cell, without markers."""
    return _join(part.solved if isinstance(part, _Region) else [part] for part in _parts(source))


def stub(source: str) -> str:
    """Return the cell with every solution taken out; it runs and does nothing."""
    return _join(_reduced(part) if isinstance(part, _Region) else [part] for part in _parts(source))


def _join(lines: Iterator[list[str]]) -> str:
    return "\n".join(line for group in lines for line in group)


def _parts(source: str) -> Iterator[str | _Region]:
    region: _Region | None = None
    target: list[str] = []
    for line in source.splitlines():
        marker = line.strip()
        if marker == BEGIN and region is None:
            region = _Region(line[: len(line) - len(line.lstrip())], [], [])
            target = region.solved
        elif marker == INSTEAD and region is not None:
            target = region.instead
        elif marker == END and region is not None:
            yield region
            region = None
        elif marker.startswith("###"):
            raise ValueError(f"unexpected marker {marker!r}")
        elif region is not None:
            target.append(line)
        else:
            yield line
    if region is not None:
        raise ValueError(f"{BEGIN} without {END}")


def _reduced(region: _Region) -> list[str]:
    if region.instead:
        return [_uncommented(line, region.indent) for line in region.instead]
    if region.indent:
        return [region.indent + YOUR_CODE]
    names = _assigned("\n".join(region.solved))
    return [f"{name} = {YOUR_CODE}" for name in names] or [YOUR_CODE]


def _uncommented(line: str, indent: str) -> str:
    if not line.strip():
        return ""
    if not line.startswith(f"{indent}#"):
        raise ValueError(f"lines after {INSTEAD} must be comments, got {line!r}")
    return (indent + line.removeprefix(f"{indent}#").removeprefix(" ")).rstrip()


def _assigned(code: str) -> list[str]:
    """Return the names that code at the top of a cell gives a value to, each once."""
    nodes = ast.walk(ast.parse(code))
    stored = (n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return list(dict.fromkeys(stored))
