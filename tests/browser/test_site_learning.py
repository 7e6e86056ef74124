"""The site's pages to learn from, in Chromium: self-test, progress, cheat sheet."""

import re
import shutil

import pytest
from built_site import NOTEBOOKS, site  # noqa: F401

from browser.exported import Site, keep_to_one_host

pytestmark = pytest.mark.full

CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
SCRIPTS = NOTEBOOKS / "site" / "static"
TABLE = """<!doctype html><title>Page</title><link rel="icon" href="data:,">
<table class="learning-path"><tbody>
<tr><td><a href="00_start_here.html">00. Start here</a></td></tr>
</tbody></table><script src="progress.js"></script>"""
COUNT_WRITES = """window.writes = 0;
const set = Storage.prototype.setItem;
Storage.prototype.setItem = function (...pair) { window.writes += 1; set.apply(this, pair); };"""
FULL = """() => {
  Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); };
}"""
NO_STORAGE = """const keep = Storage.prototype.setItem;
Storage.prototype.setItem = function (key, value) {
  if (key.startsWith('mil-tutorial')) throw new DOMException('full', 'QuotaExceededError');
  keep.call(this, key, value);  // the theme does not expect this
};"""


@pytest.fixture(scope="module")
def server(site):  # noqa: F811
    """The site, served."""
    running = Site(site)
    yield running
    running.stop()


@pytest.fixture()
def table(chromium, tmp_path):
    """Open a small page with the table of chapters, in a new tab of one fresh profile."""
    (tmp_path / "index.html").write_text(TABLE, encoding="utf-8")
    shutil.copy(SCRIPTS / "progress.js", tmp_path)
    running, context = Site(tmp_path), chromium.new_context()

    def tab(before=""):
        page = context.new_page()
        page.add_init_script(before)
        page.goto(f"{running.url}/index.html")
        return page

    yield tab
    context.close()
    running.stop()


@pytest.fixture()
def browse(chromium, server):
    """Open pages in one fresh profile; no other host is asked and no script fails."""
    context = chromium.new_context()
    refused, errors = keep_to_one_host(context, server.url), []
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))

    def go(name):
        page.goto(f"{server.url}/{name}.html")
        return page

    go.context = context
    yield go
    context.close()
    assert not refused
    assert errors == []


def test_the_self_test_sends_to_the_chapters_of_the_first_wrong_answers(browse):
    page = browse("site/self_test")
    questions = page.locator(".self-test-question")
    result = page.locator(".self-test-result")
    count = questions.count()
    for i in range(count):
        question = questions.nth(i)
        right = question.locator("details[data-right] summary")
        if i in (1, 3):  # a later right answer does not count
            question.locator("details:not([data-right]) summary").first.click()
        right.focus()
        page.keyboard.press("Enter")
        if i == 0:
            result.get_by_text(f"1 of {count} questions answered").wait_for()
    result.get_by_text(f"{count - 2} of {count} right at the first try").wait_for()
    links = result.get_by_role("link")
    assert [text[:2] for text in links.all_inner_texts()] == ["01", "03"]
    result.get_by_role("button", name="Start again").click()
    result.get_by_text(f"0 of {count} questions answered").wait_for()
    assert page.locator(".self-test-question details[open]").count() == 0


def test_a_tick_at_a_chapter_is_kept_and_forgotten(browse):
    page = browse("00_start_here")
    page.get_by_label("I have done this chapter").check()
    page = browse("index")
    table = page.locator(".learning-path")
    table.get_by_text(f"1 of {len(CHAPTERS)} chapters done").wait_for()
    assert table.get_by_label("Done: 00.").is_checked()
    assert page.locator(".course-paths a.done").all_inner_texts() == ["00"] * 4
    table.get_by_label("Done: 05.").check()
    table.get_by_text(f"2 of {len(CHAPTERS)} chapters done").wait_for()
    table.get_by_role("button", name="Forget my progress").click()
    table.get_by_text(f"0 of {len(CHAPTERS)} chapters done").wait_for()
    page.reload()
    assert page.locator(".done-box:checked").count() == 0


def test_a_tick_shows_in_another_tab_and_tabs_do_not_keep_each_other_busy(table):
    first, second = table(COUNT_WRITES), table(COUNT_WRITES)
    first.get_by_label("Done: 00.").check()
    second.get_by_text("1 of 1 chapters done").wait_for()
    second.wait_for_timeout(200)
    assert [tab.evaluate("window.writes") for tab in (first, second)] == [2, 1]


def test_a_tick_that_cannot_be_kept_goes_away(table):
    page = table()
    page.evaluate(FULL)
    page.get_by_label("Done: 00.").click()
    page.get_by_text("0 of 1 chapters done").wait_for()
    assert not page.get_by_label("Done: 00.").is_checked()


def test_where_the_browser_keeps_nothing_no_tick_is_offered(browse):
    browse.context.add_init_script(NO_STORAGE)
    page = browse("index")
    page.get_by_role("link", name="00. Start here").last.wait_for()
    assert page.locator(".done-box, .done-note").count() == 0


def test_the_cheat_sheet_prints_on_two_sides_of_a4(browse):
    page = browse("site/cheat_sheet")
    page.locator("mjx-container").nth(5).wait_for()
    pdf = page.pdf(prefer_css_page_size=True)
    boxes = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf)
    assert [(round(float(w)), round(float(h))) for w, h in boxes] == [(595, 842)] * 2
