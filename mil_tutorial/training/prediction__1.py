"""Prediction by several processes, each on its share of the bags."""

import numpy as np

from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.models import MIL
from mil_tutorial.prediction import Predictions, predict
from mil_tutorial.processes import this_process
from mil_tutorial.steps import share_bags


def predict_together(model: MIL, dataset: MedicalBagDataset, batch_size: int = 64) -> Predictions:
    """Run a model over a data set, as ``predict``, but every process on other bags.

    Every process has to call it, and gets what all of them found, each bag once, in the order of
    the data set. So metrics are those of one process, whatever the number.
    """
    processes = this_process()
    if processes.number == 1:
        return predict(model, dataset, batch_size)
    shares = share_bags(range(len(dataset)), dataset.sizes.tolist(), processes.number)
    own = shares[processes.rank]
    found = predict(model, dataset.subset(own), batch_size) if own else None
    parts = [part for part in processes.gather(found) if part is not None]
    return _in_order(parts, np.concatenate([np.array(share, dtype=int) for share in shares]))


def _in_order(parts: list[Predictions], bags: np.ndarray) -> Predictions:
    """Put the predictions of all shares together; ``bags`` (B,) are their places."""
    order = np.argsort(bags)

    def per_bag(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])[order]

    def packed(name: str) -> np.ndarray:
        cut = [values for part in parts for values in part.per_bag(getattr(part, name))]
        return np.concatenate([cut[i] for i in order])

    return Predictions(
        per_bag("labels"),
        per_bag("logits"),
        per_bag("sizes"),
        packed("attention"),
        packed("instance_logits"),
    )
