"""Slides as a page of reveal.js, which takes its scripts from beside it and asks no other host."""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from nbconvert import SlidesExporter
from nbformat import NotebookNode

PACKAGES = ("reveal.js@5.2.1", "mathjax@3.2.2")
WANTED = {
    "reveal.js": (
        "dist/reveal.css",
        "dist/reveal.js",
        "dist/reset.css",
        "dist/theme/white.css",
        "dist/theme/fonts/source-sans-pro/",
        "plugin/notes/",
        "LICENSE",
    ),
    "mathjax": ("es5/tex-svg.js", "LICENSE"),
}
TEMPLATE = Path(__file__).with_name("slides.html.j2")


def fetch_scripts(folder: Path) -> None:
    """Put reveal.js and MathJax into a folder, in fixed versions, unless they are there.

    Raises
    ------
    OSError
        When npm is missing or cannot get them.
    """
    if all((folder / name / "LICENSE").exists() for name in WANTED):
        return
    npm = shutil.which("npm")
    if npm is None:
        raise OSError("npm is not on the PATH; it is needed once in each folder, to get reveal.js")
    with tempfile.TemporaryDirectory() as temporary:
        command = [npm, "pack", *PACKAGES]
        done = subprocess.run(command, cwd=temporary, capture_output=True, text=True)
        if done.returncode:
            raise OSError(f"npm could not get {', '.join(PACKAGES)}: {done.stderr.strip()[-300:]}")
        for package in PACKAGES:
            name, version = package.split("@")
            _unpack(Path(temporary) / f"{name}-{version}.tgz", name, folder)


def _unpack(archive: Path, name: str, folder: Path) -> None:
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            path = member.name.removeprefix("package/")
            if member.isfile() and path.startswith(WANTED[name]):
                target = folder / name / path
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(packed.extractfile(member).read())


def export_slides(notebook: NotebookNode, title: str) -> str:
    """Return cells with slide breaks as HTML that finds its scripts beside it."""
    notebook.metadata["title"] = title
    exporter = SlidesExporter(
        raw_template=TEMPLATE.read_text(encoding="utf-8"),
        reveal_url_prefix="reveal.js",
        reveal_theme="white",  # the others ask another host for their fonts
        exclude_input_prompt=True,
        exclude_output_prompt=True,
    )
    html, _ = exporter.from_notebook_node(notebook)
    return html
