"""A deck as a page of reveal.js, which takes its scripts from beside it and asks no other host."""

import json
from pathlib import Path

from nbconvert import SlidesExporter
from nbformat import NotebookNode

from tools.deck_height import HEIGHT, WIDTH
from tools.npm_packages import VERSIONS, fetch

TEMPLATE = Path(__file__).with_name("deck.html.j2")
NEEDED = {name: VERSIONS[name] for name in ("reveal.js", "mathjax")}


def fetch_scripts(folder: Path) -> None:
    """Put reveal.js and MathJax into a folder, unless they are there.

    Raises
    ------
    NpmError
        When npm is missing or cannot get them.
    """
    known = folder / "scripts.json"
    if known.is_file() and json.loads(known.read_text(encoding="utf-8")) == NEEDED:
        return
    reveal, mathjax = folder / "reveal.js", folder / "mathjax"
    fonts = "dist/theme/fonts/source-sans-pro"
    wanted = {
        "package/LICENSE": reveal,
        "package/dist/reveal.css": reveal / "dist",
        "package/dist/reveal.js": reveal / "dist",
        "package/dist/reset.css": reveal / "dist",
        "package/dist/theme/white.css": reveal / "dist" / "theme",
        f"package/{fonts}/*": reveal / fonts,
        "package/plugin/notes/*": reveal / "plugin" / "notes",
    }
    fetch("reveal.js", wanted)
    fetch("mathjax", {"package/LICENSE": mathjax, "package/es5/tex-svg.js": mathjax / "es5"})
    known.write_text(json.dumps(NEEDED), encoding="utf-8")


def export_deck(notebook: NotebookNode, title: str) -> str:
    """Return cells with slide breaks as HTML that finds its scripts beside it."""
    notebook.metadata["title"] = title
    exporter = SlidesExporter(
        raw_template=TEMPLATE.read_text(encoding="utf-8"),
        reveal_url_prefix="reveal.js",
        reveal_theme="white",  # the others ask another host for their fonts
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    size = {"slide_width": WIDTH, "slide_height": HEIGHT}
    html, _ = exporter.from_notebook_node(notebook, resources=size)
    return html
