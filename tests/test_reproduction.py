import json
from dataclasses import replace

import numpy as np
import pytest

from mil_tutorial import TrainingConfig, reproduction
from mil_tutorial.datasets import load_benchmark
from mil_tutorial.recipes import NAMES, Recipe, recipes
from mil_tutorial.reproduction import main, read_reproductions, reproduce


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
    assert row["ensemble"] == row["single"]


def test_the_first_member_does_not_depend_on_how_many_there_are(quick):
    alone = reproduce(replace(quick, members=1), seeds=1, progress=False)
    both = reproduce(quick, seeds=1, progress=False)
    assert both["single"]["auc"]["by_run"][0] == alone["single"]["auc"]["by_run"][0]


def test_the_command_goes_on_where_it_stopped(quick, monkeypatch, tmp_path):
    ran = []

    def note(recipe, **_):
        ran.append(recipe.name)
        return recipe.as_dict()

    monkeypatch.setattr(reproduction, "recipes", lambda data: [quick, replace(quick, name="plain")])
    monkeypatch.setattr(reproduction, "reproduce", note)
    out = tmp_path / "rows.jsonl"
    assert main(["musk1", "--recipes", "plain", "--out", str(out)]) == 0
    assert ran == ["plain"]
    main(["musk1", "--out", str(out)])
    assert ran == ["plain", "improved"]
    assert [row["recipe"] for row in read_reproductions(out)] == ran


def test_recipes_of_musk_improve_by_more_than_chance_settings():
    for data in ("musk1", "musk2"):
        names = [(r.name, r.pooling) for r in recipes(data)]
        assert len(set(names)) == len(names)
        assert {("plain", "attention"), ("plain", "gated")} <= set(names)
        assert any(r.name == "improved" and r.members > 1 for r in recipes(data))


def test_unknown_data():
    with pytest.raises(ValueError, match="no recipes for 'fox'; choose from mnist-50"):
        recipes("fox")
    assert len(NAMES) == len(set(NAMES))
    assert np.isin(["musk1", "musk2", "colon"], NAMES).all()
