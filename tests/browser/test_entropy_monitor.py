"""The entropy monitor in JupyterLab, while a real training runs."""

import re

import nbformat
import pytest

from browser.jupyterlab import Notebook, eventually

pytestmark = pytest.mark.full

EPOCHS = 12
START = f"""
import sys; sys.path.insert(0, {{tests!r}})
import time, torch
from toy_bags import separable
from mil_tutorial import TrainingConfig, build_model, fit
from mil_tutorial.widgets import EntropyMonitor
train, val = separable(40, seed=0), separable(20, seed=1)
torch.manual_seed(0)
model = build_model("attention", 4, 8)
config = TrainingConfig(epochs={EPOCHS}, learning_rate=5e-3, patience=None)
"""
TRAIN = f"""
with EntropyMonitor(epochs={EPOCHS}) as monitor:
    def on_epoch(record):
        monitor(record)
        time.sleep(PAUSE)
    history = fit(model, train, val, config, on_epoch=on_epoch, progress=False)
"""
# Heights of the widget's output, frame by frame, to see whether it ever vanishes.
WATCH_HEIGHT = """() => {
  window.heights = [];
  const look = () => {
    const area = document.querySelector('.mil-monitor')?.closest('.jp-OutputArea');
    if (area) window.area = area;
    if (window.area) window.heights.push(window.area.getBoundingClientRect().height);
    requestAnimationFrame(look);
  };
  look();
}"""


CURVE = ".mil-monitor-loss > svg path.mil-monitor-solid"


def points(page):
    """Return how many points the curve of the validation loss has."""
    return len(re.findall("[ML]", page.locator(CURVE).get_attribute("d")))


@pytest.fixture()
def write(page, lab, request, widget_messages):
    """Write a notebook that trains, open it, and leave it to the test to run it."""

    def write(pause=0.0, train=TRAIN):
        tests = str(request.path.parents[1])
        sources = [START.format(tests=tests) + f"PAUSE = {pause}", train]
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
        book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(book, lab.folder / "widget.ipynb")
        notebook = Notebook(page, lab.url)
        notebook.open("widget.ipynb")
        return notebook

    return write


@pytest.fixture()
def trained(write):
    """A finished training."""
    notebook = write()
    notebook.run_all()
    assert notebook.errors() == []
    return notebook


def recorded(notebook, column):
    return notebook.kernel_value(f"[getattr(r, '{column}') for r in history.epochs]")


def keys(page, panel):
    """Return the legend of a panel: name → value as it is written."""
    texts = page.locator(f".mil-monitor-{panel} .mil-monitor-key").all_inner_texts()
    return dict(text.strip().rsplit(maxsplit=1) for text in texts)


def place(page, epoch):
    """Return where in the window an epoch of the first chart lies."""
    chart = page.locator(".mil-monitor-loss > svg")
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    x = 38 + 290 * epoch / (EPOCHS - 1)  # of the 340 units of the chart's width
    return box["x"] + x / 340 * box["width"], box["y"] + box["height"] / 2


def slider(page):
    return page.get_by_role("slider", name="Epoch")


def test_points_arrive_while_the_cell_runs(write, page, console_errors):
    notebook = write(pause=1.0)
    page.evaluate(WATCH_HEIGHT)
    notebook.choose("Run", "Run All Cells")
    page.wait_for_selector(".mil-monitor", timeout=120_000)
    counts = []
    for wanted in (2, 5, 8):
        page.wait_for_function(
            "([curve, n]) => (document.querySelector(curve)?.getAttribute('d').match(/[ML]/g)"
            " || []).length >= n",
            arg=[CURVE, wanted],
        )
        counts.append(points(page))
        assert notebook.code_cells()[1]["running"], "the curves came only after the training"
    assert f"{counts[-1]} of {EPOCHS}" in page.locator(".mil-monitor .mil-said").inner_text()
    slider(page).focus()  # reading an epoch works while the kernel is busy
    page.keyboard.press("Home")
    assert slider(page).input_value() == "0"
    page.keyboard.press("End")
    while notebook.code_cells()[1]["running"]:
        page.wait_for_timeout(200)
    page.locator(".mil-monitor .mil-said", has_text="Finished: 12 of 12").wait_for()
    page.wait_for_timeout(1000)  # an output that collapses does so when its picture is stored
    assert notebook.errors() == []
    assert page.locator(".mil-monitor").count() == 1
    assert points(page) == EPOCHS
    heights = page.evaluate("window.heights")
    full = max(heights)
    seen = heights[next(i for i, h in enumerate(heights) if h > 0.9 * full) :]
    assert min(seen) > 0.9 * full, "the output collapsed when its picture was stored"
    assert console_errors == []


