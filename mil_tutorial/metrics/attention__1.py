"""Neighbours: a score of one instance improved by those beside it in the tissue."""

from typing import Any

import numpy as np


def smooth_scores(scores: Any, coords: Any, radius: float) -> np.ndarray:
    """Average the scores of one bag over neighbours, with Gaussian weights by distance.

    Tissue is continuous: the neighbours of an epithelial nucleus are mostly epithelial. A bag does
    not know where its instances lay; this puts the knowledge back, after training.

    Parameters
    ----------
    scores : array, shape (n,)
    coords : array, shape (n, 2)
        x, y in pixels.
    radius : float
        Standard deviation of the weights in pixels; 0 returns the scores as they are. Instances
        beyond three of it do not count.

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    ValueError
        When lengths differ, a value is not finite, or the radius is negative.
    """
    from scipy.sparse import coo_matrix
    from scipy.spatial import cKDTree

    values, places = np.asarray(scores, dtype=float), np.asarray(coords, dtype=float)
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
