import json
from dataclasses import replace

import numpy as np
import pytest
from mil_tutorial.recipes import NAMES, Recipe, recipes
from mil_tutorial.reproduction import reproduce, without_intervals

from mil_tutorial import TrainingConfig, reproduction
from mil_tutorial.__main__ import main
from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.experiment.records import read_reproductions


@pytest.fixture
def quick():
    benchmark = load_benchmark("musk1")
    config = TrainingConfig(epochs=2, batch_size=16, learning_rate=2e-3)
    return Recipe("musk1", "improved", "attention", replace(benchmark, config=config), members=2)


def test_the_ensemble_and_its_members_are_measured(quick):
    row = reproduce(quick, seeds=2, progress=False)
    assert len(row["ensemble"]["auc"]["by_run"]) == 2
    assert len(row["single"]["auc"]["by_run"]) == 4
    assert len(set(row["single"]["auc"]["by_run"])) > 1
    assert row["ensemble"]["accuracy"]["value"] > 0.6
    assert set(row["baselines"]) == {"bag_size", "mean_feature"}
    assert row["data"] == "musk1"
    assert row["members"] == 2
    assert json.loads(json.dumps(row)) == row


def test_one_member_is_its_own_ensemble(quick):
    row = reproduce(replace(quick, members=1), seeds=1, progress=False)
    assert without_intervals(row["ensemble"]) == row["single"]


def test_the_first_member_does_not_depend_on_how_many_there_are(quick):
    alone = reproduce(replace(quick, members=1), seeds=1, progress=False)
    both = reproduce(quick, seeds=1, progress=False)
    assert both["single"]["auc"]["by_run"][0] == alone["single"]["auc"]["by_run"][0]


def test_the_command_goes_on_where_it_stopped(quick, monkeypatch, tmp_path):
    ran = []

    def note(recipe, seeds, **_):
        ran.append(recipe.name)
        checksum = recipe.benchmark.test.checksum()
        return recipe.as_dict() | {"seeds": seeds, "checksum": checksum}

    monkeypatch.setattr(reproduction, "recipes", lambda data: [quick, replace(quick, name="plain")])
    monkeypatch.setattr(reproduction, "reproduce", note)
    out = tmp_path / "rows.jsonl"
    assert main(["musk1", "--recipes", "plain", "--out", str(out)]) == 0
    assert ran == ["plain"]
    main(["musk1", "--out", str(out)])
    assert ran == ["plain", "improved"]
    assert [row["recipe"] for row in read_reproductions(out)] == ran
    main(["musk1", "--seeds", "2", "--out", str(out)])  # another measurement
    assert ran == ["plain", "improved", "improved", "plain"]


def test_what_is_wrong_is_told_before_training(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(reproduction, "reproduce", None)
    with pytest.raises(SystemExit):
        main(["musk1", "--recipes", "imporved", "--out", str(tmp_path / "rows.jsonl")])
    assert "no recipe imporved; there are improved, plain" in capsys.readouterr().err
    assert main(["musk1", "--out", str(tmp_path / "nowhere" / "rows.jsonl")]) == 1
    assert "error: " in capsys.readouterr().err
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path))
    assert main(["colon", "--out", str(tmp_path / "rows.jsonl")]) == 1
    assert "error: the colon nuclei are not here" in capsys.readouterr().err
    broken = tmp_path / "broken.jsonl"
    broken.write_text('{"data": "musk1"}\n{"data": "mu')
    assert main(["musk1", "--out", str(broken)]) == 1
    assert "broken.jsonl: a line is not whole" in capsys.readouterr().err


def test_members_by_themselves_have_no_interval(quick):
    row = reproduce(quick, seeds=1, progress=False)
    assert set(row["single"]["accuracy"]) == {"value", "by_run"}
    assert set(row["ensemble"]["accuracy"]) == {"value", "low", "high", "by_run"}


def test_an_ablation_changes_one_thing():
    improved, *rest = [r for r in recipes("musk1") if r.name != "plain"]
    assert {r.name for r in rest} == {
        "without augmentation",
        "without dropout",
        "without one cycle",
        "with a fold held back",
    }
    wanted = improved.as_dict()
    for recipe in rest:
        found = recipe.as_dict()
        changed = {k for k in found if found[k] != wanted[k]} - {"recipe", "members"}
        assert len(changed) == 1
    (one_cycle,) = (r for r in rest if r.name == "without one cycle")
    settings = {k for k, v in one_cycle.as_dict()["config"].items() if v != wanted["config"][k]}
    assert settings == {"schedule"}


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
