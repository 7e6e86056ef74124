"""Slides of chapter 05: they advance, show figures and formulas, fit, and need no other host."""

import shutil
import subprocess
import sys

import nbformat
import pytest

from mil_tutorial.lab import find_chapter

from .exported import Site
from .server import notebooks_source

SIZE = """(() => {
  const slide = Reveal.getCurrentSlide();
  return [slide.scrollHeight - slide.clientHeight, slide.scrollWidth - slide.clientWidth];
})()"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the slides of chapter 05, for learners and with the solutions."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm on the PATH, to get reveal.js")
    folder = tmp_path_factory.mktemp("decks")
    command = [
        sys.executable,
        str(notebooks_source() / "teach.py"),
        "deck",
        "05",
        "--out",
        folder,
    ]
    for further in ([], ["--solutions"]):
        done = subprocess.run([*command, *further], capture_output=True, text=True)
        if done.returncode and "npm could not get" in done.stderr:
            pytest.skip(done.stderr)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture()
def show(chromium, folder, console_errors):
    """Open slides where no other host can be reached."""
    site = Site(folder)
    page = chromium.new_page(viewport={"width": 1280, "height": 760})
    page.refused = []
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    page.on("requestfailed", lambda request: console_errors.append(request.url))
    page.on("response", lambda got: got.ok or console_errors.append(f"{got.status} {got.url}"))

    def only_this_site(route):
        if route.request.url.startswith((site.url, "data:", "blob:")):
            return route.continue_()
        page.refused.append(route.request.url)
        return route.abort()

    page.route("**/*", only_this_site)

    def open_slides(name="05_attention"):
        page.goto(f"{site.url}/{name}.deck.html")
        page.wait_for_selector(".reveal.ready")
        page.wait_for_selector("mjx-container", state="attached")
        return page

    yield open_slides
    assert page.refused == []
    page.close()
    site.stop()


def test_slides_advance_to_the_last_and_each_fits(show, console_errors):
    page = show()
    titles, seen = [], []
    for _ in range(page.evaluate("Reveal.getTotalSlides()")):
        place = tuple(page.evaluate("Object.values(Reveal.getIndices())"))
        assert max(page.evaluate(SIZE)) <= 0, place
        titles += page.locator("section.present section.present h2").all_inner_texts()
        seen.append(place)
        page.keyboard.press("ArrowRight")
    assert len(set(seen)) == len(seen) >= 20
    assert page.evaluate("Reveal.isLastSlide()")
    stored = nbformat.read(find_chapter(notebooks_source(), "05"), as_version=4)
    sources = [cell.source.split("\n")[0] for cell in stored.cells]
    assert [title.rstrip("¶") for title in titles] == [s[3:] for s in sources if s[:3] == "## "]
    assert console_errors == []


def test_figures_are_seen_and_described_and_formulas_are_set(show):
    page = show()
    pictures = page.locator(".slides img")
    assert pictures.count() == 2
    for picture in pictures.all():
        assert len(picture.get_attribute("alt")) > 30
    heat_map = page.get_by_alt_text("most attention lies on few tiles")
    assert not heat_map.is_visible()
    page.evaluate("image => Reveal.slide(...Object.values(Reveal.getIndices("
                  "image.closest('section'))))", heat_map.element_handle())  # fmt: skip
    assert heat_map.is_visible()
    assert heat_map.bounding_box()["width"] > 600
    assert "$$" not in page.locator(".slides section:not(.notes)").first.inner_text()


def test_exercises_are_slides_and_solutions_come_only_when_asked_for(show):
    page = show()
    assert "difficulty" in page.locator("section", has_text="Exercise 1: attend").last.inner_html()
    text = page.locator(".slides").inner_html()
    assert "your code here" in text
    assert "✓ attend" not in text
    assert "return masked_softmax" not in page.locator(".slides").text_content()
    solved = show("05_attention.solutions").locator(".slides").text_content()
    assert "your code here" not in solved
    assert "return masked_softmax(scores, mask)" in solved


def test_long_code_opens_on_a_click(show):
    page = show()
    page.evaluate(
        "Reveal.slide(...Object.values(Reveal.getIndices("
        "document.querySelector('details.code').closest('section'))))"
    )
    code = page.locator("section.present section.present details.code")
    editor = code.locator(".jp-InputArea-editor").first
    assert not editor.is_visible()
    code.locator("summary").first.click()
    assert editor.is_visible()


def test_further_paragraphs_are_the_speakers_notes(show):
    page = show()
    said = page.locator("aside.notes", has_text="Mean pooling gives every tile the weight 1/3")
    assert said.count() == 1
    assert not said.is_visible()
