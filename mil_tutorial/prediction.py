"""Prediction: a model run over a data set, with everything the metrics and pictures need."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.batches import BagBatch, collate_packed
from mil_tutorial.models import MIL
from mil_tutorial.sampling import InstanceSampler

MOST_VALUES = 2**25
"""Numbers in a batch, 128 MB of them: a batch of large bags has fewer bags, but at least one."""


@dataclass(frozen=True)
class Predictions:
    """What a model says of B bags with N instances in all, in the order of the data set.

    Attributes
    ----------
    labels, logits : arrays of shape (B,)
    sizes : int array of shape (B,)
    attention, instance_logits : arrays of shape (N,)
        Packed; ``per_bag`` cuts them into bags.
    """

    labels: np.ndarray
    logits: np.ndarray
    sizes: np.ndarray
    attention: np.ndarray
    instance_logits: np.ndarray

    @property
    def probabilities(self) -> np.ndarray:
        """The sigmoid of the logits: the one place where it is taken."""
        from scipy.special import expit

        return expit(self.logits)

    def per_bag(self, packed: np.ndarray) -> list[np.ndarray]:
        """Cut packed values (N,) into B arrays of n_b."""
        return np.split(packed, np.cumsum(self.sizes)[:-1])


def predict(
    model: MIL, dataset: MedicalBagDataset | InstanceSampler, batch_size: int = 64
) -> Predictions:
    """Run a model over a data set in evaluation mode, without gradients.

    Parameters
    ----------
    model : MIL
        Left in the mode, training or evaluation, in which it came.
    dataset : MedicalBagDataset
    batch_size : int
        At most so many bags at a time, fewer if they are large; it changes memory, not results.

    Returns
    -------
    Predictions
    """
    device = next(model.parameters()).device
    # Without a generator of its own a loader draws from the global random numbers.
    loader = DataLoader(
        dataset,
        batch_sampler=_batches(dataset, batch_size),
        collate_fn=collate_packed,
        generator=torch.Generator(),
    )
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            parts = [_predict_batch(model, batch.to(device)) for batch in loader]
    finally:
        model.train(was_training)
    return Predictions(*(torch.cat(column).cpu().numpy() for column in zip(*parts)))


def _batches(dataset: MedicalBagDataset | InstanceSampler, batch_size: int) -> list[list[int]]:
    """Put bags together in their order, as many as memory should hold at once."""
    values = (dataset.sizes * math.prod(dataset.instance_shape)).tolist()
    batches: list[list[int]] = []
    held = 0
    for bag, size in enumerate(values):
        if not batches or len(batches[-1]) == batch_size or held + size > MOST_VALUES:
            batches.append([])
            held = 0
        batches[-1].append(bag)
        held += size
    return batches


def _predict_batch(model: MIL, batch: BagBatch) -> tuple[Tensor, ...]:
    embeddings = model.embed(batch.instances)
    logits, attention = model.classify(embeddings, batch.sizes)
    return batch.labels, logits, batch.sizes, attention, model.instance_logits(embeddings)
