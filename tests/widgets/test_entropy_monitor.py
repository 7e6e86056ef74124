"""The entropy monitor's Python side: what it records, sends, stores and draws."""

import json
import math
import re

import matplotlib.pyplot as plt
import nbclient
import nbformat
import numpy as np
import pytest
import torch
from toy_bags import separable

from mil_tutorial import EpochRecord, TrainingConfig, build_model, fit
from mil_tutorial.widgets.base import WIDGET_VIEW
from mil_tutorial.widgets.entropy_monitor import EntropyMonitor


def record(epoch=0, entropy=0.5, val_loss=0.4, **more):
    values = dict(
        val_effective_instances=9.0, val_entropy_positive=entropy, val_entropy_negative=entropy
    )
    return EpochRecord(epoch, 0.3, val_loss, 0.9, entropy, seconds=0.1, **(values | more))


@pytest.fixture()
def sent(monkeypatch):
    """What a monitor sends to the page: messages, and states by name."""
    messages = []
    monkeypatch.setattr(EntropyMonitor, "send", lambda self, content: messages.append(content))
    monkeypatch.setattr(
        EntropyMonitor, "send_state", lambda self, key=None: messages.append({"state": key})
    )
    return messages


def state_of(messages, name):
    return [m for m in messages if m == {"state": name} or name in (m.get("state") or ())]


def test_a_training_is_recorded_epoch_by_epoch(train_val):
    monitor = EntropyMonitor(4)
    config = TrainingConfig(epochs=4, patience=None)
    history = fit(build_model("gated", 4, 8), *train_val, config, on_epoch=monitor, progress=False)
    for name in ("epoch", "train_loss", "val_loss", "val_auc", "val_entropy_negative"):
        assert [row[name] for row in monitor.records] == history.column(name).tolist()
    assert monitor.status == "finished"


def test_an_epoch_sends_one_small_message_and_the_end_sends_all(sent):
    monitor = EntropyMonitor(30)
    sent.clear()
    for epoch in range(20):
        monitor(record(epoch))
    messages = [m for m in sent if "record" in m]
    assert [m["record"]["epoch"] for m in messages] == list(range(20))
    assert max(len(json.dumps(m)) for m in messages) < 400
    assert state_of(sent, "records") == [], "the whole list went out before the end"
    monitor.__exit__(None, None, None)
    assert len(state_of(sent, "records")) == 1
    assert monitor.status == "finished"


def test_the_last_epoch_stores_all_without_a_with_block(sent):
    monitor = EntropyMonitor(2)
    sent.clear()
    monitor(record(0))
    assert (monitor.status, state_of(sent, "records")) == ("running", [])
    monitor(record(1))
    assert monitor.status == "finished"
    assert len(state_of(sent, "records")) == 1


def test_what_is_missing_is_sent_as_nothing(sent):
    """JSON knows no NaN."""
    monitor = EntropyMonitor(2)
    monitor(record(0, val_effective_instances=math.nan))
    assert sent[-1]["record"]["val_effective_instances"] is None
    json.dumps(sent[-1], allow_nan=False)
    assert "effective instances" not in monitor.description()


def test_a_second_run_begins_anew_and_a_resumed_one_goes_on():
    monitor = EntropyMonitor(5)
    for epoch in (2, 3, 4):  # resumed from a checkpoint
        monitor(record(epoch))
    assert [row["epoch"] for row in monitor.records] == [2, 3, 4]
    monitor(record(0))
    assert [row["epoch"] for row in monitor.records] == [0]
    assert monitor.status == "running"


def test_an_error_is_passed_on_and_stored():
    def train(monitor):
        with monitor:
            monitor(record(0))
            raise KeyboardInterrupt

    monitor = EntropyMonitor(5)
    with pytest.raises(KeyboardInterrupt):
        train(monitor)
    assert monitor.status == "stopped"


def test_the_description_tells_numbers_and_zone():
    for entropy, words in [
        (0.02, "zone of collapsed"),
        (0.99, "zone of uniform"),
        (0.4, "between the zones"),
    ]:
        monitor = EntropyMonitor(30)
        for epoch, loss in enumerate((0.6, 0.35, 0.41)):
            monitor(record(epoch, entropy, loss))
        text = monitor.description()
        assert words in text
        assert "3 of 30 epochs" in text
        assert f"normalised attention entropy {entropy:.3g}" in text
        assert "lowest validation loss is 0.35, in epoch 1" in text


