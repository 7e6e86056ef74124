"""Kept models: all that a pooling's training left, and how it judges other bags."""

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.special import expit
from torch import Tensor
from tqdm.auto import tqdm

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.loading import fill_batches
from mil_tutorial.datasets.features.files import Moments, moments_of
from mil_tutorial.datasets.features.tables import in_order
from mil_tutorial.experiment.shift import Reference, Shift, measure_shift
from mil_tutorial.models.mil import MIL
from mil_tutorial.system.numbers import check_kind
from mil_tutorial.training.prediction import MOST_VALUES, ensemble, predict

SAME_MPP = 0.05
"""Relative difference of two µm/px that is none: slides are read at the nearest whole pixel."""
UNUSED, TRAINED, VALIDATED, TESTED = range(4)
"""What a bag was for the models of a seed and fold."""
NEW = "all models"
UNSEEN = "models that never saw it"
SEEN = "all models, which trained on it"
"""Who judges a bag: one unknown to the file, one that some models never saw, one that all saw."""


class KeptTrial(NamedTuple):
    """The models of a seed and fold, whose mean logit judges, and what belongs to them.

    ``scale`` is the mean and deviation (D,) of the features in training, None where they were not
    scaled; ``threshold`` what a probability has to reach to be called positive.
    """

    seed: int
    fold: int
    models: list[MIL]
    scale: tuple[Tensor, Tensor] | None
    threshold: float


@dataclass(frozen=True, eq=False)
class KeptPredictions:
    """What a kept model says of B bags, in the order of the data set; all arrays are (B,).

    Attributes
    ----------
    names : list of str
    probabilities : mean over the seeds and folds that judge the bag
    calibrated : the same with logits divided by the temperature; NaN without one
    spread : deviation of the probabilities of the single models
    thresholds, called_positive : mean threshold of those that judge; whether it is reached
    judged_by : list of str
        ``NEW``, ``UNSEEN`` or ``SEEN``.
    attention : list of arrays (n_b,), mean over those that judge
    by_trial : array (T, B)
        Probability by each seed and fold; NaN where it does not judge.
    shift : Shift
        How far the features lie from those of training.
    """

    names: list[str]
    probabilities: np.ndarray
    calibrated: np.ndarray
    spread: np.ndarray
    thresholds: np.ndarray
    called_positive: np.ndarray
    judged_by: list[str]
    attention: list[np.ndarray]
    by_trial: np.ndarray
    shift: Shift


