"""Many slides: those among files and folders, their tiles, their features."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.datasets.wsi.extraction import Encoder, encoder_name, extract_features
from mil_tutorial.datasets.wsi.slide import Slide, slide_id
from mil_tutorial.datasets.wsi.tile_files import Tiles, read_encoder, read_tiles, write_tiles
from mil_tutorial.datasets.wsi.tiling import (
    MIN_TISSUE,
    MPP,
    TILE_SIZE,
    check_settings,
    find_tiles,
    find_tissue,
)
from mil_tutorial.system.files import replacing

ENDINGS = {".svs", ".tif", ".tiff", ".ndpi", ".mrxs", ".scn", ".vms", ".vmu", ".svslide", ".bif"}
"""Files taken for slides in a folder; others (DICOM, Zeiss) can be named one by one."""
PREVIEW = 1024  # pixels of the longer side
TILES, TISSUE = (0, 90, 160), (0, 158, 115)  # blue and green, told apart from pink by everyone


@dataclass(frozen=True)
class Outcome:
    """How many slides were made and skipped, and why others failed."""

    made: int
    skipped: int
    failures: list[str]


def find_slides(paths: Iterable[str | Path]) -> list[Path]:
    """Return the slides among files and folders, in that order, those of a folder by name.

    Raises
    ------
    FileNotFoundError
        When a path does not exist, or a folder and those within it hold no slide.
    ValueError
        When two slides have one name, which is the name of the file that is written.
    """
    slides: dict[str, Path] = {}
    for path in map(Path, paths):
        candidates = [path]
        if path.is_dir():
            inside = (p for p in sorted(path.rglob("*")) if not p.name.startswith("."))
            candidates = [p for p in inside if p.suffix.lower() in ENDINGS]
            if not candidates:
                raise FileNotFoundError(
                    f"{path}: no slide in this folder or those within it; expected files that end "
                    f"in {', '.join(sorted(ENDINGS))}"
                )
        for slide in candidates:
            if not slide.is_file():
                raise FileNotFoundError(f"{slide}: there is no such slide or folder")
            other = slides.setdefault(slide_id(slide), slide)
            if other.resolve() != slide.resolve():
                raise ValueError(f"{other} and {slide} have one name; rename one of them")
    return list(slides.values())


def tile_slides(
    slides: Sequence[Path],
    out: str | Path,
    *,
    mpp: float = MPP,
    tile_size: int = TILE_SIZE,
    min_tissue: float = MIN_TISSUE,
    slide_mpp: float | None = None,
    workers: int = 1,
    progress: bool = False,
) -> Outcome:
    """Tile slides; write ``<slide>.h5`` and a picture ``<slide>.jpg`` of each into a folder.

    Settings are those of ``tile_slide``. Slides that were tiled with the same settings are skipped.

    Parameters
    ----------
    workers : int
        Processes; each holds one slide at a time.

    Raises
    ------
    ValueError
        When a file in ``out`` was made with other settings; nothing is done then.
    """
    from tqdm import tqdm

    from mil_tutorial.system.jobs import share_work

    check_settings(mpp, tile_size, min_tissue)
    out = Path(out)
    grid = {"mpp": mpp, "tile_size": tile_size, "min_tissue": min_tissue}
    settings = {**grid, "slide_mpp": slide_mpp}
    todo = [slide for slide in slides if not _is_tiled(out / f"{slide_id(slide)}.h5", settings)]
    out.mkdir(parents=True, exist_ok=True)
    tasks = ((slide, out, slide_mpp, grid) for slide in todo)
    with tqdm(total=len(todo), unit="slide", disable=not progress) as bar:
        errors = share_work(_tile_one, tasks, min(workers, max(1, len(todo))), bar.update)
    failures = [error for error in errors if error]
    return Outcome(len(todo) - len(failures), len(slides) - len(todo), failures)


def _tile_one(slide: Path, out: Path, slide_mpp: float | None, grid: dict[str, Any]) -> str | None:
    """Tile a slide; return what went wrong."""
    try:
        with Slide(slide, slide_mpp) as opened:
            mask = find_tissue(opened)
            tiles = find_tiles(opened, mask, **grid)
            _save_preview(out / f"{tiles.name}.jpg", opened, mask, tiles)
        write_tiles(out / f"{tiles.name}.h5", tiles)  # last: where it exists, all is done
    except (ValueError, OSError) as error:
        return str(error)
    return None


def _is_tiled(path: Path, settings: dict[str, Any]) -> bool:
    if not path.exists():
        return False
    tiles = read_tiles(path)
    stored = {key: getattr(tiles, key) for key in settings}
    if settings["slide_mpp"] is None:  # it was the slide's own, which has not changed
        stored["slide_mpp"] = None
    changed = [f"{k} {stored[k]} instead of {v}" for k, v in settings.items() if stored[k] != v]
    if changed:
        raise ValueError(
            f"{path} was made with {', '.join(changed)}; delete it, or write into another folder"
        )
    return True


def _save_preview(path: Path, slide: Slide, mask: np.ndarray, tiles: Tiles) -> None:
    """Write a JPEG: the slide, the outline of its tissue (green), and its tiles (blue)."""
    from PIL import Image, ImageDraw
    from scipy.ndimage import binary_erosion

    downsample = max(1.0, max(slide.size) / PREVIEW)
    picture = slide.thumbnail(downsample)
    size = picture.shape[1::-1]
    tissue = np.asarray(Image.fromarray(mask).resize(size, Image.Resampling.NEAREST))
    outline = (tissue & ~binary_erosion(tissue))[..., None]
    image = Image.fromarray(np.where(outline, np.array(TISSUE, np.uint8), picture))
    pen = ImageDraw.Draw(image)
    side = tiles.side / downsample
    for x, y in tiles.coords / downsample:
        pen.rectangle((round(x), round(y), round(x + side), round(y + side)), outline=TILES)
    with replacing(path) as partial:
        image.save(partial, format="jpeg", quality=85)


def encode_slides(
    slides: Sequence[Path],
    tiles_folder: str | Path,
    out: str | Path,
    encoder: Encoder,
    *,
    batch_size: int = 32,
    workers: int = 0,
    device: str = "cpu",
    progress: bool = False,
) -> Outcome:
    """Encode the tiles that ``tile_slides`` wrote; write ``<slide>.h5`` of each into a folder.

    Slides whose file exists, with the same encoder and tiles, are skipped. Other parameters are
    those of ``extract_features``.

    Raises
    ------
    ValueError
        When a file in ``out`` comes from another encoder or other tiles; nothing is done then.
    """
    from tqdm import tqdm

    tiles_folder, out = Path(tiles_folder), Path(out)
    if not tiles_folder.is_dir():
        raise FileNotFoundError(f"{tiles_folder}: there is no such folder; run tile first")
    if tiles_folder.resolve() == out.resolve():
        raise ValueError(f"{out} holds the tiles; write the features into another folder")
    failures, todo, total = [], [], 0
    for slide in slides:
        try:
            tiles = read_tiles(_tiles_file(tiles_folder, slide))
        except (ValueError, OSError) as error:
            failures.append(str(error))
            continue
        if not _is_encoded(out / f"{slide_id(slide)}.h5", tiles, encoder):
            todo.append(slide)
            total += len(tiles)
    skipped = len(slides) - len(todo) - len(failures)
    options: dict[str, Any] = {"batch_size": batch_size, "workers": workers, "device": device}
    with tqdm(total=total, unit="tile", disable=not progress) as bar:
        for slide in todo:
            path = out / f"{slide_id(slide)}.h5"
            try:
                tiles = read_tiles(_tiles_file(tiles_folder, slide))
                extract_features(slide, tiles, encoder, path, **options, on_batch=bar.update)
            except (ValueError, OSError) as error:
                failures.append(str(error))
    return Outcome(len(slides) - skipped - len(failures), skipped, failures)


def _tiles_file(folder: Path, slide: Path) -> Path:
    """Return where the tiles of a slide are: TRIDENT adds "_patches" to the name."""
    name = slide_id(slide)
    for path in (folder / f"{name}.h5", folder / f"{name}_patches.h5"):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{slide}: {folder} has no {name}.h5; tile this slide first")


def _is_encoded(path: Path, tiles: Tiles, encoder: Encoder) -> bool:
    if not path.exists():
        return False
    stored, name = read_encoder(path), encoder_name(encoder)
    if stored != name:
        raise ValueError(
            f"{path} holds features of {stored}, not of {name}; delete it, or write into another "
            "folder"
        )
    if not read_tiles(path).same(tiles):
        raise ValueError(
            f"{path} holds features of other tiles; delete it, or write into another folder"
        )
    return True
