"""The learning curve: AUC on the same test bags against the number of training bags."""

from dataclasses import dataclass
from typing import Any

from mil_tutorial.metrics.intervals import Estimate


@dataclass(frozen=True)
class CurvePoint:
    """The test AUC of a pooling trained on ``n_train`` bags, and that of each seed."""

    pooling: str
    n_train: int
    auc: Estimate
    by_seed: list[float]


def read_points(record: dict[str, Any]) -> list[CurvePoint]:
    """Return the points of a recorded curve, see ``load_recorded``."""
    return [CurvePoint(**(p | {"auc": Estimate(**p["auc"])})) for p in record["points"]]
