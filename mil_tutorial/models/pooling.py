"""Pooling: from the instances of a bag to one vector, and the share of each instance in it.

Every layer takes packed ``values (N, H)`` and ``sizes (B,)`` and returns ``Pooled``: the bags'
values (B, H) and the attention (N,), which sums to 1 over each bag.

A new layer gets its name in ``mil.POOLINGS`` and ``build_model``, and its colour in
``pictures.style``.

Equation numbers: Ilse, Tomczak & Welling 2018, "Attention-based deep multiple instance learning",
arXiv 1802.04712.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from mil_tutorial.bags.batches import check_mask
from mil_tutorial.system.numbers import as_integer, check_kind

LARGE_BAG = 256
"""With at least so many instances (a mean over the bags), a product for each bag is faster than one
pass over all, and makes no copy of the values. It changes results by rounding only."""


class Pooled(NamedTuple):
    """What a pooling layer returns."""

    values: Tensor  # (B, H)
    attention: Tensor  # (N,)


def bag_index(sizes: Tensor) -> Tensor:
    """Return the bag each instance belongs to: sizes (2, 3) give 0 0 1 1 1."""
    check_kind(Tensor, sizes=sizes)
    return torch.repeat_interleave(torch.arange(len(sizes), device=sizes.device), sizes)


def segment_sum(values: Tensor, index: Tensor, n_bags: int) -> Tensor:
    """Add up the values (N, …) of each bag; returns (B, …)."""
    check_kind(Tensor, values=values, index=index)
    return values.new_zeros(n_bags, *values.shape[1:]).index_add(0, index, values)


def segment_max(values: Tensor, index: Tensor, n_bags: int) -> Tensor:
    """Return the largest value of each bag and column of ``values`` (N, H): (B, H)."""
    check_kind(Tensor, values=values, index=index)
    columns = index[:, None].expand_as(values)
    empty = values.new_zeros(n_bags, values.shape[1])
    return empty.scatter_reduce(0, columns, values, "amax", include_self=False)


def full_precision(values: Tensor) -> Tensor:
    """Widen half precision to float32: weights of 1/20,000 and sums of thousands need the digits.

    So products may be in half precision (mixed precision), but never a softmax or a sum over a bag.
    """
    return values.float() if values.dtype in (torch.float16, torch.bfloat16) else values


def segment_weighted_sum(values: Tensor, weights: Tensor, sizes: Tensor) -> Tensor:
    """Return Σ a_k h_k of each bag, for values h (N, H) and weights a (N,): (B, H)."""
    values = full_precision(values)
    if len(values) < LARGE_BAG * len(sizes):
        return segment_sum(weights[:, None] * values, bag_index(sizes), len(sizes))
    with torch.autocast(values.device.type, enabled=False):
        if len(sizes) == 1:
            return (weights @ values)[None]
        bags = zip(weights.split(sizes.tolist()), values.split(sizes.tolist()))
        return torch.stack([a @ h for a, h in bags])


def segment_softmax(scores: Tensor, index: Tensor, n_bags: int) -> Tensor:
    """Softmax of the scores (N,) within each bag; returns (N,), summing to 1 over each bag."""
    check_kind(Tensor, scores=scores, index=index)
    scores = full_precision(scores)
    if n_bags == 1:  # the same, in one pass
        return torch.softmax(scores, dim=0)
    with torch.no_grad():  # a shift changes no softmax, so it needs no gradient
        highest = segment_max(scores[:, None], index, n_bags).squeeze(1)
    weights = torch.exp(scores - highest[index])
    return weights / segment_sum(weights, index, n_bags)[index]


def segment_logsumexp(values: Tensor, index: Tensor, n_bags: int) -> Tensor:
    """Return log Σ exp of each bag and column of ``values`` (N, H), without overflow: (B, H)."""
    values = full_precision(values)
    with torch.no_grad():
        highest = segment_max(values, index, n_bags)
    return highest + torch.log(segment_sum(torch.exp(values - highest[index]), index, n_bags))


def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the real instances of each padded bag.

    Parameters
    ----------
    scores : Tensor, shape (B, K)
        Anything may stand under the mask, NaN included.
    mask : Tensor of bool, shape (B, K)
        True at a real instance.

    Returns
    -------
    Tensor, shape (B, K)
        Sums to 1 over each row, exactly 0 on padding.

    Raises
    ------
    ValueError
        When the mask does not fit, is not boolean, or a row has no real instance: its softmax would
        be 0/0.
    """
    check_kind(Tensor, scores=scores, mask=mask)
    check_mask(mask, scores.shape)
    if not bool((real := mask.any(dim=1)).all()):
        row = int((~real).nonzero()[0])
        raise ValueError(f"row {row} of the mask is all False; leave out bags without instances")
    return torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=1)


