"""Rendered H&E-like lymph-node slides, with the truth for every tile.

A slide is 512 x 512 pixels at a nominal 0.5 um a pixel, cut into tiles of 32 x 32 pixels.
Positive slides hold a metastasis, from a few isolated cells to a large one. Every slide is a
function of its `SlideSpec`, so a picture that does not ship can be drawn again.

Run ``python -m mil_tutorial.datasets.slides --out data/slides`` to make the files that ship.
"""

from __future__ import annotations

import argparse
import sys
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mil_tutorial.datasets.paths import data_dir
from mil_tutorial.datasets.rendering.archive import SlideFeatures, build_features, load_features
from mil_tutorial.datasets.rendering.cohort import (
    HOSPITALS,
    PROFILES,
    SPLITS,
    SlideSpec,
    cohort,
    render_slide,
)
from mil_tutorial.datasets.rendering.flaws import FLAWS, FlawedHospital, hidden_flaw
from mil_tutorial.datasets.rendering.folder import (
    FolderWriter,
    new_folder,
    read_specs,
    write_hospital,
)
from mil_tutorial.datasets.rendering.lesion import TILE, TUMOUR_TILE_FRACTION
from mil_tutorial.datasets.rendering.noise import SIDE
from mil_tutorial.datasets.rendering.reveal import reveal
from mil_tutorial.datasets.rendering.slide import RenderedSlide
from mil_tutorial.datasets.rendering.tiles import (
    COLOUR_STATISTICS,
    colour_statistics,
    cut_tiles,
    tissue_tiles,
    tumour_fraction,
)

__all__ = [
    "COLOUR_STATISTICS",
    "FILES",
    "FLAWS",
    "HOSPITALS",
    "PROFILES",
    "SIDE",
    "SPLITS",
    "TILE",
    "TUMOUR_TILE_FRACTION",
    "FlawedHospital",
    "RenderedSlide",
    "SlideFeatures",
    "SlideSpec",
    "build_features",
    "cohort",
    "colour_statistics",
    "cut_tiles",
    "hidden_flaw",
    "load_features",
    "read_specs",
    "render_slide",
    "reveal",
    "slide_image",
    "slide_mask",
    "slide_spec",
    "tissue_tiles",
    "tumour_fraction",
    "write_hospital",
]

FILES = {"default": "slides.npz", "hard": "slides-hard.npz"}  # in data/slides
PICTURES = 60  # test slides of the default profile whose pictures ship


def slide_spec(slide_id: str, folder: str | Path | None = None) -> SlideSpec:
    """Return the specification of a slide.

    Parameters
    ----------
    slide_id : str
        As listed in ``slides.csv``.
    folder : str or Path, optional
        A folder written by `write_hospital`; by default the slides that ship.

    Raises
    ------
    KeyError
        If the folder lists no such slide.
    """
    table = _table(_folder(folder))
    if slide_id not in table:
        raise KeyError(f"{_folder(folder) / 'slides.csv'} lists no slide {slide_id!r}")
    return table[slide_id]


def slide_image(slide_id: str, folder: str | Path | None = None) -> npt.NDArray[np.uint8]:
    """Return a slide's picture: the stored one, or for slides that ship without one a drawn one.

    Parameters
    ----------
    slide_id : str
        As listed in ``slides.csv``.
    folder : str or Path, optional
        A folder written by `write_hospital`; by default the slides that ship.

    Returns
    -------
    ndarray of shape (512, 512, 3), uint8
        RGB. A stored picture differs from a drawn one by its compression: by about 5 levels
        in the mean.

    Raises
    ------
    KeyError
        If the folder lists no such slide.
    FileNotFoundError
        If a folder of your own lost the file.
    """
    spec = slide_spec(slide_id, folder)
    file = _stored(f"images/{slide_id}.webp", folder)
    return _read(file, "RGB") if file else render_slide(spec).image


def slide_mask(slide_id: str, folder: str | Path | None = None) -> npt.NDArray[np.bool_]:
    """Return where a slide's tumour is, (512, 512) bool; parameters as for `slide_image`."""
    spec = slide_spec(slide_id, folder)
    file = _stored(f"masks/{slide_id}.png", folder)
    return _read(file, "1") if file else render_slide(spec).tumour_mask


def write_shipped(out: Path, pictures: int = PICTURES, progress: bool = True) -> None:
    """Write the files of ``data/slides``; a README that is there stays.

    Parameters
    ----------
    out : Path
        The folder; what it held before is replaced when all is done.
    pictures : int
        How many test slides of the default profile get a picture and a mask.
    progress : bool
        Show progress bars.
    """
    from mil_tutorial.tile_encoder import load_tile_encoder

    encoder = load_tile_encoder()
    cohorts = {profile: cohort(profile) for profile in PROFILES}
    tests = [spec.slide_id for spec in cohorts["default"] if spec.split == "test"]
    with new_folder(out, replace=True) as folder:
        writer = FolderWriter(folder, tests[:pictures])
        for profile, specs in cohorts.items():
            build_features(specs, encoder, folder / FILES[profile], progress, writer.visit)
        writer.finish()


def _folder(folder: str | Path | None) -> Path:
    return data_dir() / "slides" if folder is None else Path(folder)


def _stored(name: str, folder: str | Path | None) -> Path | None:
    """Return where a file is; None for a shipped slide without one, which can be drawn anew.

    A written hospital is not drawn anew: where it has a flaw, its table is no recipe.
    """
    file = _folder(folder) / name
    if file.is_file():
        return file
    if folder is None:
        return None
    raise FileNotFoundError(f"{file} is missing; render the hospital again, or bring the file back")


@lru_cache(maxsize=8)
def _table(folder: Path) -> dict[str, SlideSpec]:
    return {spec.slide_id: spec for spec in read_specs(folder / "slides.csv")}


def _read(file: Path, mode: str) -> npt.NDArray:
    from PIL import Image

    with Image.open(file) as picture:
        return np.array(picture.convert(mode))


def main(arguments: list[str] | None = None) -> int:
    """Write the files that ship."""
    about = "Render both cohorts, encode them and write the files of data/slides."
    parser = argparse.ArgumentParser("python -m mil_tutorial.datasets.slides", description=about)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--images", type=int, default=PICTURES, help="pictures of test slides")
    options = parser.parse_args(arguments)
    write_shipped(options.out, options.images)
    return 0


if __name__ == "__main__":
    sys.exit(main())
