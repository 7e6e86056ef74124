import numpy as np
import pytest

from browser.slides import SLIDES
from mil_tutorial import MedicalBagDataset, load_slides, load_trained_model, predict

pytestmark = pytest.mark.full

CELL = """
import torch
torch.set_num_threads(1)
from mil_tutorial import TILE, load_slides, load_trained_model, slide_image
from mil_tutorial.widgets import WhatIf

_, val, _ = load_slides("slides")
w = WhatIf(load_trained_model(), val, NAME, image=lambda: slide_image(NAME), tile_size=TILE)
w
"""
COLOUR_AT = """([x, y]) => {
  const canvas = document.querySelector('.mil-slide');
  return Array.from(canvas.getContext('2d').getImageData(x, y, 1, 1).data).slice(0, 3);
}"""
WIDER = "e => e.scrollWidth - e.clientWidth"


class Page:
    """The widget on the page, and what a data set without the removed tiles would give."""

    def __init__(self, page, notebook, dataset, index, model):
        self.page, self.notebook, self.model = page, notebook, model
        self.root = page.locator("[aria-label='What if']")
        self.canvas = self.root.locator(".mil-slide")
        self.instances, self.label = dataset[index]
        self.truth, self.name = dataset.instance_labels[index], dataset.names[index]
        self.coords = dataset.coords[index].astype(float)
        self.n = len(self.coords)
        self.hottest = [int(k) for k in np.argsort(-self.predict([])[2], kind="stable")]

    def predict(self, removed):
        kept = np.setdiff1d(np.arange(self.n), removed)
        rest = MedicalBagDataset([(self.instances[kept], self.label)])
        predictions = predict(self.model, rest)
        return predictions.probabilities[0], predictions.logits[0], predictions.attention

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def cell(self, what):
        return self.root.locator(f"[data-what='{what}']").inner_text()

    def place(self, tile):
        scale = self.canvas.bounding_box()["width"] / 512
        x, y = (self.coords[tile] + 16) * scale
        return {"x": float(x), "y": float(y)}

    def colour(self, tile):
        """In a corner of the tile, beside the cross."""
        return self.page.evaluate(COLOUR_AT, (self.coords[tile] + 3).tolist())

    def wait_for_removed(self, removed):
        """Both sides know these tiles, and the page shows what predict says without them."""
        self.notebook.wait_for_value("w.removed", removed)
        title = f"{self.name}, {len(removed)} of {self.n} removed"
        self.root.locator(".mil-title", has_text=title).wait_for()
        probability, logit, attention = self.predict(removed)
        self.page.wait_for_function(
            "wanted => document.querySelector('[data-what=logit]').innerText === wanted",
            arg=f"{logit:.2f}",
        )
        assert self.cell("probability") == f"{probability:.3f}"
        assert self.cell("tiles") == str(self.n - len(removed))
        assert float(self.cell("highest weight")) == pytest.approx(attention.max(), rel=0.05)


@pytest.fixture(scope="module")
def shipped():
    """The model, the validation slides, and the number of the one with most tumour."""
    _, val, _ = load_slides("slides")
    most = int(np.argmax([truth.sum() for truth in val.instance_labels]))
    return load_trained_model(), val, most


@pytest.fixture()
def what_if(run_cells, page, shipped):
    model, val, index = shipped
    page.set_viewport_size({"width": 1000, "height": 1100})
    notebook = run_cells(CELL.replace("NAME", repr(val.names[index])))
    page.wait_for_selector(f"canvas[data-drawn='{val.names[index]}']")
    return Page(page, notebook, val, index, model)


def test_clicks_and_keys_remove_tiles_and_put_them_back(what_if, page, console_errors):
    first, second = what_if.hottest[:2]
    what_if.canvas.scroll_into_view_if_needed()
    what_if.wait_for_removed([])
    before = what_if.colour(first)
    what_if.canvas.click(position=what_if.place(first))
    what_if.wait_for_removed([first])
    assert min(what_if.colour(first)) > 180 > min(before)  # nearly white
    assert "removed · weight" in what_if.root.locator(".mil-left .mil-said").inner_text()

    page.keyboard.press("ArrowRight")
    x, y = what_if.coords[first]
    right = int(np.flatnonzero((what_if.coords == (x + 32, y)).all(axis=1))[0])
    page.keyboard.press("Enter")
    what_if.wait_for_removed([first, right])
    page.keyboard.press(" ")
    what_if.wait_for_removed([first])
    what_if.canvas.click(position=what_if.place(first))
    what_if.wait_for_removed([])

    card = what_if.root.locator(".mil-card").nth(1)
    named = what_if.root.get_by_role("button", name=f"Remove tile {second} now 0.")
    assert card.inner_text() == named.inner_text()
    card.focus()
    page.keyboard.press("Enter")
    what_if.wait_for_removed([second])
    page.wait_for_function("document.activeElement.classList.contains('mil-card')")  # still there
    assert what_if.root.locator("svg circle").count() == 6
    assert console_errors == []


