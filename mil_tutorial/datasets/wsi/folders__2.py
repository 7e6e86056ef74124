"""Encoding the tiles of many slides: what is done is skipped, and a bad slide stops no other."""

from collections.abc import Sequence
from pathlib import Path

from mil_tutorial.datasets.wsi.extraction import Encoder, encoder_name, extract_features
from mil_tutorial.datasets.wsi.slide import slide_id
from mil_tutorial.datasets.wsi.slide_files import Outcome
from mil_tutorial.datasets.wsi.tile_files import read_encoder, read_tiles
from mil_tutorial.datasets.wsi.tiles import Tiles


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
    """Encode the tiles that `tile_slides` found; write ``<slide>.h5`` of each into a folder.

    Slides whose features are there, from the same encoder and tiles, are skipped. Other parameters
    are those of `extract_features`.

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
    with tqdm(total=total, unit="tile", disable=not progress) as bar:
        for slide in todo:
            try:
                extract_features(
                    slide,
                    read_tiles(_tiles_file(tiles_folder, slide)),
                    encoder,
                    out / f"{slide_id(slide)}.h5",
                    batch_size=batch_size,
                    workers=workers,
                    device=device,
                    on_batch=bar.update,
                )
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
    found, wanted = read_encoder(path), encoder_name(encoder)
    if found != wanted:
        raise ValueError(
            f"{path} holds features of {found}, not of {wanted}; delete it, or write into another "
            "folder"
        )
    if not read_tiles(path).same(tiles):
        raise ValueError(
            f"{path} holds features of other tiles; delete it, or write into another folder"
        )
    return True
