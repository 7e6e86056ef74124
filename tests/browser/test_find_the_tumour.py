import re

import numpy as np
import pytest

from browser.jupyterlab import eventually
from mil_tutorial import instance_confusion, load_slides, load_trained_model, predict

pytestmark = pytest.mark.full

CELL = """
import torch
torch.set_num_threads(1)
from mil_tutorial import TILE, load_slides, load_trained_model, predict, slide_image
from mil_tutorial.widgets import FindTheTumour, slide_views

_, val, _ = load_slides("slides")
chosen = val.subset(CHOSEN)
predictions = predict(load_trained_model(), chosen)
w = FindTheTumour(slide_views(chosen, predictions, image_of=slide_image, tile_size=TILE))
w
"""
WIDER = "e => e.scrollWidth - e.clientWidth"


class Slide:
    """What the kernel knows of a slide."""

    def __init__(self, dataset, predictions, index):
        self.name = dataset.names[index]
        self.truth = dataset.instance_labels[index]
        self.coords = dataset.coords[index].astype(float)
        self.attention = predictions.per_bag(predictions.attention)[index]
        self.order = np.argsort(-self.attention, kind="stable")
        self.tumour, self.healthy = (np.flatnonzero(self.truth == kind) for kind in (1, 0))

    def counts(self, tiles):
        called = np.isin(np.arange(len(self.truth)), tiles)
        hit, alarm, miss, _ = instance_confusion(called, self.truth, 1)
        return {"found": hit, "alarm": alarm, "missed": miss}


class Page:
    """The widget on the page."""

    def __init__(self, page, notebook):
        self.page, self.notebook = page, notebook
        self.root = page.locator("[aria-label='Find the tumour']")
        self.canvas = self.root.locator(".mil-slide")
        self.readout = self.root.locator(".mil-left .mil-said")

    def button(self, name):
        return self.root.get_by_role("button", name=name, exact=True)

    def place(self, slide, tile):
        scale = self.canvas.bounding_box()["width"] / 512
        x, y = (slide.coords[tile] + 16) * scale
        return {"x": float(x), "y": float(y)}

    def click(self, slide, tile):
        self.canvas.click(position=self.place(slide, int(tile)))

    def wait_for_slide(self, slide):
        self.page.wait_for_selector(f"canvas[data-drawn='{slide.name}']")
        begun = (slide.name, [], False, False)
        self.notebook.wait_for_value("(w.slide, w.marks, w.looked, w.compared)", begun)

    def counts(self, whose):
        cells = self.root.locator(f"[data-count^={whose}-]")
        script = "(all, n) => all.map(c => [c.dataset.count.slice(n), Number(c.innerText)])"
        return dict(cells.evaluate_all(script, len(whose) + 1))

    def reveals(self, *words):
        """Whether the page shows anything of truth, or of these words."""
        text = re.sub("hold tumour|with or without tumour", "", self.root.inner_text())
        return any(word in text for word in ("found", "missed", "tumour", *words))

    def go_on(self):
        """Look where the model looked, then at the truth."""
        self.button("Show where the model looked").press("Enter")
        self.notebook.wait_for_value("w.looked", True)
        assert not self.reveals()
        self.button("Show the truth").press("Enter")
        self.notebook.wait_for_value("w.compared", True)


@pytest.fixture(scope="module")
def slides():
    """The validation slide with most tumour, and the first without any."""
    _, val, _ = load_slides("slides")
    most = int(np.argmax([truth.sum() for truth in val.instance_labels]))
    none = int(np.flatnonzero(val.labels.numpy() == 0)[0])
    chosen = val.subset([most, none])
    predictions = predict(load_trained_model(), chosen)
    return [most, none], Slide(chosen, predictions, 0), Slide(chosen, predictions, 1)


@pytest.fixture()
def game(run_cells, page, slides):
    page.set_viewport_size({"width": 1000, "height": 1100})
    chosen, first, _ = slides
    notebook = run_cells(CELL.replace("CHOSEN", repr(chosen)))
    game = Page(page, notebook)
    game.wait_for_slide(first)
    game.canvas.scroll_into_view_if_needed()
    return game


def test_marks_are_made_by_mouse_and_keyboard_and_compared_by_the_browser(
    game, page, slides, widget_messages, console_errors
):
    _, slide, _ = slides
    tumour, healthy = int(slide.tumour[20]), int(slide.healthy[0])
    bare = game.canvas.screenshot()
    game.click(slide, tumour)
    game.click(slide, healthy)
    game.notebook.wait_for_value("w.marks", [tumour, healthy])
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    x, y = slide.coords[healthy]
    right = int(np.flatnonzero((slide.coords == (x + 32, y)).all(axis=1))[0])
    game.notebook.wait_for_value("w.marks", [tumour, healthy, right])
    assert game.readout.inner_text() == f"tile {right} of {len(slide.truth)} · marked"
    page.keyboard.press(" ")
    game.notebook.wait_for_value("w.marks", [tumour, healthy])
    assert game.readout.inner_text() == f"tile {right} of {len(slide.truth)}"
    assert game.root.locator(".mil-find-large canvas").is_visible()
    assert not game.reveals("attention", "share")
    page.mouse.move(5, 5)
    marked = game.canvas.screenshot()
    assert marked != bare

    game.button("Show where the model looked").press("Enter")
    held = slide.attention[[tumour, healthy]].sum()
    words = "less than 1 %" if held < 0.01 else f"{100 * held:.0f} %"
    assert f"They hold {words} of the model's attention" in game.root.inner_text()
    assert not game.reveals()
    looked = game.canvas.screenshot()
    assert looked != marked
    game.button("Show the truth").press("Enter")
    assert page.evaluate("document.activeElement.innerText") == "Start again"
    assert game.counts("learner") == slide.counts([tumour, healthy])
    assert game.counts("attention") == slide.counts(slide.order[:2])
    assert f"found 1 of the {len(slide.tumour)} that hold" in game.root.inner_text()
    game.notebook.wait_for_value("w.compared", True)
    learner = game.notebook.kernel_value("tuple(w.score().learner)")
    assert game.counts("learner") == dict(zip(("found", "alarm", "missed"), learner))
    assert game.canvas.screenshot() not in (marked, looked)

    widget_messages.clear()
    game.click(slide, int(slide.healthy[3]))
    assert "Press Start again" in game.readout.inner_text()
    game.canvas.hover(position=game.place(slide, int(slide.order[0])))
    assert "tumour · attention: share" in game.readout.inner_text()
    assert game.readout.inner_text().endswith("place 1")
    assert widget_messages == []
    game.button("Start again").click()
    game.notebook.wait_for_value("(w.marks, w.looked, w.compared)", ([], False, False))
    assert not game.reveals("attention", "share")
    page.mouse.move(5, 5)

    def check():
        assert game.canvas.screenshot() == bare

    eventually(page, check)
    assert console_errors == []