def test_each_epoch_sends_its_own_record_and_no_more(write, page):
    received = []

    def hear(frame):
        text = frame if isinstance(frame, bytes) else frame.encode()
        if b"comm_msg" in text and b"val_loss" in text:
            received.append(len(text))

    page.on("websocket", lambda socket: socket.on("framereceived", hear))
    notebook = write()
    notebook.run_all()
    assert notebook.errors() == []
    *epochs, whole = received  # the last one stores all records with the page
    assert len(epochs) >= EPOCHS
    single = sorted(epochs)[:EPOCHS]
    assert max(single) < 2_000, "mostly the header of the message"
    assert max(single) - min(single) < 100, "an epoch's message grows with the training"
    assert whole > max(single)


def test_the_pointer_and_the_keys_read_an_epoch(trained, page, widget_messages, console_errors):
    losses, entropies = recorded(trained, "val_loss"), recorded(trained, "val_attention_entropy")
    instances = recorded(trained, "val_effective_instances")
    assert keys(page, "loss")["validation"] == f"{losses[-1]:.3f}"
    for epoch in (3, 7):
        page.mouse.move(*place(page, epoch))
        assert keys(page, "loss")["validation"] == f"{losses[epoch]:.3f}"
        assert keys(page, "entropy")["all"] == f"{entropies[epoch]:.3f}"
        assert float(keys(page, "instances")["all"]) == pytest.approx(instances[epoch], rel=6e-3)
        assert slider(page).input_value() == str(epoch)
    page.mouse.move(5, 5)
    assert slider(page).input_value() == str(EPOCHS - 1), "the pointer left: back to the newest"
    slider(page).focus()
    before = len(widget_messages)
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert keys(page, "loss")["validation"] == f"{losses[2]:.3f}"
    readout = slider(page).get_attribute("aria-valuetext")
    assert readout.startswith(f"epoch 2: training loss {recorded(trained, 'train_loss')[2]:.3f}, ")
    assert f"validation loss {losses[2]:.3f}, entropy {entropies[2]:.3f}" in readout
    trained.wait_for_value("monitor.epoch", 2)
    assert len(widget_messages) > before
    page.mouse.click(*place(page, 5))
    page.mouse.move(5, 5)
    assert slider(page).input_value() == "5"
    trained.wait_for_value("monitor.epoch", 5)
    assert console_errors == []


def test_hovering_and_the_table_ask_nothing_of_the_kernel(trained, page, widget_messages):
    columns = ("train_loss", "val_loss", "val_attention_entropy", "val_entropy_positive")
    wanted = [f"{recorded(trained, name)[4]:.3f}" for name in columns]
    box = page.locator(".mil-monitor-entropy > svg").bounding_box()
    before = len(widget_messages)
    for step in range(20):
        page.mouse.move(box["x"] + box["width"] * step / 20, box["y"] + 60)
    page.get_by_text("All epochs as a table").focus()
    page.keyboard.press("Enter")
    page.locator(".mil-monitor tbody tr").nth(EPOCHS - 1).wait_for()
    rows = page.locator(".mil-monitor tbody tr").all_inner_texts()
    assert len(rows) == EPOCHS
    epoch, *values = rows[4].split()
    assert (epoch, values[:4]) == ("4", wanted)
    page.wait_for_timeout(500)
    assert len(widget_messages) == before
    page.get_by_role("checkbox", name="Loss", exact=True).click()
    trained.wait_for_value("'loss' in monitor.panels", False)
    assert len(widget_messages) > before, "no message is ever heard"


