"""The slides among files and folders, and what became of many."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mil_tutorial.datasets.wsi.slide import slide_id

ENDINGS = {".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".svslide", ".bif"}
"""Files taken for slides in a folder; others (DICOM, Zeiss) can be named one by one."""


@dataclass(frozen=True)
class Outcome:
    """What became of many slides: how many were made and skipped, and why others failed."""

    made: int
    skipped: int
    failures: list[str]


def find_slides(paths: Iterable[str | Path]) -> list[Path]:
    """Return the slides among files and folders, in the order given, those of a folder by name.

    Raises
    ------
    FileNotFoundError
        When a path does not exist, or a folder and those within it hold no slide.
    ValueError
        When two slides have one name, which is the name of the file that is written.
    """
    found: dict[str, Path] = {}
    for path in map(Path, paths):
        for slide in _slides_in(path) if path.is_dir() else [path]:
            if not slide.is_file():
                raise FileNotFoundError(f"{slide}: there is no such slide or folder")
            other = found.setdefault(slide_id(slide), slide)
            if other.resolve() != slide.resolve():
                raise ValueError(f"{other} and {slide} have one name; rename one of them")
    return list(found.values())


def _slides_in(folder: Path) -> list[Path]:
    found = [path for path in sorted(folder.rglob("*")) if path.suffix.lower() in ENDINGS]
    if not found:
        raise FileNotFoundError(
            f"{folder}: no slide in this folder or those within it; expected files that end in "
            + ", ".join(sorted(ENDINGS))
        )
    return found
