"""The scripts that the site serves itself."""

import json
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from tools.npm_packages import PACKAGES, NpmError, fetch

FONTS = ("Main-", "Math-*Italic", "Size", "AMS", "Zero")  # no calligraphic letters and the like


def fetch_mathjax(folder: Path) -> None:
    """Put MathJax and the fonts of the course's formulas into a folder."""
    fonts = "output/chtml/fonts/woff-v2"
    wanted = {f"es5/{fonts}/MathJax_{name}*": folder / fonts for name in FONTS}
    fetch("mathjax", {"package/es5/tex-chtml.js": folder} | wanted)


def add_scripts(app: Sphinx) -> None:
    """Fetch the scripts into the built site, unless they are there."""
    if app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    known = static / "scripts.json"
    if known.is_file() and json.loads(known.read_text(encoding="utf-8")) == PACKAGES:
        return
    try:
        fetch_mathjax(static / "mathjax")
    except NpmError as error:
        raise ExtensionError(str(error)) from error
    known.write_text(json.dumps(PACKAGES), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("builder-inited", add_scripts)