def test_boxes_choose_what_is_shown(trained, page, console_errors):
    shown = {"Loss": "loss", "Effective instances": "instances", "AUC": "auc"}
    shown["Attention entropy, normalised"] = "entropy"
    for title, name in shown.items():
        box = page.get_by_role("checkbox", name=title, exact=True)
        box.click()
        assert not page.locator(f".mil-monitor-{name}").is_visible()
        trained.wait_for_value(f"{name!r} in monitor.panels", False)
        box.focus()
        page.keyboard.press("Space")
        assert page.locator(f".mil-monitor-{name}").is_visible()
    assert set(keys(page, "entropy")) == {"all", "positives", "negatives"}
    apart = page.get_by_role("checkbox", name="Split positives and negatives")
    apart.focus()
    page.keyboard.press("Space")
    assert set(keys(page, "entropy")) == {"all"}
    trained.wait_for_value("monitor.apart", False)
    assert console_errors == []


def test_python_changes_the_page(trained, page):
    trained.kernel_value(
        "[setattr(monitor, 'panels', ['auc']), setattr(monitor, 'epoch', 4)] and 0"
    )

    def check():
        panels = page.locator(".mil-monitor-panel:visible").all()
        assert [p.get_attribute("class") for p in panels] == ["mil-monitor-panel mil-monitor-auc"]
        assert not page.get_by_role("checkbox", name="Loss", exact=True).is_checked()
        assert slider(page).input_value() == "4"

    eventually(page, check)


def test_the_saved_notebook_has_the_finished_picture(trained, lab):
    trained.save()
    book = nbformat.read(lab.folder / "widget.ipynb", as_version=4)
    (output,) = book.cells[1].outputs
    assert f"{EPOCHS} of {EPOCHS} epochs" in output.data["text/html"]
    assert "image/png" in output.data
    assert "application/vnd.jupyter.widget-view+json" in output.data


def test_a_page_that_is_opened_again_has_all_epochs(trained, page, console_errors):
    trained.save()
    trained.open("widget.ipynb")
    page.wait_for_selector(CURVE, state="attached")
    assert points(page) == EPOCHS
    assert page.locator(".mil-monitor .mil-said").inner_text().startswith("Finished")
    assert console_errors == []


def test_a_training_that_fails_keeps_its_curves(write, page):
    failing = TRAIN.replace("monitor(record)", "monitor(record); 1 / (record.epoch < 5)")
    notebook = write(train=failing)
    notebook.run_all()
    (error,) = notebook.errors()
    assert "ZeroDivisionError" in error
    assert points(page) == 6
    readout = page.locator(".mil-monitor .mil-said")
    assert readout.inner_text().startswith(f"Stopped: 6 of {EPOCHS} epochs.")
    assert readout.get_attribute("aria-live") == "polite"


def test_it_fits_a_narrow_page_and_a_dark_one(trained, page):
    page.set_viewport_size({"width": 1000, "height": 1400})
    dark = "window.jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
    page.evaluate(dark)
    page.wait_for_function("document.body.dataset.jpThemeLight === 'false'")
    page.wait_for_timeout(500)  # time to be laid out
    spare = page.locator(".mil-monitor").evaluate(
        "e => [e, e.closest('.jp-OutputArea')].map(x => x.clientWidth - x.scrollWidth)"
    )
    assert min(spare) >= 0

    def check():
        colour = page.locator(".mil-monitor").evaluate("e => getComputedStyle(e).backgroundColor")
        assert max(map(int, re.findall(r"\d+", colour)[:3])) < 80

    eventually(page, check)
