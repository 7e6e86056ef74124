import re

import numpy as np
import pytest

from browser.jupyterlab import eventually
from mil_tutorial.widgets.base import script
from mil_tutorial.widgets.pooling_playground import PARAMETERS, PRESETS, PoolingPlayground

pytestmark = pytest.mark.full

CELL = "from mil_tutorial.widgets import PoolingPlayground\nw = PoolingPlayground()\nw"
POOL = "([source, scores, w, p]) => new Function(source + '; return poolBag')()(scores, w, p)"
WIDE = """() => [...document.querySelectorAll('.jp-OutputArea-output, .mil')]
  .filter(box => box.scrollWidth > box.clientWidth).map(box => box.className)"""


def random_bags():
    rng = np.random.default_rng(0)
    bags = [rng.uniform(-4, 8, rng.integers(1, 25)).round(1).tolist() for _ in range(40)]
    return [*bags, *PRESETS.values(), [3.0, 3.0, -1.0], [-4.0], [8.0, -4.0]]


def test_numbers_of_the_browser_are_those_of_the_layers(chromium):
    page = chromium.new_page()
    source = script("pooling_math.js")
    for i, scores in enumerate(random_bags()):
        sharpness = (0.0, 3.0, 10.0, 0.7)[i % 4]
        results = page.evaluate(POOL, [source, scores, sharpness, PARAMETERS])
        expected = PoolingPlayground(scores, sharpness=sharpness).results()
        assert list(results) == list(expected)
        for name, bag in expected.items():
            np.testing.assert_allclose(results[name]["weights"], bag.weights, rtol=1e-9, atol=1e-15)
            assert results[name]["logit"] == pytest.approx(bag.logit, rel=1e-9, abs=1e-12)
            assert results[name]["probability"] == pytest.approx(bag.probability, rel=1e-9)
    page.close()


class Playground:
    """The widget on the page."""

    def __init__(self, page, notebook):
        self.page, self.notebook = page, notebook
        self.root = page.locator(".mil-playground")
        self.tiles = self.root.get_by_role("slider", name=re.compile("Score of tile"))
        self.sharpness = self.root.get_by_role("slider", name="Sharpness w")

    def scores(self):
        return [float(tile.get_attribute("aria-valuenow")) for tile in self.tiles.all()]

    def shown(self):
        """Logit and probability of each pooling as they stand on the page."""
        texts = self.root.locator(".mil-playground-logit").all_inner_texts()
        matches = [re.fullmatch(r"logit (.+), p = (.+)", text).groups() for text in texts]
        return [(float(logit.replace("−", "-")), float(p)) for logit, p in matches]

    def weights(self):
        rows = self.root.locator(".mil-playground-tiles[role=img]").all()
        return [
            [int(n) for n in row.locator(".mil-playground-column > span").all_text_contents()]
            for row in rows
        ]

    def ask(self, expression):
        return self.notebook.kernel_value(expression)

    def assert_agrees_with_kernel(self):
        """Tiles, weights, logits and probabilities are what the package makes of w.scores."""
        eventually(self.page, self._agrees_with_kernel)

    def _agrees_with_kernel(self):
        assert self.scores() == self.ask("w.scores")
        expected = self.ask("[(b.logit, b.probability) for b in w.results().values()]")
        np.testing.assert_allclose(self.shown(), expected, atol=0.0051)
        weights = self.ask("[(100 * b.weights).tolist() for b in w.results().values()]")
        np.testing.assert_allclose(self.weights(), weights, atol=0.51)

    def status(self):
        return self.root.locator("p[role=status]").inner_text()

    def middle(self, tile):
        box = self.tiles.nth(tile).bounding_box()
        return box["x"] + box["width"] / 2, box["y"], box["height"]


@pytest.fixture()
def playground(page, widget_messages, run_cells):
    page.set_viewport_size({"width": 1000, "height": 1400})
    widget = Playground(page, run_cells(CELL))
    widget.root.wait_for()
    widget.messages = widget_messages
    return widget


