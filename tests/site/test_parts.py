"""What the site adds to Sphinx, each on a page small enough to see through."""

import io
import json
import re
import sys

import nbformat
import pytest

sphinx_application = pytest.importorskip("sphinx.application", reason="needs the extra docs")
pytest.importorskip("myst_nb", reason="needs the extra docs")

from built_site import NOTEBOOKS  # noqa: E402
from sphinx.util.docutils import docutils_namespace  # noqa: E402

sys.path[:0] = [str(NOTEBOOKS / "site"), str(NOTEBOOKS)]

from site_parts import docstrings, links, live_widget  # noqa: E402
from tools import npm_packages  # noqa: E402
from tools.widget_state import STATE, VIEW  # noqa: E402

pytestmark = pytest.mark.full

MODEL = "0" * 31 + "1"
PNG = (
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAADCAIAAAA2iEnWAAAAEElEQVR4nGP8z8AARAwMIAwADQ4BAZ3r"
    "8yIAAAAASUVORK5CYII="
)


def built(folder, part, **pages):
    """Build pages with one part of the site; return the HTML of the first."""
    source = folder / "repository" / "notebooks"
    source.mkdir(parents=True, exist_ok=True)
    for name, content in pages.items():
        kind = "ipynb" if isinstance(content, nbformat.NotebookNode) else "md"
        text = nbformat.writes(content) if kind == "ipynb" else content
        (source / f"{name}.{kind}").write_text(text, encoding="utf-8")
    settings = {
        "extensions": ["myst_nb", f"site_parts.{part}"],
        "root_doc": next(iter(pages)),
        "nb_execution_mode": "off",
        "include_patterns": [f"{name}.*" for name in pages],
    }
    out = folder / "out"
    complaints = io.StringIO()
    with docutils_namespace():
        app = sphinx_application.Sphinx(
            source, None, out, folder / "doctrees", "html", settings, None, complaints
        )
        app.build()
    assert complaints.getvalue() == ""
    return (out / f"{next(iter(pages))}.html").read_text(encoding="utf-8")


def notebook(state):
    data = {
        VIEW: {"model_id": MODEL, "version_major": 2, "version_minor": 0},
        "text/html": f'<img alt="a &amp; b" src="data:image/png;base64,{PNG}">',
        "image/png": PNG,
        "text/plain": "a & b",
    }
    output = nbformat.v4.new_output("display_data", data)
    cells = [
        nbformat.v4.new_markdown_cell("# Page"),
        nbformat.v4.new_code_cell("widget", outputs=[output], execution_count=1),
    ]
    book = nbformat.v4.new_notebook(cells=cells)
    book.metadata.language_info = {"name": "python"}
    if state:
        book.metadata.widgets = {STATE: {"state": {MODEL: state}, "version_major": 2}}
    return book


def test_a_widget_with_state_has_its_twin_for_browsers_without_scripts(tmp_path):
    html = built(tmp_path, "twins", page=notebook({"model_module": "anywidget"}))
    assert f'<script type="{VIEW}">' in html
    _, hidden, _ = html.replace("</noscript>", "<noscript>").split("<noscript>")[-3:]
    assert '<img alt="a &amp; b" ' in hidden
    assert 'src="_images/' in hidden
    assert "base64" not in html


@pytest.mark.parametrize("state", [None, {"model_module": "@jupyter-widgets/controls"}])
def test_a_widget_that_cannot_be_drawn_is_shown_as_its_twin(tmp_path, state):
    html = built(tmp_path, "twins", page=notebook(state))
    assert VIEW not in html
    assert '<img alt="a &amp; b" ' in html


def test_a_live_widget_has_state_view_and_twin_and_the_same_each_time(tmp_path):
    page = "# Page\n\n```{live-widget} find-the-tumour\n```\n"
    html = built(tmp_path / "a", "live_widget", page=page)
    (state,) = re.findall(f'<script type="{re.escape(STATE)}">(.*?)</script>', html, re.DOTALL)
    (view,) = re.findall(f'<script type="{re.escape(VIEW)}">(.*?)</script>', html, re.DOTALL)
    model = json.loads(state)["state"][json.loads(view)["model_id"]]
    assert {"_esm", "_css", "slide"} <= set(model["state"])
    assert {tuple(buffer["path"])[-1] for buffer in model["buffers"]} >= {"image", "truth"}
    _, hidden, _ = html.replace("</noscript>", "<noscript>").split("<noscript>")
    assert 'alt="Find the tumour, slide ' in hidden
    assert 'src="_images/find-the-tumour.png"' in hidden
    assert re.search('<script type="module" src="_static/widgets.js', html)
    live_widget.stored.cache_clear()
    assert built(tmp_path / "b", "live_widget", page=page) == html


def test_a_page_without_live_widgets_has_no_script_for_them(tmp_path):
    assert "widgets.js" not in built(tmp_path, "live_widget", page="# Page\n")


def test_links_to_what_is_no_page_lead_to_github(tmp_path, monkeypatch):
    root = tmp_path / "repository"
    monkeypatch.setattr(links, "ROOT", root)
    monkeypatch.setattr(links, "REPOSITORY", "someone/course")
    monkeypatch.setattr(links, "BRANCH", "next")
    (root / "notebooks" / "solutions").mkdir(parents=True)
    for name in ("README.md", "notebooks/solutions/page.md", "notebooks/code.py"):
        (root / name).write_text("text")
    page = (
        "# Page\n\n[a](../README.md) [b](solutions/page.md) [c](code.py) [d](solutions) "
        "[e](other.md)\n"
        "```{toctree}\nother\n```\n"
    )
    html = built(tmp_path, "links", page=page, other="# Other\n")
    start = "https://github.com/someone/course"
    for kind, path in [
        ("blob", "README.md"),
        ("blob", "notebooks/solutions/page.md"),
        ("blob", "notebooks/code.py"),
        ("tree", "notebooks/solutions"),
    ]:
        assert f'href="{start}/{kind}/next/{path}"' in html
    assert 'href="other.html"' in html


