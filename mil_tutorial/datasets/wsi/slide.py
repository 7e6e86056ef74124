"""A whole slide: its µm/px, and pixels from the pyramid level that suits the question."""

import math
from pathlib import Path

import numpy as np

from mil_tutorial.system.versions import import_extra

BLOCK = 2048  # pixels of a level read at once, for a picture of the whole slide or a large field
LARGEST = 2**24
"""Pixels of a picture of the whole slide, 50 MB: a scan of 33 × 33 mm has so many of 8 µm."""
TOLERANCE = 0.05
"""Two resolutions this close count as one: scanners sold as 0.25 µm/px measure 0.23 to 0.26."""
PLAUSIBLE = (0.02, 20.0)
"""µm/px of microscopes; a TIFF file for print says 353 (72 dpi) and means nothing by it."""


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
        if not self.path.is_file():  # opening a pipe would wait for ever
            raise FileNotFoundError(f"{self.path}: there is no such slide")
        try:
            self.path.open("rb").close()  # OpenSlide calls what may not be read an unknown format
        except OSError as error:
            raise ValueError(f"{self.path}: it cannot be read ({error.strerror})") from error
        try:
            self._handle = openslide.OpenSlide(str(self.path))
        except openslide.OpenSlideUnsupportedFormatError as error:
            raise ValueError(
                f"{self.path}: OpenSlide does not know this format, or the file is damaged"
            ) from error
        except openslide.OpenSlideError as error:
            raise ValueError(
                f"{self.path}: OpenSlide cannot read it ({error}); it is of a kind that OpenSlide "
                "does not read, or the file is damaged"
            ) from error
        self._error = openslide.OpenSlideError
        self._user_mpp = mpp
        self.name = slide_id(path)

    def __enter__(self) -> "Slide":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._handle.close()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of level 0 in pixels."""
        return self._handle.dimensions  # type: ignore[no-any-return]

    @property
    def origin(self) -> tuple[int, int]:
        """x, y in pixels of level 0 where the scanned part begins: (0, 0) for most formats.

        These are ``openslide.bounds-x`` and ``-y`` of MIRAX and Leica slides. QuPath counts from
        there; ``coords`` count from the corner of level 0.
        """
        names = [f"openslide.bounds-{name}" for name in ("x", "y", "width", "height")]
        try:
            x, y, *_ = (int(self._handle.properties[name]) for name in names)
        except (KeyError, ValueError):  # QuPath crops by all four or not at all
            return 0, 0
        return x, y

    @property
    def downsamples(self) -> tuple[float, ...]:
        """Pixels of level 0 for each pixel of each level."""
        return self._handle.level_downsamples  # type: ignore[no-any-return]

    @property
    def magnification(self) -> float | None:
        """Of the objective, such as 20 or 40, where the slide says it; never used for scale."""
        return self._property("objective-power")

    @property
    def mpp(self) -> float:
        """µm/px of level 0: the user's, else the slide's own.

        A magnification is not enough: 40× means anything from 0.21 to 0.28 µm/px.

        Raises
        ------
        ValueError
            When neither says it, when they disagree, or when it cannot be true.
        """
        user = self._user_mpp
        x, y = (self._property(f"mpp-{axis}") for axis in "xy")
        own = math.sqrt(x * y) if x and y and close(x, y) else None
        if own is not None and not PLAUSIBLE[0] <= own <= PLAUSIBLE[1]:
            own = None
        if user is None:
            if own is None:
                sides = f"{x:g} × {y:g}" if x and y else ""
                reason = f" (only {sides}, which is no square pixel of a microscope)"
                raise ValueError(
                    f"{self.path}: the slide does not say its µm/px{reason if sides else ''}; give "
                    "it for this slide alone (--slide-mpp): whoever scanned it knows it"
                )
            return own
        check_mpp(user)
        if own is not None and not close(user, own):
            raise ValueError(
                f"{self.path}: the slide says {own:g} µm/px, but {user:g} was given; "
                "give it only for slides that do not say it themselves"
            )
        return float(user)

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
        scale = side / tile_size / self.downsamples[level]
        if round(scale * tile_size) == tile_size:
            scale = 1.0
        return self._blocks(x, y, level, scale, (tile_size, tile_size))

    def picture(self, mpp: float) -> np.ndarray:
        """Return the whole slide at about ``mpp`` µm/px, uint8 (height, width, 3).

        It has at most ``LARGEST`` pixels, larger ones where the slide has too many.
        """
        least = math.sqrt(self.size[0] * self.size[1] / LARGEST)
        return self.thumbnail(max(1.0, mpp / self.mpp, least))

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
        return self._blocks(0, 0, level, downsample / self.downsamples[level], (width, height))

    def _property(self, name: str) -> float | None:
        """Return a positive number among OpenSlide's properties, or None."""
        try:
            value = float(self._handle.properties[f"openslide.{name}"])
        except (KeyError, ValueError):
            return None
        return value if 0 < value < math.inf else None

    def _blocks(
        self, x: float, y: float, level: int, scale: float, size: tuple[int, int]
    ) -> np.ndarray:
        """Read a picture from (x, y) of level 0 on; ``scale`` pixels of a level are one of it."""
        width, height = size
        step = max(1, int(BLOCK / scale))
        downsample = scale * self.downsamples[level]
        picture = np.empty((height, width, 3), np.uint8)
        for top in range(0, height, step):
            for left in range(0, width, step):
                part = (min(step, width - left), min(step, height - top))
                field = (part[0] * scale, part[1] * scale)
                picture[top : top + step, left : left + step] = self._field(
                    x + left * downsample, y + top * downsample, field, level, part
                )
        return picture

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
            region = self._handle.read_region(first, level, whole)
        except self._error as error:
            raise ValueError(
                f"{self.path}: the field at ({first[0]}, {first[1]}) cannot be read ({error}); "
                "it is of a kind that OpenSlide does not read, or the file is damaged"
            ) from error
        image = Image.new("RGB", region.size, "white")
        image.paste(region, mask=region.getchannel("A"))  # what was not scanned is transparent
        if region.size != size:
            box = (part[0], part[1], part[0] + field[0], part[1] + field[1])
            image = image.resize(size, Image.Resampling.HAMMING, box)
        return np.asarray(image)


def check_mpp(mpp: float) -> None:
    """Refuse µm/px of a slide that no microscope has."""
    low, high = PLAUSIBLE
    if not low <= mpp <= high:
        raise ValueError(
            f"{mpp:g} µm/px was given for the slide, expected {low:g} to {high:g}: 0.25 is "
            "usual at 40×, 0.5 at 20×"
        )


def slide_id(path: str | Path) -> str:
    """Return the name of a slide: its file's, without the last ending."""
    return Path(path).stem


def close(a: float, b: float) -> bool:
    """Return True if two resolutions count as one."""
    return max(a / b, b / a) <= 1 + TOLERANCE
