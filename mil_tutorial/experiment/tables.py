"""Tables of an experiment: as plain values for JSON, as Markdown, as CSV."""

import re
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mil_tutorial.datasets.features.tables import csv_text
from mil_tutorial.experiment.run import Experiment
from mil_tutorial.experiment.summary import METRICS, Summary
from mil_tutorial.experiment.trials import WANTED_SENSITIVITY
from mil_tutorial.metrics.intervals import Estimate
from mil_tutorial.system.numbers import check_kind
from mil_tutorial.system.versions import environment

FEW = 20  # test bags of a class; with fewer, one bag is more than 5 % of a rate


def as_results(summary: Summary) -> dict[str, Any]:
    """Return everything that ``results.json`` holds, as plain values; what is undefined is None."""
    check_kind(Summary, summary=summary)
    experiment = summary.experiment
    test = experiment.benchmark.test
    poolings = list(experiment.runs)
    runs = [run for pooling in poolings for run in _runs(summary, pooling)]
    validated = any(run["val_loss"] is not None for run in runs)
    return {
        "data": {
            "name": experiment.benchmark.name,
            "source": experiment.benchmark.source,
            "description": experiment.benchmark.description,
            "checksum": test.checksum(),
            "checksums_train_val": experiment.checksums,
            "folds": experiment.benchmark.n_folds,
            "test_bags": len(test),
            "test_positive": int(test.labels.sum()),
            "test_groups": len(set(test.groups)),
        },
        "seeds": experiment.seeds,
        "members": experiment.n_members,
        "config": asdict(experiment.config),
        "wanted_sensitivity": WANTED_SENSITIVITY if validated else None,
        "environment": environment(),
        "rows": [
            {"pooling": pooling}
            | _flat({name: summary.row(pooling).get(name) for name in METRICS})
            | {"seconds_per_epoch": experiment.runs[pooling].seconds_per_epoch}
            for pooling in poolings
        ],
        "runs": runs,
        "paired": [
            {"pooling": pooling, "against": other} | _flat(summary.paired(pooling, other))
            for pooling, other in summary.pairs()
        ],
        "baselines": {
            name: _flat({"auc": summary.baseline(name)}) for name in experiment.baselines
        },
    }


def _runs(summary: Summary, pooling: str) -> list[dict[str, Any]]:
    """Return a line for each seed: test AUC, and the validation measures of the kept epochs."""
    seeds, histories = summary.experiment.seeds, summary.experiment.runs[pooling].histories
    each = len(histories) // len(seeds)  # folds, times the members of an ensemble
    lines = []
    for i, auc in enumerate(summary.auc_by_seed(pooling)):
        kept = [history.best for history in histories[i * each : (i + 1) * each]]
        lines.append(
            {
                "pooling": pooling,
                "seed": seeds[i],
                "auc": _known(auc),
                "val_loss": _known(sum(record.val_loss for record in kept) / each),
                "val_auc": _known(sum(record.val_auc for record in kept) / each),
            }
        )
    return lines


def _known(value: float) -> float | None:
    return None if value != value else value  # JSON knows no NaN


def _flat(estimates: Mapping[str, Estimate | None]) -> dict[str, float | None]:
    """Turn {name: estimate} into name, name_low, name_high."""
    flat: dict[str, float | None] = {}
    for name, estimate in estimates.items():
        for ending, part in (("", "value"), ("_low", "low"), ("_high", "high")):
            flat[name + ending] = _known(getattr(estimate, part, float("nan")))
    return flat


def as_markdown(results: dict[str, Any]) -> str:
    """Return the results as aligned Markdown tables, one column for each pooling."""
    data, n_seeds = results["data"], len(results["seeds"])
    members = results.get("members", 1)  # older records do not say
    known = [name for name in METRICS if any(r[name] is not None for r in results["rows"])]
    sections = [
        f"# Poolings compared on {escaped(data['name'])}",
        f"{escaped(data['description'])}.\n"
        f"{data['test_bags']} test bags of {data['test_groups']} groups, "
        f"{data['test_positive']} positive; {n_seeds} seed{'s' if n_seeds != 1 else ''}"
        f"{f', each the mean of {members} models' if members > 1 else ''}.\n"
        "Brackets hold 95 % intervals, which allow for the choice of groups"
        f"{' and of seeds' if n_seeds > 1 else ''}.\n{_coverage(data['test_bags'])}",
        aligned(
            ["", *(row["pooling"] for row in results["rows"])],
            [[METRICS[name], *(_cell(row, name) for row in results["rows"])] for name in known],
        ),
        _notes(results),
        aligned(
            ["AUC without MIL", "logistic regression"],
            [[name.replace("_", " "), _cell(b, "auc")] for name, b in results["baselines"].items()],
        ),
    ]
    trivial = [pair for pair in results["paired"] if pair["against"] in results["baselines"]]
    for pairs in ([pair for pair in results["paired"] if pair not in trivial], trivial):
        if pairs:
            names = [name for name in known if name in pairs[0]]
            head = (f"{p['pooling']} − {p['against'].replace('_', ' ')}" for p in pairs)
            rows = [[METRICS[n], *(_cell(p, n, "+.2f") for p in pairs)] for n in names]
            sections.append(aligned(["difference", *head], rows))
    return "\n\n".join(sections) + "\n"


