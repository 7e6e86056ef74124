"""Tables of reproduced experiments: beside what is published, and one ingredient at a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mil_tutorial.experiment.tables import aligned

METHODS = ("attention", "gated")
ILSE = "as reported in Ilse et al. 2018"
TGA = "PMC10072016, table 6"


@dataclass(frozen=True)
class Published:
    """A number as somebody printed it."""

    data: str  # a data set of ``data/results/recipes.py``
    metric: str  # {"auc", "accuracy"}
    method: str  # ``attention``, ``gated``, or the best that is known under its own name
    value: float
    error: float | None = None  # the standard error printed with it
    source: str = ILSE

    def __str__(self) -> str:
        return f"{self.value:.3f}" + ("" if self.error is None else f" ± {self.error:.3f}")


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


def published_numbers(data: str, metric: str) -> dict[str, Published]:
    """Return the published numbers of a data set, by method; an empty dict where there are none."""
    return {p.method: p for p in PUBLISHED if (p.data, p.metric) == (data, metric)}


def find_reproduction(
    rows: Sequence[dict[str, Any]], data: str, recipe: str, pooling: str = ""
) -> dict[str, Any]:
    """Return the reproduction of a recipe.

    Parameters
    ----------
    rows : sequence of dict
        As ``load_reproductions`` returns them.
    data, recipe : str
    pooling : str
        Needed where a recipe was run with several.

    Raises
    ------
    ValueError
        When there is none, or more than one.
    """
    of_recipe = [r for r in rows if (r["data"], r["recipe"]) == (data, recipe)]
    matches = [r for r in of_recipe if pooling in ("", r["pooling"])]
    if len(matches) != 1:
        known = sorted({f"{r['data']} {r['recipe']} {r['pooling']}" for r in rows})
        raise ValueError(
            f"{len(matches)} rows of {data} {recipe} {pooling}; there are: {', '.join(known)}"
        )
    return matches[0]


def comparison_table(rows: Sequence[dict[str, Any]], names: Sequence[str], metric: str) -> str:
    """Return a Markdown table: a line for each data set, what is published beside what came out.

    In brackets: 95 % intervals over test bags and seeds. The last column is the better of the
    baselines without MIL, on the training bags of the improved recipe.
    """
    lines = []
    for name in names:
        published = published_numbers(name, metric)
        plain = {r["pooling"]: r for r in rows if (r["data"], r["recipe"]) == (name, "plain")}
        improved = find_reproduction(rows, name, "improved")
        baselines = improved["baselines"]
        best = max(baselines, key=lambda b: baselines[b][metric]["value"])
        line = [name]
        line += [str(published.get(method, "–")) for method in METHODS]
        line += [cell(plain[m]["ensemble"][metric]) if m in plain else "–" for m in METHODS]
        line += [
            cell(improved["ensemble"][metric]),
            f"{cell(baselines[best][metric])} ({best.replace('_', ' ')})",
        ]
        lines.append(line)
    head = [
        metric.upper() if metric == "auc" else metric,
        *(f"published, {method}" for method in METHODS),
        *(f"plain, {method}" for method in METHODS),
        "improved",
        "without MIL",
    ]
    return aligned(head, lines)


def gain_table(rows: Sequence[dict[str, Any]], names: Sequence[str], metric: str) -> str:
    """Return a Markdown table: by how much the improved recipe is ahead of the plain one.

    Of the same pooling, paired by bag and seed, with 95 % intervals over both.
    """
    head = [metric.upper() if metric == "auc" else metric, "pooling", "improved − plain"]
    lines = []
    for name in names:
        row = find_reproduction(rows, name, "improved")
        gain = "{value:+.3f} [{low:+.3f}, {high:+.3f}]".format(**row["ahead_of_plain"][metric])
        lines.append([name, row["pooling"], gain])
    return aligned(head, lines)


def ablation_table(rows: Sequence[dict[str, Any]], data: str, metric: str) -> str:
    """Return a Markdown table: the improved recipe, then without one ingredient at a time.

    Single models, so that an ingredient is not hidden by the ensemble, with the same seeds on both
    sides: of the improved ensembles, the first members. The difference is paired by seed, and the
    last column counts the seeds in which it is positive.
    """

    def spread(runs: np.ndarray) -> list[str]:
        return [f"{number:.3f}" for number in (runs.mean(), runs.min(), runs.max())]

    improved = find_reproduction(rows, data, "improved")
    first = np.array(improved["single"][metric]["by_run"][:: improved["members"]])
    lines = [["improved", *spread(first), "", ""]]
    for row in rows:
        if row["data"] == data and row["recipe"].startswith("with"):
            runs = np.array(row["single"][metric]["by_run"])
            gains = first - runs
            ahead = [f"{gains.mean():+.3f}", f"{(gains > 0).sum()} of {len(gains)}"]
            lines.append([row["recipe"], *spread(runs), *ahead])
    head = ["one model", f"{metric}, mean", "lowest", "highest", "improved is ahead by", "in seeds"]
    return aligned(head, lines)


def instance_table(rows: Sequence[dict[str, Any]], *names: str) -> str:
    """Return a Markdown table of how well instances are ranked, over all bags and within a bag.

    One line for each score of each recipe of the data sets named; ablations are left out.
    """
    lines = []
    for row in rows:
        if row["data"] not in names or row["recipe"].startswith("with"):
            continue
        for score, over_all in row["ensemble"]["instance_auc"].items():
            within = row["ensemble"]["instance_auc_within"][score]
            recipe = f"{row['recipe']}, {row['pooling']}"
            lines.append([recipe, score, cell(over_all), cell(within)])
    return aligned(["recipe", "ranked by", "instance AUC, all bags", "within a bag"], lines)


def cell(estimate: dict[str, float]) -> str:
    """Write a number with its interval, three places."""
    return "{value:.3f} [{low:.3f}, {high:.3f}]".format(**estimate)
