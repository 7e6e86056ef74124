"""Chunks: a bag of any size computed a few thousand instances at a time, exactly.

A chunk gives one vector and one score for each bag that it holds a piece of: the piece's weighted
mean, and the logarithm of what its weights were divided by. The pieces of a bag are pooled by these
scores as if they were its instances, and the result is that of the whole bag:

    Σ_k exp(s_k) h_k / Σ_k exp(s_k)  =  Σ_c exp(m_c) z_c / Σ_c exp(m_c)
    where z_c is the weighted mean of chunk c and m_c = log Σ_{k in c} exp(s_k)

(The idea of Milakov & Gimelshein 2018, "Online normalizer calculation for softmax", and of Dao et
al. 2022, "FlashAttention".)
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from mil_tutorial.bags.batches import check_sizes
from mil_tutorial.models.mil import MIL
from mil_tutorial.models.pooling import (
    AttentionPooling,
    MeanPooling,
    bag_index,
    segment_logsumexp,
    segment_softmax,
    segment_sum,
    segment_weighted_sum,
)
from mil_tutorial.system.numbers import as_integer, check_kind


class ChunkedOutput(NamedTuple):
    """A model's output for packed bags, and for each instance by itself."""

    logits: Tensor  # (B,)
    attention: Tensor  # (N,)
    instance_logits: Tensor  # (N,)


def forward_in_chunks(model: MIL, instances: Tensor, sizes: Tensor, at_once: int) -> ChunkedOutput:
    """Classify packed bags, computing on at most ``at_once`` instances at a time.

    With gradients, the chunks are computed again in the backward pass instead of being kept
    (Chen et al. 2016, "Training deep nets with sublinear memory cost"): about a third more time,
    and memory for one chunk. Without, nothing is computed twice.

    Parameters
    ----------
    model : MIL
        One that does not pool by the softmax of ``pooling.scores`` (a columnwise
        maximum, a layer of your own) keeps the embeddings (N, H).
    instances : Tensor, shape (N, …)
    sizes : Tensor, shape (B,)
    at_once : int

    Returns
    -------
    ChunkedOutput
        As ``model.forward_packed`` gives it, to within rounding.

    Raises
    ------
    ValueError
        When ``at_once`` is no positive whole number, a bag is empty, or the sizes do not sum to N;
        in training, when the model normalises
        over the batch: a chunk is not the batch.
    """
    check_kind(nn.Module, model=model)
    check_kind(Tensor, instances=instances)
    check_chunkable(model)
    check_sizes(sizes, len(instances))
    at_once = as_integer(at_once, "at_once")
    chunks = instances.split(at_once)
    if not _pools_by_scores(model):
        return _embeddings_or_logits_kept(model, chunks, sizes)
    # The pieces of bags in each chunk: which bag, and how many instances.
    pieces = [
        part.unique_consecutive(return_counts=True) for part in bag_index(sizes).split(at_once)
    ]
    bag, lengths = (torch.cat(column) for column in zip(*pieces))
    n_pieces, n = len(bag), len(instances)
    values, scores, within, own = _collect(
        (_recomputed(_pool, model, chunk, part) for chunk, (_, part) in zip(chunks, pieces)),
        lengths=(n_pieces, n_pieces, n, n),
    )
    weights = segment_softmax(scores, bag, len(sizes))
    bags = segment_sum(weights[:, None] * values, bag, len(sizes))
    attention = within * torch.repeat_interleave(weights, lengths)
    return ChunkedOutput(model.instance_logits(bags), attention, own)


def _collect(results: Iterator[tuple[Tensor, ...]], lengths: tuple[int, ...]) -> list[Tensor]:
    """Concatenate the results of all chunks, column by column, to these lengths."""
    if torch.is_grad_enabled():
        return [torch.cat(column) for column in zip(*results)]
    # Written into their places: small results, kept between large ones that are freed, would
    # break the free memory into pieces, and the process would grow.
    first = next(results)
    columns = [part.new_empty(n, *part.shape[1:]) for part, n in zip(first, lengths)]
    done = [0] * len(columns)
    for result in chain([first], results):
        for i, part in enumerate(result):
            columns[i][done[i] : done[i] + len(part)] = part
            done[i] += len(part)
    return columns


def _pools_by_scores(model: MIL) -> bool:
    """Return True if the bag is the mean weighed by the softmax of the pooling's scores."""
    known = (AttentionPooling.forward, MeanPooling.forward)
    inherited = type(model).classify is MIL.classify and type(model.pooling).forward in known
    return inherited and not model.pool_logits


def normalises_over_batch(model: nn.Module) -> bool:
    """Return True if layers use the mean of all instances of a step: batch normalisation."""
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in model.modules())


def check_chunkable(model: MIL) -> None:
    """Refuse to train a model in chunks or parts whose layers look across instances."""
    if model.training and normalises_over_batch(model):
        raise ValueError(
            "instances_at_once is set, but the encoder has batch normalisation, whose mean and "
            "deviation are those of the whole batch; leave instances_at_once out, or use an "
            "encoder with group or layer normalisation"
        )


def _embeddings_or_logits_kept(
    model: MIL, chunks: tuple[Tensor, ...], sizes: Tensor
) -> ChunkedOutput:
    def instance_logits(model: MIL, chunk: Tensor) -> Tensor:
        return model.instance_logits(model.embed(chunk))

    only_logits = model.pool_logits and type(model).classify is MIL.classify
    function = instance_logits if only_logits else MIL.embed
    results = ((_recomputed(function, model, chunk),) for chunk in chunks)
    (kept,) = _collect(results, lengths=(sum(map(len, chunks)),))
    if only_logits:
        values, attention = model.pooling(kept[:, None], sizes)
        return ChunkedOutput(values.squeeze(-1), attention, kept)
    logits, attention = model.classify(kept, sizes)
    return ChunkedOutput(logits, attention, model.instance_logits(kept))


def _recomputed(function: Callable[..., Any], *arguments: Any) -> Any:
    """Call a function; its intermediate values are computed again when gradients need them."""
    if not torch.is_grad_enabled():
        return function(*arguments)
    return checkpoint(function, *arguments, use_reentrant=False)


def _pool(model: MIL, chunk: Tensor, sizes: Tensor) -> tuple[Tensor, ...]:
    """Pool the P pieces of bags, of these sizes, in a chunk of n instances.

    Returns their values (P, H) and scores (P,), the attention within each (n,), and the instance
    logits (n,).
    """
    embeddings = model.embed(chunk)
    index = bag_index(sizes)
    scores = cast(AttentionPooling, model.pooling).scores(embeddings)
    whole = segment_logsumexp(scores[:, None], index, len(sizes)).squeeze(1)
    attention = torch.exp(scores - whole[index])
    values = segment_weighted_sum(embeddings, attention, sizes)
    return values, whole, attention, model.instance_logits(embeddings)
