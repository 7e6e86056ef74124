"""What chapter 14 prints and says is what is recorded, published, and in its stored outputs."""

import csv
import os
from pathlib import Path

import nbformat
import numpy as np
import pytest

from mil_tutorial.experiment.records import load_recorded, table_cells

ROOT = Path(__file__).parents[2]
POOLINGS = ("max", "mean", "attention", "gated", "mean_feature")
PATIENT_AND_SITE = [f"{c}-{way}" for c in ("brca", "lung") for way in ("patient", "site")]
GENES = [f"brca-{gene}_mut-patient" for gene in ("CDH1", "TP53", "PIK3CA")]
FILES = {"max": "mil_192", "HIPT_GP": "hipt_gp_192", "HIPT": "freeze_[None]", "CLAM-SB": "clam_sb"}
SAID = {  # in prose: the cell that prints it, and how
    "baseline-read": ("baseline-run", {".890": "0.890 [", ".939": "0.939 [", ".854": "0.854"}),
    "shared-read": (
        "shared-run",
        {"1 to 10": "1 to 10", "4 to 12": "4 to 12", ".004": "0.004 [-", "−.001": "-0.001 ["},
    ),
    "fall-read": ("fall-compare", {".65": "0.649 [", ".02": "-0.024 [", ".14": "-0.143 ["}),
    "coin-read": ("coin-run", {".91": "0.91,", ".44": "0.44,"}),
    "gene-read": (
        "gene-run",
        {".84": "0.837 [", ".86": "0.857 [", ".67 [.57, .76]": "0.671 [0.572"},
    ),
    "attention-read": ("deletion-run", {"+0.4": "hottest deleted: the logit changes by +0.4"}),
}


def cells_of(folder):
    (path,) = (ROOT / folder).glob("14_*.ipynb")
    return {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}


def printed(cell):
    """Return the text of a cell's outputs."""
    return "".join(o.get("text") or o.data.get("text/markdown", "") for o in cell.outputs)


@pytest.fixture(scope="module", params=["notebooks", "notebooks/solutions"])
def cells(request):
    return cells_of(request.param)


def aucs(runs, names):
    """Return the cells of a table of recorded AUCs, row by row."""
    record, row = load_recorded("tcga")["runs"], []
    for name in names:
        row.append(name.replace("_", " "))
        for run in runs:
            known = {r["pooling"]: r for r in record[run]["rows"]} | record[run]["baselines"]
            value, low, high = (known[name][key] for key in ("auc", "auc_low", "auc_high"))
            row.append(f"{value:.2f} [{low:.2f}, {high:.2f}]")
    return row


def test_the_tables_of_aucs_are_the_record(cells):
    for cell, runs, names in (
        ("division-table", PATIENT_AND_SITE, (*POOLINGS, "bag_size")),
        ("gene-table", GENES, POOLINGS),
    ):
        table = table_cells(printed(cells[cell]))
        assert table[len(runs) + 1 :] == aucs(runs, names), cell


def test_the_table_of_published_folds_is_the_record(cells):
    record, expected = load_recorded("tcga")["runs"], []
    for name in POOLINGS:
        expected.append(name.replace("_", " "))
        for cohort in ("brca", "lung"):
            run = record[f"{cohort}-published"]
            folds = np.array(run["folds"][name])
            assert folds.shape == (5, 10)
            ahead = folds - run["folds"]["mean_feature"]
            expected.append(over_folds(folds, run["over_folds"][name]))
            known = run["ahead_over_folds"].get(name)
            expected.append(over_folds(ahead, known) if known else "–")
    assert table_cells(printed(cells["record-run"]))[5:] == expected


def over_folds(values, recorded):
    """Write a mean with its interval: t with 9 degrees, variance as in Nadeau & Bengio 2003."""
    by_fold = values.mean(axis=0)
    half = 2.262157 * np.sqrt((1 / 10 + 1 / 9.7) * by_fold.var(ddof=1))  # 9.7 train to one tested
    mean, low, high = (recorded[name] for name in ("value", "low", "high"))
    assert [mean, high - mean, mean - low] == pytest.approx([by_fold.mean(), half, half], rel=0.02)
    return f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def test_the_published_numbers_are_those_of_the_file():
    folder = Path(os.environ.get("MIL_TUTORIAL_DATA", "."), "tcga")
    if not (folder / "published_folds.csv").is_file():
        pytest.skip("published_folds.csv is not in MIL_TUTORIAL_DATA/tcga")
    with open(folder / "published_folds.csv", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if "_1.00_" in row["model"]]
    table = iter(table_cells(printed(cells_of("notebooks")["published-run"]))[5:])
    for cohort, method, spread, _, _ in zip(*[table] * 5):
        (row,) = (
            r
            for r in rows
            if r["task"].startswith(cohort)
            and FILES[method] in r["model"]
            and (method != "max" or r["set"] == "Issue25")
        )
        mean, deviation = (float(x) for x in spread.split(" ± "))
        assert mean == pytest.approx(float(row["test_auc"]), abs=0.0011), (cohort, method)
        assert deviation == pytest.approx(float(row["sd"]), abs=0.0011), (cohort, method)


def test_what_is_said_is_what_was_printed(cells):
    for where, (origin, numbers) in SAID.items():
        output = printed(cells[origin])
        for said, shown in numbers.items():
            assert said in cells[where].source, (where, said)
            assert shown in output, (origin, shown)
