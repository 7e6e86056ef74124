import base64
import io
import re

import matplotlib as mpl
import pytest
import torch
from PIL import Image

from mil_tutorial import notebook
from mil_tutorial.system import paths


@pytest.fixture(autouse=True)
def as_it_was():
    threads = torch.get_num_threads()
    with mpl.rc_context():
        yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize(("value", "fast"), [("1", True), ("0", False), ("", False)])
def test_start_says_what_it_runs_on(value, fast, monkeypatch, capsys):
    monkeypatch.setenv("MIL_TUTORIAL_FAST", value)
    assert notebook.start() is fast
    printed = capsys.readouterr().out
    assert re.search(r"mil_tutorial \S+, Python 3\.\d+\.\d+, torch \S+, numpy \S+", printed)
    assert "device: " in printed
    assert re.search(r"SHA-256 [0-9a-f]{12}…, as it should be", printed)
    assert f"fast mode: {'on' if fast else 'off'}" in printed
    assert torch.get_num_threads() == 1
    assert not mpl.rcParams["axes.spines.top"]


def test_start_stops_at_damaged_data(monkeypatch, tmp_path):
    (tmp_path / "slides").mkdir()
    (tmp_path / "slides" / "slides.npz").write_bytes(b"half a fi")
    (tmp_path / "slides" / "SHA256SUMS").write_text("0" * 64 + "  slides.npz\n")
    monkeypatch.setattr(paths, "data_dir", lambda: tmp_path)
    with pytest.raises(ValueError, match=r"slides.npz has SHA-256 .* install the package again"):
        notebook.start()


def test_show_keeps_the_description_and_closes_the_figure(monkeypatch):
    import matplotlib.pyplot as plt

    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append(data))
    figure, axes = plt.subplots()
    axes.plot([0, 1])
    notebook.show(figure, 'a line that rises from "0" to 1')
    assert not plt.fignum_exists(figure.number)
    (data,) = shown
    assert data["text/plain"] == 'a line that rises from "0" to 1'
    assert 'alt="a line that rises from &quot;0&quot; to 1"' in data["text/html"]
    picture = Image.open(io.BytesIO(base64.b64decode(data["image/png"])))
    assert picture.width > 300
    assert len(picture.getcolors()) > 3


def test_a_table_has_its_head_and_one_line_for_each_row():
    shown = notebook.table(("slide", "AUC"), [("a", 0.5), ("b", None)])
    lines = shown.data.splitlines()
    assert [line.split("|")[1].strip() for line in lines] == ["slide", "-----", "a", "b"]
    assert "0.5" in lines[2]
    assert "None" in lines[3]
