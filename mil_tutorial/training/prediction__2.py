"""Ensembles: several models that differ by their seed alone, asked together."""

from collections.abc import Sequence

import numpy as np

from mil_tutorial.prediction import Predictions


def ensemble(members: Sequence[Predictions]) -> Predictions:
    """Average what several models said of the same bags.

    Logits, attention and instance logits are averaged, so attention still sums to 1 over a bag.
    Bags on which the members disagree move towards 0; what they share stays
    (Lakshminarayanan et al. 2017, "Simple and scalable predictive uncertainty estimation using
    deep ensembles", average probabilities; the order of bags is nearly the same).

    Parameters
    ----------
    members : sequence of Predictions
        Of the same bags in the same order.

    Raises
    ------
    ValueError
        When there is none, or their bags differ.
    """
    if not members:
        raise ValueError("an ensemble needs at least one member, got none")
    first = members[0]
    for i, other in enumerate(members):
        same = np.array_equal(first.sizes, other.sizes) and np.array_equal(
            first.labels, other.labels
        )
        if not same:
            raise ValueError(f"member {i} judged other bags than member 0; predict the same bags")
    return Predictions(
        labels=first.labels,
        logits=np.mean([m.logits for m in members], axis=0),
        sizes=first.sizes,
        attention=np.mean([m.attention for m in members], axis=0),
        instance_logits=np.mean([m.instance_logits for m in members], axis=0),
    )
