"""Folders of slides: pictures, masks, a table, feature files and checksums."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mil_tutorial.datasets.rendering.archive import SlideFeatures, build_features
from mil_tutorial.datasets.rendering.cohort import SlideSpec, cohort, render_slide
from mil_tutorial.datasets.rendering.flaws import FEWEST, FLAWS, FlawedHospital, flaw_hospital
from mil_tutorial.datasets.rendering.lesion import TUMOUR_TILE_FRACTION
from mil_tutorial.datasets.rendering.slide import RenderedSlide
from mil_tutorial.datasets.rendering.tiles import COLOUR_STATISTICS, colour_statistics

QUALITY = 75  # of the WebP pictures


class FolderWriter:
    """Collects slides in a folder; pass `visit` to `build_features`.

    Without `truth` the table does not count tumour tiles; the masks are there in any case.
    """

    def __init__(self, folder: Path, pictures: Sequence[str], truth: bool = True) -> None:
        self.folder, self.pictures, self.truth = folder, frozenset(pictures), truth
        self.rows: list[dict[str, Any]] = []
        for name in ("images", "masks"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def visit(
        self,
        spec: SlideSpec,
        slide: RenderedSlide,
        coords: npt.NDArray[np.intp],
        fractions: npt.NDArray[np.float64],
    ) -> None:
        """Add a slide to the table and, if chosen, its picture and mask to the folder."""
        tumour_tiles = int((fractions >= TUMOUR_TILE_FRACTION).sum())
        colours = np.round(colour_statistics(slide.image, coords), 2).tolist()
        image = ""
        if spec.slide_id in self.pictures:
            image = self._save(spec.slide_id, slide)
        self.rows.append(
            {
                **vars(spec),
                "tissue_tiles": len(coords),
                **({"tumour_tiles": tumour_tiles} if self.truth else {}),
                "image": image,
                **dict(zip(COLOUR_STATISTICS, colours, strict=True)),
            }
        )

    def _save(self, slide_id: str, slide: RenderedSlide) -> str:
        from PIL import Image

        name = f"images/{slide_id}.webp"
        Image.fromarray(slide.image).save(self.folder / name, quality=QUALITY, method=6)
        mask = Image.fromarray(slide.tumour_mask)
        mask.save(self.folder / "masks" / f"{slide_id}.png", optimize=True)
        return name

    def finish(self) -> None:
        """Write the table and the checksums of all files."""
        with (self.folder / "slides.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        write_checksums(self.folder)


def read_specs(slides_csv: str | Path) -> list[SlideSpec]:
    """Read the specifications of the slides listed in a ``slides.csv``."""
    names = [f.name for f in fields(SlideSpec)]
    with Path(slides_csv).open(newline="") as file:
        rows: list[dict[str, Any]] = [{n: row[n] for n in names} for row in csv.DictReader(file)]
    numbers = ("seed", "label")
    return [SlideSpec(**{**row, **{n: int(row[n]) for n in numbers}}) for row in rows]


def write_checksums(folder: Path) -> None:
    """Write ``SHA256SUMS`` over all data files of a folder, paths relative to it."""
    from pooch import file_hash

    files = sorted(p for p in folder.rglob("*") if p.is_file())
    lines = [
        f"{file_hash(str(p))}  {p.relative_to(folder).as_posix()}\n"
        for p in files
        if p.name not in ("SHA256SUMS", "README.md") and p.suffix != ".py"
    ]
    (folder / "SHA256SUMS").write_text("".join(lines))


@contextmanager
def new_folder(out: Path, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder that becomes `out` when all went well and vanishes otherwise.

    With `replace` an existing folder makes way for the new one, with its README and scripts.
    """
    if not replace and out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise FileExistsError(f"{out} exists; choose another folder or remove it first")
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{out.name}-", dir=out.parent))
    fresh, old = temporary / "new", temporary / "old"
    fresh.mkdir()
    try:
        yield fresh
        for kept in (*out.glob("*.md"), *out.glob("*.py")):
            shutil.copy2(kept, fresh)
        if out.exists():
            os.replace(out, old)
        os.replace(fresh, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_hospital(
    out_dir: str | Path,
    hospital: str = "NEW",
    n_slides: int = 40,
    seed: int = 0,
    *,
    profile: str = "default",
    flaw: str = "none",
    progress: bool = True,
) -> SlideFeatures:
    """Render a cohort of a hospital nobody has seen, with its own stain and scanner.

    With a flaw it is a hospital to audit, divided into train, val and test: see `flaws`. Then
    neither table nor features tell the tumour, only the masks do, and the seeds in the table are
    no seeds to draw from.

    Parameters
    ----------
    out_dir : str or Path
        A folder that does not exist yet, or is empty. It gets ``images/*.webp``,
        ``masks/*.png``, ``slides.csv``, ``slides.npz`` (features of the shipped encoder) and
        ``SHA256SUMS``.
    hospital : str
        Any name.
    n_slides : int
        Number of slides.
    seed : int
        Another seed gives other patients.
    profile : {"default", "hard"}
        Size of the lesions.
    flaw : {"none", "leak", "stain", "labels", "shortcut", "hidden"}
        What is wrong with the hospital; "hidden" lets its name and seed choose one of the four.
    progress : bool
        Show a progress bar.

    Returns
    -------
    SlideFeatures
        What ``slides.npz`` holds.

    Raises
    ------
    ValueError
        If the flaw or the profile is unknown, or there are too few slides.
    FileExistsError
        If the folder exists and is not empty. On this or any other error nothing is left.
    """
    from mil_tutorial.models.tile_encoder import load_tile_encoder

    specs = cohort(profile, hospital=hospital, n_slides=n_slides, seed=seed)
    flawed = None if flaw == "none" else flaw_hospital(specs, flaw, seed)
    if flawed is not None:
        specs = list(flawed.specs)
    truth, render = flawed is None, render_slide if flawed is None else flawed.render
    encoder = load_tile_encoder()
    with new_folder(Path(out_dir)) as folder:
        writer = FolderWriter(folder, [spec.slide_id for spec in specs], truth)
        found = build_features(
            specs,
            encoder,
            folder / "slides.npz",
            progress,
            writer.visit,
            render=render,
            truth=truth,
        )
        writer.finish()
    return found


def reveal(folder: str | Path) -> FlawedHospital:
    """Tell the flaw of a folder that `write_hospital` wrote.

    Nothing in the folder names it: the hospital is planned again with each flaw, and the one whose
    table is that of the folder is the one.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    FlawedHospital
        `flaw` names it, `affected` lists the slides it touches and how.

    Raises
    ------
    ValueError
        If the folder was written without a flaw, or its table was changed.
    """
    table = Path(folder) / "slides.csv"
    specs = read_specs(table)
    first = specs[0]
    seed = first.slide_id.rsplit("-", 2)[1]
    if seed.isdecimal():
        plan = cohort(first.profile, hospital=first.hospital, n_slides=len(specs), seed=int(seed))
        for flaw in FLAWS if len(specs) >= FEWEST else ():
            hospital = flaw_hospital(plan, flaw, int(seed))
            if list(hospital.specs) == specs:
                return hospital
    raise ValueError(f"{table} is not that of a hospital with a flaw; was it changed?")
