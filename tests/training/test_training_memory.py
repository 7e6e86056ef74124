import sys
from pathlib import Path

import pytest

from mil_tutorial import build_model
from mil_tutorial.training.memory import _parameters, bytes_to_predict, bytes_to_train

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

from memory import measure, predicted

LINUX = pytest.mark.skipif(
    sys.platform != "linux", reason="peaks are counted in other units elsewhere"
)
TRAINING = (
    ("train", 60_000, 512, 256, 0),
    ("train", 60_000, 1024, 128, 4096),
    ("train", 30_000, 1024, 512, 4096),
    ("train", 25_000, 1024, 512, 0),
)


@LINUX
@pytest.mark.parametrize(
    "case",
    [
        ("predict", 60_000, 1024, 128, 0),
        *(pytest.param(case, marks=pytest.mark.full) for case in TRAINING),
    ],
    ids=str,
)
def test_a_fifth_of_what_is_measured(case):
    assert predicted(*case) == pytest.approx(measure(*case)["peak"], rel=0.2)


@pytest.mark.full
@LINUX
def test_predicting_takes_little_more_than_the_bag():
    n, width = 100_000, 1024
    assert measure("predict", n, width, 512)["peak"] < 1.25 * 4 * n * width


def test_parameters_are_those_of_the_model():
    model = build_model("gated", 20, 7)
    assert _parameters(20, 7, 128) == sum(p.numel() for p in model.parameters())


def test_more_instances_need_more_and_chunks_less():
    assert bytes_to_predict(1000, 64) < bytes_to_predict(2000, 64) < bytes_to_train(2000, 64)
    whole, chunks = (bytes_to_train(50_000, 64, at_once=n) for n in (None, 1000))
    assert chunks < whole / 3
    assert bytes_to_train(500, 64, at_once=1000) == bytes_to_train(500, 64, at_once=500)
