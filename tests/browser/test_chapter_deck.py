"""Decks of slides: they advance, show figures and formulas, fit, and need no other host."""

import re
import shutil
import subprocess
import sys

import nbformat
import pytest
from built_site import NOTEBOOKS

from mil_tutorial.lab import find_chapter

from .exported import Site, keep_to_one_host

sys.path.insert(0, str(NOTEBOOKS))

from tools.chapters import read_chapters
from tools.deck import make_deck, write_deck

CHAPTERS = read_chapters(NOTEBOOKS)
SHOWN = "05"
OVERFLOW = """async () => {
  await MathJax.startup.promise;
  await Promise.all([...document.images].map(image => image.decode()));
  return Reveal.getSlides().filter(slide => {
    const place = Reveal.getIndices(slide);
    Reveal.slide(place.h, place.v);
    return slide.scrollHeight > slide.clientHeight || slide.scrollWidth > slide.clientWidth;
  }).map(slide => slide.innerText);
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with the decks of chapter 05, for learners and with the solutions."""
    if shutil.which("npm") is None:
        pytest.skip("needs npm on the PATH, to get reveal.js")
    folder = tmp_path_factory.mktemp("decks")
    command = [sys.executable, NOTEBOOKS / "teach.py", "deck", SHOWN, "--out", folder]
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
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    page.on("requestfailed", lambda request: console_errors.append(request.url))
    page.on("response", lambda got: got.ok or console_errors.append(f"{got.status} {got.url}"))

    page.refused = keep_to_one_host(page, site.url)

    def open_slides(name="05_attention"):
        page.goto(f"{site.url}/{name}.deck.html")
        page.wait_for_selector(".reveal.ready")
        return page

    yield open_slides
    assert page.refused == []
    page.close()
    site.stop()


def of_chapter(chapter):
    marks = [] if chapter.number == SHOWN else pytest.mark.slow
    return pytest.param(chapter, id=chapter.stem, marks=marks)


@pytest.mark.parametrize("chapter", [of_chapter(chapter) for chapter in CHAPTERS])
@pytest.mark.parametrize("solutions", [False, True], ids=["learner", "solutions"])
def test_each_slide_of_every_chapter_fits(show, folder, console_errors, chapter, solutions):
    path = write_deck(chapter, folder, solutions=solutions)
    page = show(path.name.removesuffix(".deck.html"))
    assert page.evaluate("Reveal.getTotalSlides()") >= 20
    assert page.evaluate(OVERFLOW) == []
    assert console_errors == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)
def test_sections_exercises_and_questions_begin_a_slide(chapter):
    deck = make_deck(nbformat.read(chapter.path("learner"), as_version=4))
    for cell in deck.cells:
        if cell.cell_type == "markdown" and re.search(r"^#|^\*\*\d+\. ", cell.source, re.MULTILINE):
            assert re.match(r"#|\*\*\d+\. ", cell.source)
            assert cell.metadata.slideshow.slide_type in ("slide", "subslide")


def test_slides_advance_to_the_last(show, console_errors):
    page = show()
    titles, seen = [], []
    for _ in range(page.evaluate("Reveal.getTotalSlides()")):
        place = tuple(page.evaluate("Object.values(Reveal.getIndices())"))
        titles += page.locator("section.present section.present h2").all_inner_texts()
        seen.append(place)
        page.keyboard.press("ArrowRight")
    assert len(set(seen)) == len(seen) >= 20
    assert page.evaluate("Reveal.isLastSlide()")
    stored = nbformat.read(find_chapter(NOTEBOOKS, SHOWN), as_version=4)
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
