"""Metrics of attention: how widely it spreads, and whether it lands on the right instances.

The last function smooths instance scores over their neighbours in the picture.
"""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.bags.batches import as_tensor, check_sizes, pack
from mil_tutorial.models.pooling import bag_index, full_precision, segment_sum
from mil_tutorial.system.numbers import as_array, as_number


def attention_entropy(
    attention: Any, *, mask: Any = None, sizes: Any = None, normalised: bool = True
) -> Tensor:
    r"""Entropy of each bag's attention over its real instances: (B,).

    .. math:: E_b = -\sum_k a_k \log a_k, \qquad E_b / \log n_b \in [0, 1]

    1 means attention is spread evenly (mean pooling), 0 that one instance has it all (max
    pooling). A bag of one instance has entropy 0. Differentiable, so it can join a loss.

    Parameters
    ----------
    attention : array or Tensor
        (B, K) padded, with ``mask (B, K)`` (all real without it); or (N,) packed, with
        ``sizes (B,)``. Sums to 1 over each bag.
    normalised : bool
        Divide by log n_b; otherwise the entropy is in nats.

    Raises
    ------
    ValueError
        For weights that are negative or do not sum to 1, and sizes that do not fit.
    """
    attention = full_precision(as_tensor(attention, "attention"))
    if not attention.is_floating_point():  # one-hot weights as 0 and 1
        attention = attention.float()
    if attention.ndim != (2 if sizes is None else 1) or not (mask is None or sizes is None):
        raise ValueError(
            f"attention has shape {tuple(attention.shape)}; give it padded (B, K) with mask, "
            "or packed (N,) with sizes"
        )
    if sizes is None:
        attention, sizes = pack(attention, None if mask is None else as_tensor(mask, "mask"))
    sizes = as_tensor(sizes, "sizes")
    check_sizes(sizes, len(attention))
    index = bag_index(sizes)
    if (negative := attention.detach() < 0).any():
        k = int(negative.nonzero()[0])
        raise ValueError(
            f"attention of bag {int(index[k])} holds {float(attention[k]):.3g}, expected 0 or "
            "more; pass weights after the softmax"
        )
    sums = segment_sum(attention.detach(), index, len(sizes))
    wrong = ~((sums - 1).abs() < 1e-3)  # NaN is wrong too
    if wrong.any():
        bag = int(wrong.nonzero()[0])
        raise ValueError(
            f"attention of bag {bag} sums to {float(sums[bag]):.3g}, expected 1; "
            "pass weights after the softmax, and the mask of padded bags"
        )
    return _entropy(attention, sizes, normalised)


def effective_instances(attention: Any, *, mask: Any = None, sizes: Any = None) -> Tensor:
    """Return exp(entropy), the number of instances that attention amounts to: 1 … n_b, (B,)."""
    return torch.exp(attention_entropy(attention, mask=mask, sizes=sizes, normalised=False))


def entropy_term(attention: Tensor, sizes: Tensor, n_bags: int | None = None) -> Tensor:
    """Mean normalised entropy over bags of two or more instances, as a term of the training loss.

    Of packed attention (N,): a scalar with gradient, 0 when the batch has no such bag. Where these
    bags are a part of a step, ``n_bags`` counts all the step's bags of two or more instances.
    """
    if not attention.requires_grad:
        raise ValueError(
            "an entropy term (entropy_weight) needs attention that is learned, as in attention and "
            "gated pooling; this attention has no gradient, so the term would do nothing"
        )
    several = int((sizes > 1).sum()) if n_bags is None else n_bags
    return _entropy(attention, sizes).sum() / max(several, 1)  # a bag of one adds 0


def _entropy(attention: Tensor, sizes: Tensor, normalised: bool = True) -> Tensor:
    # The clamp keeps 0 · log 0 at 0 and its gradient finite, for weights that underflow.
    logs = torch.log(attention.clamp(min=torch.finfo(attention.dtype).tiny))
    entropy = segment_sum(-attention * logs, bag_index(sizes), len(sizes))
    entropy = entropy.clamp(min=0)  # rounding can give -1e-8
    # log 1 = 0: leave the 0 of a bag of one as it is
    return entropy / torch.log(sizes.clamp(min=2).to(entropy.dtype)) if normalised else entropy


class InstanceConfusion(NamedTuple):
    """Counts of instances by truth and decision."""

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int


