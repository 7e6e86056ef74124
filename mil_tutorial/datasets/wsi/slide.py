"""A whole slide: its µm/px, and pixels from the pyramid level that suits the question."""

import math
from pathlib import Path
from types import TracebackType

import numpy as np

from mil_tutorial.datasets.wsi.resolution import close, number, slide_mpp
from mil_tutorial.optional import import_extra

BLOCK = 2048  # pixels of a level read at once for a picture of the whole slide


class Slide:
    """A slide opened with OpenSlide.

    Parameters
    ----------
    path : str or Path
        Any format that OpenSlide reads.
    mpp : float, optional
        µm/px of level 0, for a slide that does not say it itself.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When OpenSlide cannot read it.
    """

    def __init__(self, path: str | Path, mpp: float | None = None) -> None:
        openslide = import_extra("openslide", "wsi")
        self.path = Path(path)
        if not self.path.exists():
            raise FileNotFoundError(f"{self.path}: there is no such slide")
        try:
            self._handle = openslide.OpenSlide(str(self.path))
        except openslide.OpenSlideUnsupportedFormatError as error:
            raise ValueError(
                f"{self.path}: OpenSlide does not know this format, or the file is damaged"
            ) from error
        except openslide.OpenSlideError as error:
            raise ValueError(
                f"{self.path}: OpenSlide cannot read it ({error}); the file is damaged"
            ) from error
        self._error = openslide.OpenSlideError
        self._given_mpp = mpp
        self.name = slide_id(path)

    def __enter__(self) -> "Slide":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of level 0 in pixels."""
        return self._handle.dimensions  # type: ignore[no-any-return]

    @property
    def downsamples(self) -> tuple[float, ...]:
        """Pixels of level 0 for each pixel of each level."""
        return self._handle.level_downsamples  # type: ignore[no-any-return]

    @property
    def magnification(self) -> float | None:
        """Of the objective, such as 20 or 40, where the slide says it; never used for scale."""
        return number(self._handle.properties, "openslide.objective-power")

    @property
    def mpp(self) -> float:
        """µm/px of level 0.

        Raises
        ------
        ValueError
            When the slide does not say it and it was not given, or when both disagree.
        """
        return slide_mpp(self.path, self._handle.properties, self._given_mpp)

    def level_for(self, downsample: float) -> int:
        """Return the coarsest level that is not coarser than wanted (by more than 5 %).

        Parameters
        ----------
        downsample : float
            Pixels of level 0 for each wanted pixel.
        """
        fine = [level for level, own in enumerate(self.downsamples) if own <= downsample]
        near = [level for level, own in enumerate(self.downsamples) if close(own, downsample)]
        return max([0, *fine, *near])

    def read(self, x: int, y: int, side: int, tile_size: int) -> np.ndarray:
        """Read a square field.

        Parameters
        ----------
        x, y, side : int
            Its top-left corner and side in pixels of level 0.
        tile_size : int
            Side of the returned picture. Pixels are taken as they are where a level has that many;
            else those of the next finer level are averaged.

        Returns
        -------
        uint8 array, shape (tile_size, tile_size, 3)
            RGB; white where nothing was scanned.
        """
        level = self.level_for(side / tile_size)
        width = side / self.downsamples[level]
        if round(width) == tile_size:
            width = tile_size
        return self._field(x, y, (width, width), level, (tile_size, tile_size))

    def picture(self, mpp: float) -> np.ndarray:
        """Return the whole slide at about ``mpp`` µm/px, uint8 (height, width, 3)."""
        return self.thumbnail(max(1.0, mpp / self.mpp))

    def thumbnail(self, downsample: float) -> np.ndarray:
        """Return the whole slide made smaller, uint8 (height, width, 3).

        It is read in blocks, so a file with a single huge level takes time but no memory.

        Parameters
        ----------
        downsample : float
            Pixels of level 0 for each of the picture, at least 1.
        """
        width, height = (max(1, round(side / downsample)) for side in self.size)
        level = self.level_for(downsample)
        scale = downsample / self.downsamples[level]
        step = max(1, int(BLOCK / scale))
        found = np.empty((height, width, 3), np.uint8)
        for top in range(0, height, step):
            for left in range(0, width, step):
                size = (min(step, width - left), min(step, height - top))
                field = (size[0] * scale, size[1] * scale)
                found[top : top + step, left : left + step] = self._field(
                    left * downsample, top * downsample, field, level, size
                )
        return found

    def _field(
        self,
        x: float,
        y: float,
        field: tuple[float, float],
        level: int,
        size: tuple[int, int],
    ) -> np.ndarray:
        """Read ``field`` (width, height) pixels of a level from (x, y) of level 0 on; resize."""
        from PIL import Image

        first = (int(x), int(y))
        part = [(x - first[0]) / self.downsamples[level], (y - first[1]) / self.downsamples[level]]
        whole = [math.ceil(round(p + side, 6)) for p, side in zip(part, field)]
        try:
            read = self._handle.read_region(first, level, whole)
        except self._error as error:
            raise ValueError(
                f"{self.path}: the field at ({first[0]}, {first[1]}) cannot be read ({error}); "
                "the file is damaged"
            ) from error
        image = Image.new("RGB", read.size, "white")
        image.paste(read, mask=read.getchannel("A"))  # what was not scanned is transparent
        if read.size != size:
            box = (part[0], part[1], part[0] + field[0], part[1] + field[1])
            image = image.resize(size, Image.Resampling.HAMMING, box)
        return np.asarray(image)


def slide_id(path: str | Path) -> str:
    """Return the name of a slide: its file's, without the last ending."""
    return Path(path).stem
