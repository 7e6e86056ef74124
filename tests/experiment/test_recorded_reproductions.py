"""What is recorded of the reproductions, what pages print, and what the recipes say are one."""

from pathlib import Path

import nbformat
import pytest
import torch
from recipes import NAMES, recipes
from reproduce import is_of, reproduce

from mil_tutorial.experiment.records import load_reproductions, table_cells
from mil_tutorial.experiment.reproductions import (
    ablation_table,
    comparison_table,
    find_reproduction,
    gain_table,
    instance_table,
)
from mil_tutorial.system.jobs import possible_jobs
from mil_tutorial.system.versions import environment

ROOT = Path(__file__).parents[2]

MNIST = [name for name in NAMES if name.startswith("mnist")]
MUSK = ["musk1", "musk2"]
TABLES = [(MNIST, "auc"), (["colon"], "auc"), ([*MUSK, "colon"], "accuracy")]


@pytest.fixture(scope="module")
def rows():
    return load_reproductions()


LONG = ("mnist-100", "mnist-200", "mnist-500")  # many bags


@pytest.mark.parametrize(
    "data", [pytest.param(n, marks=pytest.mark.full) if n in LONG else n for n in NAMES]
)
def test_a_record_is_of_a_recipe_that_ships(data, rows, monkeypatch):
    # Features are identified by the nuclei and the encoder's name, so any values will do.
    encoder = lambda tiles: torch.zeros(len(tiles), 4)  # noqa: E731
    monkeypatch.setattr("recipes.load_frozen_encoder", lambda name: encoder)
    try:
        known = recipes(data)
    except FileNotFoundError as error:
        pytest.skip(str(error))
    mine = [row for row in rows if row["data"] == data]
    for row in mine:
        assert sum(is_of(row, recipe, seeds=5) for recipe in known) == 1, row["recipe"]
    done = {(row["recipe"], row["pooling"]) for row in mine}
    assert len(done) == len(mine)
    wanted = {(r.name, r.pooling) for r in known if not r.name.startswith("with")}
    assert wanted <= done


@pytest.mark.parametrize(("names", "metric"), TABLES)
def test_the_page_of_results_shows_the_record(names, metric, rows):
    page = ROOT / "data" / "results" / "README.md"
    printed = table_cells(page.read_text(encoding="utf-8"))
    for name in names:
        line = table_cells(comparison_table(rows, [name], metric))[7:]
        assert line in [printed[i : i + 7] for i in range(len(printed) - 6)]
        gain = table_cells(gain_table(rows, [name], metric))[3:]
        assert gain in [printed[i : i + 3] for i in range(len(printed) - 2)]


@pytest.mark.parametrize("folder", ["notebooks", "notebooks/solutions"])
def test_chapter_12_shows_the_record(folder, rows):
    (path,) = (ROOT / folder).glob("12_*.ipynb")
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    both = "\n\n".join(ablation_table(rows, "musk1", metric) for metric in ("accuracy", "auc"))
    musk = "\n\n".join(table(rows, MUSK, "accuracy") for table in (comparison_table, gain_table))
    colon = "\n\n".join(comparison_table(rows, ["colon"], metric) for metric in ("auc", "accuracy"))
    for cell, table in {
        "plain-table": comparison_table(rows, MNIST, "auc"),
        "ablation-run": ablation_table(rows, "mnist-100", "auc"),
        "musk-table": musk,
        "musk-ablation": both,
        "colon-table": colon,
        "nuclei-table": instance_table(rows, "colon", "colon-frozen"),
    }.items():
        (output,) = cells[cell].outputs
        assert table_cells(output.data["text/markdown"]) == table_cells(table)


@pytest.mark.full
def test_a_recorded_recipe_gives_its_numbers_again(rows):
    (recipe,) = (r for r in recipes("musk1") if (r.name, r.pooling) == ("plain", "attention"))
    again = reproduce(recipe, seeds=1, jobs=possible_jobs(), progress=False)
    recorded = find_reproduction(rows, "musk1", "plain", "attention")
    machine, recorded_machine = environment(), recorded["environment"]
    same = all(
        machine[part] == recorded_machine[part]
        for part in ("torch", "numpy", "arithmetic", "threads")
    )
    for metric in ("auc", "accuracy"):
        mine, theirs = again["ensemble"][metric]["by_run"], recorded["ensemble"][metric]["by_run"]
        assert mine == pytest.approx(theirs[:1], abs=1e-9 if same else 0.1)
