"""A notebook as a web page, with the scripts of its widgets served from beside it."""

import functools
import http.server
import importlib.util
import shutil
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from nbconvert import HTMLExporter

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

from tools.npm_packages import NpmError, fetch  # noqa: E402

MANAGER = "@jupyter-widgets/html-manager"
SETUP = """\
require.config({baseUrl: document.currentScript.src.replace(/[^/]*$/, '')});
"""


def fetch_scripts(folder):
    """Put the scripts that draw stored widgets into a folder; skip where npm cannot get them."""
    try:
        shutil.copytree(_fetched().name, folder / "scripts")
    except NpmError as error:
        pytest.skip(str(error))


@functools.cache
def _fetched():
    folder = tempfile.TemporaryDirectory()  # removed when the tests end
    scripts = Path(folder.name)
    fetch("requirejs", {"package/require.js": scripts})
    fetch(MANAGER, {"package/dist/embed-amd.js": scripts})
    package = importlib.util.find_spec("anywidget").submodule_search_locations[0]
    shutil.copyfile(Path(package) / "nbextension" / "index.js", scripts / "anywidget.js")
    (scripts / "setup.js").write_text(SETUP, encoding="utf-8")
    return folder


def export(notebook):
    """Return the notebook as HTML that takes its scripts from ``scripts/`` beside it."""
    exporter = HTMLExporter(
        require_js_url="scripts/require.js",
        jupyter_widgets_base_url="nowhere/",
        widget_renderer_url="scripts/embed-amd.js",
        mathjax_url="",
    )
    html, _ = exporter.from_notebook_node(notebook)
    tag = '<script src="scripts/require.js"></script>'
    assert tag in html
    return html.replace(tag, tag + '<script src="scripts/setup.js"></script>')


def keep_to_one_host(pages, url):
    """Let a page, or a context of them, reach one host only; return the list of refusals."""
    refused = []

    def only_this_host(route):
        if route.request.url.startswith((url, "data:", "blob:")):
            return route.continue_()
        refused.append(route.request.url)
        return route.abort()

    pages.route("**/*", only_this_host)
    return refused


class Site:
    """A server of one folder, until it is stopped."""

    def __init__(self, folder):
        handler = functools.partial(QuietHandler, directory=folder)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        """Stop serving."""
        self.server.shutdown()
        self.server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves files without a word."""

    def log_message(self, *arguments):
        """Say nothing."""
