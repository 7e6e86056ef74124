import matplotlib as mpl
import numpy as np
import pytest

from mil_tutorial import (
    instance_confusion,
    load_slides,
    load_trained_model,
    predict,
    scale_attention,
)

pytestmark = pytest.mark.full

MAKE = """
import torch
torch.set_num_threads(1)
from mil_tutorial import TILE, load_slides, load_trained_model, predict, slide_image
from mil_tutorial.widgets import SlideExplorer, slide_views

_, val, _ = load_slides("slides")
predictions = predict(load_trained_model(), val)
views = slide_views(val, predictions, image_of=slide_image, tile_size=TILE)
w = SlideExplorer(views, start=NAME)
w
"""
MIDDLE_OF_TILE = """([x, y]) => {
  const canvas = document.querySelector('.mil-slide');
  return Array.from(canvas.getContext('2d').getImageData(x + 16, y + 16, 1, 1).data).slice(0, 3);
}"""


class Slide:
    """What the kernel knows of the slide that is shown."""

    def __init__(self, dataset, predictions, index):
        self.name = dataset.names[index]
        self.attention = predictions.per_bag(predictions.attention)[index]
        self.truth = dataset.instance_labels[index]
        self.coords = dataset.coords[index].astype(float)
        self.hottest = int(np.argmax(self.attention))
        shares = [scale_attention(a, "share") for a in predictions.per_bag(predictions.attention)]
        self.hottest_of_all = max(share.max() for share in shares)

    def blend(self, bare, tile):
        """The colour of a tile at full opacity, on the range of all slides (from 0.1 shares)."""
        share = scale_attention(self.attention, "share")[tile]
        part = np.log(share / 0.1) / np.log(self.hottest_of_all / 0.1)
        colour = 255 * np.array(mpl.colormaps["viridis"](part)[:3])
        return (part * colour + (1 - part) * np.array(bare)).tolist()

    def counts(self, scaling, threshold):
        hit, alarm, miss, quiet = instance_confusion(
            scale_attention(self.attention, scaling), self.truth, threshold
        )
        return {"hit": hit, "alarm": alarm, "miss": miss, "quiet": quiet}


@pytest.fixture(scope="module")
def slides():
    """The positive validation slide with most tumour, and the first negative one."""
    _, val, _ = load_slides("slides")
    predictions = predict(load_trained_model(), val)
    most = int(np.argmax([truth.sum() for truth in val.instance_labels]))
    none = int(np.flatnonzero(val.labels.numpy() == 0)[0])
    return Slide(val, predictions, most), Slide(val, predictions, none)


@pytest.fixture()
def explorer(run_cells, slides, page):
    page.set_viewport_size({"width": 1000, "height": 1000})
    notebook = run_cells(MAKE.replace("NAME", repr(slides[0].name)))
    wait_for_picture(page, slides[0])
    return notebook


def wait_for_picture(page, slide):
    page.wait_for_selector(f"canvas[data-drawn='{slide.name}']")


def counts(page):
    cells = page.locator(".mil-counts [data-count]")
    return dict(cells.evaluate_all("all => all.map(c => [c.dataset.count, Number(c.innerText)])"))


def control(page, label):
    return page.locator(f".mil [aria-label='{label}']")


def colour(page, slide, tile):
    return page.evaluate(MIDDLE_OF_TILE, slide.coords[tile].tolist())


def place_on_page(page, slide, tile):
    """The middle of a tile in pixels of the canvas as it is laid out."""
    box = page.locator(".mil-slide").bounding_box()
    x, y = (slide.coords[tile] + 16) * box["width"] / 512
    return {"x": float(x), "y": float(y)}


def test_opacity_threshold_and_marks_are_answered_by_the_browser_alone(
    explorer, page, slides, widget_messages, console_errors
):
    slide, _ = slides
    explorer.page.locator(".mil-slide").scroll_into_view_if_needed()
    widget_messages.clear()
    assert counts(page) == slide.counts("share", 10)

    control(page, "Opacity").fill("0")
    bare = colour(page, slide, slide.hottest)
    control(page, "Opacity").fill("1")
    coloured = colour(page, slide, slide.hottest)
    assert coloured == pytest.approx(slide.blend(bare, slide.hottest), abs=2)
    assert coloured != pytest.approx(bare, abs=20)

    thresholds = control(page, "Threshold")
    thresholds.focus()
    before = float(page.locator(".mil-row:has([aria-label=Threshold]) .mil-value").inner_text())
    for _ in range(60):
        page.keyboard.press("ArrowLeft")
    after = float(page.locator(".mil-row:has([aria-label=Threshold]) .mil-value").inner_text())
    assert after < before == 10
    place = float(thresholds.input_value())
    n = len(slide.attention)
    threshold = 0.1 * (n / 0.1) ** (place / 1000)
    assert counts(page) == slide.counts("share", threshold)
    assert counts(page)["hit"] > slide.counts("share", 10)["hit"]

    missed = int(np.flatnonzero((slide.truth == 1) & (slide.attention * n < 0.1))[0])
    x, y = slide.coords[missed]
    ring = [int(x + 0.55 * 16), int(y)]  # the left of the circle, as getImageData counts it
    marked = page.evaluate(MIDDLE_OF_TILE, [ring[0] - 16, ring[1]])
    page.get_by_text("mark false alarms").click()
    assert page.evaluate(MIDDLE_OF_TILE, [ring[0] - 16, ring[1]]) != marked
    outlined = page.locator(".mil-slide").screenshot()
    page.get_by_text("outline of the truth").click()
    assert page.locator(".mil-slide").screenshot() != outlined

    assert widget_messages == []
    assert console_errors == []


