import re

import numpy as np
import pytest

from mil_tutorial.__main__ import main
from mil_tutorial.cli import demo
from mil_tutorial.experiment.catalogue import load_benchmark


def test_demo_shows_hard_slides_first_and_says_where_to_go(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(demo, "EPOCHS", {"slides-hard": 1, "slides": 1})
    monkeypatch.setattr(demo, "STARTS", {"slides-hard": 1, "slides": 1})
    monkeypatch.setattr(demo, "POOLINGS", ("max", "attention"))
    monkeypatch.setattr("mil_tutorial.system.jobs.possible_jobs", lambda most: 1)
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 0
    printed = capsys.readouterr().out
    assert {path.name for path in (tmp_path / "demo").iterdir()} == {"heatmap.png", "results.md"}
    assert printed.startswith((tmp_path / "demo" / "results.md").read_text().rstrip())
    hard, default = printed.split("# slides: ")
    assert "tumour in 3 of 218 tiles" in hard
    assert [len(re.findall(r"\d\.\d\d", line)) for line in hard.splitlines()[4:6]] == [2, 2]
    assert "Of 20 recorded starts" in default
    assert "max 5, attention 19, gated 15" in default
    assert "compare --data slides-hard" in printed.splitlines()[-1]


def test_a_table_counts_starts_and_keeps_the_one_that_validation_likes():
    starts = [
        demo.Start("max", 0.52, 0.69, None),
        demo.Start("max", 0.84, 0.43, None),
        demo.Start("mean", 0.55, 0.69, None),
        demo.Start("attention", 0.81, 0.45, None),
        demo.Start("attention", 0.83, 0.47, None),
    ]
    table = demo.section(load_benchmark("slides-hard"), starts).splitlines()[4:]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert rows[0] == ["max", "0.52 0.84", "1 of 2", "0.84"]
    assert rows[2] == ["attention", "0.81 0.83", "2 of 2", "0.81"]


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
