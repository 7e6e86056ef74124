"""What one pooling said of the test bags, with all its seeds."""

from dataclasses import dataclass

import numpy as np

from mil_tutorial.history import History
from mil_tutorial.models import MIL
from mil_tutorial.trial import Trial


@dataclass(frozen=True)
class PoolingRuns:
    """One pooling, run with S seeds, seen on the B test bags.

    Attributes
    ----------
    probabilities : array, shape (S, B)
    called_positive : bool array, shape (S, B)
        By ``threshold``.
    threshold : array, shape (S, B)
        What a probability had to reach: chosen for the wanted sensitivity on validation bags, so
        one for each model.
    entropy : array, shape (S, B)
        Normalised attention entropy; NaN for bags of one instance.
    attention_auc, score_auc : arrays, shape (S, B), or None
        Instance AUC within each bag, of attention and of instance logits; NaN where a bag has
        instances of one kind only; None where no instance truth exists.
    histories : list of History
        One for each seed and fold.
    """

    pooling: str
    probabilities: np.ndarray
    called_positive: np.ndarray
    threshold: np.ndarray
    entropy: np.ndarray
    attention_auc: np.ndarray | None
    score_auc: np.ndarray | None
    histories: list[History]

    @property
    def seconds_per_epoch(self) -> float:
        """Median time of an epoch, validation included."""
        return float(np.median(np.concatenate([h.column("seconds") for h in self.histories])))


class Record:
    """Collects what one pooling says of the test bags, seed after seed and fold after fold."""

    def __init__(self, pooling: str, shape: tuple[int, ...]) -> None:
        self.pooling, self.shape = pooling, shape
        self.columns: dict[str, np.ndarray] = {}
        self.histories: list[History] = []
        self.first: MIL

    def add(self, place: tuple, trial: Trial) -> None:
        """Note one trial and the rows of the results that it fills."""
        if not self.histories:
            self.first = trial.model
        self.histories.append(trial.history)
        for name, values in trial.said.items():
            self.columns.setdefault(name, np.full(self.shape, np.nan))[place] = values

    def runs(self) -> PoolingRuns:
        """Return what was collected."""
        columns = self.columns
        return PoolingRuns(
            pooling=self.pooling,
            probabilities=columns["probabilities"],
            called_positive=columns["called_positive"].astype(bool),
            threshold=columns["threshold"],
            entropy=columns["entropy"],
            attention_auc=columns.get("attention_auc"),
            score_auc=columns.get("score_auc"),
            histories=self.histories,
        )