def lines(figure):
    return {line.get_label(): line.get_ydata() for axes in figure.axes for line in axes.get_lines()}


def test_the_twin_draws_what_is_shown():
    monitor = EntropyMonitor(30)
    for epoch in range(6):
        monitor(record(epoch, 0.9 - epoch / 10, val_entropy_positive=0.2))
    figure = monitor.twin()
    assert [axes.get_title() for axes in figure.axes] == [
        "Loss",
        "Attention entropy, normalised",
        "Effective instances",
        "AUC",
    ]
    assert all(axes.get_xlabel() == "epoch" for axes in figure.axes)
    np.testing.assert_allclose(lines(figure)["positives"], [0.2] * 6)
    words = [text.get_text() for text in figure.axes[1].texts]
    assert words == ["collapsed", "uniform"]
    monitor.apart, monitor.panels = False, ["entropy"]
    np.testing.assert_allclose(lines(monitor.twin())["all"], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4])
    assert "positives" not in lines(monitor.twin())
    assert monitor.twin().get_size_inches()[0] <= 8
    monitor.panels = []
    assert monitor.twin().axes == []
    plt.close("all")


def test_the_bundle_has_view_and_twin():
    for epochs in [0, 1, 30]:
        monitor = EntropyMonitor(30)
        for epoch in range(epochs):
            monitor(record(epoch))
        data, _ = monitor._repr_mimebundle_()
        assert {WIDGET_VIEW, "text/html", "image/png", "text/plain"} <= set(data)
        (alt,) = re.findall(r'<img alt="([^"]*)"', data["text/html"])
        assert alt == data["text/plain"] == monitor.description()
        assert plt.get_fignums() == []


def test_bad_settings_are_named():
    for arguments, message in [
        ({"epochs": 0}, "epochs must be a positive whole number, got 0"),
        ({"epochs": 2.5}, "epochs must be a positive whole number, got 2.5"),
        ({"epochs": True}, "epochs must be a positive whole number, got True"),
        ({"epochs": 3, "collapsed": 0.9, "uniform": 0.5}, "got 0.9 and 0.5"),
        ({"epochs": 3, "uniform": 1.5}, "0 ≤ collapsed < uniform ≤ 1"),
    ]:
        with pytest.raises(ValueError, match=message):
            EntropyMonitor(**arguments)


CELL = """
from mil_tutorial import EpochRecord
from mil_tutorial.widgets import EntropyMonitor
with EntropyMonitor(epochs=3) as monitor:
    for epoch in range(3):
        monitor(EpochRecord(epoch, 0.5, 0.4 - epoch / 10, 0.9, 0.5, 0.1))
"""


def test_a_stored_notebook_has_the_picture_and_the_records_of_the_end():
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(CELL)])
    nbclient.NotebookClient(book, timeout=120, store_widget_state=True).execute()
    (output,) = (o for o in book.cells[0].outputs if o.output_type != "stream")
    assert "3 of 3 epochs" in output.data["text/plain"]
    states = book.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    model = states[output.data[WIDGET_VIEW]["model_id"]]["state"]
    assert [row["epoch"] for row in model["records"]] == [0, 1, 2]
    assert model["status"] == "finished"


def test_outside_a_notebook_nothing_is_shown(capsys):
    with EntropyMonitor(2) as monitor:
        monitor(record(0))
    assert capsys.readouterr().out == ""


def test_toy_training_shows_positives_sharper(train_val):
    """One instance of each positive bag stands out, so attention gathers there."""
    torch.manual_seed(0)
    monitor = EntropyMonitor(25)
    config = TrainingConfig(epochs=25, learning_rate=5e-3, patience=None)
    fit(
        build_model("attention", 4, 8),
        separable(40, seed=0),
        train_val[1],
        config,
        on_epoch=monitor,
        progress=False,
    )
    last = monitor.records[-1]
    assert last["val_entropy_positive"] < last["val_entropy_negative"]
