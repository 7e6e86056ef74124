"""Folders of slides: pictures, masks, a table, feature files and checksums."""

import csv
from collections.abc import Callable, Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.datasets.rendering.archive import TEXT, SlideFeatures
from mil_tutorial.datasets.rendering.cohort import SlideSpec, cohort, render_slide
from mil_tutorial.datasets.rendering.flaws import FEWEST, FLAWS, FlawedHospital, flaw_hospital
from mil_tutorial.datasets.rendering.lesion import TUMOUR_TILE_FRACTION
from mil_tutorial.datasets.rendering.slide import RenderedSlide
from mil_tutorial.datasets.rendering.tiles import (
    COLOUR_STATISTICS,
    colour_statistics,
    cut_tiles,
    tissue_tiles,
    tumour_fraction,
)
from mil_tutorial.models.tile_encoder import encode, load_tile_encoder
from mil_tutorial.system.files import check_writable, new_folder

QUALITY = 75  # of the WebP pictures
STEP = 1 / 8  # features are rounded to multiples of it, so that they compress


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

    With a flaw it is a hospital to audit, divided into train, val and test: see ``flaws``. Then
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
        If the flaw or the profile is unknown, there are too few slides, or the folder cannot be
        written.
    FileExistsError
        If the folder exists and is not empty. On this or any other error nothing is left.
    """
    specs: Sequence[SlideSpec]
    specs = cohort(profile, hospital=hospital, n_slides=n_slides, seed=seed)
    render, truth = render_slide, flaw == "none"
    if not truth:
        flawed = flaw_hospital(specs, flaw, seed)
        specs, render = flawed.specs, flawed.render
    with new_folder(check_writable(Path(out_dir))) as folder:
        pictures = [spec.slide_id for spec in specs]
        writer = FolderWriter(folder, pictures, truth=truth, render=render, progress=progress)
        features = writer.add(specs, "slides.npz")
        writer.finish()
    return features


def reveal(folder: str | Path) -> FlawedHospital:
    """Return the flaw of a folder that ``write_hospital`` wrote, and the slides that it touches.

    Nothing in the folder names it: the hospital is planned again with each flaw until its table is
    that of the folder.
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


def read_specs(slides_csv: str | Path) -> list[SlideSpec]:
    """Read the specifications of the slides listed in a ``slides.csv``."""
    names = [field.name for field in fields(SlideSpec)]
    with Path(slides_csv).open(newline="") as file:
        rows: list[dict[str, Any]] = [{n: row[n] for n in names} for row in csv.DictReader(file)]
    return [
        SlideSpec(**{**row, "seed": int(row["seed"]), "label": int(row["label"])}) for row in rows
    ]


class FolderWriter:
    """Renders slides into a folder; those in ``pictures`` get a picture and a mask.

    With ``truth`` table and features tell the tumour; the masks always do.
    """

    def __init__(
        self,
        folder: Path,
        pictures: Collection[str],
        *,
        truth: bool = True,
        render: Callable[[SlideSpec], RenderedSlide] = render_slide,
        progress: bool = True,
    ) -> None:
        self.folder, self.pictures, self.truth = folder, frozenset(pictures), truth
        self.render, self.progress = render, progress
        self.encoder = load_tile_encoder()
        self.rows: list[dict[str, Any]] = []
        for name in ("images", "masks"):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def add(self, specs: Sequence[SlideSpec], name: str) -> SlideFeatures:
        """Render slides, cut them into tiles, encode the tiles and write one feature file."""
        from tqdm import tqdm

        options = {"desc": "slides", "unit": "slide", "disable": not self.progress}
        with tqdm(specs, **options) as bar:  # whose line ends before an error's
            parts = [self._add_slide(spec) for spec in bar]
        features, coords, fractions = (np.concatenate(part) for part in zip(*parts, strict=True))
        archive = SlideFeatures(
            features=features,
            sizes=np.array([len(part[0]) for part in parts]),
            coords=coords,
            tumour_fraction=fractions if self.truth else np.full_like(fractions, np.nan),
            **{name: np.array([getattr(spec, name) for spec in specs]) for name in TEXT},
            label=np.array([spec.label for spec in specs], np.int8),
            seed=np.array([spec.seed for spec in specs], np.int64),
        )
        archive.save(self.folder / name)
        return archive

    def finish(self) -> None:
        """Write the table, and the checksums of all data files."""
        from pooch import file_hash

        with (self.folder / "slides.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        lines = [f"{file_hash(str(p))}  {p.relative_to(self.folder).as_posix()}\n" for p in files]
        (self.folder / "SHA256SUMS").write_text("".join(lines))

    def _add_slide(self, spec: SlideSpec) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Add a slide to the table; return features, coordinates and tumour of its tiles."""
        slide = self.render(spec)
        coords = tissue_tiles(slide.image)
        fractions = tumour_fraction(slide.tumour_mask, coords)
        image = self._save(spec.slide_id, slide) if spec.slide_id in self.pictures else ""
        tumour_tiles = int((fractions >= TUMOUR_TILE_FRACTION).sum())
        colours = np.round(colour_statistics(slide.image, coords), 2).tolist()
        self.rows.append(
            {
                **vars(spec),
                "tissue_tiles": len(coords),
                **({"tumour_tiles": tumour_tiles} if self.truth else {}),
                "image": image,
                **dict(zip(COLOUR_STATISTICS, colours, strict=True)),
            }
        )
        features = np.rint(encode(self.encoder, cut_tiles(slide.image, coords)) / STEP) * STEP
        return features.astype(np.float16), coords.astype(np.int16), fractions.astype(np.float16)

    def _save(self, slide_id: str, slide: RenderedSlide) -> str:
        from PIL import Image

        name = f"images/{slide_id}.webp"
        Image.fromarray(slide.image).save(self.folder / name, quality=QUALITY, method=6)
        mask = Image.fromarray(slide.tumour_mask)
        mask.save(self.folder / "masks" / f"{slide_id}.png", optimize=True)
        return name
