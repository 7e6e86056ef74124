"""Faithfulness: does the model's answer change when the tiles that a map shows hot are deleted?

The deletion test asks about the model, not about the truth. A tile is taken out of the bag:
nothing is painted in its place, the weights of the others are normalised anew, and a bag is never
emptied.

Sources: Samek, Binder, Montavon, Lapuschkin & Müller 2017, "Evaluating the visualization of what a
deep neural network has learned" (most relevant first, MoRF; AOPC); Early, Evers & Ramchurn 2022,
"Model agnostic interpretability for multiple instance learning" (the same for bags).
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mil_tutorial.bags.batches import as_tensor
from mil_tutorial.bags.dataset import as_instances
from mil_tutorial.models.mil import MIL
from mil_tutorial.system.numbers import as_array, as_integer, check_kind

OUTPUTS = ("probability", "logit")
TILES_AT_ONCE = 2**17
"""Tiles of shortened bags in one pass: 64 MB of embeddings of width 128."""


def deletion_curve(
    model: MIL,
    features: Any,
    order: Any,
    n_deletions: int | None = None,
    *,
    output: str = "probability",
    tiles_at_once: int = TILES_AT_ONCE,
) -> np.ndarray:
    """Return a model's output for one bag after deleting 0, 1, … L of its tiles.

    Every tile is embedded once. The L + 1 shortened bags are then packed and classified together.

    Parameters
    ----------
    model : MIL
        Any pooling. Left in the mode, training or evaluation, in which it came.
    features : array or Tensor, shape (n, D), or (n, C, height, width)
        The instances of one bag, n ≥ 2.
    order : int array, shape (n,)
        Every tile's number once, in the order of deletion: ``np.argsort(-scores)`` for the most
        relevant first.
    n_deletions : int, optional
        L, from 1 to n - 1. By default n - 1: all but the last tile.
    output : {"probability", "logit"}
        Of the positive class.
    tiles_at_once : int
        Limits memory; it does not change results.

    Returns
    -------
    array, shape (L + 1,)
        Entry k is the output after k deletions; entry 0 that of the whole bag.

    Raises
    ------
    ValueError
        When the bag has one tile or holds NaN, the order is no permutation of its tiles, L is out
        of range, or the features are not as wide as the model expects.
    """
    if output not in OUTPUTS:
        raise ValueError(f"unknown output {output!r}; choose from {', '.join(OUTPUTS)}")
    tiles_at_once = as_integer(tiles_at_once, "tiles_at_once")
    check_kind(nn.Module, model=model)
    parameter = next(model.parameters())
    instances = as_instances(features, "the bag").to(parameter.device, parameter.dtype)
    rows = _checked_order(order, instances)
    n_tiles = len(rows)
    most = n_tiles - 1 if n_deletions is None else n_deletions
    n_deletions = as_integer(most, "n_deletions", least=0)
    if not 1 <= n_deletions <= n_tiles - 1:
        raise ValueError(
            f"n_deletions is {n_deletions}, expected 1 to {n_tiles - 1}: the bag has {n_tiles} "
            "tiles, and one must stay"
        )
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode():
            ordered = model.embed(instances)[rows.to(instances.device)]  # (n, H), first to go first
            parts = []
            sizes = torch.arange(n_tiles, n_tiles - n_deletions - 1, -1)  # of the shortened bags
            while len(sizes):
                some, sizes = sizes.tensor_split([max(tiles_at_once // int(sizes[0]), 1)])
                bags = torch.cat([ordered[-size:] for size in some.tolist()])
                parts.append(model.classify(bags, some.to(bags.device)).logits)
            logits = torch.cat(parts).double()
            return (torch.sigmoid(logits) if output == "probability" else logits).cpu().numpy()
    finally:
        model.train(was_training)


def aopc(curve: Any) -> float:
    r"""Area over the perturbation curve: the mean drop over the first L deletions.

    .. math:: \mathrm{AOPC} = \frac{1}{L + 1} \sum_{k=0}^{L} f(x^{(0)}) - f(x^{(k)})

    for one bag (Samek et al. 2017, equation 12, is the mean of it over inputs). Large when what is
    deleted first matters most; near 0 when it does not matter; negative when the output rises. It
    grows with L and with the first value of the curve, so compare orders, not models, on the
    same bags.

    Parameters
    ----------
    curve : array, shape (L + 1,)
        Of ``deletion_curve``, L ≥ 1; a shorter AOPC is that of ``curve[: L + 1]``.

    Raises
    ------
    ValueError
        When the curve is not one row of at least two finite numbers.
    """
    values = as_array(curve, "curve")
    if values.ndim != 1 or len(values) < 2:
        raise ValueError(f"the curve has shape {values.shape}, expected (L + 1,) with L ≥ 1")
    if not np.isfinite(values).all():
        raise ValueError(f"the curve is {values[~np.isfinite(values)][0]} somewhere")
    return float((values[0] - values).mean())


def _checked_order(order: Any, instances: Tensor) -> Tensor:
    """Return the order as a tensor; refuse a bag of one tile and anything but a permutation."""
    if instances.ndim < 2 or len(instances) < 2:
        raise ValueError(
            f"features have shape {tuple(instances.shape)}, expected (n, D) of one bag with at "
            "least two tiles: deletion never leaves an empty bag"
        )
    rows, n = as_tensor(order, "order").numpy(force=True), len(instances)
    if rows.shape != (n,) or not np.array_equal(np.sort(rows), np.arange(n)):
        raise ValueError(
            f"order {rows.tolist() if rows.size <= 10 else f'of shape {rows.shape}'} is no "
            f"permutation of the bag's {n} tiles; give each of 0 … {n - 1} once, as "
            "np.argsort(-scores) does"
        )
    return torch.from_numpy(rows.astype(np.int64))