def test_tiles_by_mouse_and_keyboard(playground, page, console_errors):
    playground.assert_agrees_with_kernel()
    assert playground.scores() == PRESETS["one tumour tile"]
    assert page.evaluate(WIDE) == []

    # a drag answers on the page at once and tells the kernel when it ends
    x, top, height = playground.middle(0)
    sent = len(playground.messages)
    page.mouse.move(x, top + 0.7 * height)
    page.mouse.down()
    for share in (0.5, 0.3, 0.2):
        page.mouse.move(x, top + share * height)
    dragged = playground.scores()[0]
    assert dragged > 5
    assert len(playground.messages) == sent
    assert playground.shown()[0][0] == pytest.approx(dragged)  # max follows
    assert playground.ask("w.scores[0]") == -2.0
    sent = len(playground.messages)
    page.mouse.up()
    playground.assert_agrees_with_kernel()
    assert playground.ask("w.scores[0]") == dragged
    assert f"max {playground.shown()[0][1]:.2f}" in playground.status()

    # hovering spells out a tile's numbers and sends nothing
    sent = len(playground.messages)
    playground.tiles.nth(5).hover()
    assert playground.root.get_by_role("heading", name="Tile 6, score −3.0").is_visible()
    assert len(playground.messages) == sent

    tile = playground.tiles.nth(3)
    tile.focus()
    for key, expected in [
        ("ArrowUp", -2.0),
        ("ArrowRight", -1.5),
        ("ArrowDown", -2.0),
        ("ArrowLeft", -2.5),
        ("Shift+ArrowUp", -2.4),
        ("PageUp", -0.4),
        ("PageDown", -2.4),
        ("End", 8.0),
        ("Home", -4.0),
        ("PageDown", -4.0),
    ]:
        page.keyboard.press(key)
        assert playground.scores()[3] == pytest.approx(expected), key
        assert tile.evaluate("tile => tile === document.activeElement"), key  # not JupyterLab's
    playground.assert_agrees_with_kernel()
    assert playground.ask("w.scores[3]") == -4.0
    assert tile.get_attribute("aria-valuetext") == "−4.0"
    assert playground.root.get_by_role("combobox").input_value() == ""  # the learner's own
    assert console_errors == []


def test_presets_buttons_and_sharpness(playground, page, console_errors):
    bag = playground.root.get_by_role("combobox", name="Bag")
    for name, scores in PRESETS.items():
        bag.select_option(name)
        playground.assert_agrees_with_kernel()
        assert playground.scores() == scores
        assert page.evaluate(WIDE) == []

    # the artefact: max and attention raise an alarm, the gate shuts it out
    verdicts = playground.root.locator(".mil-playground-verdict").all_inner_texts()
    words = ["▲ called tumour", "▽ called healthy", "▲ called tumour", "▽ called healthy"]
    assert verdicts == words
    bag.focus()
    page.keyboard.press("ArrowUp")
    playground.assert_agrees_with_kernel()
    assert playground.scores() == PRESETS["no tumour"]

    slider = playground.sharpness
    slider.focus()
    page.keyboard.press("End")
    playground.assert_agrees_with_kernel()
    assert playground.ask("w.sharpness") == 10.0
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "9.9"
    box = slider.bounding_box()
    sent = len(playground.messages)
    page.mouse.move(box["x"] + 0.99 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"], box["y"] + box["height"] / 2)
    assert slider.get_attribute("aria-valuetext") == "0"
    assert playground.shown()[1] == playground.shown()[2] == playground.shown()[3]  # the mean
    assert len(playground.messages) == sent
    page.mouse.up()
    playground.assert_agrees_with_kernel()
    assert playground.ask("w.sharpness") == 0.0

    buttons = {
        name: playground.root.get_by_role("button", name=name)
        for name in ("Add a healthy tile", "Remove the last tile", "Reset")
    }
    buttons["Reset"].click()
    playground.assert_agrees_with_kernel()
    assert playground.ask("(w.scores, w.sharpness)") == (PRESETS["one tumour tile"], 3.0)
    mean = playground.shown()[1][1]
    buttons["Add a healthy tile"].focus()
    for key in ("Enter", "Space"):
        page.keyboard.press(key)
    playground.assert_agrees_with_kernel()
    assert playground.ask("w.scores") == [*PRESETS["one tumour tile"], -2.0, -2.0]
    assert playground.shown()[1][1] < mean
    assert playground.shown()[0] == (4.0, 0.98)
    for _ in range(14):
        buttons["Add a healthy tile"].click()
    assert buttons["Add a healthy tile"].is_disabled()
    assert page.evaluate(WIDE) == []
    for _ in range(23):
        buttons["Remove the last tile"].click()
    assert buttons["Remove the last tile"].is_disabled()
    playground.assert_agrees_with_kernel()
    assert playground.scores() == [-2.0]
    assert playground.status().startswith("1 tile.")
    assert console_errors == []


def test_the_kernel_can_set_the_state(playground, page, console_errors):
    playground.ask("setattr(w, 'scores', [0.5, 7.0]) or setattr(w, 'sharpness', 5.25)")

    def check():
        assert playground.scores() == [0.5, 7.0]
        assert playground.sharpness.get_attribute("aria-valuetext") == "5.25"

    eventually(page, check)
    playground.assert_agrees_with_kernel()
    playground.root.get_by_role("button", name="Add a healthy tile").click()
    playground.assert_agrees_with_kernel()
    assert playground.ask("(w.scores, w.sharpness)") == ([0.5, 7.0, -2.0], 5.25)
    # the twin is drawn from the same state
    assert "A bag of 3 tiles with the scores 0.5, 7.0, -2.0" in playground.ask("w.description()")
    assert console_errors == []
