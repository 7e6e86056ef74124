"""The tables of TCGA and of the default recipe in data/results/README.md are those of the files."""

from pathlib import Path

import pytest

from mil_tutorial.experiment.records import load_recorded, read_reproductions, table_cells

RESULTS = Path(__file__).parents[2] / "data" / "results"
TCGA = load_recorded("tcga")["runs"]
ABLATION = {(r["name"], r["recipe"]): r for r in read_reproductions(RESULTS / "ablation.jsonl")}
NAMES = {
    "max": "max",
    "mean": "mean",
    "attention": "attention",
    "gated": "gated",
    "mean_feature": "regression on the mean feature",
    "bag_size": "bag size",
}
WAYS = {
    "brca-patient": "BRCA, by patient",
    "brca-site": "BRCA, by site",
    "lung-patient": "LUNG, by patient",
    "lung-site": "LUNG, by site",
    "brca-TP53_mut-patient": "TP53",
    "brca-CDH1_mut-patient": "CDH1",
    "brca-PIK3CA_mut-patient": "PIK3CA",
}
REPORTS = {
    **{name.upper(): load_recorded(name) for name in ("musk1", "musk2")},
    **{WAYS[run]: TCGA[run] for run in WAYS if not run.endswith("site")},
    **{name: load_recorded(name) for name in ("slides", "slides-hard")},
}
MEASURED = {
    "MUSK1": "musk1",
    "MUSK2": "musk2",
    "BRCA": "tcga-brca",
    "LUNG": "tcga-lung",
    **{gene: f"tcga-brca {gene}" for gene in ("TP53", "CDH1", "PIK3CA")},
    "slides": "slides",
    "slides-hard": "slides-hard",
}


def mean_of_folds(estimate, sign=""):
    return "{value:{s}.3f} [{low:{s}.3f}, {high:{s}.3f}]".format(s=sign, **estimate)


def interval(row, form=".2f"):
    return f"{row['auc']:{form}} [{row['auc_low']:{form}}, {row['auc_high']:{form}}]"


def ahead(report, pooling):
    """Return how far a pooling is ahead of the regression on the mean feature."""
    (pair,) = (
        pair
        for pair in report["paired"]
        if (pair["pooling"], pair["against"]) == (pooling, "mean_feature")
    )
    return interval(pair, "+.3f")


def published_rows():
    known = [("", name, what) for name, what in NAMES.items()]
    known[4:4] = [("-five", name, f"{name}, five members") for name in ("attention", "gated")]
    yield ["AUC", "BRCA", "− regression", "LUNG", "− regression"]
    for suffix, name, what in known:
        row = [what]
        for cohort in ("brca", "lung"):
            report = TCGA[f"{cohort}-published{suffix}"]
            row.append(mean_of_folds(report["over_folds"][name]))
            known = report["ahead_over_folds"]
            row.append(mean_of_folds(known[name], "+") if name in known else "–")
        yield row


def way_rows():
    yield ["AUC", *WAYS.values()]
    for name, what in NAMES.items():
        rows = ({r["pooling"]: r for r in TCGA[w]["rows"]} | TCGA[w]["baselines"] for w in WAYS)
        yield [what, *(interval(row[name]) for row in rows)]
    for pooling in ("attention", "gated"):
        yield [f"{pooling} − regression", *(ahead(TCGA[way], pooling) for way in WAYS)]


def default_rows():
    yield ["− regression", "attention", "gated"]
    for name, report in REPORTS.items():
        yield [name, *(ahead(report, pooling) for pooling in ("attention", "gated"))]


def ablation_rows():
    recipes = list(dict.fromkeys(recipe for _, recipe in ABLATION))
    yield ["attention", *recipes]
    for name, data in MEASURED.items():
        row = [name]
        for recipe in recipes:
            report = ABLATION[data, recipe]
            (values,) = report["rows"]
            row.append(f"{values['auc']:.3f} ({ahead(report, 'attention')})")
        yield row


TABLES = [published_rows, way_rows, default_rows, ablation_rows]


@pytest.mark.parametrize("rows", TABLES)
def test_a_table_is_that_of_the_files(rows):
    printed = table_cells((RESULTS / "README.md").read_text(encoding="utf-8"))
    cells = [cell for row in rows() for cell in row]
    start = next(i for i in range(len(printed)) if printed[i : i + 3] == cells[:3])
    assert printed[start : start + len(cells)] == cells


def test_every_set_of_the_ablation_has_every_recipe():
    assert len(ABLATION) == len(MEASURED) * 5
    assert {len(report["seeds"]) for report in ABLATION.values()} == {3}
    assert {len(report["seeds"]) for report in (*TCGA.values(), *REPORTS.values())} == {5}