def test_signs_outline_and_colours_change_the_picture_without_a_message(
    game, page, slides, widget_messages, console_errors
):
    _, slide, _ = slides
    game.notebook.kernel_value(f"setattr(w, 'marks', {slide.tumour[:3].tolist()})")
    game.root.locator(".mil-title", has_text="3 tiles marked").wait_for()
    game.go_on()
    widget_messages.clear()
    signs = game.root.get_by_label("Show marks of")
    assert signs.locator("option").all_inner_texts()[1] == "attention, top 3"
    assert game.root.locator(".mil-bar").is_visible()
    seen = [game.canvas.screenshot()]
    for act in (
        lambda: signs.select_option("attention"),
        lambda: game.root.get_by_label("outline of the tumour").press("Space"),
        lambda: game.root.get_by_text("colour by attention").click(),
    ):
        act()
        seen.append(game.canvas.screenshot())
    assert len(set(seen)) == 4
    assert not game.root.locator(".mil-bar").is_visible()
    assert widget_messages == []
    assert console_errors == []


def test_a_slide_without_tumour_is_a_lesson(game, slides, console_errors):
    _, first, negative = slides
    game.click(first, 0)
    game.notebook.wait_for_value("w.marks", [0])
    game.go_on()
    game.button("Next slide").click()
    game.wait_for_slide(negative)
    assert not game.reveals()
    for tile in (10, 20):
        game.click(negative, tile)
    game.notebook.wait_for_value("w.marks", [10, 20])
    game.go_on()
    words = game.root.inner_text()
    assert "There is no tumour on this slide; you marked 2 tiles." in words
    assert game.counts("learner") == game.counts("attention") == negative.counts([10, 20])
    game.button("Start again").click()
    game.notebook.wait_for_value("w.looked", False)
    game.go_on()
    assert "Right: there is no tumour on this slide" in game.root.inner_text()
    game.root.get_by_label("Slide", exact=True).select_option(first.name)
    game.wait_for_slide(first)
    assert not game.reveals()
    assert console_errors == []


def test_a_busy_kernel_hinders_nobody_and_learns_what_was_done(game, slides):
    _, first, negative = slides
    game.notebook.keep_kernel_busy(3)
    game.click(first, 5)  # is sent; what follows it waits for the kernel
    game.button("Show where the model looked").click()
    game.button("Next slide").click()
    game.page.wait_for_selector(f"canvas[data-drawn='{negative.name}']")
    assert not game.reveals("attention", "share")
    game.click(negative, 7)
    done = (negative.name, [7], False, False)
    game.notebook.wait_for_value("(w.slide, w.marks, w.looked, w.compared)", done)
    assert game.root.locator(".mil-title").inner_text() == f"{negative.name}, 1 tile marked"


def test_python_sets_slide_marks_and_answer(game, slides, console_errors):
    _, _, negative = slides
    ask = game.notebook.kernel_value
    ask(f"setattr(w, 'slide', {negative.name!r})")
    game.wait_for_slide(negative)
    assert game.root.get_by_label("Slide", exact=True).input_value() == negative.name
    ask("[setattr(w, 'marks', [1, 2, 3]), setattr(w, 'compared', True)]")
    game.root.locator(".mil-find-table").wait_for()
    assert game.counts("learner") == negative.counts([1, 2, 3])
    ask("setattr(w, 'compared', False)")
    game.root.locator(".mil-find-table").wait_for(state="hidden")
    assert not game.reveals()
    assert console_errors == []


def test_it_fits_a_page_of_1000_pixels_and_has_names_for_all_controls(game, page):
    game.go_on()
    assert game.root.evaluate(WIDER) <= 0
    output = page.locator(".jp-OutputArea-output", has=game.root)
    assert output.evaluate(WIDER) <= 0
    boxes = [game.root.locator(f".mil-columns > :nth-child({i})").bounding_box() for i in (1, 2)]
    assert boxes[0]["y"] == boxes[1]["y"]  # side by side
    names = game.root.locator(":is(input, select, button, canvas[tabindex])").evaluate_all(
        "all => all.map(e => e.getAttribute('aria-label') || e.closest('label')?.innerText "
        "|| e.innerText)"
    )
    assert len(names) == 8
    assert all(name.strip() for name in names)
