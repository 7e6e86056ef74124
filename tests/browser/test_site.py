"""The web site in Chromium: at a desk and on a phone, without any other host, kernel or script."""

import nbformat
import pytest
from built_site import NOTEBOOKS, site  # noqa: F401

from browser.exported import NpmError, Site, fetch, keep_to_one_host

pytestmark = pytest.mark.full

VIEW = "application/vnd.jupyter.widget-view+json"
CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
TEXTS = [*NOTEBOOKS.glob("recipes/*.md"), *NOTEBOOKS.glob("site/*.md")]
FURTHER = sorted(path.relative_to(NOTEBOOKS).with_suffix("").as_posix() for path in TEXTS)
FURTHER += ("index", "README", "site/api/index", "site/api/models", "site/data/results")
FOLDS = ("Hint 1", "Solution")
DESK, PHONE = {"width": 1200, "height": 900}, {"width": 390, "height": 844}
WAYS = ((DESK, "light", {}), (PHONE, "dark", {"runOnly": ["color-contrast"]}))
FAULTS = """isDesk => {
  const faults = [], shown = (selector) => [...document.querySelectorAll(selector)]
    .filter((element) => element.checkVisibility() && element.clientWidth);
  const say = (what, element) => faults.push(`${what}: ${element.textContent.trim().slice(0, 60)}`);
  if (document.documentElement.scrollWidth > window.innerWidth) faults.push('wide page');
  for (const pre of shown('.bd-article pre')) {
    const isOutput = pre.closest('.cell_output');  // on a phone it scrolls, as tables do
    if (pre.scrollWidth > pre.clientWidth && (isDesk || !isOutput)) say('cut off', pre);
  }
  if (isDesk) for (const line of shown('.cell_input .line')) {
    const height = parseFloat(getComputedStyle(line).lineHeight);
    if (line.clientHeight > 1.5 * height) say('goes on below', line);
  }
  for (const fold of shown('.bd-article details[open]')) say('open', fold);
  for (const widget of document.querySelectorAll('.mil'))
    if (!widget.clientHeight && widget.checkVisibility()) say('not drawn', widget);
  return faults;
}"""


def twins(chapter):
    """Return the descriptions of a chapter's widgets."""
    cells = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", as_version=4).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    return [data["text/plain"] for data in outputs if VIEW in data]


@pytest.fixture(scope="module")
def server(site):  # noqa: F811
    """The site, served."""
    running = Site(site)
    yield running
    running.stop()


@pytest.fixture()
def visit(chromium, server):
    """Open a page where no other host can be reached; nothing may go wrong, nobody be asked."""
    contexts, refusals, errors = [], [], []

    def open_page(name, viewport=DESK, **options):
        context = chromium.new_context(viewport=viewport, **options)
        contexts.append(context)
        refusals.append(keep_to_one_host(context, server.url))
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(f"{name}: {error}"))
        page.on(
            "response",
            lambda answer: errors.append(answer.url) if answer.status >= 400 else None,
        )
        page.goto(f"{server.url}/{name}")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not any(refusals), refusals
    assert [error for error in errors if not error.endswith("favicon.ico")] == []


def wait_until_drawn(page):
    """Wait for the widgets and the formulas of a page."""
    page.wait_for_function(
        f"""document.querySelectorAll('.mil').length
        >= document.querySelectorAll('script[type="{VIEW}"]').length"""
    )
    if page.locator(".math").count():
        page.locator("mjx-container").first.wait_for()


@pytest.mark.parametrize("name", [*CHAPTERS, *FURTHER])
def test_a_page_is_whole_at_a_desk_by_day_and_on_a_phone_by_night(visit, axe, name):
    page = visit(f"{name}.html")
    wait_until_drawn(page)
    if name in CHAPTERS:
        assert not any(page.get_by_alt_text(alt, exact=True).count() for alt in twins(name))
    page.evaluate(axe)
    found = []
    for viewport, scheme, options in WAYS:
        page.set_viewport_size(viewport)
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.locator(f"html[data-theme={scheme}]").wait_for()
        found += page.evaluate(FAULTS, viewport is DESK) + violations(page, options)
    assert found == []