class MaxPooling(nn.Module):
    """Keep the largest value of each column; the gradient reaches the winners alone.

    The attention of an instance is the share of columns it wins: one-hot for a single column.
    Equal winners share, so that the order of instances does not matter.
    """

    def forward(self, values: Tensor, sizes: Tensor) -> Pooled:
        """Pool values (N, H) of bags with ``sizes`` (B,)."""
        index = bag_index(sizes)
        values = full_precision(values)  # in 16 bits a count of equal winners ends at 256
        with torch.no_grad():
            wins = (values == segment_max(values, index, len(sizes))[index]).to(values.dtype)
            share = wins / segment_sum(wins, index, len(sizes))[index]  # (N, H)
        return Pooled(segment_sum(share * values, index, len(sizes)), share.mean(dim=1))


class MeanPooling(nn.Module):
    """Average each column over the bag; every instance has attention 1/n."""

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return 0 for each embedding (N, H): the mean is attention that prefers none, (N,)."""
        return embeddings.new_zeros(len(embeddings))

    def forward(self, values: Tensor, sizes: Tensor) -> Pooled:
        """Pool values (N, H) of bags with ``sizes`` (B,)."""
        attention = (1 / sizes.to(full_precision(values).dtype))[bag_index(sizes)]
        return Pooled(segment_weighted_sum(values, attention, sizes), attention)


class MeanProbabilityPooling(nn.Module):
    """Average the probabilities that instance logits stand for; returns the logit of the average.

    Averaging the logits themselves would be mean pooling of embeddings under another name, because
    a linear head and a mean can change places.
    """

    def forward(self, values: Tensor, sizes: Tensor) -> Pooled:
        """Pool instance logits (N, 1) of bags with ``sizes`` (B,)."""
        index = bag_index(sizes)
        values = full_precision(values)
        attention = (1 / sizes.to(values.dtype))[index]
        positive = segment_logsumexp(F.logsigmoid(values), index, len(sizes))
        negative = segment_logsumexp(F.logsigmoid(-values), index, len(sizes))
        return Pooled(positive - negative, attention)  # log(p / (1 - p)); the 1/n cancel


class AttentionPooling(nn.Module):
    r"""Weighted mean whose weights are learned (equations 7 and 8).

    .. math:: z = \sum_k a_k h_k, \qquad
              a_k = \mathrm{softmax}_k\{ w^\top \tanh(V h_k) \}

    As in the authors' code, V has a bias; w needs none, because softmax ignores a shift.

    Parameters
    ----------
    embedding_dim : int
        H, the width of the embeddings h.
    attention_dim : int
        A, the number of rows of V.
    """

    def __init__(self, embedding_dim: int, attention_dim: int = 128) -> None:
        super().__init__()
        embedding_dim = as_integer(embedding_dim, "embedding_dim")
        attention_dim = as_integer(attention_dim, "attention_dim")
        self.V = nn.Linear(embedding_dim, attention_dim)
        self.w = nn.Linear(attention_dim, 1, bias=False)

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return the attention score of each embedding (N, H) before the softmax: (N,)."""
        return self.w(self.V(embeddings).tanh_()).squeeze(-1)

    def forward(self, values: Tensor, sizes: Tensor) -> Pooled:
        """Pool embeddings (N, H) of bags with ``sizes`` (B,)."""
        index = bag_index(sizes)
        attention = segment_softmax(self.scores(values), index, len(sizes))
        return Pooled(segment_weighted_sum(values, attention, sizes), attention)


class GatedAttentionPooling(AttentionPooling):
    r"""Attention with a gate (equation 9): tanh is nearly linear around 0, the gate is not.

    .. math:: a_k = \mathrm{softmax}_k\{ w^\top ( \tanh(V h_k) \odot \mathrm{sigm}(U h_k) ) \}
    """

    def __init__(self, embedding_dim: int, attention_dim: int = 128) -> None:
        super().__init__(embedding_dim, attention_dim)
        self.U = nn.Linear(embedding_dim, attention_dim)

    def scores(self, embeddings: Tensor) -> Tensor:
        """Return the attention score of each embedding (N, H) before the softmax: (N,)."""
        gated = self.V(embeddings).tanh_() * self.U(embeddings).sigmoid_()  # in place: no copies
        return self.w(gated).squeeze(-1)
