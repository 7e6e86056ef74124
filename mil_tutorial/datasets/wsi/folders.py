"""Many slides: those among files and folders, their tiles, their features."""

import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.datasets.wsi.extraction import Encoder, extract_features
from mil_tutorial.datasets.wsi.slide import Slide, check_mpp, slide_id
from mil_tutorial.datasets.wsi.tile_files import Tiles, read_encoder, read_tiles, write_tiles
from mil_tutorial.datasets.wsi.tiling import (
    MIN_TISSUE,
    MPP,
    TILE_SIZE,
    check_settings,
    find_tiles,
)
from mil_tutorial.datasets.wsi.tissue import find_tissue
from mil_tutorial.system.errors import in_a_line
from mil_tutorial.system.files import check_writable, write_whole

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

    Hidden files, as macOS leaves them beside each file on other disks, are no slides.
    """
    slides: dict[str, Path] = {}
    for path in map(Path, paths):
        candidates = [path]
        if path.is_dir():
            candidates = [p for p in sorted(path.rglob("*")) if _is_slide(p)]
            if not candidates:
                raise FileNotFoundError(
                    f"{path}: no slide in this folder or those within it; expected files that end "
                    f"in {', '.join(sorted(ENDINGS))}"
                )
        elif not path.is_file():
            raise FileNotFoundError(f"{path}: there is no such slide or folder")
        for slide in candidates:
            other = slides.setdefault(slide_id(slide), slide)
            if os.path.realpath(other) != os.path.realpath(slide):  # also of links in a circle
                raise ValueError(f"{other} and {slide} have one name; rename one of them")
    return list(slides.values())


def _is_slide(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".") and not path.is_dir()


def tile_slides(
    slides: Sequence[Path],
    out: str | Path,
    *,
    mpp: float = MPP,
    tile_size: int = TILE_SIZE,
    min_tissue: float = MIN_TISSUE,
    threshold: float | None = None,
    slide_mpp: float | None = None,
    workers: int = 1,
    progress: bool = False,
) -> Outcome:
    """Tile slides; write ``<slide>.h5`` and a picture ``<slide>.jpg`` of each into a folder.

    Settings are those of ``tile_slide``; each of the ``workers`` processes holds a slide at a time.
    Slides that were tiled with the same settings are skipped; a file of other settings is refused
    before anything is done. Slides that cannot be tiled are named in the outcome.
    """
    from tqdm import tqdm

    from mil_tutorial.system.jobs import share_work

    check_settings(mpp, tile_size, min_tissue, threshold)
    if slide_mpp is not None:
        check_mpp(slide_mpp)
    out = check_writable(Path(out))
    grid = {"mpp": mpp, "tile_size": tile_size, "min_tissue": min_tissue, "threshold": threshold}
    settings = {**grid, "slide_mpp": slide_mpp}
    failures, todo = [], []
    for slide in slides:
        path = out / f"{slide_id(slide)}.h5"
        try:
            tiles = read_tiles(path) if path.exists() else None
        except (ValueError, OSError) as error:
            failures.append(_failure(slide, error))
            continue
        if tiles is None:
            todo.append(slide)
        else:
            _check_same(path, tiles, settings)
    skipped = len(slides) - len(todo) - len(failures)
    tasks = ((slide, out, slide_mpp, grid) for slide in todo)
    with tqdm(total=len(todo), unit="slide", disable=not progress) as bar:
        done = share_work(_tile_one, tasks, min(workers, max(1, len(todo))), bar.update)
    for text in (text for _, texts in done for text in texts):
        warnings.warn(text, stacklevel=2)
    failures += [failure for failure, _ in done if failure]
    return Outcome(len(slides) - skipped - len(failures), skipped, failures)


def _tile_one(
    slide: Path, out: Path, slide_mpp: float | None, grid: dict[str, Any]
) -> tuple[str | None, list[str]]:
    """Tile a slide; return what went wrong, and the warnings, which a worker cannot show."""
    failure = None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            with Slide(slide, slide_mpp) as opened:
                mask = find_tissue(opened, grid["threshold"])
                tiles = find_tiles(opened, mask, **grid)
                preview = out / f"{tiles.name}.jpg"
                _save_preview(preview, opened, mask, tiles)
            try:
                write_tiles(out / f"{tiles.name}.h5", tiles)  # last: where it exists, all is done
            except BaseException:
                preview.unlink(missing_ok=True)
                raise
        except Exception as error:
            failure = _failure(slide, error, out)
    return failure, [str(warning.message) for warning in caught]


def _failure(slide: Path, error: Exception, out: Path | None = None) -> str:
    """Return why a slide failed; raise what would stop all others: ``out`` cannot be written."""
    place = getattr(error, "filename", None)
    if isinstance(error, ImportError) or (out and place and Path(place).parent == out):
        raise error
    text = in_a_line(error)
    return text if str(slide) in text else f"{slide}: {text}"


def _check_same(path: Path, tiles: Tiles, settings: dict[str, Any]) -> None:
    """Refuse tiles that were made with other settings."""
    stored = {key: getattr(tiles, key) for key in settings}
    if settings["slide_mpp"] is None:  # it was the slide's own, which has not changed
        stored["slide_mpp"] = None
    changed = [
        f"{key} {'of its own' if stored[key] is None else stored[key]} instead of "
        f"{'its own' if value is None else value}"
        for key, value in settings.items()
        if stored[key] != value
    ]
    if changed:
        raise ValueError(
            f"{path} was made with {', '.join(changed)}; delete it, or write into another folder"
        )


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
    write_whole(path, lambda file: image.save(file, format="jpeg", quality=85))


def encode_slides(
    slides: Sequence[Path],
    tiles_folder: str | Path,
    out: str | Path,
    encoder: str,
    load: Callable[[], Encoder],
    *,
    batch_size: int = 32,
    workers: int = 0,
    device: str = "cpu",
    progress: bool = False,
) -> Outcome:
    """Encode the tiles that ``tile_slides`` wrote; write ``<slide>.h5`` of each into a folder.

    Slides whose file exists, with the same encoder and tiles, are skipped; a file of others is
    refused before anything is done. Slides that cannot be encoded are named in the outcome.
    ``encoder`` is a name, and ``load`` returns it: it is called when all else was looked at, and
    only if there is work. Other parameters are those of ``extract_features``.
    """
    from tqdm import tqdm

    tiles_folder, out = Path(tiles_folder), Path(out)
    if not tiles_folder.is_dir():
        raise FileNotFoundError(f"{tiles_folder}: there is no such folder; run tile first")
    if tiles_folder.resolve() == out.resolve():
        raise ValueError(f"{out} holds the tiles; write the features into another folder")
    check_writable(out)
    failures, todo, total = [], [], 0
    for slide in slides:
        path = out / f"{slide_id(slide)}.h5"
        try:
            tiles = read_tiles(_tiles_file(tiles_folder, slide))
            before = (read_encoder(path), read_tiles(path)) if path.exists() else None
        except (ValueError, OSError) as error:
            failures.append(_failure(slide, error))
            continue
        if before:
            _check_encoded(path, before, (encoder, tiles))
        else:
            todo.append(slide)
            total += len(tiles)
    skipped = len(slides) - len(todo) - len(failures)
    options: dict[str, Any] = {"batch_size": batch_size, "workers": workers, "device": device}
    if not todo:
        return Outcome(0, skipped, failures)
    loaded = load()
    with tqdm(total=total, unit="tile", disable=not progress) as bar:
        for slide in todo:
            path = out / f"{slide_id(slide)}.h5"
            try:
                tiles = read_tiles(_tiles_file(tiles_folder, slide))
                extract_features(slide, tiles, loaded, path, **options, on_batch=bar.update)
            except Exception as error:
                failures.append(_failure(slide, error, out))
    return Outcome(len(slides) - skipped - len(failures), skipped, failures)


def _tiles_file(folder: Path, slide: Path) -> Path:
    """Return where the tiles of a slide are: TRIDENT adds "_patches" to the name."""
    name = slide_id(slide)
    for path in (folder / f"{name}.h5", folder / f"{name}_patches.h5"):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{slide}: {folder} has no {name}.h5; tile this slide first")


def _check_encoded(path: Path, before: tuple[str, Tiles], now: tuple[str, Tiles]) -> None:
    """Refuse a file of another encoder's features, or of other tiles."""
    if before[0] != now[0]:
        raise ValueError(
            f"{path} holds features of {before[0]}, not of {now[0]}; delete it, or write into "
            "another folder"
        )
    if not before[1].same(now[1]):
        raise ValueError(
            f"{path} holds features of other tiles; delete it, or write into another folder"
        )
