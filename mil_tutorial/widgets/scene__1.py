"""Numbers of tiles as a trait: what a learner clicked, or what Python set."""

from typing import Any

import numpy as np
import traitlets


class TileNumbers(traitlets.List):
    """A list of tile numbers; an array, a tuple or a set of whole numbers becomes one.

    Whether a slide has such tiles is for the widget to check, with ``check_numbers``.
    """

    def validate(self, obj: Any, value: Any) -> Any:
        """Return plain numbers, which can be sent to the browser."""
        values = np.asarray(sorted(value) if isinstance(value, set | frozenset) else value)
        if values.dtype == bool:
            raise ValueError(
                f"{self.name} is a mask of shape {values.shape}, expected the numbers of tiles; "
                "np.flatnonzero(mask) gives them"
            )
        if values.ndim != 1 or (values.size and values.dtype.kind not in "iu"):
            raise ValueError(f"{self.name} is {value!r}, expected a list of whole numbers")
        return super().validate(obj, values.astype(int).tolist())


def check_numbers(numbers: list[int], n: int, what: str, slide: str) -> None:
    """Refuse a number that none of n tiles has, and a number that comes twice."""
    for number in numbers:
        if not 0 <= number < n:
            raise ValueError(
                f"slide {slide}: {what} holds {number}, expected the numbers of its {n} tiles, "
                f"0 to {n - 1}"
            )
    if len(set(numbers)) < len(numbers):
        twice = next(number for number in numbers if numbers.count(number) > 1)
        raise ValueError(f"slide {slide}: {what} holds tile {twice} twice, expected it once")
