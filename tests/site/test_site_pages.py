"""Every page of the site: there, complete, light, and all its links lead somewhere."""

import functools
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import nbformat
from built_site import NOTEBOOKS, ROOT

sys.path.insert(0, str(NOTEBOOKS))

import pytest
from tools.exercises import FILE
from tools.settings import BRANCH, REPOSITORY
from tools.widget_state import VIEW

pytestmark = pytest.mark.full

CHAPTERS = sorted(path.stem for path in NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))
LIMIT = 3_000_000  # bytes of a first visit, before any compression
RAW = re.compile(r"^\s*\|.*\||(?<!\w)\*\*\w|\w\*\*(?!\w)|\]\(|<!--|^#+ ")
EXERCISES = json.loads(FILE.read_text(encoding="utf-8"))
UNREAD = ("code", "pre", "script", "style", "dt", "noscript")  # not prose
GITHUB = f"https://github.com/{REPOSITORY}/"


class Page(HTMLParser):
    """What a page refers to, and what can be referred to in it."""

    def __init__(self, text):
        super().__init__()
        self.links, self.loads, self.anchors, self.pictures = [], [], set(), []
        self.meta, self.texts = {}, []
        self.hidden = False  # inside <noscript>, which a browser with scripts does not load
        self.inside = []  # elements that hold no prose
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        values = dict(attributes)
        self.anchors |= {values[key] for key in ("id", "name") if values.get(key)}
        self.hidden = self.hidden or tag == "noscript"
        if tag in UNREAD:
            self.inside.append(tag)
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "meta":
            self.meta[values.get("name")] = values.get("content")
        if tag == "img":
            self.pictures.append(values)
        if tag == "link" and values.get("rel") in ("stylesheet", "preload", "icon"):
            self.loads.append(values["href"])
        if values.get("src") and not self.hidden:
            self.loads.append(values["src"])

    def handle_endtag(self, tag):
        if tag == "noscript":
            self.hidden = False
        if self.inside and tag == self.inside[-1]:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside:
            self.texts += data.splitlines()


@functools.cache
def read(path):
    return Page(path.read_text(encoding="utf-8"))


def pages(site):
    return [path for path in sorted(site.rglob("*.html")) if "_static" not in path.parts]


def target(page, link):
    """Return the file and the anchor a link of a page means."""
    address, anchor = urldefrag(link)
    path = unquote(urlsplit(urljoin(page.as_uri(), address)).path) if address else str(page)
    return Path(path), unquote(anchor)


def test_every_chapter_has_its_page_and_its_place_in_the_learning_path(site):
    start = (site / "index.html").read_text(encoding="utf-8")
    table = start[start.index("Learning path</a>") :]
    for chapter in CHAPTERS:
        text = (site / f"{chapter}.html").read_text(encoding="utf-8")
        title = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", 4).cells[0].source.splitlines()[0]
        assert f"<h1>{chapter[:2]}. {title.removeprefix('# ')}<" in text
        assert f'href="{chapter}.html"' in table, chapter


def test_every_link_leads_to_a_page_and_an_anchor_that_exist(site):
    broken = []
    for page in pages(site):
        for link in read(page).links:
            if urlsplit(link).scheme in ("http", "https", "mailto") or link == "#":
                continue
            path, anchor = target(page, link)
            if not path.is_file():
                broken.append((page.name, link, "no such file"))
            elif anchor and path.suffix == ".html" and anchor not in read(path).anchors:
                broken.append((page.name, link, "no such anchor"))
    assert broken == []


def test_links_to_files_of_the_repository_name_files_that_exist(site):
    links = {link for page in pages(site) for link in read(page).links if link.startswith(GITHUB)}
    paths = [re.sub(r"^(blob|tree)/", "", link.removeprefix(GITHUB)) for link in links]
    named = [path.removeprefix(f"{BRANCH}/") for path in paths if path.startswith(f"{BRANCH}/")]
    assert any(path.startswith("notebooks/solutions/") for path in named)
    assert [path for path in named if not (ROOT / unquote(path)).exists()] == []


def test_pages_load_nothing_from_another_host(site):
    for page in pages(site):
        text = page.read_text(encoding="utf-8")
        assert [load for load in read(page).loads if "//" in load] == [], page
        assert not re.search(r"(@import|url\()\s*[\"']?(https?:)?//", text), page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"(@import\s+|url\()[\"']?(https?:)?//", sheet.read_text()), sheet


def test_pages_say_what_they_are(site):
    titles = set()
    for page in pages(site):
        if page.name in ("genindex.html", "py-modindex.html", "search.html"):
            continue
        text = page.read_text(encoding="utf-8")
        assert '<html lang="en"' in text
        (title,) = re.findall(r"<title>(.*?)</title>", text, re.DOTALL)
        assert len(read(page).meta["description"]) > 40, page
        titles.add(title)
    assert len(titles) >= len(CHAPTERS) + 10  # each page has a title of its own


def test_a_page_weighs_at_most_3_megabytes(site):
    for page in pages(site):
        files = {target(page, load)[0] for load in read(page).loads}
        files |= set(site.glob("_static/vendor/**/*.woff2"))
        if "tex-chtml.js" in page.read_text(encoding="utf-8"):
            files |= set(site.glob("_static/mathjax/**/*.woff"))
        whole = sum(path.stat().st_size for path in {page, *files})
        print(f"{page.name}: {whole / 1e6:.2f} MB")
        assert whole <= LIMIT, page


def test_no_markdown_is_left_raw(site):
    for page in pages(site):
        raw = [text for text in read(page).texts if RAW.search(text)]
        assert raw == [], page


def test_every_check_has_its_hints_and_a_solution_folded(site):
    for chapter in CHAPTERS:
        source = (NOTEBOOKS / f"{chapter}.ipynb").read_text(encoding="utf-8")
        text = (site / f"{chapter}.html").read_text(encoding="utf-8")
        checks = sum(name in EXERCISES for name in re.findall(r'"check_(\w+)\(', source))
        assert checks >= 3, chapter
        for name in ("Hint 1", "Solution"):
            assert text.count(f"<details><summary>{name}</summary>") == checks, chapter
        assert "not attempted yet" not in text, chapter
        assert "<details open" not in text, chapter


def test_a_chapter_has_scripts_only_for_what_it_shows(site):
    for chapter in CHAPTERS:
        source = (NOTEBOOKS / f"{chapter}.ipynb").read_text(encoding="utf-8")
        text = (site / f"{chapter}.html").read_text(encoding="utf-8")
        assert ("widgets.js" in text) is (VIEW in source), chapter
        assert ("tex-chtml.js" in text) is ('class="math' in text), chapter


def test_every_stored_picture_is_there_with_its_description(site):
    for chapter in CHAPTERS:
        cells = nbformat.read(NOTEBOOKS / f"{chapter}.ipynb", 4).cells
        outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
        stored = [data["text/plain"] for data in outputs if "image/png" in data]
        shown = [picture["alt"] for picture in read(site / f"{chapter}.html").pictures]
        assert [alt for alt in shown if alt in set(stored)] == stored, chapter


def test_the_api_pages_describe_every_public_name(site):
    from sphinx.util.inventory import InventoryFile

    import mil_tutorial

    with (site / "objects.inv").open("rb") as file:
        known = InventoryFile.load(file, "", lambda base, name: name)
    described = {name.split(".")[-1] for kind in known if kind[:3] == "py:" for name in known[kind]}
    assert set(mil_tutorial.__all__) - described == set()