def test_buttons_remove_undo_and_reset(what_if, page, console_errors):
    undo, reset = what_if.button("Undo"), what_if.button("Reset")
    assert undo.is_disabled()
    assert reset.is_disabled()
    what_if.button("Remove hottest tile").click()
    what_if.wait_for_removed(what_if.hottest[:1])
    what_if.button("Remove 5 hottest tiles").press("Enter")
    what_if.wait_for_removed(what_if.hottest[:6])
    label = what_if.root.locator("svg").get_attribute("aria-label")
    steps = [what_if.predict(what_if.hottest[:k])[0] for k in (0, 1, 6)]
    assert label.endswith(", ".join(f"{k} removed {p:.3f}" for k, p in zip((0, 1, 6), steps)))
    what_if.button("Remove 5 random tiles").click()
    what_if.notebook.wait_for_value("len(w.removed)", 11)
    what_if.wait_for_removed(what_if.notebook.kernel_value("w.removed"))
    undo.press("Enter")
    what_if.wait_for_removed(what_if.hottest[:6])
    undo.click()
    what_if.wait_for_removed(what_if.hottest[:1])
    reset.click()
    what_if.wait_for_removed([])
    assert what_if.root.locator("svg circle").count() == 1
    assert undo.is_disabled()
    assert console_errors == []


def test_the_outline_is_hidden_first_and_lets_the_tumour_go(what_if, page, widget_messages):
    remove = what_if.button("Remove tumour tiles")
    assert not remove.is_visible()
    bare = what_if.canvas.screenshot()
    what_if.root.get_by_text("outline of the tumour").click()
    what_if.notebook.wait_for_value("w.outline", True)
    assert what_if.canvas.screenshot() != bare
    remove.click()
    what_if.wait_for_removed(np.flatnonzero(what_if.truth).tolist())
    assert float(what_if.cell("probability")) < 0.5 < float(what_if.cell("probability, all"))

    widget_messages.clear()
    coloured = what_if.canvas.screenshot()
    what_if.root.get_by_text("colour by attention").press("Space")
    what_if.root.get_by_label("colour by attention").uncheck()
    assert what_if.canvas.screenshot() != coloured
    what_if.canvas.hover(position=what_if.place(int(np.flatnonzero(what_if.truth == 0)[0])))
    assert "with all tiles" in what_if.root.locator(".mil-left .mil-said").inner_text()
    assert widget_messages == []


def test_python_and_the_page_agree_and_one_tile_stays(what_if, page, console_errors):
    ask = what_if.notebook.kernel_value
    ask("setattr(w, 'removed', [3, 1])")
    what_if.wait_for_removed([3, 1])
    all_but_three = list(range(3, what_if.n))
    ask(f"setattr(w, 'removed', {all_but_three})")
    what_if.wait_for_removed(all_but_three)
    what_if.button("Remove 5 hottest tiles").click()
    complaint = what_if.root.locator(".mil-complaint")
    told = complaint.inner_text()
    assert told == "Only 3 tiles are left and one must stay, so 5 cannot be removed."
    for tile in (0, 1):
        what_if.canvas.click(position=what_if.place(tile))
        what_if.wait_for_removed([*all_but_three, *range(tile + 1)])
    assert complaint.count() == 0
    what_if.canvas.click(position=what_if.place(2))
    assert "One tile must stay" in complaint.inner_text()
    what_if.button("Remove hottest tile").click()
    assert "One tile must stay" in complaint.inner_text()
    assert ask("len(w.removed)") == what_if.n - 1
    assert what_if.cell("highest weight") == "1.00"
    ask("w.reset()")
    what_if.wait_for_removed([])
    assert console_errors == []


def test_a_busy_kernel_hinders_nobody(what_if, console_errors):
    first, second, third = what_if.hottest[:3]
    what_if.notebook.keep_kernel_busy(3)
    for tile in (first, third):
        what_if.canvas.click(position=what_if.place(tile))
    what_if.button("Remove hottest tile").click()
    assert "3 of" in what_if.root.locator(".mil-title").inner_text()
    assert min(what_if.colour(second)) > 180
    what_if.wait_for_removed([first, third, second])
    assert what_if.notebook.kernel_value("len(w.steps)") == 4
    assert console_errors == []


def test_a_pooling_that_only_the_model_knows_is_answered_by_the_kernel(run_cells, page):
    own = "own = build_model('max_embedding', 4, 8)"
    make = "w = WhatIf(own, dataset, 'ill', image=picture, tile_size=32)"
    notebook = run_cells(SLIDES, f"{own}\n{make}\nw")
    root = page.locator("[aria-label='What if']")
    page.wait_for_selector("canvas[data-drawn=ill]")
    before = root.locator("[data-what=logit]").inner_text()
    root.get_by_role("button", name="Remove hottest tile").click()
    page.wait_for_function(
        "before => document.querySelector('[data-what=logit]').innerText !== before", arg=before
    )
    assert (
        root.locator("[data-what=logit]").inner_text() == f"{notebook.kernel_value('w.logit'):.2f}"
    )
    assert root.locator(".mil-complaint").count() == 0


def test_it_fits_a_page_of_1000_pixels_and_has_names_for_all_controls(what_if, page):
    assert what_if.root.evaluate(WIDER) <= 0
    output = page.locator(".jp-OutputArea-output", has=what_if.root)
    assert output.evaluate(WIDER) <= 0
    boxes = [what_if.root.locator(f".mil-columns > :nth-child({i})").bounding_box() for i in (1, 2)]
    assert boxes[0]["y"] == boxes[1]["y"]  # side by side
    cards = [card.bounding_box()["y"] for card in what_if.root.locator(".mil-card").all()]
    assert len(set(cards)) == 1  # in a row
    names = what_if.root.locator(":is(input, select, button, canvas[tabindex])").evaluate_all(
        "all => all.map(e => e.getAttribute('aria-label') || e.closest('label')?.innerText "
        "|| e.innerText)"
    )
    assert len(names) >= 14
    assert all(name.strip() for name in names)
