"""Widgets as the site draws them, without a kernel: what needs one says so beforehand."""

import json
import shutil

import pytest

from browser.exported import NOTEBOOKS, Site
from browser.slides import SLIDES

pytestmark = pytest.mark.full

MAKE = """
many = [dataclasses.replace(views[k % 2], name=f"slide-{k}") for k in range(9)]
widgets = [
    SlideExplorer(views),
    SlideExplorer(many),
    WhatIf(build_model("max_embedding", 4, 8), dataset, "ill", image=picture, tile_size=32),
]
"""
PAGE = """<!doctype html><html lang="en" data-theme="light"><meta charset="utf-8">
<title>Page</title>
<script type="application/vnd.jupyter.widget-state+json">{state}</script>{views}
<script type="module" src="widgets.js"></script></html>"""
VIEW = '<script type="application/vnd.jupyter.widget-view+json">{{"model_id": "{}"}}</script>'
BRIGHTNESS = """e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)
  .reduce((a, b) => a + b)"""


@pytest.fixture()
def page(chromium, tmp_path, console_errors):
    """The widgets on a page, drawn by the site's script."""
    names = {}
    exec("import dataclasses" + SLIDES + MAKE, names)
    models = {str(k): widget._get_embed_state() for k, widget in enumerate(names["widgets"])}
    state = json.dumps({"state": models}).replace("<", "\\u003c")
    views = "".join(f"<div>{VIEW.format(name)}</div>" for name in models)
    (tmp_path / "page.html").write_text(PAGE.format(state=state, views=views), encoding="utf-8")
    shutil.copy(NOTEBOOKS / "site" / "static" / "widgets.js", tmp_path)
    site = Site(tmp_path)
    page = chromium.new_page(viewport={"width": 1000, "height": 900})
    page.on("pageerror", lambda error: console_errors.append(str(error)))
    page.goto(f"{site.url}/page.html")
    page.wait_for_function("document.querySelectorAll('canvas[data-drawn]').length === 3")
    yield page
    page.close()
    site.stop()
    assert console_errors == []


def test_few_slides_are_all_there_and_of_many_the_others_say_what_they_need(page):
    few, many = page.locator("[aria-label='Slide explorer']").all()
    few.get_by_label("Slide", exact=True).select_option("healthy")
    few.locator("canvas[data-drawn=healthy]").wait_for()
    assert few.locator("[data-count=hit]").inner_text() == "0"
    options = many.get_by_label("Slide", exact=True).locator("option")
    disabled = options.evaluate_all("all => all.filter(o => o.disabled).map(o => o.text)")
    assert disabled == [f"slide-{k} (needs a running kernel)" for k in range(1, 9)]


def test_what_needs_the_model_says_so_and_cannot_be_pressed(page):
    what_if = page.locator("[aria-label='What if']")
    assert "running kernel" in what_if.locator(".mil-complaint").inner_text()
    assert what_if.get_by_role("button", name="Remove hottest tile").is_disabled()
    what_if.locator(".mil-slide").click()
    assert "0 of 9 removed" in what_if.inner_text()


def test_widgets_are_dark_where_the_page_is(page):
    widget = page.locator(".mil").first
    assert widget.evaluate(BRIGHTNESS) > 600
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    assert widget.evaluate(BRIGHTNESS) < 150
