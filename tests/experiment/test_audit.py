"""What an audit measures, on numbers small enough to check by hand."""

import numpy as np
import pytest

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.experiment.audit import (
    Audit,
    colour_probabilities,
    fingerprints,
    hospital_distance,
    most_doubtful,
    near_copies,
)
from mil_tutorial.metrics.intervals import Estimate


def bags(*tiles, coords=((0, 0), (32, 0), (64, 32))):
    return MedicalBagDataset([(x, 0) for x in tiles], coords=[np.array(coords)] * len(tiles))


def test_a_fingerprint_forgets_the_mean_and_keeps_the_place():
    tiles = np.array([[1.0, 0.0], [2.0, 4.0], [6.0, 2.0]])
    plain, stained, moved = fingerprints(
        bags(tiles, tiles + np.array([5.0, -3.0]), tiles[[1, 0, 2]])
    )
    assert plain @ stained == pytest.approx(1)
    assert plain @ moved < 0.9
    rows = plain.reshape(256, 2)
    assert np.flatnonzero(rows.any(axis=1)).tolist() == [0, 1, 18]
    with pytest.raises(ValueError, match="place of each tile"):
        fingerprints(MedicalBagDataset([(tiles, 0)]))


def test_near_copies_compare_directions():
    first, second = np.array([[3.0, 4.0], [0.0, 1.0]]), np.array([[6.0, 8.0], [4.0, -3.0]])
    assert near_copies(first, second, 0.9).tolist() == [[0, 0]]
    assert near_copies(first, second, 0.8).tolist() == [[0, 0], [1, 0]]


def test_the_nearest_hospital_counts_in_deviations_within_one():
    reference = np.array([[0.0], [2.0], [10.0], [12.0]])  # means 1 and 11, deviations 1
    names = np.array(["a", "a", "b", "b"])
    assert hospital_distance(np.array([[3.0], [5.0]]), reference, names) == pytest.approx(3)
    assert hospital_distance(np.array([[13.0]]), reference, names) == pytest.approx(2)


def test_the_most_doubtful_is_where_label_and_probability_part():
    queue = most_doubtful(np.array([1, 0, 1]), np.array([0.9, 0.6, 0.2]), 2)
    assert queue.tolist() == [2, 1]


def test_colours_are_judged_without_the_patient():
    rng = np.random.default_rng(0)
    labels, patients = np.repeat([0, 1] * 10, 2), [f"p{i // 2}" for i in range(40)]
    own_colour = np.repeat(rng.normal(size=(20, 30)), 2, axis=0)  # knows the patient, not the label
    probabilities = colour_probabilities(own_colour, labels, patients)
    assert ((probabilities > 0.5) == (labels == 1)).mean() < 0.75
    probabilities = colour_probabilities(own_colour + 3 * labels[:, None], labels, patients)
    assert ((probabilities > 0.5) == (labels == 1)).all()


@pytest.mark.parametrize(
    ("changes", "alarms"),
    [
        ({}, ()),
        ({"near_copies": 1}, ("leak",)),
        ({"distance": 1.6}, ("stain",)),
        ({"contradicted": 0.5}, ("labels",)),
        ({"colour_auc": Estimate(0.8, 0.7, 0.9)}, ("shortcut",)),
        ({"near_copies": 2, "distance": 3.0}, ("leak", "stain")),
    ],
)
def test_an_alarm_needs_a_measure_beyond_its_limit(changes, alarms):
    usual = {
        "near_copies": 0,
        "colour_auc": Estimate(0.6, 0.5, 0.7),
        "contradicted": 0.1,
        "distance": 1.1,
        "model_auc": Estimate(0.6, 0.5, 0.7),
    }
    assert Audit(**usual | changes).alarms() == alarms
