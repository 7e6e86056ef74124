"""What the course promises of its data, measured: minutes, not seconds. Run with ``-m full``."""

import os
from pathlib import Path

import numpy as np
import pytest

from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.experiment.records import load_recorded
from mil_tutorial.experiment.run import run_experiment
from mil_tutorial.experiment.summary import Summary
from mil_tutorial.experiment.tables import as_results
from mil_tutorial.system.jobs import possible_jobs
from mil_tutorial.system.versions import environment

pytestmark = pytest.mark.full


SEEDS = 1  # of the five that were recorded


def run(name, **options):
    """Run the first seed of an experiment, with as many processes as there is room for."""
    options |= {"seeds": SEEDS, "jobs": possible_jobs(), "progress": False}
    return Summary(run_experiment(load_benchmark(name), **options))


def recorded_runs(recorded, pooling=None):
    """Return the recorded runs of the seeds that are run here."""
    return [
        run for run in recorded["runs"] if run["seed"] < SEEDS and pooling in (None, run["pooling"])
    ]


def same_machine(recorded):
    """Return True if digits must agree: another processor or version rounds in another order."""
    machine, recorded_machine = environment(), recorded["environment"]
    return all(
        machine[part] == recorded_machine[part]
        for part in ("torch", "numpy", "arithmetic", "threads")
    )


@pytest.fixture(scope="module")
def slides():
    return run("slides")


def test_slides_can_be_learned_and_leave_room(slides):
    row = slides.row("gated")
    assert 0.90 <= row["auc"].value <= 0.98
    assert row["instance_auc"].value > 0.80
    assert abs(slides.baseline("bag_size").value - 0.5) < 0.05


def test_the_experiment_gives_the_recorded_runs_again(slides):
    results, recorded = as_results(slides), load_recorded("slides")
    mine, theirs = results["runs"], recorded_runs(recorded)
    if same_machine(recorded):
        assert mine == theirs
    for one, other in zip(mine, theirs, strict=True):
        assert one["auc"] == pytest.approx(other["auc"], abs=0.1)


def test_hard_slides_are_harder_but_not_hopeless(slides):
    summary, recorded = run("slides-hard", poolings=["gated"]), load_recorded("slides-hard")
    assert 0.70 <= summary.row("gated")["auc"].value < slides.row("gated")["auc"].value
    aucs = [run["auc"] for run in recorded_runs(recorded, "gated")]
    tolerance = 0 if same_machine(recorded) else 0.1
    assert summary.auc_by_seed("gated") == pytest.approx(aucs, abs=tolerance)


def test_mnist_bags_reach_the_paper():
    if not (Path(os.environ.get("MIL_TUTORIAL_DATA", "")) / "MNIST" / "raw").is_dir():
        pytest.skip("MIL_TUTORIAL_DATA names no folder with MNIST/raw")
    row = run("mnist", poolings=["gated"]).row("gated")
    assert row["auc"].value >= 0.93
    assert np.isfinite(row["instance_auc"].value)