def violations(page, options):
    """Return what axe-core finds that is serious."""
    wanted = {"resultTypes": ["violations"], "preload": False, **options}
    found = page.evaluate("options => axe.run(document, options)", wanted)["violations"]
    grave = [rule for rule in found if rule["impact"] in ("serious", "critical")]
    return [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in grave]


def test_folds_open_by_keyboard(visit):
    page = visit("05_attention.html")
    hint, solution = (page.locator(".hints summary", has_text=name).first for name in FOLDS)
    text = page.get_by_text("Work from the inside out")
    assert not text.is_visible()
    hint.focus()
    page.keyboard.press("Enter")
    text.wait_for()
    solution.focus()
    page.keyboard.press("Space")
    page.locator(".hints pre").first.wait_for()


def test_paper_shows_the_article_alone_dark_on_white(visit):
    page = visit("05_attention.html", color_scheme="dark")
    page.emulate_media(media="print", color_scheme="dark")
    for selector in (".bd-sidebar-primary", ".bd-sidebar-secondary", ".prev-next-footer"):
        assert not page.locator(selector).first.is_visible()
    colours = "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
    assert page.locator(".bd-article p").first.evaluate(colours) == [
        "rgb(0, 0, 0)",
        "rgb(255, 255, 255)",
    ]
    assert not page.get_by_text("Work from the inside out").is_visible()


def test_the_explorer_reacts_without_a_kernel(visit):
    page = visit("10_draw_heat_maps.html")
    explorer = page.locator("[aria-label='Slide explorer']")
    explorer.locator("canvas[data-drawn]").wait_for()
    picture = explorer.locator(".mil-slide")
    before = picture.screenshot()
    explorer.get_by_label("Opacity").fill("1")
    assert picture.screenshot() != before
    called = explorer.locator("[data-count=hit], [data-count=alarm]")
    few = sum(map(int, called.all_inner_texts()))
    explorer.get_by_label("Threshold").press("Home")
    assert sum(map(int, called.all_inner_texts())) > few
    picture.hover()
    assert "attention" in explorer.locator(".mil-said").inner_text()


def test_without_scripts_the_twins_are_shown(visit):
    page = visit("10_draw_heat_maps.html", java_script_enabled=False)
    assert page.locator(".mil").count() == 0
    for alt in twins("10_draw_heat_maps"):
        picture = page.get_by_alt_text(alt, exact=True)
        picture.scroll_into_view_if_needed()
        assert picture.bounding_box()["width"] > 300
        assert picture.bounding_box()["height"] > 100


def test_where_a_widget_cannot_be_drawn_its_twin_is_shown(chromium, server):
    page = chromium.new_page()
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script("URL.createObjectURL = () => { throw new Error('not allowed'); };")
    page.goto(f"{server.url}/10_draw_heat_maps.html")
    for alt in twins("10_draw_heat_maps"):
        page.get_by_alt_text(alt, exact=True).wait_for()
    assert [error for error in errors if "not allowed" not in error] == []
    assert len(errors) == len(twins("10_draw_heat_maps"))
    page.close()


def test_the_search_finds_the_chapter_on_attention_entropy(visit):
    page = visit("index.html")
    page.get_by_role("button", name="Search").first.click()
    page.keyboard.type("attention entropy")
    page.keyboard.press("Enter")
    page.get_by_role("link", name="08. Watch attention: entropy").last.wait_for()
    first = page.locator("#search-results .search > li > a").all_inner_texts()[:5]
    assert "08. Watch attention: entropy" in first


@pytest.fixture(scope="module")
def axe(tmp_path_factory):
    """The script of axe-core."""
    folder = tmp_path_factory.mktemp("axe")
    try:
        fetch("axe-core", {"package/axe.min.js": folder})
    except NpmError as error:
        pytest.skip(str(error))
    return (folder / "axe.min.js").read_text(encoding="utf-8")
