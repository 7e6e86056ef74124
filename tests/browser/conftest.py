import os
import shutil
from pathlib import Path

import nbformat
import pytest

from browser.jupyterlab import Notebook
from browser.server import Lab

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM_OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
HAS_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember of each test whether it failed, for the screenshot."""
    report = yield
    if call.when == "call":
        item.stash[HAS_FAILED] = report.failed
    return report


# Scope "package": an open Playwright keeps an asyncio loop running, in which no later test of
# the session could start its own.
@pytest.fixture(scope="package")
def chromium():
    """A headless Chromium."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs: pip install playwright")
    paths = filter(None, map(shutil.which, CHROMIUM_NAMES))
    executable = next(paths, None)
    if executable is None:
        pytest.skip(f"needs a browser on the PATH, one of {', '.join(CHROMIUM_NAMES)}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=list(CHROMIUM_OPTIONS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def lab(tmp_path_factory):
    """A running JupyterLab."""
    server = Lab(tmp_path_factory.mktemp("jupyterlab"))
    server.start()
    yield server
    server.stop()


@pytest.fixture()
def console_errors():
    """What went wrong in the browser during the test; a widget that cannot draw says so here."""
    return []


def listen(page, url, errors):
    """Collect errors of the page, but not pictures of other sites that cannot be reached."""

    def hear(message):
        source = message.location["url"].removeprefix("blob:")
        if message.type == "error" and (not source or source.startswith(url)):
            errors.append(f"{message.text} ({source})")

    page.on("console", hear)
    page.on("pageerror", lambda error: errors.append(str(error)))


def keep_screenshot(page, item, tmp_path):
    """Save a screenshot of a failed test, and of any test if a folder for them is named."""
    folders = [tmp_path] if item.stash.get(HAS_FAILED, True) else []
    if os.environ.get("MIL_TUTORIAL_SCREENSHOTS"):
        folders.append(Path(os.environ["MIL_TUTORIAL_SCREENSHOTS"]))
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{item.name}.png"
        page.screenshot(path=path)
        print("screenshot:", path)


@pytest.fixture()
def page(chromium, lab, console_errors, request, tmp_path):
    """An empty page; afterwards kernels are ended and notebooks are as they were."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(60_000)
    listen(page, lab.url, console_errors)
    yield page
    keep_screenshot(page, request.node, tmp_path)
    page.close()
    lab.reset()
    if request.node.stash.get(HAS_FAILED, True):
        print("console errors:", *console_errors, sep="\n")


@pytest.fixture()
def run_cells(page, lab):
    """Write a notebook of the given code cells, open it in JupyterLab and run it."""

    def run(*sources):
        cells = [nbformat.v4.new_code_cell(source) for source in sources]
        book = nbformat.v4.new_notebook(cells=cells)
        book.metadata.kernelspec = {"name": "python3", "display_name": "Python 3"}
        nbformat.write(book, lab.folder / "widget.ipynb")
        notebook = Notebook(page, lab.url)
        notebook.open("widget.ipynb")
        notebook.run_all()
        assert notebook.errors() == []
        return notebook

    return run


@pytest.fixture()
def widget_messages(page):
    """The messages that widgets of the page have sent to the kernel; grows as they do."""
    sent = []

    def hear(frame):
        text = frame if isinstance(frame, bytes) else frame.encode()
        if b"comm_msg" in text:
            sent.append(text)

    page.on("websocket", lambda socket: socket.on("framesent", hear))
    return sent
