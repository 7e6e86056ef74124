"""What-if and find-the-tumour in an exported page, without a kernel."""

import nbformat
import pytest
from nbclient import NotebookClient

from browser.exported import Site, export, fetch_scripts
from browser.slides import SLIDES

pytestmark = pytest.mark.full

CELLS = [
    SLIDES,
    """
what_if = WhatIf(model, dataset, "ill", image=picture, tile_size=32)
what_if.remove_hottest(2)
what_if
""",
    "FindTheTumour(views)",
]


@pytest.fixture()
def exported_page(chromium, tmp_path, console_errors):
    """A notebook of both widgets as a page, without a kernel."""
    fetch_scripts(tmp_path)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(book, store_widget_state=True).execute()
    (tmp_path / "page.html").write_text(export(book), encoding="utf-8")
    site = Site(tmp_path)
    page = chromium.new_page(viewport={"width": 1000, "height": 900})
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    page.goto(f"{site.url}/page.html")
    page.wait_for_function("document.querySelectorAll('canvas[data-drawn]').length === 2")
    yield page
    page.close()
    site.stop()


def test_what_if_goes_on_from_its_state(exported_page, console_errors):
    widget = exported_page.locator("[aria-label='What if']")
    picture = widget.locator(".mil-slide")
    assert "ill, 2 of 9 removed" in widget.inner_text()
    assert widget.locator("svg circle").count() == 2
    widget.get_by_text("outline of the tumour").click()
    assert widget.get_by_role("button", name="Remove tumour tiles").is_visible()
    exported_page.mouse.move(2, 2)
    before, logit = picture.screenshot(), widget.locator("[data-what=logit]").inner_text()
    widget.locator(".mil-card").first.click()
    exported_page.mouse.move(2, 2)
    assert picture.screenshot() != before
    assert "ill, 3 of 9 removed" in widget.inner_text()
    assert widget.locator("[data-what=logit]").inner_text() != logit
    widget.get_by_role("button", name="Undo").click()
    assert widget.locator("[data-what=logit]").inner_text() == logit
    assert console_errors == []


def test_find_the_tumour_can_be_played_on_every_slide(exported_page, console_errors):
    game = exported_page.locator("[aria-label='Find the tumour']")
    picture = game.locator(".mil-slide")
    side = picture.bounding_box()["width"]

    def go_on():
        game.get_by_role("button", name="Show where the model looked").click()
        game.get_by_role("button", name="Show the truth").click()

    for x in (0.15, 0.85):
        picture.click(position={"x": x * side, "y": 0.15 * side})
    go_on()
    counts = game.locator("[data-count^=learner]").all_inner_texts()
    assert counts == ["1", "1", "1"]
    game.get_by_role("button", name="Next slide").click()
    exported_page.wait_for_selector("canvas[data-drawn=healthy]")
    assert "healthy, 0 tiles marked" in game.inner_text()
    go_on()
    assert "Right: there is no tumour" in game.inner_text()
    game.get_by_role("button", name="Next slide").click()
    assert "ill, 0 tiles marked" in game.inner_text()
    assert console_errors == []