def instance_confusion(scores: Any, instance_labels: Any, threshold: float) -> InstanceConfusion:
    """Count instance-level false alarms and misses of thresholded attention (or any score).

    Parameters
    ----------
    scores, instance_labels : arrays of shape (N,)
        An instance is called positive when its score is at least ``threshold``. Raw attention
        depends on the size of the bag; N·a, which is 1 on average, can share one threshold.

    Raises
    ------
    ValueError
        When shapes differ, a label is not 0 or 1, or a score or the threshold is NaN.
    """
    scores, truth = _checked_truth(scores, instance_labels)
    if np.isnan(threshold := as_number(threshold, "threshold")):
        raise ValueError("the threshold is NaN, expected a number on the scale of the scores")
    called = scores >= threshold
    cells = (called & truth, called & ~truth, ~called & truth, ~called & ~truth)
    return InstanceConfusion(*(int(cell.sum()) for cell in cells))


def instance_auc(scores: list[np.ndarray], instance_labels: list[np.ndarray]) -> np.ndarray:
    """AUC within each bag, of B arrays (n_b,): (B,), NaN where all instances are of one kind.

    Attention is relative: it can be compared inside a slide, not between slides.

    Raises
    ------
    ValueError
        When there are not as many bags of scores as of labels, or for what ``instance_confusion``
        refuses; the message names the bag.
    """
    from sklearn.metrics import roc_auc_score

    if len(scores) != len(instance_labels):
        raise ValueError(f"{len(scores)} bags of scores, but {len(instance_labels)} of labels")
    pairs = [
        _checked_truth(*pair, f"bag {i}: ") for i, pair in enumerate(zip(scores, instance_labels))
    ]
    return np.array([roc_auc_score(y, s) if 0 < y.sum() < len(y) else np.nan for s, y in pairs])


def _checked_truth(scores: Any, labels: Any, bag: str = "") -> tuple[np.ndarray, np.ndarray]:
    """Return the scores, and the labels as bools."""
    scores = as_array(scores, f"{bag}scores")
    labels = np.asarray(labels)
    if scores.shape != labels.shape:
        raise ValueError(
            f"{bag}scores {scores.shape} and instance_labels {labels.shape} differ in shape"
        )
    if not (valid := np.isin(labels, (0, 1))).all():
        raise ValueError(f"{bag}an instance label is {labels[~valid][0]}, expected 0 or 1")
    if np.isnan(scores).any():
        raise ValueError(f"{bag}a score is NaN; expected numbers")
    return scores, labels.astype(bool)


def smooth_scores(scores: Any, coords: Any, radius: float) -> np.ndarray:
    """Average the scores of one bag over neighbours, with Gaussian weights by distance: (n,).

    Tissue is continuous: the neighbours of an epithelial nucleus are mostly epithelial. A bag does
    not know the places of its instances; smoothing uses them, after training.

    Parameters
    ----------
    scores : array, shape (n,)
    coords : array, shape (n, 2)
        x, y in pixels.
    radius : float
        Standard deviation of the weights in pixels; 0 returns the scores as they are. Instances
        beyond three of it do not count.
    """
    from scipy.sparse import coo_matrix
    from scipy.spatial import cKDTree

    values, places = as_array(scores, "scores"), as_array(coords, "coords")
    radius = as_number(radius, "radius")
    if values.ndim != 1 or places.shape != (len(values), 2):
        raise ValueError(
            f"scores have shape {values.shape} and coords {places.shape}, expected (n,) and (n, 2)"
        )
    if not (np.isfinite(values).all() and np.isfinite(places).all() and radius >= 0):
        raise ValueError(f"scores and coords must be finite, radius (got {radius}) not negative")
    if radius == 0:
        return values
    pairs = cKDTree(places).query_pairs(3 * radius, output_type="ndarray")
    distances = np.linalg.norm(places[pairs[:, 0]] - places[pairs[:, 1]], axis=1)
    weight = np.exp(-0.5 * (distances / radius) ** 2)
    n = len(values)
    one_way = coo_matrix((weight, (pairs[:, 0], pairs[:, 1])), shape=(n, n)).tocsr()
    ones = np.ones(n)
    total = ones + one_way @ ones + one_way.T @ ones  # each instance itself, and its neighbours
    return (values + one_way @ values + one_way.T @ values) / total