@dataclass(frozen=True, eq=False)
class KeptModel:
    """The models of all seeds and folds of one pooling, as ``compare --keep`` wrote them.

    Attributes
    ----------
    settings : dict
        The text of the file: pooling, width of the features, classes, encoder, temperature and how
        it was obtained, data, checksums, settings of the training, versions.
    trials : list of KeptTrial
    reference : Reference
        Of the training features, by slide.
    contents : list of bytes
        Of the K bags that the experiment used: see ``MedicalBagDataset.contents``.
    roles : int array, shape (T, K)
        What each of them was for each trial: ``TRAINED``, ``TESTED``, …
    """

    settings: dict[str, Any]
    trials: list[KeptTrial]
    reference: Reference
    contents: list[bytes]
    roles: np.ndarray

    @property
    def width(self) -> int:
        """D, the width of the features."""
        return self.settings["width"]

    @property
    def classes(self) -> tuple[str, str]:
        """What 0 and 1 are called."""
        negative, positive = self.settings["classes"]
        return negative, positive

    @cached_property
    def _column(self) -> dict[bytes, int]:
        return {known: column for column, known in enumerate(self.contents)}

    def judges(self, content: bytes) -> tuple[np.ndarray, str]:
        """Return which trials judge a bag, (T,) bool, and who that is.

        A bag that the experiment knows is judged by the models that neither trained on it nor were
        chosen by it, if there are any: so its prediction is that of the cross-validation.
        """
        everyone = np.ones(len(self.trials), dtype=bool)
        if (column := self._column.get(content)) is None:
            return everyone, NEW
        unseen = ~np.isin(self.roles[:, column], (TRAINED, VALIDATED))
        return (unseen, UNSEEN) if unseen.any() else (everyone, SEEN)

    def predict(self, dataset: MedicalBagDataset) -> KeptPredictions:
        """Judge bags of features; they are scaled here as each fold's training bags were.

        The logit of a seed and fold is the mean of its members', as in ``compare``; the probability
        is the mean over seeds and folds. No bag of known content is judged by models that saw it,
        if others did not: see ``judges``.

        Parameters
        ----------
        dataset : MedicalBagDataset
            Features as the encoder made them, not scaled; labels are not looked at.

        Raises
        ------
        ValueError
            For features of another encoder or width, scaled ones, or numbers too large to judge.
        """
        self._check(dataset)
        chosen, judged_by = zip(*map(self.judges, dataset.contents()))
        judging = np.stack(chosen, axis=1)

        def mean(values: np.ndarray) -> np.ndarray:
            """Return the mean over the trials (T, B) that judge; exact where only one does."""
            return np.mean(np.broadcast_to(values, judging.shape), axis=0, where=judging)

        logits = np.full(judging.shape, np.nan)
        singles: list[list[float]] = [[] for _ in judged_by]
        attention: list[Any] = [0.0] * len(dataset)
        moments: list[Moments] = []
        blocks = fill_batches(dataset, len(dataset), MOST_VALUES)
        quick = len(blocks) == 1  # no bar for what takes no time
        for rows in tqdm(blocks, "judging", leave=False, disable=quick or None):
            block = MedicalBagDataset([(dataset.instances[row], 0) for row in rows])
            moments += map(moments_of, block.instances)
            for t, trial in enumerate(self.trials):
                if not (own := judging[t, rows]).any():
                    continue
                bags, columns = block.subset(own), np.array(rows)[own]
                bags = bags if trial.scale is None else bags.scaled(*trial.scale)
                members = [predict(model, bags) for model in trial.models]
                together = ensemble(members)
                logits[t, columns] = together.logits
                shares = together.per_bag(together.attention)
                each = zip(*(one.probabilities for one in members))
                for column, weights, values in zip(columns, shares, each):
                    attention[column] = attention[column] + weights
                    singles[column] += values
        _check_finite(np.where(judging, logits, 0), dataset.names)
        thresholds = mean(np.array([[trial.threshold] for trial in self.trials]))
        probabilities = mean(expit(logits))
        return KeptPredictions(
            names=list(dataset.names),
            probabilities=probabilities,
            calibrated=mean(expit(logits / (self.settings["temperature"] or np.nan))),
            spread=np.array([np.std(values) for values in singles]),
            thresholds=thresholds,
            called_positive=probabilities >= thresholds,
            judged_by=list(judged_by),
            attention=[sum_ / n for sum_, n in zip(attention, judging.sum(axis=0))],
            by_trial=expit(logits),
            shift=measure_shift(self.reference, moments),
        )

    def _check(self, dataset: MedicalBagDataset) -> None:
        """Refuse features of another encoder or width; warn of tiles of another µm/px."""
        check_kind(MedicalBagDataset, dataset=dataset)
        trained, origin = self.settings["features"], dataset.origin()
        encoder, other = trained.get("encoder"), origin.get("encoder")
        if encoder and other and encoder != other:
            raise ValueError(
                f"features are of {other}, the model was trained on {encoder}; extract them again"
            )
        if dataset.instance_shape != (self.width,):
            raise ValueError(
                f"{dataset.names[0]}: features have shape (n, "
                f"{', '.join(map(str, dataset.instance_shape))}), the model was trained on "
                f"(n, {self.width}){f' of {encoder}' if encoder else ''}; extract them with the "
                "same encoder"
            )
        mpp, own = trained.get("mpp"), float(origin.get("mpp", 0))
        if mpp and own and not math.isclose(mpp, own, rel_tol=SAME_MPP):
            warnings.warn(
                f"tiles are of {own:g} µm/px, the model was trained on {mpp:g}; the same "
                "structures look different to its encoder",
                stacklevel=3,
            )
        if dataset.scale is not None:
            raise ValueError(
                "the features were scaled before; give them as they were extracted, since each "
                "fold of the model scales them by its own training set"
            )


def _check_finite(logits: np.ndarray, names: list[str]) -> None:
    """Refuse what would be called negative for want of a number."""
    if beyond := [names[i] for i in np.flatnonzero(~np.isfinite(logits).all(axis=0))]:
        raise ValueError(
            f"{in_order(beyond)}: the features are too large for the model to compute with; "
            "extract them again as for training, or leave these slides out"
        )