def test_hovering_and_arrow_keys_read_tiles(explorer, page, slides, widget_messages):
    slide, _ = slides
    widget_messages.clear()
    page.locator(".mil-slide").hover(position=place_on_page(page, slide, slide.hottest))
    readout = page.locator(".mil-left .mil-said")
    share = slide.attention[slide.hottest] * len(slide.attention)
    assert f"tile {slide.hottest} of" in readout.inner_text()
    assert f"share {share:.1f}" in readout.inner_text()
    assert "place 1 by attention" in readout.inner_text()

    page.locator(".mil-slide").focus()
    page.keyboard.press("ArrowRight")
    x, y = slide.coords[slide.hottest]
    right = int(np.flatnonzero((slide.coords == (x + 32, y)).all(axis=1))[0])
    assert f"tile {right} of" in readout.inner_text()
    page.keyboard.press("ArrowLeft")
    assert f"tile {slide.hottest} of" in readout.inner_text()
    assert widget_messages == []

    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('.mil-opened-facts')")
    explorer.wait_for_value("w.selected", slide.hottest)


def test_clicks_open_tiles_and_the_gallery_shows_the_hottest(explorer, page, slides):
    slide, _ = slides
    cold = int(np.argmin(slide.attention))
    page.locator(".mil-slide").click(position=place_on_page(page, slide, cold))
    facts = page.locator(".mil-opened-facts")
    assert f"tile {cold} of {len(slide.attention)}" in facts.inner_text()
    explorer.wait_for_value("w.selected", cold)

    cards = page.locator(".mil-card")
    assert cards.count() == 6
    second = int(np.argsort(slide.attention)[-2])
    cards.nth(1).click()
    assert f"tile {second} of" in facts.inner_text()
    explorer.wait_for_value("w.selected", second)


def test_another_slide_and_scaling_are_known_on_both_sides(explorer, page, slides, console_errors):
    _, negative = slides
    control(page, "Slide").select_option(negative.name)
    wait_for_picture(page, negative)
    explorer.wait_for_value("w.slide", negative.name)
    assert counts(page) == negative.counts("share", 10)
    for scaling in ("min-max", "rank", "raw"):
        control(page, "Scaling").select_option(scaling)
        explorer.wait_for_value("w.scaling", scaling)
        threshold = explorer.kernel_value("w.threshold")
        assert counts(page) == negative.counts(scaling, threshold)
    assert negative.counts("min-max", 0.5)["alarm"] >= 1

    explorer.kernel_value("[setattr(w, 'scaling', 'share'), setattr(w, 'threshold', 2.0)]")
    page.wait_for_function("document.querySelectorAll('.mil-value')[1].textContent === '2.00'")
    assert control(page, "Scaling").input_value() == "share"
    assert counts(page) == negative.counts("share", 2.0)
    explorer.kernel_value(f"[setattr(w, 'slide', {slides[0].name!r})]")
    wait_for_picture(page, slides[0])
    assert control(page, "Slide").input_value() == slides[0].name
    assert console_errors == []


def test_a_threshold_in_raw_weights_stays_with_its_slide(explorer, page, slides):
    _, negative = slides
    control(page, "Scaling").select_option("raw")
    explorer.wait_for_value("w.scaling", "raw")
    control(page, "Threshold").fill("900")
    control(page, "Slide").select_option(negative.name)
    wait_for_picture(page, negative)
    usual = explorer.kernel_value("w.scene['thresholds']['raw']")
    assert counts(page) == negative.counts("raw", usual)
    page.locator(".mil-card").first.click()  # tells the kernel what the page has kept
    explorer.wait_for_value("w.selected", negative.hottest)
    assert explorer.kernel_value("w.threshold") == usual
    assert counts(page) == negative.counts("raw", usual)


def test_a_threshold_in_shares_is_kept_from_slide_to_slide(explorer, page, slides):
    _, negative = slides
    control(page, "Threshold").fill("900")
    control(page, "Slide").select_option(negative.name)
    wait_for_picture(page, negative)
    shown = counts(page)
    page.locator(".mil-card").first.click()
    explorer.wait_for_value("w.selected", negative.hottest)
    threshold = explorer.kernel_value("w.threshold")
    assert threshold != 10
    assert counts(page) == shown == negative.counts("share", threshold)


def test_it_fits_a_page_of_1000_pixels_and_has_names_for_all_controls(explorer, page):
    wider = "e => e.scrollWidth - e.clientWidth"
    assert page.locator(".mil").evaluate(wider) <= 0
    boxes = [page.locator(f".mil-columns > :nth-child({i})").bounding_box() for i in (1, 2)]
    assert boxes[0]["y"] == boxes[1]["y"]  # side by side
    names = page.locator(".mil :is(input, select, button, canvas[tabindex])").evaluate_all(
        "all => all.map(e => e.getAttribute('aria-label') || e.closest('label')?.innerText "
        "|| e.innerText)"
    )
    assert len(names) >= 12
    assert all(name.strip() for name in names)
