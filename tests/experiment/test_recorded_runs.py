import json

import numpy as np
import pytest
from pooch import file_hash
from scripts import load_script

from mil_tutorial import load_slides
from mil_tutorial.experiment import records
from mil_tutorial.experiment.records import RECIPES, load_recorded, load_recorded_runs
from mil_tutorial.system.versions import environment

SCRIPT = load_script("data/runs/record.py")


def test_every_recipe_and_weight_has_five_whole_runs():
    for recipe, weight in [*((r, 0.0) for r in RECIPES), *(("B", w) for w in SCRIPT.WEIGHTS)]:
        runs = load_recorded_runs(recipe, weight)
        assert [run.seed for run in runs] == list(range(5))
        for run in runs:
            assert {len(column) for column in run.columns.values()} == {30}
            assert all(np.isfinite(column).all() for column in run.columns.values())
            assert run.best_epoch == run.columns["val_loss"].argmin()
            assert run.kept("val_loss") == run.columns["val_loss"].min()


def test_runs_that_were_not_recorded_are_named():
    with pytest.raises(ValueError, match=r"no runs of \('B', 7\.0\).*there are \[\('A', 0\.0\)"):
        load_recorded_runs("B", 7.0)


def test_the_script_makes_such_a_file(tmp_path, capsys, monkeypatch):
    path = tmp_path / "runs" / "attention_runs.json"
    path.parent.mkdir()
    few = [part.subset(range(12)) for part in load_slides()]
    monkeypatch.setattr(SCRIPT, "load_slides", lambda: few)
    SCRIPT.main(["--out", str(path), "--seeds", "1", "--epochs", "1"])
    assert capsys.readouterr().out.count("AUC") == len(RECIPES) + len(SCRIPT.WEIGHTS)
    (path.parent / "SHA256SUMS").write_text(f"{file_hash(str(path))}  {path.name}\n")
    monkeypatch.setattr(records, "data_dir", lambda: tmp_path)
    records._all_runs.cache_clear()
    (run,) = load_recorded_runs("A")
    records._all_runs.cache_clear()
    assert run.columns.keys() == json.loads(path.read_text())[0]["columns"].keys()


def test_a_recipe_trains_as_it_was_recorded():
    """The first epoch; with other random numbers only what the recipe is known by is alike."""
    (shipped, *_), made = load_recorded_runs("A"), SCRIPT.record_run("A", 0.0, seed=0, epochs=1)
    assert made.columns.keys() == shipped.columns.keys()
    machine, recorded_machine = environment(), load_recorded("slides")["environment"]
    if all(machine[part] == recorded_machine[part] for part in ("torch", "arithmetic")):
        for name, values in made.columns.items():
            assert values[0] == pytest.approx(shipped.columns[name][0], rel=0.02), name
    for name in ("train_loss", "val_loss"):
        assert made.columns[name][0] == pytest.approx(shipped.columns[name][0], abs=0.1)
    assert made.columns["val_attention_entropy"][0] < 0.9, "a large start is far from uniform"


@pytest.mark.full
@pytest.mark.parametrize(("recipe", "weight"), [("A", 0.0), ("B", 0.3), ("C", 0.0)])
def test_a_whole_run_ends_as_it_was_recorded(recipe, weight):
    shipped = load_recorded_runs(recipe, weight)[1]
    made = SCRIPT.record_run(recipe, weight, seed=1, epochs=30)
    entropy = "val_attention_entropy"
    assert made.columns[entropy][-1] == pytest.approx(shipped.columns[entropy][-1], abs=0.1)
    assert made.kept("val_auc") == pytest.approx(shipped.kept("val_auc"), abs=0.05)
