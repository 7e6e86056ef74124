"""The MIL playground in a plain page: no kernel, no JupyterLab, no other host."""

import pytest
from playground_harness import write_page

from browser.conftest import keep_screenshot
from browser.exported import Site, keep_to_one_host
from mil_tutorial.widgets import MILPlayground
from mil_tutorial.widgets.mil_playground import SITE

pytestmark = pytest.mark.full

WIDER = "document.documentElement.scrollWidth - window.innerWidth"
TONE = """canvas => {
  const { width, height } = canvas;
  const seen = canvas.getContext("2d").getImageData(0, 0, width, height).data;
  return [...seen].reduce((sum, value, i) => (i % 4 < 3 ? sum + value : sum), 0) / width / height;
}"""


@pytest.fixture()
def open_playground(chromium, tmp_path, console_errors, request):
    """Open the playground of a preset in a page of a size; nothing may go wrong in it."""
    site = Site(tmp_path)
    contexts = []

    def open_page(preset="lost-starts", hash="", width=1200, height=800):
        write_page(MILPlayground(preset), tmp_path)
        context = chromium.new_context(
            viewport={"width": width, "height": height},
            permissions=["clipboard-read", "clipboard-write"],
        )
        contexts.append((context, keep_to_one_host(context, site.url)))
        page = context.new_page()
        page.on("pageerror", lambda error: console_errors.append(str(error)))
        page.on("console", lambda m: console_errors.append(m.text) if m.type == "error" else None)
        page.goto(f"{site.url}/page.html{hash}")
        page.locator(".mil-points[data-epoch]").wait_for()
        return page

    yield open_page
    for context, refused in contexts:
        for page in context.pages:
            keep_screenshot(page, request.node, tmp_path)
        context.close()
        assert refused == []
    site.stop()
    assert console_errors == []


def wait_for_epoch(page, epoch):
    page.wait_for_function(
        "epoch => Number(document.querySelector('.mil-points').dataset.epoch) >= epoch", arg=epoch
    )


def test_a_training_runs_pauses_steps_and_starts_anew(open_playground):
    page = open_playground()
    root = page.locator(".mil-points")
    said = root.locator("p[role=status]")
    plane = root.locator(".mil-points-plane")
    before = plane.evaluate(TONE)
    root.get_by_role("button", name="Train").click()
    wait_for_epoch(page, 20)
    root.get_by_role("button", name="Pause").click()
    assert plane.evaluate(TONE) != before
    assert "start 1, epoch" in said.inner_text()
    epoch = int(root.get_attribute("data-epoch"))
    root.get_by_role("button", name="Step", exact=True).click()
    assert int(root.get_attribute("data-epoch")) == epoch + 1
    assert f"AUC {float(root.get_attribute('data-auc')):.2f}" in said.inner_text()
    root.get_by_role("button", name="Reset").click()
    assert root.get_attribute("data-epoch") == "0"
    assert plane.evaluate(TONE) == before
    root.get_by_role("button", name="New seed").click()
    assert "seed 2" in root.locator(".mil-points-count").inner_text()
    assert plane.evaluate(TONE) != before


def test_everything_answers_to_keys(open_playground):
    page = open_playground()
    root = page.locator(".mil-points")
    bags = root.get_by_role("slider", name="Bag shown")
    bags.press("End")
    assert "Bag 60 of 60" in root.locator(".mil-points-about").inner_text()
    plane = root.locator(".mil-points-plane")
    before = plane.evaluate(TONE)
    root.get_by_role("radio", name="instance score").press("ArrowRight")
    assert root.get_by_role("radio", name="attention", exact=True).last.is_checked()
    assert plane.evaluate(TONE) != before
    root.get_by_role("radio", name="max").press("ArrowRight")
    assert root.get_by_role("radio", name="mean").is_checked()
    assert root.get_by_text("every point alike").is_visible()
    root.get_by_role("slider", name="Noise").press("End")
    assert root.get_by_role("slider", name="Noise").get_attribute("aria-valuetext") == "1.00"
    start = root.get_by_role("button", name="Start 3,")
    start.press("Enter")
    assert start.get_attribute("aria-pressed") == "true"
    assert "start 3" in root.locator("p[role=status]").inner_text()


def test_a_preset_asks_and_its_answer_is_folded(open_playground):
    page = open_playground()
    root = page.locator(".mil-points")
    root.get_by_label("Preset").select_option("padding")
    assert root.get_by_text("The padding has no mask.").is_visible()
    assert root.get_by_label("unmasked padding").is_checked()
    assert "% on padding" in root.locator(".mil-points-curves").inner_text()
    answer = root.get_by_text("Untick the box: with a mask")
    assert not answer.is_visible()
    root.get_by_text("Answer, for seed 1").press("Enter")
    assert answer.is_visible()


def test_a_link_holds_the_settings(open_playground):
    page = open_playground()
    root = page.locator(".mil-points")
    root.get_by_role("radio", name="gated attention").check()
    root.get_by_label("Data").select_option("ring")
    root.get_by_role("slider", name="Witness rate").press("End")
    root.get_by_role("button", name="Copy link").click()
    link = root.get_by_role("textbox", name="Link to this situation").input_value()
    assert link == page.url
    assert page.evaluate("navigator.clipboard.readText()") == link
    other = open_playground("gate", hash=link[link.index("#") :]).locator(".mil-points")
    assert other.get_by_role("radio", name="gated attention").is_checked()
    assert other.get_by_label("Data").input_value() == "ring"
    assert other.get_by_role("slider", name="Witness rate").input_value() == "60"
    assert other.get_by_role("slider", name="Look-alikes").input_value() == "0"


def test_it_fits_a_desk_in_one_screen_and_a_phone_in_width(open_playground):
    page = open_playground("padding")
    assert page.evaluate(WIDER) <= 0
    assert page.locator(".mil-points").bounding_box()["height"] <= 800
    phone = open_playground("padding", width=390, height=844)
    assert phone.evaluate(WIDER) <= 0


def test_in_jupyterlab_it_trains_and_its_link_leads_to_the_site(page, run_cells, console_errors):
    run_cells("from mil_tutorial.widgets import MILPlayground\nMILPlayground('gate')")
    root = page.locator(".mil-points")
    root.get_by_role("button", name="Train").click()
    wait_for_epoch(page, 5)
    before = page.url
    root.get_by_role("radio", name="gated attention").check()
    root.get_by_role("button", name="Copy link").click()
    link = root.get_by_role("textbox", name="Link to this situation").input_value()
    assert link == f"{SITE}#playground=gate&pooling=gated"
    assert page.url == before
    assert console_errors == []
