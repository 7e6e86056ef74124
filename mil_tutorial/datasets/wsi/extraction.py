"""Frozen features of a slide's tiles: read by worker processes, encoded in batches, streamed."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from mil_tutorial.datasets.wsi.slide import Slide
from mil_tutorial.datasets.wsi.tile_files import Tiles, write_features
from mil_tutorial.system.errors import in_a_line
from mil_tutorial.system.memory import check_fits
from mil_tutorial.system.numbers import as_integer

Encoder = Callable[[torch.Tensor], Any]
"""From RGB tiles, a uint8 Tensor (n, h, w, 3), to their features (n, D)."""


def extract_features(
    slide: str | Path,
    tiles: Tiles,
    encoder: Encoder,
    out: str | Path,
    *,
    batch_size: int = 32,
    workers: int = 0,
    device: torch.device | str = "cpu",
    on_batch: Callable[[int], Any] = lambda n: None,
) -> Path:
    """Encode the tiles of a slide and write their features as HDF5; see ``tile_files``.

    At no time are more than a few batches in memory, whatever the number of tiles.

    Parameters
    ----------
    slide : str or Path
    tiles : Tiles
        Of this slide, from ``tile_slide`` or ``read_tiles``.
    encoder : callable
        ``encoder(tiles uint8 Tensor (n, h, w, 3)) -> (n, D)``: from ``load_frozen_encoder``, the
        course's own from ``load_tile_encoder``, or any function. A Module must be in evaluation
        mode and on ``device``.
    out : str or Path
        An ``.h5`` file, written whole or not at all.
    batch_size : int
        Tiles encoded together.
    workers : int
        Processes that read tiles while this one encodes; 0 reads here, in turn.
    device : str or torch.device
        Where tiles are sent.
    on_batch : callable
        Called with the number of tiles of each batch when it is done.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    FileNotFoundError, ValueError
        When the slide cannot be read or is not that of the tiles, or what the encoder returns is
        not finite or not (n, D).
    """
    batch_size, workers = as_integer(batch_size, "batch_size"), as_integer(workers, "workers", 0)
    if isinstance(encoder, torch.nn.Module) and encoder.training:
        raise ValueError(
            "the encoder is in training mode, in which features depend on the other tiles of the "
            "batch; call encoder.eval() first"
        )
    with Slide(slide) as opened:
        tiles.check_inside(opened.size, slide)
    # A batch as bytes, those read ahead too, and as floats.
    pixels = 3.0 * min(batch_size, len(tiles)) * tiles.tile_size**2
    what = f"{slide}: batches of {batch_size} tiles of {tiles.tile_size} px need"
    remedy = "take a smaller batch (--batch-size) or fewer workers"
    check_fits(pixels * (1 + 4 + 2 * workers), what, remedy)
    features = _features(slide, tiles, encoder, batch_size, workers, torch.device(device), on_batch)
    return write_features(out, tiles, features, encoder_name(encoder))


def encoder_name(encoder: Encoder) -> str:
    """Return the name by which a file of features remembers its encoder."""
    return str(
        getattr(encoder, "name", None)
        or getattr(encoder, "__name__", None)
        or type(encoder).__name__
    )


class TileBatches(Dataset[np.ndarray | str]):
    """Pictures of tiles, a batch at a time; the slide is opened once in each process.

    An item is a uint8 array (n, tile_size, tile_size, 3), or the reason why it cannot be read: an
    exception would come from a worker with its whole trace.
    """

    def __init__(self, slide: str | Path, tiles: Tiles, batch_size: int) -> None:
        self.path, self.tiles, self.batch_size = slide, tiles, batch_size
        self._slide: Slide | None = None

    def __len__(self) -> int:
        return -(-len(self.tiles) // self.batch_size)

    def __getitem__(self, index: int) -> np.ndarray | str:
        if not 0 <= index < len(self):
            raise IndexError(index)
        corners = self.tiles.coords[index * self.batch_size : (index + 1) * self.batch_size]
        try:
            self._slide = self._slide or Slide(self.path)
            side, size = self.tiles.side, self.tiles.tile_size
            return np.stack([self._slide.read(int(x), int(y), side, size) for x, y in corners])
        except Exception as error:
            return in_a_line(error)

    def close(self) -> None:
        """Close the slide, if this process opened it."""
        if self._slide is not None:
            self._slide.close()
            self._slide = None


def _features(
    slide: str | Path,
    tiles: Tiles,
    encoder: Encoder,
    batch_size: int,
    workers: int,
    device: torch.device,
    on_batch: Callable[[int], Any],
) -> Iterator[np.ndarray]:
    """Yield the features of each batch, float32 (n, D), in the order of the tiles."""
    batches = TileBatches(slide, tiles, batch_size)
    # Arrays go through pipes; tensors would take shared memory, of which containers have little.
    loader = DataLoader(batches, batch_size=None, num_workers=workers, collate_fn=_as_it_is)
    width, done = None, 0
    try:
        for pictures in loader:
            if isinstance(pictures, str):
                raise ValueError(pictures)
            with torch.inference_mode():
                encoded = encoder(torch.from_numpy(pictures).to(device, non_blocking=True))
            features = _checked(encoded, len(pictures), width, f"{slide}, tiles {done} onwards")
            yield features
            width, done = features.shape[1], done + len(features)
            on_batch(len(features))
    except (RuntimeError, OSError) as error:  # a worker was killed or found no memory, or a device
        raise ValueError(
            f"{slide}: encoding stopped at tile {done}: {in_a_line(error)}; if memory is short, "
            "take a smaller batch or fewer workers"
        ) from error
    finally:
        batches.close()


def _as_it_is(batch: Any) -> Any:
    return batch


def _checked(encoded: Any, n: int, width: int | None, where: str) -> np.ndarray:
    """Return features as float32 after checking that there is a finite row for each tile."""
    features = torch.as_tensor(encoded).detach().cpu()
    shape = tuple(features.shape)
    if len(shape) != 2 or shape != (n, width or shape[1]):
        raise ValueError(
            f"{where}: the encoder returned the shape {shape}, expected ({n}, {width or 'D'})"
            + ("; pool its maps over the tile first" if len(shape) == 4 else "")
        )
    values = features.float().numpy()
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values).all(axis=1)))
        raise ValueError(f"{where}: the encoder returned NaN or infinity for tile {row} of these")
    return values
