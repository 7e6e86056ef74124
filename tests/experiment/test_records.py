"""What is recorded, what pages print, and what tests measure are the same numbers."""

import shutil
from pathlib import Path

import nbformat
import pytest
from IPython.display import Markdown

from mil_tutorial import auc
from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.experiment.records import load_recorded, read_points, table_cells
from mil_tutorial.experiment.tables import as_markdown
from mil_tutorial.notebook import table
from mil_tutorial.system import paths
from mil_tutorial.training.config import TrainingConfig

ROOT = Path(__file__).parents[2]
NAMES = ("slides", "slides-hard", "slides-hard-starts")


def test_cells_of_tables_are_read_in_order():
    text = "x\n\n|   | max |\n|---|-----|\n| AUC | 0.93 [0.88, 0.97] |\n\n| b |\n| - |\n| – |\n"
    assert table_cells(text) == ["", "max", "AUC", "0.93 [0.88, 0.97]", "b", "–"]


def test_unknown_and_damaged_records_are_refused(tmp_path, monkeypatch):
    with pytest.raises(
        ValueError, match="no results are recorded as 'mnist'; there are camelyon16"
    ):
        load_recorded("mnist")
    shutil.copytree(paths.data_dir() / "results", tmp_path / "results")
    (tmp_path / "results" / "slides.json").write_text("{}")
    monkeypatch.setattr("mil_tutorial.experiment.records.data_dir", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"slides\.json has SHA-256"):
        load_recorded("slides")


def test_a_record_is_of_the_data_and_settings_that_ship():
    for name in NAMES:
        record = load_recorded(name)
        benchmark = load_benchmark(record["data"]["name"])
        (split,) = benchmark.splits(0)
        assert record["data"]["checksum"] == benchmark.test.checksum(), name
        sums = f"{split.train.checksum()} {split.val.checksum()}"
        assert record["data"]["checksums_train_val"] == [sums] * len(record["seeds"]), name
        # A setting that came later had its default when the record was made.
        assert TrainingConfig(**record["config"]) == benchmark.config, name


def test_records_agree_with_each_other():
    hard, starts = load_recorded("slides-hard"), load_recorded("slides-hard-starts")
    few = {(run["pooling"], run["seed"]): run["auc"] for run in hard["runs"]}
    for run in starts["runs"]:
        if run["seed"] < 5:  # processors round differently, and training carries it on
            assert few[run["pooling"], run["seed"]] == pytest.approx(run["auc"], abs=0.02)
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


RESULTS = "data/results/README.md"
SENSITIVITY = "sensitivity at 90 % specificity"
ALL = {
    "AUC": "AUC",
    SENSITIVITY: SENSITIVITY,
    "instance AUC of attention": "instance AUC, attention",
}
PAGES = [
    ("README.md", "slides", "slides", {"AUC": "AUC"}),
    ("README.md", "slides-hard", "slides-hard", {"AUC": "AUC"}),
    (RESULTS, "slides", "slides", ALL),
    (RESULTS, "slides-hard", "slides-hard", ALL),
    ("data/slides/README.md", "default", "slides", ALL),
    ("data/slides/README.md", "hard", "slides-hard", ALL),
]


def words(page):
    return " ".join((ROOT / page).read_text(encoding="utf-8").split())


def test_tables_of_pages_show_the_record():
    for page, prefix, name, rows in PAGES:
        printed = table_cells((ROOT / page).read_text(encoding="utf-8"))
        recorded = table_cells(as_markdown(load_recorded(name)))
        for printed_row, recorded_row in rows.items():
            start = printed.index(f"{prefix}: {printed_row}")
            origin = recorded.index(recorded_row)
            cells = recorded[origin + 1 : origin + 5]
            assert printed[start + 1 : start + 5] == cells, (page, prefix, printed_row)


def test_words_of_pages_show_the_record():
    for name, phrase in {"slides": "(difference", "slides-hard": "ahead of max pooling by"}.items():
        (pair,) = (
            row
            for row in load_recorded(name)["paired"]
            if (row["pooling"], row["against"]) == ("gated", "max")
        )
        difference = f"{pair['auc']:+.2f} [{pair['auc_low']:+.2f}, {pair['auc_high']:+.2f}]"
        for page in ("README.md", RESULTS):
            assert f"{phrase} {difference}" in words(page), page
    baselines = load_recorded("slides")["baselines"]
    size, mean = (f"{baselines[name]['auc']:.2f}" for name in ("bag_size", "mean_feature"))
    sentence = f"gives {size} on the number of tiles and {mean} on the mean feature."
    assert sentence in words(RESULTS)


def test_chapter_11_prints_the_record():
    recorded = table_cells(as_markdown(load_recorded("slides")))
    for folder in ("notebooks", "notebooks/solutions"):
        (path,) = (ROOT / folder).glob("11_*.ipynb")
        cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
        (output,) = cells["table-run"].outputs
        assert table_cells(output.data["text/markdown"]) == recorded


def test_chapter_11_shows_the_same_scores_with_and_without_the_file(monkeypatch):
    """The stored tables were computed from the file; without it the record gives them."""

    def missing():
        raise FileNotFoundError("no such file")

    monkeypatch.setattr("mil_tutorial.datasets.load_camelyon16_scores", missing)
    (path,) = (ROOT / "notebooks" / "solutions").glob("11_*.ipynb")
    cells = {cell.id: cell for cell in nbformat.read(path, as_version=4).cells}
    names = {"Markdown": Markdown, "auc": auc, "load_recorded": load_recorded, "table": table}
    for name in ("camelyon-run", "pairs-run"):
        *lines, shown = cells[name].source.splitlines()
        exec("\n".join(lines), names)
        (output,) = cells[name].outputs
        assert output.data["text/markdown"] == eval(shown, names).data, name
    text = "\n".join(cell.source for cell in cells.values())
    (noise,) = (
        pair["auc"]
        for pair in load_recorded("camelyon16")["paired"]
        if (pair["classifier"], pair["against"]) == ("Method_I", "Method_II_noise_only")
    )
    difference, half = f"{-noise['value']:.3f}", f"{(noise['high'] - noise['low']) / 2:.3f}"
    assert f"by {difference}, give or take {half}" in " ".join(text.split())
