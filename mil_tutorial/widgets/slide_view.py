"""A slide with its attention, ready to be explored."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.pictures.tile_checks import check_tiles
from mil_tutorial.training.prediction import Predictions


@dataclass(frozen=True)
class SlideView:
    """One slide: its picture, its tiles, and what a model says of them.

    Attributes
    ----------
    name : str
    image : array, shape (height, width, 3), uint8, or a function without arguments that returns one
        A function is called when the slide is looked at, so a thousand slides cost nothing.
    attention : array, shape (n,)
        Weights after the softmax.
    coords : array, shape (n, 2)
        x, y of each tile's top-left corner, in pixels of the picture.
    tile_size : int
        In pixels of the picture.
    truth : array of 0/1, shape (n,), optional
    scores : array, shape (n,), optional
        Instance logits.
    probability : float, optional
        Of the slide.

    Raises
    ------
    ValueError
        When these do not fit together; the message names the slide.
    """

    name: str
    image: np.ndarray | Callable[[], np.ndarray]
    attention: np.ndarray
    coords: np.ndarray
    tile_size: int
    truth: np.ndarray | None = None
    scores: np.ndarray | None = None
    probability: float | None = None

    def __post_init__(self) -> None:
        check_tiles(
            self.attention, self.coords, self.truth, tile_size=self.tile_size, slide=self.name
        )
        if self.scores is not None and np.shape(self.scores) != np.shape(self.attention):
            raise ValueError(
                f"slide {self.name}: scores have shape {np.shape(self.scores)}, "
                f"expected {np.shape(self.attention)}, one for each tile"
            )
        if self.scores is not None and not np.isfinite(self.scores).all():
            k = int(np.argmin(np.isfinite(self.scores)))
            raise ValueError(
                f"slide {self.name}: the score of tile {k} is {self.scores[k]}, "
                "expected a finite number"
            )
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError(
                f"slide {self.name}: probability is {self.probability}, expected 0 to 1; "
                "apply the sigmoid to logits first"
            )

    def pixels(self) -> np.ndarray:
        """Return the picture, and make sure that the tiles lie on it."""
        image = np.asarray(self.image() if callable(self.image) else self.image)
        check_tiles(
            self.attention,
            self.coords,
            self.truth,
            image=image,
            tile_size=self.tile_size,
            slide=self.name,
        )
        return image


def slide_views(
    dataset: MedicalBagDataset,
    found: Predictions,
    *,
    image_of: Callable[[str], np.ndarray],
    tile_size: int,
) -> list[SlideView]:
    """Make a view of every slide of a data set.

    Parameters
    ----------
    dataset : MedicalBagDataset
        With coordinates; instance labels are shown if it has them.
    found : Predictions
        Of this data set, from ``predict``.
    image_of : callable
        Slide name → picture (height, width, 3), uint8; called when a slide is looked at.
    tile_size : int
        In pixels of the picture.
    """
    if dataset.coords is None:
        raise ValueError("the data set has no coordinates; give MedicalBagDataset coords=…")
    if len(found.sizes) != len(dataset) or (found.sizes != dataset.sizes.numpy()).any():
        raise ValueError(
            f"the predictions are of {len(found.sizes)} bags with {found.sizes.sum()} tiles, the "
            f"data set has {len(dataset)} with {int(dataset.sizes.sum())}; predict this data set"
        )
    nothing: list[Any] = [None] * len(dataset)
    return [
        SlideView(
            name, _later(image_of, name), attention, coords, tile_size, truth, scores, float(p)
        )
        for name, attention, coords, truth, scores, p in zip(
            dataset.names,
            found.per_bag(found.attention),
            dataset.coords,
            dataset.instance_labels or nothing,
            found.per_bag(found.instance_logits),
            found.probabilities,
        )
    ]


def _later(image_of: Callable[[str], np.ndarray], name: str) -> Callable[[], np.ndarray]:
    return lambda: image_of(name)


def find_view(views: list[SlideView], name: str) -> SlideView:
    """Return the view of this name; refuse one that is not there."""
    for view in views:
        if view.name == name:
            return view
    raise no_such_slide(name, [view.name for view in views])


def in_words(error: Exception) -> str:
    """Tell a page why a slide is not shown, whatever its reader has raised."""
    return str(error) if isinstance(error, ValueError) else f"{type(error).__name__}: {error}"


def no_such_slide(name: str, names: list[str]) -> ValueError:
    """Return the error that there is not one slide of this name, with names that there are."""
    if name in names:
        return ValueError(f"{names.count(name)} slides are called {name!r}; names must differ")
    shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
    return ValueError(f"there is no slide {name!r}; the {len(names)} slides are {shown}")


def checked_views(views: list[SlideView]) -> list[SlideView]:
    """Refuse a list without slides, or with two of one name."""
    views = list(views)
    names = [view.name for view in views]
    if not views:
        raise ValueError("there are no slides to show; pass at least one SlideView")
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"two slides are called {twice!r}; names must differ")
    return views
