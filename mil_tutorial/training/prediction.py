"""Prediction: a model, or an ensemble, run over a data set by one process or several."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from mil_tutorial.bags.batches import BagBatch
from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.loading import fill_batches, load_batches, share_bags
from mil_tutorial.bags.sampling import InstanceSampler
from mil_tutorial.models.chunks import forward_in_chunks
from mil_tutorial.models.mil import MIL
from mil_tutorial.system.distributed import this_process
from mil_tutorial.system.numbers import check_kind

MOST_VALUES = 2**25
"""Numbers in a batch, 128 MB of them: a batch of large bags has fewer bags, but at least one."""

CHUNK_VALUES = 2**21
"""Numbers computed on at a time, 8 MB: 2,048 instances of 1,024 features."""


@dataclass(frozen=True)
class Predictions:
    """Outputs of a model for B bags with N instances in all, in the order of the data set.

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
    """

    def classify(batch: BagBatch) -> tuple[Tensor, ...]:
        out = forward_in_chunks(model, batch.instances, batch.sizes, at_once)
        return batch.labels, out.logits, batch.sizes, out.attention, out.instance_logits

    check_kind(nn.Module, model=model)
    check_kind(MedicalBagDataset, InstanceSampler, dataset=dataset)
    device = next(model.parameters()).device
    batches = fill_batches(dataset, batch_size, MOST_VALUES)
    at_once = max(1, CHUNK_VALUES // math.prod(dataset.instance_shape))
    generator = torch.Generator()  # prediction leaves the global random numbers alone
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            parts = [
                classify(batch.to(device))
                for batch in load_batches(dataset, batches, generator=generator)
            ]
    finally:
        model.train(was_training)
    return Predictions(*(torch.cat(column).cpu().numpy() for column in zip(*parts)))


def predict_together(model: MIL, dataset: MedicalBagDataset, batch_size: int = 64) -> Predictions:
    """Run a model over a data set, as ``predict``, each process of a launcher on its own share.

    Every process has to call it, and gets the predictions of all bags in the order of the data
    set: metrics do not depend on the number of processes.
    """
    processes = this_process()
    if processes.number == 1:
        return predict(model, dataset, batch_size)
    shares = share_bags(range(len(dataset)), dataset.sizes.tolist(), processes.number)
    own = shares[processes.rank]
    predictions = predict(model, dataset.subset(own), batch_size) if own else None
    parts = [part for part in processes.gather(predictions) if part is not None]
    order = np.argsort([bag for share in shares for bag in share])

    def in_order(name: str) -> np.ndarray:
        return np.concatenate([getattr(part, name) for part in parts])[order]

    def packed_in_order(name: str) -> np.ndarray:
        bags = [values for part in parts for values in part.per_bag(getattr(part, name))]
        return np.concatenate([bags[i] for i in order])

    return Predictions(
        *map(in_order, ("labels", "logits", "sizes")),
        *map(packed_in_order, ("attention", "instance_logits")),
    )


def ensemble(members: Sequence[Predictions]) -> Predictions:
    """Average the logits, attention and instance logits of several models for the same bags.

    So attention still sums to 1 over a bag, and logits on which the members disagree move towards 0
    (Lakshminarayanan et al. 2017, "Simple and scalable predictive uncertainty estimation using
    deep ensembles", average probabilities; the order of bags is nearly the same).

    Parameters
    ----------
    members : sequence of Predictions
        Of the same bags in the same order.
    """
    if not members:
        raise ValueError("an ensemble needs at least one member, got none")
    first = members[0]
    for i, other in enumerate(members):
        for name in ("sizes", "labels"):
            if not np.array_equal(getattr(first, name), getattr(other, name)):
                raise ValueError(
                    f"member {i} judged other bags than member 0; predict the same bags"
                )

    def mean(name: str) -> np.ndarray:
        return np.mean([getattr(member, name) for member in members], axis=0)

    return replace(
        first, **{name: mean(name) for name in ("logits", "attention", "instance_logits")}
    )
