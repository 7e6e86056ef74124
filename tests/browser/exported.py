"""A notebook as a web page, with the scripts of its widgets served from beside it."""

import functools
import http.server
import shutil
import subprocess
import tarfile
import threading
from pathlib import Path

import anywidget
import pytest
from nbconvert import HTMLExporter

PACKAGES = ("requirejs@2.3.8", "@jupyter-widgets/html-manager@1.0.15")
WANTED = ("package/require.js", "package/dist/embed-amd.js")
SETUP = """
require.config({baseUrl: document.currentScript.src.replace(/[^/]*$/, '')});
window.MathJax = {Hub: {Queue() {}, Config() {}, Configured() {}}};  // the manager calls it
"""


def fetch_scripts(folder):
    """Put the scripts that draw stored widgets into a folder; skip where npm cannot get them."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("needs npm on the PATH, for the scripts that draw stored widgets")
    done = subprocess.run([npm, "pack", *PACKAGES], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"npm could not get {', '.join(PACKAGES)}:\n{done.stderr[-500:]}")
    scripts = folder / "scripts"
    scripts.mkdir()
    for archive in folder.glob("*.tgz"):
        with tarfile.open(archive) as packed:
            for member in packed.getmembers():
                if member.name in WANTED or member.name.endswith((".woff", ".woff2")):
                    content = packed.extractfile(member).read()
                    (scripts / Path(member.name).name).write_bytes(content)
    widget = Path(anywidget.__file__).parent / "nbextension" / "index.js"
    shutil.copy(widget, scripts / "anywidget.js")
    (scripts / "setup.js").write_text(SETUP)
    return scripts


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
