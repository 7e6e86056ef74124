"""Chapter 10 as a web page: widgets run without a kernel, and their twins without anything."""

import nbformat
import pytest

from browser.exported import Site, export, fetch_scripts, keep_to_one_host
from browser.server import notebooks_source
from mil_tutorial.cli.lab import find_chapter

pytestmark = pytest.mark.full

VIEW = "application/vnd.jupyter.widget-view+json"
WIDTH = "async image => { await image.decode(); return image.naturalWidth; }"


@pytest.fixture(scope="module")
def stored():
    """Chapter 10 as it is stored."""
    notebook = nbformat.read(find_chapter(notebooks_source(), "10"), as_version=4)
    assert len(twins(notebook)) >= 3  # otherwise the tests below would say nothing
    return notebook


def twins(notebook):
    """Return the alt texts of the static twins of all widgets."""
    texts = []
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if VIEW in output.get("data", {}):
                texts.append(output.data["text/plain"])
    return texts


@pytest.fixture()
def exported_page(chromium, stored, tmp_path, console_errors):
    """Chapter 10 as HTML, opened where no other host can be reached."""
    fetch_scripts(tmp_path)
    (tmp_path / "page.html").write_text(export(stored), encoding="utf-8")
    site = Site(tmp_path)
    page = chromium.new_page(viewport={"width": 1000, "height": 900})
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    page.refused = keep_to_one_host(page, site.url)
    page.goto(f"{site.url}/page.html")
    page.wait_for_selector("[aria-label='Slide explorer'] canvas[data-drawn]")
    yield page
    page.close()
    site.stop()


def test_the_explorer_reacts_without_kernel_and_network(exported_page, console_errors):
    page = exported_page
    explorer = page.locator("[aria-label='Slide explorer']")
    picture = explorer.locator(".mil-slide")
    before = picture.screenshot()
    explorer.get_by_label("Opacity").fill("1")
    assert picture.screenshot() != before
    called = explorer.locator("[data-count=hit], [data-count=alarm]")
    few = sum(map(int, called.all_inner_texts()))
    thresholds = explorer.get_by_label("Threshold")
    thresholds.focus()
    page.keyboard.press("Home")
    assert sum(map(int, called.all_inner_texts())) > few
    explorer.get_by_label("Scaling").select_option("rank")
    picture.hover()
    assert "place" in explorer.locator(".mil-said").inner_text()
    picture.click()
    assert "attention" in explorer.locator(".mil-opened-facts").inner_text()
    slides = explorer.get_by_label("Slide", exact=True)
    shown = slides.input_value()
    slides.select_option(index=1 if slides.locator("option").first.inner_text() == shown else 0)
    other = slides.input_value()
    assert other != shown
    explorer.locator(f"canvas[data-drawn='{other}']").wait_for()
    assert other in explorer.locator(".mil-title").inner_text()
    badges = ".svg"  # pictures of other sites, on top of the page
    assert [url for url in page.refused if not url.endswith(badges)] == []
    assert console_errors == []


def test_all_widgets_are_drawn_from_the_stored_state(exported_page, stored):
    exported_page.locator(".mil").nth(len(twins(stored)) - 1).wait_for()
    assert exported_page.locator(".mil").count() == len(twins(stored))


def test_without_stored_state_the_page_shows_the_twins(chromium, stored):
    bare = nbformat.from_dict(stored)
    del bare.metadata["widgets"]
    page = chromium.new_page()
    page.route("**/*", lambda route: route.abort())
    page.set_content(export(bare))
    for alt in twins(bare):
        picture = page.get_by_alt_text(alt, exact=True)
        picture.scroll_into_view_if_needed()
        assert picture.evaluate(WIDTH) > 300
    page.close()


def test_an_untrusted_notebook_shows_the_twins(page, lab, stored):
    from browser.jupyterlab import Notebook

    Notebook(page, lab.url).open(find_chapter(lab.folder, "10").name)
    for alt in twins(stored):
        picture = page.get_by_alt_text(alt, exact=True)
        picture.scroll_into_view_if_needed()
        assert picture.evaluate(WIDTH) > 300
    assert page.locator(".mil").count() == 0
