"""Tiling many slides: what is done is skipped, and a bad slide does not stop the others."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mil_tutorial.datasets.wsi.preview import save_preview
from mil_tutorial.datasets.wsi.slide import Slide, slide_id
from mil_tutorial.datasets.wsi.slide_files import Outcome
from mil_tutorial.datasets.wsi.tile_files import read_tiles, write_tiles
from mil_tutorial.datasets.wsi.tiling import (
    MIN_TISSUE,
    MPP,
    TILE_SIZE,
    check_settings,
    find_tiles,
    slide_mask,
)


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

    Settings are those of `tile_slide`. Slides that were tiled with the same settings are skipped.

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

    from mil_tutorial.parallel import share_work

    check_settings(mpp, tile_size, min_tissue)
    out = Path(out)
    settings: dict[str, Any] = {
        "mpp": mpp,
        "tile_size": tile_size,
        "min_tissue": min_tissue,
        "slide_mpp": slide_mpp,
    }
    todo = [slide for slide in slides if not _is_tiled(out / f"{slide_id(slide)}.h5", settings)]
    out.mkdir(parents=True, exist_ok=True)
    tasks = ((slide, out, settings) for slide in todo)
    with tqdm(total=len(todo), unit="slide", disable=not progress) as bar:
        said = share_work(_tile_one, tasks, min(workers, max(1, len(todo))), bar.update)
    failures = [text for text in said if text]
    return Outcome(len(todo) - len(failures), len(slides) - len(todo), failures)


def _tile_one(slide: Path, out: Path, settings: dict[str, Any]) -> str | None:
    """Tile a slide; return what went wrong. The picture first: the file says that all is done."""
    grid = {key: value for key, value in settings.items() if key != "slide_mpp"}
    try:
        with Slide(slide, settings["slide_mpp"]) as opened:
            mask = slide_mask(opened)
            tiles = find_tiles(opened, mask, **grid)
            save_preview(out / f"{tiles.name}.jpg", opened, mask, tiles)
        write_tiles(out / f"{tiles.name}.h5", tiles)
    except (ValueError, OSError) as error:
        return str(error)
    return None


def _is_tiled(path: Path, settings: dict[str, Any]) -> bool:
    if not path.exists():
        return False
    done = read_tiles(path)
    found = {key: getattr(done, key) for key in settings}
    if settings["slide_mpp"] is None:  # the slide's own then; it still says the same
        found["slide_mpp"] = None
    changed = [f"{k} {found[k]} instead of {v}" for k, v in settings.items() if found[k] != v]
    if changed:
        raise ValueError(
            f"{path} was made with {', '.join(changed)}; delete it, or write into another folder"
        )
    return True
