"""The script that reproduces published experiments, and its recipes."""

import json
from dataclasses import replace

import numpy as np
import pytest
import reproduce as script
from recipes import NAMES, Recipe, recipes
from reproduce import main, reproduce

from mil_tutorial import TrainingConfig
from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.experiment.records import read_reproductions


@pytest.fixture
def quick():
    benchmark = load_benchmark("musk1")
    config = TrainingConfig(epochs=2, batch_size=16, learning_rate=2e-3)
    return Recipe("musk1", "improved", "attention", replace(benchmark, config=config), members=2)


def without_intervals(metrics):
    """Return metrics without ``low`` and ``high``."""
    return {
        name: without_intervals(value) if isinstance(value, dict) else value
        for name, value in metrics.items()
        if name not in ("low", "high")
    }


@pytest.mark.full
def test_the_ensemble_and_its_members_are_measured(quick):
    row = reproduce(quick, seeds=2, progress=False)
    assert len(row["ensemble"]["auc"]["by_run"]) == 2
    assert len(row["single"]["auc"]["by_run"]) == 4
    assert len(set(row["single"]["auc"]["by_run"])) > 1
    assert set(row["single"]["accuracy"]) == {"value", "by_run"}
    assert set(row["ensemble"]["accuracy"]) == {"value", "low", "high", "by_run"}
    assert row["ensemble"]["accuracy"]["value"] > 0.6
    assert set(row["baselines"]) == {"bag_size", "mean_feature"}
    assert row["data"] == "musk1"
    assert row["members"] == 2
    assert json.loads(json.dumps(row)) == row


@pytest.mark.full
def test_one_member_is_its_own_ensemble(quick):
    row = reproduce(replace(quick, members=1), seeds=1, progress=False)
    assert without_intervals(row["ensemble"]) == row["single"]


def test_the_command_resumes_where_it_stopped(quick, monkeypatch, tmp_path):
    ran = []

    def note(recipe, seeds, **_):
        ran.append(recipe.name)
        checksum = recipe.benchmark.test.checksum()
        return recipe.as_dict() | {"seeds": seeds, "checksum": checksum}

    monkeypatch.setattr(script, "recipes", lambda data: [quick, replace(quick, name="plain")])
    monkeypatch.setattr(script, "reproduce", note)
    out = tmp_path / "rows.jsonl"
    assert main(["musk1", "--recipes", "plain", "--out", str(out)]) == 0
    assert ran == ["plain"]
    main(["musk1", "--out", str(out)])
    assert ran == ["plain", "improved"]
    assert [row["recipe"] for row in read_reproductions(out)] == ran
    main(["musk1", "--seeds", "2", "--out", str(out)])  # another measurement
    assert ran == ["plain", "improved", "improved", "plain"]


def test_faults_are_reported_before_training(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(script, "reproduce", None)
    with pytest.raises(SystemExit):
        main(["musk1", "--recipes", "imporved", "--out", str(tmp_path / "rows.jsonl")])
    assert "no recipe imporved; choose from improved, plain" in capsys.readouterr().err
    assert main(["musk1", "--out", str(tmp_path / "nowhere" / "rows.jsonl")]) == 2
    assert "error: " in capsys.readouterr().err
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path))
    assert main(["colon", "--out", str(tmp_path / "rows.jsonl")]) == 2
    assert "error: the colon nuclei are not here" in capsys.readouterr().err
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"data": "musk1"}\n{"data": "mu')
    assert main(["musk1", "--out", str(broken)]) == 2
    assert "broken.jsonl: a line is incomplete" in capsys.readouterr().err
    broken.write_text('{"name": "musk1"}')
    assert main(["musk1", "--out", str(broken)]) == 2
    assert "broken.jsonl: its last line does not end" in capsys.readouterr().err


def test_an_ablation_changes_one_thing():
    improved, *rest = [r for r in recipes("musk1") if r.name != "plain"]
    assert {r.name for r in rest} == {
        "without augmentation",
        "without dropout",
        "without one cycle",
        "with a fold held back",
    }
    whole = improved.as_dict()
    for recipe in rest:
        settings = recipe.as_dict()
        changed = {k for k in settings if settings[k] != whole[k]} - {"recipe", "members"}
        assert len(changed) == 1
    (one_cycle,) = (r for r in rest if r.name == "without one cycle")
    config = one_cycle.as_dict()["config"]
    assert {k for k, v in config.items() if v != whole["config"][k]} == {"schedule"}


def test_every_musk_has_plain_and_improved_recipes():
    for data in ("musk1", "musk2"):
        names = [(r.name, r.pooling) for r in recipes(data)]
        assert len(set(names)) == len(names)
        assert {("plain", "attention"), ("plain", "gated")} <= set(names)
        assert any(r.name == "improved" and r.members > 1 for r in recipes(data))


def test_unknown_data():
    with pytest.raises(ValueError, match="no recipes for 'fox'; choose from mnist-50"):
        recipes("fox")
    assert len(NAMES) == len(set(NAMES))
    assert np.isin(["musk1", "musk2", "colon", "colon-frozen"], NAMES).all()
