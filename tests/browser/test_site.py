"""The web site in Chromium: at a desk and on a phone, without any other host, kernel or script."""

import nbformat
import pytest
from built_site import NOTEBOOKS, site  # noqa: F401

from browser.exported import NpmError, Site, fetch, keep_to_one_host

pytestmark = pytest.mark.full

VIEW = "application/vnd.jupyter.widget-view+json"
CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
FURTHER = ("index", "README", "recipes/camelyon16", "site/glossary", "site/notation")
FURTHER += (
    "recipes/own_features",
    "site/data/results",
    "site/api/index",
    "site/api/models",
    "site/api/datasets",
    "site/data/slides",
    "site/changelog",
    "search",
)
WITH_WIDGETS = ("07_train_for_recall", "08_watch_attention", "10_draw_heat_maps")
AUDITED = ("index", *CHAPTERS, *FURTHER[1:-1])
DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
WIDER = "document.documentElement.scrollWidth - window.innerWidth"


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


def wait_for_widgets(page, chapter):
    page.wait_for_function(
        "count => document.querySelectorAll('.mil').length === count", arg=len(twins(chapter))
    )


@pytest.mark.parametrize("name", [*CHAPTERS, *FURTHER])
def test_a_page_fits_a_phone_and_a_desk(visit, name):
    page = visit(f"{name}.html", PHONE)
    if name in WITH_WIDGETS:
        wait_for_widgets(page, name)
    assert page.evaluate(WIDER) <= 0
    page.set_viewport_size(DESK)
    assert page.evaluate(WIDER) <= 0


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


@pytest.mark.parametrize("chapter", WITH_WIDGETS)
def test_without_scripts_the_twins_are_shown(visit, chapter):
    page = visit(f"{chapter}.html", java_script_enabled=False)
    assert page.locator(".mil").count() == 0
    assert len(twins(chapter)) >= 1
    for alt in twins(chapter):
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


@pytest.mark.parametrize("chapter", WITH_WIDGETS)
def test_where_widgets_run_no_twin_is_fetched(visit, chapter):
    page = visit(f"{chapter}.html", PHONE)
    wait_for_widgets(page, chapter)
    assert not any(page.get_by_alt_text(alt, exact=True).count() for alt in twins(chapter))


def test_formulas_are_drawn_also_beside_widgets(visit):
    page = visit("08_watch_attention.html")
    page.locator("mjx-container").first.wait_for()
    wait_for_widgets(page, "08_watch_attention")


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


@pytest.mark.parametrize("name", AUDITED)
def test_axe_finds_no_serious_violation_in_light_and_dark(visit, axe, name):
    page = visit(f"{name}.html", PHONE if name in WITH_WIDGETS else DESK)
    if name in WITH_WIDGETS:
        wait_for_widgets(page, name)
    page.evaluate(axe)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.locator(f"html[data-theme={scheme}]").wait_for()
        violations = page.evaluate("axe.run(document, {resultTypes: ['violations']})")["violations"]
        grave = [broken for broken in violations if broken["impact"] in ("serious", "critical")]
        assert [(rule["id"], [node["html"] for node in rule["nodes"]]) for rule in grave] == []
