"""Prediction: a model run over a data set, with everything the metrics and pictures need."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.batches import BagBatch
from mil_tutorial.chunks import forward_in_chunks
from mil_tutorial.loading import fill_batches, load_batches
from mil_tutorial.models import MIL
from mil_tutorial.sampling import InstanceSampler

MOST_VALUES = 2**25
"""Numbers in a batch, 128 MB of them: a batch of large bags has fewer bags, but at least one."""

CHUNK_VALUES = 2**21
"""Numbers computed on at a time, 8 MB: 2,048 instances of 1,024 features."""


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
    dataset : MedicalBagDataset or InstanceSampler
    batch_size : int
        At most so many bags at a time, fewer if they are large; it changes memory, not results.

    Returns
    -------
    Predictions
    """
    device = next(model.parameters()).device
    batches = fill_batches(dataset, batch_size, MOST_VALUES)
    at_once = max(1, CHUNK_VALUES // math.prod(dataset.instance_shape))
    generator = torch.Generator()  # prediction leaves the global random numbers alone
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            parts = [
                _predict_batch(model, batch.to(device), at_once)
                for batch in load_batches(dataset, batches, generator=generator)
            ]
    finally:
        model.train(was_training)
    return Predictions(*(torch.cat(column).cpu().numpy() for column in zip(*parts)))


def _predict_batch(model: MIL, batch: BagBatch, at_once: int) -> tuple[Tensor, ...]:
    out = forward_in_chunks(model, batch.instances, batch.sizes, at_once)
    return batch.labels, out.logits, batch.sizes, out.attention, out.instance_logits
