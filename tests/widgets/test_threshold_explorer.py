import numpy as np
import pytest
import torch
from matplotlib import pyplot as plt

from mil_tutorial.metrics import decisions as metrics
from mil_tutorial.widgets.base import WIDGET_VIEW
from mil_tutorial.widgets.threshold_explorer import ThresholdExplorer

LABELS = [1, 1, 1, 1, 0, 0, 0, 0]
PROBABILITIES = [0.9, 0.7, 0.4, 0.2, 0.1, 0.3, 0.6, 0.05]
PATIENTS = ["a", "a", "b", "c", "a", "d", "d", "e"]


def explorer(**options):
    return ThresholdExplorer(LABELS, PROBABILITIES, groups=PATIENTS, **options)


def test_decisions_by_hand():
    decisions = explorer(threshold=0.5).results()
    assert decisions.true_positives == 2
    assert decisions.false_negatives == 2
    assert decisions.false_positives == 1
    assert decisions.true_negatives == 3
    assert (decisions.sensitivity, decisions.specificity, decisions.false_negative_rate) == (
        0.5,
        0.75,
        0.5,
    )
    assert decisions.missed_slides == ["slide 3", "slide 2"]  # the lowest probability first


def test_a_patient_is_missed_when_no_positive_slide_of_his_is_called():
    assert explorer(threshold=0.5).results().missed_patients == ["b", "c"]
    assert explorer(threshold=0.8).results().missed_patients == ["b", "c"]  # a has one at 0.9
    assert explorer(threshold=1.0).results().missed_patients == ["a", "b", "c"]
    assert explorer(threshold=0.0).results().missed_patients == []
    # d and e have no positive slide: they cannot be missed


def test_a_probability_at_the_threshold_is_called():
    assert explorer(threshold=0.4).results().false_negatives == 1
    assert explorer(threshold=np.nextafter(0.4, 1)).results().false_negatives == 2


def test_rates_are_those_of_the_metrics():
    for threshold in [0.0, 0.2, 0.5, 0.9, 1.0]:
        decisions = explorer(threshold=threshold).results()
        arguments = LABELS, PROBABILITIES, threshold
        assert decisions.false_negative_rate == metrics.false_negative_rate(*arguments)
        assert decisions.specificity == metrics.specificity(*arguments)
        assert decisions.true_positives + decisions.false_negatives == 4
        assert decisions.false_positives + decisions.true_negatives == 4


def test_probabilities_arrive_exactly_and_in_any_form():
    exact = ThresholdExplorer(np.array(LABELS), np.array(PROBABILITIES))
    assert exact.probabilities == PROBABILITIES
    single = torch.tensor(PROBABILITIES)
    assert ThresholdExplorer(torch.tensor(LABELS), single).probabilities == single.tolist()
    assert ThresholdExplorer([bool(label) for label in LABELS], PROBABILITIES).labels == LABELS


def test_names_and_patients_of_any_kind_become_words():
    widget = ThresholdExplorer(LABELS, PROBABILITIES, groups=np.arange(8) // 2, names=range(8))
    assert widget.groups == ["0", "0", "1", "1", "2", "2", "3", "3"]
    assert widget.names == list("01234567")
    assert widget.results().missed_patients == ["1"]


def test_bad_slides_are_refused():
    for labels, probabilities, message in [
        ([1, 1], [0.2, 0.3], "one class only"),
        ([0, 1], [0.2, float("nan")], "slide 1 has probability nan, expected a number in"),
        ([0, 1], [-1.5, 2.0], "slide 0 has probability -1.5.*apply the sigmoid to logits"),
        ([0, 1, 1], [0.2, 0.3], "labels .3,. and probabilities .2,. must both be"),
        ([0, 2], [0.2, 0.3], "labels must be 0 or 1"),
        ([[0, 1]], [[0.2, 0.3]], "expected .B,."),
        ([], [], "one class only"),
    ]:
        with pytest.raises(ValueError, match=message):
            ThresholdExplorer(labels, probabilities)


def test_lists_of_another_length_are_refused():
    for what in ["groups", "names"]:
        with pytest.raises(ValueError, match=f"2 {what} for 8 slides; give one for each"):
            ThresholdExplorer(LABELS, PROBABILITIES, **{what: ["x", "y"]})


def test_a_threshold_that_is_no_probability_is_refused():
    for threshold in [-0.1, 1.1, float("nan")]:
        with pytest.raises(ValueError, match="expected a probability in"):
            explorer(threshold=threshold)
        widget = explorer()
        with pytest.raises(ValueError, match="expected a probability in"):
            widget.threshold = threshold


def test_twin_and_view_stand_side_by_side():
    before = plt.get_fignums()
    widget = explorer(threshold=0.25, bags_are="test slides")
    bundle, _ = widget._repr_mimebundle_()
    assert {WIDGET_VIEW, "text/html", "image/png", "text/plain"} <= bundle.keys()
    text = widget.description()
    assert bundle["text/plain"] == text
    assert "8 test slides, 4 with tumour" in text
    assert "At threshold 0.250: 3 tumour slides found, 1 missed, 2 false alarms" in text
    assert "sensitivity 0.750, specificity 0.500. Patients missed: c." in text
    assert '<img alt="8 test slides' in bundle["text/html"]
    assert plt.get_fignums() == before


def test_twin_shows_the_present_point():
    widget = explorer(threshold=0.5)
    figure = widget.twin()
    plt.close(figure)
    roc = next(axes for axes in figure.axes if axes.get_ylabel() == "sensitivity")
    points = {line.get_label(): line.get_xydata().tolist() for line in roc.lines}
    assert points["this threshold"] == [[0.25, 0.5]]
    best = metrics.sensitivity_at_specificity(LABELS, PROBABILITIES, 0.9)
    assert points["90 % specificity"] == [[0.0, best]]
    assert figure.get_figwidth() <= 8


def test_without_patients_none_are_spoken_of():
    widget = ThresholdExplorer(LABELS, PROBABILITIES)
    assert widget.results().missed_patients == []
    assert "Patients" not in widget.description()
