"""What the course promises of its data, measured: minutes, not seconds. Run with ``-m full``."""

import os
from pathlib import Path

import numpy as np
import pytest

from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.experiment.records import load_recorded, table_cells
from mil_tutorial.experiment.run import run_experiment
from mil_tutorial.experiment.summary import Summary
from mil_tutorial.experiment.tables import as_markdown, as_results
from mil_tutorial.system.jobs import possible_jobs
from mil_tutorial.system.versions import environment

pytestmark = pytest.mark.full


def run(name, **options):
    """Run an experiment as recorded, with as many processes as the machine has room for."""
    return Summary(
        run_experiment(load_benchmark(name), jobs=possible_jobs(), progress=False, **options)
    )


def same_machine(recorded):
    """Return True if digits must agree: another processor or version rounds in another order."""
    here, there = environment(), recorded["environment"]
    return all(here[part] == there[part] for part in ("torch", "numpy", "arithmetic", "threads"))


@pytest.fixture(scope="module")
def slides():
    return run("slides")


def test_slides_can_be_learnt_and_leave_room(slides):
    row = slides.row("gated")
    assert 0.90 <= row["auc"].value <= 0.98
    assert row["instance_auc"].value > 0.80
    assert abs(slides.baseline("bag_size").value - 0.5) < 0.05


def test_the_experiment_gives_the_recorded_table_again(slides):
    results, recorded = as_results(slides), load_recorded("slides")
    if same_machine(recorded):
        assert table_cells(as_markdown(results)) == table_cells(as_markdown(recorded))
        assert results["runs"] == recorded["runs"]
    for mine, theirs in zip(results["rows"], recorded["rows"], strict=True):
        assert mine["auc"] == pytest.approx(theirs["auc"], abs=0.05)


def test_hard_slides_are_harder_but_not_hopeless(slides):
    summary = run("slides-hard", poolings=["gated"], seeds=3)
    assert 0.70 <= summary.row("gated")["auc"].value < slides.row("gated")["auc"].value
    recorded = load_recorded("slides-hard")
    aucs = [run["auc"] for run in recorded["runs"] if run["pooling"] == "gated"][:3]
    tolerance = 0 if same_machine(recorded) else 0.1
    assert summary.auc_by_seed("gated") == pytest.approx(aucs, abs=tolerance)


def test_mnist_bags_reach_the_paper():
    if not (Path(os.environ.get("MIL_TUTORIAL_DATA", "")) / "MNIST" / "raw").is_dir():
        pytest.skip("MIL_TUTORIAL_DATA names no folder with MNIST/raw")
    benchmark = load_benchmark("mnist", train_bags=100)
    experiment = run_experiment(benchmark, poolings=["gated"], seeds=3, progress=False)
    row = Summary(experiment).row("gated")
    assert row["auc"].value >= 0.93
    assert np.isfinite(row["instance_auc"].value)
