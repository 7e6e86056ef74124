"""Pooling playground and threshold explorer in an exported page, without a kernel."""

import nbformat
import pytest
from nbclient import NotebookClient

from browser.exported import Site, export, fetch_scripts

pytestmark = pytest.mark.full

CELLS = [
    "from mil_tutorial.widgets import PoolingPlayground\nPoolingPlayground()",
    "from mil_tutorial.widgets import ThresholdExplorer\n"
    "ThresholdExplorer([0, 0, 1, 1], [0.1, 0.6, 0.4, 0.9], groups='aabb')",
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
    yield page
    page.close()
    site.stop()


def test_both_answer_without_a_kernel(exported_page, console_errors):
    playground = exported_page.locator(".mil-playground")
    playground.get_by_role("button", name="Add a healthy tile").click()
    assert playground.locator("p[role=status]").inner_text().startswith("9 tiles.")
    playground.get_by_label("Bag").select_option("no tumour")
    playground.get_by_role("slider", name="Score of tile 1").press("End")
    assert playground.locator(".mil-playground-logit").first.inner_text() == "logit 8.00, p = 1.00"

    explorer = exported_page.locator(".mil-threshold")
    counts = explorer.locator(".mil-threshold-confusion strong")
    counts.last.wait_for()
    assert counts.all_inner_texts() == ["1", "1", "1", "1"]
    explorer.get_by_role("button", name="Reach 95 % sensitivity").click()
    assert counts.all_inner_texts() == ["2", "0", "1", "1"]
    explorer.get_by_role("slider", name="Threshold").press("End")
    assert counts.all_inner_texts() == ["0", "2", "0", "2"]
    assert explorer.get_by_text("patient b").is_visible()
    assert console_errors == []
