"""A slide with its attention, ready to be explored."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.pictures.tile_checks import (
    check_image,
    check_inside,
    check_scores,
    check_tiles,
)
from mil_tutorial.training.prediction import Predictions


@dataclass(frozen=True)
class SlideView:
    """One slide: its picture, its tiles, and a model's predictions for them.

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
        if self.scores is not None:
            check_scores(self.scores, len(self.attention), slide=self.name)
        if self.probability is not None and not 0 <= self.probability <= 1:
            raise ValueError(
                f"slide {self.name}: probability is {self.probability}, expected 0 to 1; "
                "apply the sigmoid to logits first"
            )

    def pixels(self) -> np.ndarray:
        """Return the picture; refuse one that is not RGB, or that tiles reach beyond."""
        image = np.asarray(self.image() if callable(self.image) else self.image)
        check_image(image, self.name)
        check_inside(self.coords, self.tile_size, image.shape[:2], self.name)
        return image


def slide_views(
    dataset: MedicalBagDataset,
    predictions: Predictions,
    *,
    image_of: Callable[[str], np.ndarray],
    tile_size: int,
) -> list[SlideView]:
    """Make a view of every slide of a data set.

    Parameters
    ----------
    dataset : MedicalBagDataset
        With coordinates; instance labels are shown if it has them.
    predictions : Predictions
        Of this data set, from ``predict``.
    image_of : callable
        Slide name → picture (height, width, 3), uint8; called when a slide is looked at.
    tile_size : int
        In pixels of the picture.
    """
    if dataset.coords is None:
        raise ValueError("the data set has no coordinates; give MedicalBagDataset coords=…")
    sizes = predictions.sizes
    if len(sizes) != len(dataset) or (sizes != dataset.sizes.numpy()).any():
        raise ValueError(
            f"the predictions are for {len(sizes)} bags with {sizes.sum()} tiles, the "
            f"data set has {len(dataset)} with {int(dataset.sizes.sum())}; predict this data set"
        )
    nothing: list[Any] = [None] * len(dataset)
    return [
        SlideView(
            name, partial(image_of, name), attention, coords, tile_size, truth, scores, float(p)
        )
        for name, attention, coords, truth, scores, p in zip(
            dataset.names,
            predictions.per_bag(predictions.attention),
            dataset.coords,
            dataset.instance_labels or nothing,
            predictions.per_bag(predictions.instance_logits),
            predictions.probabilities,
        )
    ]


def unknown_slide(name: str, names: list[str]) -> ValueError:
    """Return the error for an unknown or ambiguous name; it lists known names."""
    if name in names:
        return ValueError(f"{names.count(name)} slides are called {name!r}; names must differ")
    shown = ", ".join(names[:8]) + (" …" if len(names) > 8 else "")
    return ValueError(f"there is no slide {name!r}; the {len(names)} slides are {shown}")
