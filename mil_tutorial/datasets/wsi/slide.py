"""A whole slide: its µm/px, and pixels from the pyramid level that suits the question."""

import math
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import numpy as np

from mil_tutorial.system.versions import import_extra

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


TOLERANCE = 0.05
"""Two resolutions this close count as one: scanners sold as 0.25 µm/px measure 0.23 to 0.26."""
PLAUSIBLE = (0.02, 20.0)
"""µm/px of microscopes; a TIFF file for print says 353 (72 dpi) and means nothing by it."""


def close(a: float, b: float) -> bool:
    """Say whether two resolutions count as one."""
    return max(a / b, b / a) <= 1 + TOLERANCE


def slide_mpp(path: Path, properties: Mapping[str, str], given: float | None) -> float:
    """Return the µm/px of a slide's level 0: as given, else as the slide says.

    Parameters
    ----------
    path : Path
        For messages.
    properties : mapping
        OpenSlide's. A magnification is not enough: 40× means anything from 0.21 to 0.28 µm/px.
    given : float, optional

    Raises
    ------
    ValueError
        When neither says it, or both disagree.
    """
    own = _own_mpp(properties)
    if given is None:
        if own is None:
            raise ValueError(
                f"{path}: the slide does not say its µm/px{_what_it_says(properties)}; give it "
                "for this slide alone (--slide-mpp): whoever scanned it knows it"
            )
        return own
    if not PLAUSIBLE[0] <= given <= PLAUSIBLE[1]:
        raise ValueError(
            f"{given:g} µm/px was given for the slide, expected {PLAUSIBLE[0]:g} to "
            f"{PLAUSIBLE[1]:g}: 0.25 is usual at 40×, 0.5 at 20×"
        )
    if own is not None and not close(given, own):
        raise ValueError(
            f"{path}: the slide says {own:g} µm/px, but {given:g} was given; "
            "give it only for slides that do not say it themselves"
        )
    return float(given)


def number(properties: Mapping[str, str], key: str) -> float | None:
    """Return a positive number among a slide's properties, if it is there."""
    try:
        value = float(properties[key])
    except (KeyError, ValueError):
        return None
    return value if 0 < value < math.inf else None


def _own_mpp(properties: Mapping[str, str]) -> float | None:
    """Return what the slide says, if it is the same along x and y and can be true."""
    x, y = _sides(properties)
    if x is None or y is None or not close(x, y):
        return None
    mean = math.sqrt(x * y)
    return mean if PLAUSIBLE[0] <= mean <= PLAUSIBLE[1] else None


def _what_it_says(properties: Mapping[str, str]) -> str:
    x, y = _sides(properties)
    if x is None or y is None:
        return ""
    return f" (only {x:g} × {y:g}, which is no square pixel of a microscope)"


def _sides(properties: Mapping[str, str]) -> tuple[float | None, float | None]:
    return number(properties, "openslide.mpp-x"), number(properties, "openslide.mpp-y")
