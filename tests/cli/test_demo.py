import json

import numpy as np
import pytest

from mil_tutorial.__main__ import main
from mil_tutorial.cli import demo
from mil_tutorial.experiment.catalogue import load_benchmark


def test_demo_writes_table_figures_and_says_where_to_go(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "EPOCHS", 1)
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 0
    printed = capsys.readouterr().out
    names = {path.name for path in (tmp_path / "demo").iterdir()}
    assert {"heatmap.png", "roc.png", "results.md", "results.json", "witness_rate.png"} <= names
    assert len(json.loads((tmp_path / "demo" / "results.json").read_text())["rows"]) == 4
    assert "| gated" in printed
    assert "compare --data slides-hard" in printed.splitlines()[-1]


def test_the_slide_shown_is_the_median_one_whatever_the_model():
    test = load_benchmark("slides").test
    rates = np.array([t.mean() for t in test.instance_labels])
    shown = demo.typical_positive(test)
    assert test.labels[shown] == 1
    assert rates[shown] == pytest.approx(np.median(rates[test.labels.numpy() == 1]), rel=0.2)


def test_slides_of_a_new_hospital_can_be_rendered_once(tmp_path, capsys):
    arguments = ["hospital", "--hospital", "Yew", "--n", "2", "--flaw", "none"]
    arguments += ["--out", str(tmp_path / "yew")]
    assert main(arguments) == 0
    assert "slides.npz" in capsys.readouterr().out
    before = sorted(tmp_path.rglob("*"))
    assert len(list((tmp_path / "yew" / "images").iterdir())) == 2
    assert main(arguments) == 2
    assert "exists; choose another folder" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before
