"""A slide that notes what is read from it, to see whether the right field was asked for."""

from typing import Any

from mil_tutorial.checks.exercise import Wrong


class RecordingSlide:
    """A slide of OpenSlide's form that notes what is asked of it.

    Attributes
    ----------
    level_downsamples : tuple of float
    asked : list
        (location, level, size) of each call.
    """

    def __init__(self, *downsamples: float) -> None:
        self.level_downsamples = downsamples
        self.level_count = len(downsamples)
        self.asked: list[tuple[Any, Any, Any]] = []

    def read_region(self, location: Any, level: Any, size: Any) -> str:
        """Note the call; there is no picture."""
        self.asked.append((tuple(location), level, tuple(size)))
        return "a picture"

    def __deepcopy__(self, memo: Any) -> "RecordingSlide":
        return self  # what the learner's code asks must be seen here


def expect_region(
    slide: RecordingSlide, place: tuple[int, int], side: int, level: int, case: str
) -> None:
    """Compare the one call with the field that was wanted."""
    ((location, asked_level, size),) = slide.asked
    downsample = slide.level_downsamples[level]
    if asked_level != level:
        raise Wrong(f"level {asked_level} was read, expected {level}")
    wanted = round(side / downsample)
    if size != (wanted, wanted):
        why = (
            "the size is in pixels of the level: divide side by the downsample"
            if size == (side, side)
            else f"{side} pixels of level 0 are {wanted} of this level"
        )
        raise Wrong(f"a field of {size} was read, expected ({wanted}, {wanted}) ({case}): {why}")
    if location != place:
        shrunk = tuple(round(c / downsample) for c in place)
        why = (
            "OpenSlide takes it in pixels of level 0, whatever the level"
            if location == shrunk
            else "give x, y as they came"
        )
        raise Wrong(f"the place was {location}, expected {place} ({case}): {why}")
