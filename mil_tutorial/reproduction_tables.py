"""Tables of reproduced experiments: beside what is published, and one ingredient at a time."""

from collections.abc import Sequence
from typing import Any

from mil_tutorial.published import published
from mil_tutorial.tables import aligned

METHODS = ("attention", "gated")


def find_row(rows: Sequence[dict[str, Any]], data: str, recipe: str, pooling: str = "") -> Any:
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
    fitting = [r for r in rows if (r["data"], r["recipe"]) == (data, recipe)]
    found = [r for r in fitting if pooling in ("", r["pooling"])]
    if len(found) != 1:
        there = sorted({f"{r['data']} {r['recipe']} {r['pooling']}" for r in rows})
        raise ValueError(
            f"{len(found)} rows of {data} {recipe} {pooling}; there are: {', '.join(there)}"
        )
    return found[0]


def comparison(rows: Sequence[dict[str, Any]], names: Sequence[str], metric: str) -> str:
    """Return a Markdown table: a line for each data set, what is published beside what came out.

    In brackets: 95 % intervals over test bags and seeds. The last column is the best of the
    baselines without MIL.
    """
    head = [
        metric.upper() if metric == "auc" else metric,
        *(f"published, {method}" for method in METHODS),
        *(f"plain, {method}" for method in METHODS),
        "improved",
        "without MIL",
    ]
    return aligned(head, [_line(rows, name, metric) for name in names])


def _line(rows: Sequence[dict[str, Any]], name: str, metric: str) -> list[str]:
    printed = published(name, metric)
    plain = [find_row(rows, name, "plain", method) for method in METHODS]
    improved = find_row(rows, name, "improved")
    baselines = plain[0]["baselines"]
    best = max(baselines, key=lambda b: baselines[b][metric]["value"])
    return [
        name,
        *(_printed(printed.get(method)) for method in METHODS),
        *(cell(row["ensemble"][metric]) for row in plain),
        cell(improved["ensemble"][metric]),
        f"{baselines[best][metric]['value']:.3f} ({best.replace('_', ' ')})",
    ]


def ablation(rows: Sequence[dict[str, Any]], data: str, metric: str) -> str:
    """Return a Markdown table: the improved recipe, then without one ingredient at a time.

    Single models, so that an ingredient is not hidden by the ensemble; the range is that of the
    seeds.
    """
    improved = find_row(rows, data, "improved")
    others = [r for r in rows if r["data"] == data and r["recipe"].startswith("with")]
    lines = [["improved, ensemble", *_spread(improved["ensemble"][metric])]]
    for row in (improved, *others):
        label = "improved, one model" if row is improved else f"one model {row['recipe']}"
        lines.append([label, *_spread(row["single"][metric])])
    return aligned(["", f"{metric}, mean", "lowest", "highest"], lines)


def instances(rows: Sequence[dict[str, Any]], data: str) -> str:
    """Return a Markdown table of how well instances are ranked, over all bags and within a bag."""
    lines = []
    for recipe, pooling in (("plain", "attention"), ("plain", "gated"), ("improved", "")):
        row = find_row(rows, data, recipe, pooling)
        for score, everywhere in row["ensemble"]["instance_auc"].items():
            within = row["ensemble"]["instance_auc_within"][score]
            lines.append([f"{recipe}, {row['pooling']}", score, cell(everywhere), cell(within)])
    return aligned(["recipe", "ranked by", "instance AUC, all bags", "within a bag"], lines)


def cell(estimate: dict[str, float]) -> str:
    """Write a number with its interval, three places."""
    return "{value:.3f} [{low:.3f}, {high:.3f}]".format(**estimate)


def _printed(found: Any) -> str:
    if found is None:
        return "–"
    return f"{found.value:.3f}" + ("" if found.error is None else f" ± {found.error:.3f}")


def _spread(measured: dict[str, Any]) -> list[str]:
    runs = measured["by_run"]
    return [f"{number:.3f}" for number in (measured["value"], min(runs), max(runs))]
