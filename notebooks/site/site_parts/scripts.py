"""The scripts that the site serves itself."""

import json
import shutil
from pathlib import Path

import anywidget
from machine.npm_packages import PACKAGES, NpmError, fetch
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

SETUP = """\
require.config({baseUrl: document.currentScript.src.replace(/[^/]*$/, '')});
// The widget manager still asks for the queue of MathJax 2, which later versions do not have.
let mathJax;
const keep = (value) => { mathJax = value; if (value) value.Hub ??= {Queue() {}}; };
keep(window.MathJax);
Object.defineProperty(window, 'MathJax', {get: () => mathJax, set: keep});
"""


def fetch_widget_scripts(folder: Path) -> None:
    """Put into a folder what draws stored widgets without any other host."""
    fetch("requirejs", {"package/require.js": folder})
    manager = "@jupyter-widgets/html-manager"
    fetch(manager, {"package/dist/embed-amd.js": folder, "package/dist/*.woff*": folder})
    for looked_for in ("@jupyter-widgets", f"{manager}/dist"):  # which, depends on the page
        for font in folder.glob("*.woff*"):
            (folder / looked_for).mkdir(parents=True, exist_ok=True)
            shutil.copy(font, folder / looked_for)
    widget = Path(anywidget.__file__).parent / "nbextension" / "index.js"
    shutil.copyfile(widget, folder / "anywidget.js")
    (folder / "setup.js").write_text(SETUP, encoding="utf-8")


def fetch_mathjax(folder: Path) -> None:
    """Put MathJax and its fonts into a folder."""
    fonts = "output/chtml/fonts/woff-v2"
    fetch("mathjax", {"package/es5/tex-chtml.js": folder, f"es5/{fonts}/*": folder / fonts})


def add_scripts(app: Sphinx) -> None:
    """Fetch the scripts into the built site, unless they are there."""
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    known = static / "scripts.json"
    if known.is_file() and json.loads(known.read_text(encoding="utf-8")) == PACKAGES:
        return
    try:
        fetch_widget_scripts(static / "widgets")
        fetch_mathjax(static / "mathjax")
    except NpmError as error:
        raise ExtensionError(str(error)) from error
    known.write_text(json.dumps(PACKAGES), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("builder-inited", add_scripts)
