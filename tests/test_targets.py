"""What the course promises of its data, measured: minutes, not seconds. Run with ``-m slow``."""

import os
from pathlib import Path

import numpy as np
import pytest

from mil_tutorial.datasets import load_benchmark
from mil_tutorial.experiment import run_experiment
from mil_tutorial.summary import Summary

pytestmark = pytest.mark.slow


def rows_of(name, **options):
    experiment = run_experiment(
        load_benchmark(name, **options), poolings=["gated"], seeds=3, progress=False
    )
    summary = Summary(experiment)
    return summary.row("gated"), summary.baseline("bag_size")


@pytest.fixture(scope="module")
def slides():
    return rows_of("slides")


def test_slides_can_be_learnt_and_leave_room(slides):
    row, bag_size = slides
    assert 0.90 <= row["auc"].value <= 0.98
    assert row["instance_auc"].value > 0.80
    assert abs(bag_size.value - 0.5) < 0.05


def test_hard_slides_are_harder_but_not_hopeless(slides):
    row, _ = rows_of("slides-hard")
    assert 0.70 <= row["auc"].value < slides[0]["auc"].value


def test_mnist_bags_reach_the_paper():
    if not (Path(os.environ.get("MIL_TUTORIAL_DATA", "")) / "MNIST" / "raw").is_dir():
        pytest.skip("MIL_TUTORIAL_DATA names no folder with MNIST/raw")
    row, _ = rows_of("mnist", train_bags=100)
    assert row["auc"].value >= 0.93
    assert np.isfinite(row["instance_auc"].value)
