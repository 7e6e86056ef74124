"""A slide without some of its tiles, as a model predicts it."""

import copy
from typing import Any

import numpy as np
import torch
from torch import nn

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.models.mil import MIL
from mil_tutorial.models.pooling import (
    AttentionPooling,
    GatedAttentionPooling,
    MaxPooling,
    MeanPooling,
    MeanProbabilityPooling,
    full_precision,
)
from mil_tutorial.training.prediction import Predictions
from mil_tutorial.widgets.slide_view import unknown_slide


class SlideWithoutTiles:
    """A slide whose tiles are embedded once; each prediction pools and classifies those left.

    The model is copied, in evaluation mode; further training of the original changes nothing.
    """

    def __init__(self, model: MIL, dataset: MedicalBagDataset, name: str) -> None:
        if dataset.names.count(name) != 1:
            raise unknown_slide(name, dataset.names)
        bag = dataset.subset([dataset.names.index(name)])
        if bag.coords is None:
            raise ValueError(
                f"slide {name}: the data set has no coordinates; give MedicalBagDataset coords=…"
            )
        self.name, self.coords, self.labels = name, bag.coords[0], bag.labels
        self.truth = None if bag.instance_labels is None else bag.instance_labels[0]
        self._model = copy.deepcopy(model).eval()
        device = next(self._model.parameters()).device
        try:
            with torch.inference_mode():
                self._embeddings = self._model.embed(bag.instances[0].to(device))
        except ValueError as error:
            raise ValueError(f"slide {name}: {error}") from error
        self._model.encoder = nn.Identity()  # is not needed again, and may be large
        self.rule, self.energies = self._find_rule()

    def __len__(self) -> int:
        return len(self._embeddings)

    def _find_rule(self) -> tuple[str, np.ndarray]:
        """Return the rule that takes scores of tiles to the answer, and their attention scores.

        With a linear head the logit of a weighted mean is the weighted mean of the tiles' logits.
        """
        model, none = self._model, np.zeros(0, dtype=np.float32)
        layer: Any = model.pooling
        pooling = type(layer)
        if type(model).classify is not MIL.classify:
            return "", none
        if model.pool_logits:
            names = {MaxPooling: "max", MeanProbabilityPooling: "mean probability"}
            return names.get(pooling, ""), none
        if pooling in (MeanPooling, AttentionPooling, GatedAttentionPooling):
            with torch.inference_mode():
                energies = full_precision(layer.scores(self._embeddings))
            return "softmax", energies.cpu().numpy()
        return "", none

    def left(self, removed: list[int]) -> np.ndarray:
        """Return the numbers of the tiles that are left, ascending."""
        return np.setdiff1d(np.arange(len(self)), removed)

    def predict(self, removed: list[int]) -> Predictions:
        """Predict the slide without these tiles, as ``predict`` would from a data set."""
        embeddings = self._embeddings[self.left(removed)]
        sizes = torch.tensor([len(embeddings)], device=embeddings.device)
        with torch.inference_mode():
            logits, attention = self._model.classify(embeddings, sizes)
            scores = self._model.instance_logits(embeddings)
        parts = (self.labels, logits, sizes, attention, scores)
        return Predictions(*(part.cpu().numpy() for part in parts))

    def hottest(self, removed: list[int], count: int) -> list[int]:
        """Return the tile of the highest weight, then the highest without it, and so on.

        Under attention these are the highest weights. Under max pooling all but one are 0, and
        the next tile is known only without that one.
        """
        tiles: list[int] = []
        for _ in range(count):
            out = [*removed, *tiles]
            tiles.append(int(self.left(out)[self.predict(out).attention.argmax()]))
        return tiles
