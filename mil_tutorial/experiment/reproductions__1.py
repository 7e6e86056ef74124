"""Published numbers to stand beside one's own, each with its source."""

from dataclasses import dataclass

ILSE = "as reported in Ilse et al. 2018"
TGA = "PMC10072016, table 6"


@dataclass(frozen=True)
class Published:
    """A number as somebody printed it.

    Attributes
    ----------
    data : str
        One of ``mil_tutorial.recipes.NAMES``.
    metric : {"auc", "accuracy"}
    method : str
        ``attention``, ``gated``, or the best that is known under its own name.
    value : float
    error : float or None
        The standard error printed with it.
    source : str
    """

    data: str
    metric: str
    method: str
    value: float
    error: float | None = None
    source: str = ILSE


PUBLISHED = (
    Published("mnist-50", "auc", "attention", 0.768),
    Published("mnist-50", "auc", "gated", 0.753),
    Published("mnist-100", "auc", "attention", 0.948),
    Published("mnist-100", "auc", "gated", 0.916),
    Published("mnist-200", "auc", "attention", 0.970),
    Published("mnist-200", "auc", "gated", 0.974),
    Published("mnist-500", "auc", "attention", 0.986),
    Published("mnist-500", "auc", "gated", 0.987),
    Published("musk1", "accuracy", "attention", 0.892, 0.040),
    Published("musk1", "accuracy", "gated", 0.900, 0.050),
    Published("musk2", "accuracy", "attention", 0.858, 0.048),
    Published("musk2", "accuracy", "gated", 0.863, 0.042),
    Published("colon", "accuracy", "attention", 0.904),
    Published("colon", "accuracy", "gated", 0.898),
    Published("colon", "auc", "attention", 0.968),
    Published("colon", "auc", "gated", 0.968),
    Published("colon", "accuracy", "best known: TGA-MIL", 0.927, 0.010, TGA),
    Published("colon", "auc", "best known: TGA-MIL", 0.983, 0.009, TGA),
)


def published(data: str, metric: str) -> dict[str, Published]:
    """Return what is published of a data set, by method; nothing where nothing is."""
    found = [p for p in PUBLISHED if (p.data, p.metric) == (data, metric)]
    return {p.method: p for p in found}
