import json
import shutil
import subprocess
import sys
from unittest.mock import patch

import numpy as np
import pytest
from toy_bags import separable

from mil_tutorial.__main__ import main
from mil_tutorial.datasets import musk
from mil_tutorial.system import paths


@pytest.fixture()
def own_file(tmp_path):
    """A user's own features: 60 bags of 30 patients."""
    path = tmp_path / "own.npz"
    write(path, separable(60, seed=0, groups=[f"p{i // 4}{i % 2}" for i in range(60)]))
    return path


def write(path, dataset, **changes):
    arrays = {
        "features": np.concatenate(dataset.instances),
        "bag": np.repeat(np.arange(len(dataset)), dataset.sizes),
        "label": dataset.labels.numpy().astype(int),
        "group": np.array(dataset.groups),
        "instance_label": np.concatenate(dataset.instance_labels),
    }
    np.savez(path, **(arrays | changes))


def test_compare_on_ones_own_features(own_file, tmp_path, capsys):
    out = tmp_path / "results"
    options = ["--seeds", "1", "--epochs", "2", "--poolings", "max_embedding", "mean_instance"]
    assert main(["compare", "--data", str(own_file), *options, "--out", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "# Poolings compared on own" in printed
    assert "results.json" in printed
    results = json.loads((out / "results.json").read_text())
    assert results["data"]["test_bags"] == 60
    assert results["data"]["test_groups"] == 30
    assert results["config"]["epochs"] == 2
    assert [row["pooling"] for row in results["rows"]] == ["max_embedding", "mean_instance"]
    assert (out / "results.md").read_text() in printed


def test_an_earlier_report_is_named_before_it_is_replaced(own_file, tmp_path, capsys):
    words = ["compare", "--data", str(own_file), "--out", str(tmp_path), "--seeds", "1"]
    words += ["--epochs", "1", "--poolings", "mean"]
    (tmp_path / "config.json").write_text("[]")  # somebody else's: no report
    assert main(words) == 0
    error = capsys.readouterr().err
    assert f"{tmp_path} holds config.json; the new report will replace it" in error
    (tmp_path / "config.json").write_text('{"data": "earlier"}')
    with patch("mil_tutorial.system.memory.available_memory", return_value=1e6):
        assert main(words) == 2  # refused as late as can be; the report stays
    assert "replace" not in capsys.readouterr().err
    (tmp_path / "model-max.safetensors").touch()
    assert main(words) == 0
    held = f"{tmp_path} holds a report on earlier with the models model-max.safetensors"
    assert held in capsys.readouterr().err


def corrupt(**changes):
    def make(tmp_path):
        path = tmp_path / "bad.npz"
        write(path, separable(20, seed=0), **changes)
        return ["--data", str(path)]

    return make


def with_value(value):
    features = np.concatenate(separable(20, seed=0).instances)
    features[1, 2] = value
    return corrupt(features=features)


def truncated(tmp_path):
    arguments = corrupt()(tmp_path)
    path = tmp_path / "bad.npz"
    path.write_bytes(path.read_bytes()[:300])
    return arguments


def tiles(tmp_path):
    path = tmp_path / "bad.npz"
    np.savez(path, features=np.zeros((2, 1, 8, 8)), bag=np.arange(2), label=np.arange(2))
    return ["--data", str(path)]


BAD = {
    "unknown data": (
        lambda _: ["--data", "camelyon"],
        "unknown data 'camelyon'; choose from slides",
    ),
    "no such file": (lambda p: ["--data", str(p / "no.npz")], "no.npz does not exist"),
    "truncated file": (truncated, "bad.npz cannot be read as .npz"),
    "NaN feature": (with_value(np.nan), "bad.npz: bag 0: instance 1 holds NaN or infinity"),
    "infinite feature": (with_value(np.inf), "bad.npz: bag 0: instance 1 holds NaN or infinity"),
    "missing label": (
        corrupt(label=np.r_[np.nan, np.arange(1, 20) % 2]),
        "bag 0: the label is nan",
    ),
    "label 7": (
        corrupt(label=np.r_[7, np.arange(1, 20) % 2]),
        "bag 0: the label is 7, expected 0 or 1",
    ),
    "empty bag": (corrupt(label=np.arange(21) % 2, group=np.arange(21)), "bag 20 is empty"),
    "one class only": (
        corrupt(label=np.zeros(20), instance_label=np.zeros(111)),
        "bad.npz holds label 0 only (20 bags)",
    ),
    "one patient": (
        corrupt(group=np.repeat("p", 20)),
        "bad.npz: 5 folds need at least 5 groups (patients)",
    ),
    "image tiles": (tiles, "turn image tiles into features"),
    "unknown pooling": (lambda _: ["--poolings", "median"], "unknown pooling 'median'"),
    "option of other data": (lambda _: ["--train-bags", "9"], "--train-bags is for mnist"),
    "too few bags": (lambda _: ["--data", "mnist", "--train-bags", "2"], "train_bags is 2"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_ends_with_code_2_one_line_and_no_output(case, tmp_path, capsys):
    make, message = BAD[case]
    out = tmp_path / "results"
    assert main(["compare", *make(tmp_path), "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert message in error
    assert not out.exists()


def test_a_damaged_shipped_file_is_noticed(tmp_path, capsys, monkeypatch):
    shutil.copytree(paths.data_dir() / "musk", tmp_path / "musk")
    (tmp_path / "musk" / "musk1.npz").write_bytes(b"0")
    monkeypatch.setattr(musk, "data_dir", lambda: tmp_path)
    assert main(["compare", "--data", "musk1", "--out", str(tmp_path / "r")]) == 2
    assert "musk1.npz has SHA-256" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()


def test_output_that_cannot_be_written_is_noticed_first(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["compare", "--out", str(tmp_path / "file")]) == 2
    assert "cannot write to" in capsys.readouterr().err


def test_wrong_folder_in_the_environment(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path / "none"))
    assert main(["compare", "--data", "mnist", "--out", str(tmp_path / "r")]) == 2
    assert "MIL_TUTORIAL_DATA names" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("data", "what"), [("colon", "colon nuclei"), ("tcga-brca", "slides of TCGA BRCA")]
)
def test_absent_data_of_others_are_one_line(cache, tmp_path, capsys, monkeypatch, data, what):
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path))
    assert main(["compare", "--data", data, "--out", str(tmp_path / "r")]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: the {what} are not here")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["compare", "--seeds", "0"],
        ["hospital", "--out", "x", "--seed", "-1"],
        ["hospital", "--out", "x", "--hospital", "../a"],
        ["nonsense"],
        [],
    ],
)
def test_wrong_usage_ends_with_code_2(arguments, capsys):
    with pytest.raises(SystemExit) as stop:
        main(arguments)
    assert stop.value.code == 2


def test_every_command_has_help(capsys):
    for command in ("demo", "compare", "predict", "doctor", "lab", "hospital", "tile", "features"):
        with pytest.raises(SystemExit) as stop:
            main([command, "--help"])
        assert stop.value.code == 0
        assert len(capsys.readouterr().out.splitlines()) > 3, command


def test_interrupt_is_no_traceback(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr("mil_tutorial.cli.lab.find_notebooks", interrupt)
    assert main(["lab"]) == 130
    assert capsys.readouterr().err == "stopped\n"


def test_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "mil_tutorial", "--version"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.strip() == "0.1.0"