def _coverage(n_bags: int) -> str:
    """Say how often intervals held the true value in ``tests/benchmarks/coverage.py``."""
    if n_bags < 20:
        return "How often they hold the true value was not measured for so few bags."
    held = "91 to 100 %" if n_bags >= 60 else "90 to 100 %"
    return (
        f"In simulations {held} of such intervals held the true value "
        "(AUC, sensitivity, false-negative rate)."
    )


def _notes(results: dict[str, Any]) -> str:
    n_positive = results["data"]["test_positive"]
    n_negative = results["data"]["test_bags"] - n_positive
    notes = ""
    if min(n_positive, n_negative) < FEW:
        notes = (
            f"A small test set: one positive bag moves sensitivity by {1 / n_positive:.0%}, one "
            f"negative bag\nspecificity by {1 / n_negative:.0%}. Go by the intervals.\n"
        )
    notes += "False-negative rate and specificity are taken at "
    if wanted := results["wanted_sensitivity"]:
        notes += f"the threshold that reached {wanted:.0%} sensitivity\non validation bags; "
    else:
        notes += "a probability of 0.5, for want of validation bags;\n"
    notes += (
        "their intervals treat it as fixed.\n"
        "Calibration error: biased upward, more so with fewer bags; no interval is given."
    )
    if results["data"]["folds"] > 1:
        notes += (
            "\nThe AUC compares only bags that the same fold's model judged. Sensitivity at 90 % "
            "specificity pools\nthe folds, whose scales may differ."
        )
    return notes


def escaped(name: str) -> str:
    """Return a name, such as a user's folder or class, that Markdown shows as it is, on one line.

    An underscore inside a word is no emphasis and stays as it is.
    """
    special = r"[\\`*|<\[\]~$]|(?<![^\W_])_|_(?![^\W_])"
    return re.sub(special, r"\\\g<0>", re.sub(r"\s+", " ", name))


def aligned(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table whose columns line up."""
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths)) + " |"
        for line in lines
    )


def classifier_table(record: dict[str, Any]) -> str:
    """Return the recorded judgement of published slide classifiers as a Markdown table.

    See ``load_recorded("camelyon16")``.
    """
    number = record["data"]["test_positive"]
    columns = {
        "AUC": "auc",
        "AUC, macro": "auc_macro",
        "AUC, micro": "auc_micro",
        METRICS["sensitivity_at_90_specificity"]: "sensitivity_at_90_specificity",
    }
    rows = []
    for row in record["rows"]:
        cells = [str(Estimate(**row[name])) for name in columns.values()]
        counts = sorted(set(row["detected_by_seed"]))
        rows.append([row["classifier"], *cells, "–".join(map(str, counts)) + f" of {number}"])
    return aligned(["", *columns, "found"], rows)


def _cell(row: dict[str, Any], name: str, form: str = ".2f") -> str:
    if row[name] is None:
        return "–"
    if row[f"{name}_low"] is None:
        return f"{row[name]:{form}}"
    return f"{row[name]:{form}} [{row[f'{name}_low']:{form}}, {row[f'{name}_high']:{form}}]"


def as_csv(results: dict[str, Any]) -> str:
    """Return the rows of the poolings as CSV."""
    rows = results["rows"]
    return csv_text(rows[0], (row.values() for row in rows))


def predictions_csv(experiment: Experiment) -> str:
    """Return the model's prediction for each test bag, pooling and seed, one a line.

    A name that a spreadsheet would compute, such as ``=1+1``, has an apostrophe before it.
    """
    test = experiment.benchmark.test
    head = ["bag", "group", "label", "pooling", "seed", "fold"]
    labels = test.labels.int().tolist()
    rows = (
        [
            *(inert(test.names[bag]), inert(test.groups[bag]), labels[bag]),
            *(pooling, seed, experiment.folds[row, bag]),
            f"{runs.probabilities[row, bag]:.9g}",
            f"{runs.threshold[row, bag]:.9g}",
            int(runs.called_positive[row, bag]),
        ]
        for pooling, runs in experiment.runs.items()
        for row, seed in enumerate(experiment.seeds)
        for bag in range(len(test))
    )
    return csv_text([*head, "probability", "threshold", "called_positive"], rows)


def inert(name: Any) -> Any:
    """Return a name that no spreadsheet takes for a formula; a number stays one."""
    formula = isinstance(name, str) and name.startswith(tuple("=+-@＝＋－＠\t\r\n"))
    return f"'{name}" if formula else name
