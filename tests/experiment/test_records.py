"""What is recorded, what pages print, and what tests measure are the same numbers."""

import shutil
from pathlib import Path

import nbformat
import pytest

from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.experiment.learning_curves import read_points
from mil_tutorial.experiment.records import load_recorded, table_cells
from mil_tutorial.experiment.tables import markdown
from mil_tutorial.system import paths
from mil_tutorial.training.config import TrainingConfig

ROOT = Path(__file__).parents[1]
NAMES = ("slides", "slides-hard", "slides-hard-starts")


def test_cells_of_tables_are_read_in_order():
    text = "x\n\n|   | max |\n|---|-----|\n| AUC | 0.93 [0.88, 0.97] |\n\n| b |\n| - |\n| – |\n"
    assert table_cells(text) == ["", "max", "AUC", "0.93 [0.88, 0.97]", "b", "–"]


def test_unknown_and_damaged_records_are_refused(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match="no results are recorded as 'musk1'; there are learning"):
        load_recorded("musk1")
    shutil.copytree(paths.data_dir() / "results", tmp_path / "results")
    (tmp_path / "results" / "slides.json").write_text("{}")
    monkeypatch.setattr("mil_tutorial.experiment.records.data_dir", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"slides\.json has SHA-256"):
        load_recorded("slides")


@pytest.mark.parametrize("name", NAMES)
def test_a_record_is_of_the_data_and_settings_that_ship(name):
    found = load_recorded(name)
    benchmark = load_benchmark(found["data"]["name"])
    (split,) = benchmark.splits(0)
    assert found["data"]["checksum"] == benchmark.test.checksum()
    sums = f"{split.train.checksum()} {split.val.checksum()}"
    assert found["data"]["checksums_train_val"] == [sums] * len(found["seeds"])
    # A setting that came later had its default when the record was made.
    assert TrainingConfig(**found["config"]) == benchmark.config


def test_records_agree_with_each_other():
    hard, starts = load_recorded("slides-hard"), load_recorded("slides-hard-starts")
    few = [run for run in hard["runs"] if run["pooling"] != "mean"]
    assert few == [run for run in starts["runs"] if run["seed"] < 5]
    whole = load_recorded("slides")
    points = read_points(load_recorded("learning-curve"))
    assert {point.n_train for point in points} == {25, 50, 100, 204}
    for row in whole["rows"]:
        (point,) = (p for p in points if (p.pooling, p.n_train) == (row["pooling"], 204))
        assert (point.auc.value, point.auc.low, point.auc.high) == pytest.approx(
            (row["auc"], row["auc_low"], row["auc_high"])
        )
        runs = [run["auc"] for run in whole["runs"] if run["pooling"] == row["pooling"]]
        assert point.by_seed == runs


PAGES = [
    ("README.md", "slides", "slides"),
    ("README.md", "slides-hard", "slides-hard"),
    ("data/slides/README.md", "default", "slides"),
    ("data/slides/README.md", "hard", "slides-hard"),
]
ROWS = {
    "AUC": "AUC",
    "sensitivity at 90 % specificity": "sensitivity at 90 % specificity",
    "instance AUC of attention": "instance AUC, attention",
}


@pytest.mark.parametrize(("page", "prefix", "name"), PAGES)
def test_tables_of_the_readmes_show_the_record(page, prefix, name):
    printed = table_cells((ROOT / page).read_text(encoding="utf-8"))
    recorded = table_cells(markdown(load_recorded(name)))
    for theirs, ours in ROWS.items():
        start, origin = printed.index(f"{prefix}: {theirs}"), recorded.index(ours)
        assert printed[start + 1 : start + 5] == recorded[origin + 1 : origin + 5]


def test_the_readmes_words_show_the_record():
    text = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    for name, words in {"slides": "(difference", "slides-hard": "ahead of max pooling by"}.items():
        pair = next(
            p for p in load_recorded(name)["paired"]
            if (p["pooling"], p["against"]) == ("gated", "max")
        )  # fmt: skip
        shown = f"{pair['auc']:+.2f} [{pair['auc_low']:+.2f}, {pair['auc_high']:+.2f}]"
        assert f"{words} {shown}" in text
    baselines = load_recorded("slides")["baselines"]
    size, mean = (f"{baselines[name]['auc']:.2f}" for name in ("bag_size", "mean_feature"))
    assert f"on the number of tiles gives {size} on slides, on the mean feature {mean}." in text


@pytest.mark.parametrize("folder", ["notebooks", "notebooks/solutions"])
def test_chapter_11_prints_the_record(folder):
    (path,) = (ROOT / folder).glob("11_*.ipynb")
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    (output,) = cells["table-run"].outputs
    recorded = table_cells(markdown(load_recorded("slides")))
    assert table_cells(output.data["text/markdown"]) == recorded
    (said,) = cells["record-run"].outputs
    assert said.text == f"{len(recorded)} of {len(recorded)} cells equal the recorded ones\n"