def test_badges_become_buttons(tmp_path):
    badge = "[![Open in Nowhere](https://example.org/badge.svg)](https://example.org/run)"
    html = built(tmp_path, "buttons", page=f"# Page\n\n{badge}\n")
    assert "badge.svg" not in html
    assert (
        '<a class="start-button reference external" href="https://example.org/run">Open in' in html
    )


def page_of(*cells):
    """A notebook: a string becomes a cell of text, a pair a cell of code and what it printed."""
    book = nbformat.v4.new_notebook()
    book.metadata.language_info = {"name": "python"}
    for cell in cells:
        if isinstance(cell, str):
            book.cells.append(nbformat.v4.new_markdown_cell(cell))
        else:
            code, text = cell
            output = nbformat.v4.new_output("stream", name="stdout", text=text)
            book.cells.append(nbformat.v4.new_code_cell(code, outputs=[output]))
    return book


@pytest.mark.parametrize(
    ("printed", "first"),
    [
        ("○ attend: not attempted yet", []),
        ("✗ attend: wrong", ["<summary>What the check says of the code above"]),
    ],
)
def test_a_check_has_its_hints_and_its_solution_in_folds(tmp_path, printed, first):
    check = "from checks import check_attend\n\ncheck_attend(attend)"
    html = built(tmp_path, "exercises", page=page_of("# Page", (check, printed), "After."))
    _, *folds = html.partition("After.")[0].split("<details>")
    assert [fold.partition("</summary>")[0] for fold in folds] == [
        *first,
        "<summary>Hint 1",
        "<summary>Hint 2",
        "<summary>Hint 3",
        "<summary>Solution",
    ]
    assert "Work from the inside out" in folds[-4]
    assert '<span class="pre">h</span>' in folds[-3]  # hints are Markdown
    assert '<span class="nf">attend</span>' in folds[-1]  # the solution is coloured
    assert [printed in fold for fold in folds[:-4]] == [True for _ in first]
    assert (printed in html) is bool(first)


def test_what_is_to_be_predicted_is_folded(tmp_path):
    book = page_of("# Page\n\nGuess: which one?", ("a", "first"), ("b", "next"))
    html = built(tmp_path, "predictions", page=book)
    assert "Show what it gives" in html
    assert "first" in html[html.index("<details") : html.index("</details>")]
    assert html.count("<details") == 1


def test_a_widget_is_not_folded_as_it_has_to_be_drawn(tmp_path):
    book = notebook({"model_module": "anywidget"})
    book.cells[0].source = "# Page\n\nGuess: which one?"
    assert "<details" not in built(tmp_path, "predictions", page=book)


def test_code_that_only_draws_and_its_output_have_a_fold_each(tmp_path):
    book = page_of("# Page\n\nGuess: which one?", ("draw", "first"))
    book.cells[1].metadata["tags"] = ["hide-input"]
    _, code, output = built(tmp_path, "predictions", page=book).split("<details")
    assert "draw" in code.partition("</details>")[0]
    assert "first" in output.partition("</details>")[0]


def test_a_link_finds_a_code_cell_by_its_id(tmp_path):
    cell = nbformat.v4.new_code_cell("a = 1", id="train-run")
    page = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Page"), cell])
    page.metadata.language_info = {"name": "python"}
    links = "---\norphan: true\n---\n# Links\n\n[the run](page.ipynb#cell-train-run)\n"
    html = built(tmp_path, "cells", page=page, links=links)
    assert html.count('id="cell-train-run"') == 1
    other = (tmp_path / "out" / "links.html").read_text(encoding="utf-8")
    assert 'href="page.html#cell-train-run"' in other


def test_a_line_of_code_is_an_element_that_knows_its_indent(tmp_path):
    html = built(tmp_path, "code_lines", page="# Page\n\n```python\nif a:\n    b\n\n    c\n```\n")
    (code,) = re.findall(r'<div class="highlight"><pre>(.*?)</pre>', html, re.DOTALL)
    lines = re.sub(r"</?span(?! (class=.line|style))[^>]*>|</span>", "", code).splitlines()
    inner = '<span class="line" style="--indent: 4ch">    '
    assert [line.strip() for line in lines] == [
        '<span class="line">if a:',
        f"{inner}b",
        '<span class="line">',
        f"{inner}c",
    ]


def test_attributes_described_together_are_listed_one_by_one():
    lines = ["Attributes", "----------", "a, b : float", "    Two numbers.", "c : int", "    One."]
    docstrings.separate(None, "class", "Thing", None, None, lines)
    assert lines[2:6] == ["a : float", "    Two numbers.", "b : float", "    Two numbers."]
    assert lines[6:] == ["c : int", "    One."]


def test_a_package_with_another_checksum_is_refused(tmp_path, monkeypatch):
    monkeypatch.setitem(npm_packages.PACKAGES["integrity"], "requirejs", "sha512-other")
    with pytest.raises(npm_packages.NpmError, match="checksum|npm"):
        npm_packages.fetch("requirejs", {"package/require.js": tmp_path})
    assert list(tmp_path.iterdir()) == []


def test_without_npm_the_build_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(npm_packages.NpmError, match="npm is not on the PATH"):
        npm_packages.fetch("requirejs", {"package/require.js": tmp_path})
