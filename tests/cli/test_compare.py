import csv
import json
import sys

import numpy as np
import pytest
from feature_folders import toy_bags, write_file, write_folder, write_labels
from made_slides import write_slide

from mil_tutorial.__main__ import main

ORDER = ["train", "train", "test", "val", "test"]
SPLIT = [ORDER[int(patient[1:-1]) % 5] for _, _, patient in toy_bags(30).values()]


@pytest.fixture()
def own(tmp_path):
    """A folder of features and its labels, divided as given."""
    bags = toy_bags(30)
    labels = write_labels(tmp_path / "labels.csv", bags, split=SPLIT)
    return write_folder(tmp_path / "own", bags), labels


def compare(own, out, *options):
    folder, labels = own
    words = ["compare", "--data", str(folder), "--labels", str(labels), "--out", str(out)]
    return main([*words, *map(str, options)])


SHORT = ("--seeds", 1, "--epochs", 2, "--poolings", "max", "gated")


def test_a_folder_gives_the_whole_report(own, tmp_path, capsys):
    out, slides = tmp_path / "r", tmp_path / "slides"
    slides.mkdir()
    for name, split in zip(toy_bags(30), SPLIT, strict=True):
        if split != "test":
            continue
        write_slide(slides / f"{name}.tif")
    assert compare(own, out, *SHORT, "--slides", slides, "--batch-size", 4) == 0
    printed = capsys.readouterr()
    assert f"{SPLIT.count('test')} test bags of" in printed.out
    assert "split as given; 1 is '1', 0 is '0'." in printed.out
    assert "warning" not in printed.err
    names = {path.name for path in out.iterdir()}
    assert names >= {"results.md", "results.csv", "results.json", "predictions.csv", "roc.png"}
    assert any(name.startswith("heatmap_") for name in names)
    settings = json.loads((out / "config.json").read_text())
    assert (settings["data"], settings["poolings"]) == ("own", ["max", "gated"])
    assert (settings["seeds"], settings["epochs"], settings["batch_size"]) == (1, 2, 4)


def test_predictions_name_the_threshold_that_was_used(own, tmp_path):
    write_labels(own[1], toy_bags(30))  # no split: five folds
    (tmp_path / "r").mkdir()
    stale = tmp_path / "r" / "heatmap_missed.png"
    stale.write_text("of an earlier run")
    assert compare(own, tmp_path / "r", *SHORT, "--instances-per-bag", 3) == 0
    assert not stale.exists()
    rows = list(csv.DictReader((tmp_path / "r" / "predictions.csv").open()))
    assert {row["bag"] for row in rows} == set(toy_bags(30))
    for row in rows:
        above = float(row["probability"]) >= float(row["threshold"])
        assert above == (row["called_positive"] == "1")
    models = {(row["pooling"], row["fold"]): set() for row in rows}
    for row in rows:
        models[row["pooling"], row["fold"]].add(row["threshold"])
    assert all(len(values) == 1 for values in models.values())


@pytest.mark.full
def test_helpers_give_the_same_table(own, tmp_path):
    for jobs in (1, 2):
        assert compare(own, tmp_path / f"r{jobs}", *SHORT, "--jobs", jobs) == 0
    one, two = ((tmp_path / f"r{jobs}" / "predictions.csv").read_text() for jobs in (1, 2))
    assert one == two


def test_missing_patients_are_one_line(own, tmp_path, capsys):
    write_labels(own[1], toy_bags(30), columns=("slide", "label"), split=SPLIT)
    assert compare(own, tmp_path / "r", *SHORT) == 0
    error = capsys.readouterr().err
    assert [line for line in error.splitlines() if line.startswith("warning: ")] == [
        f"warning: {own[1]} has no column patient, so each slide is taken as a patient of its own; "
        "slides of one patient may train and test the same model"
    ]


def nan(own):
    features = np.ones((5, 6), dtype=np.float32)
    features[3, 1] = np.nan
    write_file(own[0] / "slide_07.h5", features, np.zeros((5, 2), dtype=int))
    return (), "slide_07.h5: row 3 holds NaN or infinity; extract this slide again"


def without_file(own):
    (own[0] / "slide_07.h5").unlink()
    return (), "do not agree: no feature file for slide_07"


def no_slides(own):
    return ("--slides", own[0]), "own holds none of the slides to judge"


def unknown_positive(own):
    return ("--positive", "cancer"), "no label 'cancer'"


BAD = [nan, without_file, no_slides, unknown_positive]


@pytest.mark.parametrize("spoil", BAD, ids=lambda f: f.__name__)
def test_bad_input_ends_with_code_2_one_line_and_no_output(spoil, own, tmp_path, capsys):
    options, message = spoil(own)
    assert compare(own, tmp_path / "r", *SHORT, *options) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[-1].startswith("error: ")
    assert message in lines[-1]
    assert not (tmp_path / "r").exists()


def test_labels_belong_to_a_folder(own, tmp_path, capsys):
    assert main(["compare", "--data", str(own[0]), "--out", str(tmp_path / "r")]) == 2
    assert "is a folder of features; name its labels too" in capsys.readouterr().err
    assert main(["compare", "--data", "musk1", "--labels", str(own[1])]) == 2
    assert (
        "--labels is for a folder of features, and musk1 comes with its labels"
        in capsys.readouterr().err
    )


def test_slides_belong_to_a_folder(tmp_path, capsys):
    words = ["compare", "--data", "musk1", "--slides", str(tmp_path), "--out", str(tmp_path / "r")]
    assert main(words) == 2
    assert "musk1: heat maps need the place of each tile" in capsys.readouterr().err


@pytest.mark.parametrize("package", ["openslide", "h5py"])
def test_a_missing_package_ends_with_code_2_and_one_line(
    package, own, tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(sys.modules, package, None)
    assert compare(own, tmp_path / "r", *SHORT, "--slides", tmp_path) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"error: {package} cannot be imported")
    assert 'pip install "mil-tutorial[wsi]"' in line
