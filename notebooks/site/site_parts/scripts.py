"""The scripts that the site serves itself, from npm: versions and checksums are in package.json."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

import anywidget
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

PACKAGES = json.loads((Path(__file__).parents[1] / "package.json").read_text(encoding="utf-8"))
VERSIONS = PACKAGES["dependencies"] | PACKAGES["devDependencies"]
SETUP = """\
require.config({baseUrl: document.currentScript.src.replace(/[^/]*$/, '')});
// The widget manager still asks for the queue of MathJax 2, which later versions do not have.
let mathJax;
const keep = (value) => { mathJax = value; if (value) value.Hub ??= {Queue() {}}; };
keep(window.MathJax);
Object.defineProperty(window, 'MathJax', {get: () => mathJax, set: keep});
"""


class ScriptsError(ExtensionError):
    """npm is not there, or what it got is not what package.json names."""


def fetch(name: str, wanted: dict[str, Path]) -> None:
    """Get one package with ``npm pack`` and take files out of it.

    Parameters
    ----------
    name : str
        A package that package.json names.
    wanted : dict
        Pattern of files in the package → folder to put them into.

    Raises
    ------
    ScriptsError
        When npm is absent or fails, or the package has another checksum.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise ScriptsError("npm is not on the PATH; it gets the scripts of the site")
    package = f"{name}@{VERSIONS[name]}"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([npm, "pack", package], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise ScriptsError(f"npm could not get {package}: {done.stderr.strip()[-300:]}")
        (archive,) = Path(folder).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != PACKAGES["integrity"][name]:
            raise ScriptsError(f"{package} has the checksum sha512-{digest}, package.json another")
        _unpack(archive, wanted)


def _unpack(archive: Path, wanted: dict[str, Path]) -> None:
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            path = PurePosixPath(member.name)
            for pattern, target in wanted.items():
                if member.isfile() and path.match(pattern):
                    target.mkdir(parents=True, exist_ok=True)
                    (target / path.name).write_bytes(packed.extractfile(member).read())


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
    fetch_widget_scripts(static / "widgets")
    fetch_mathjax(static / "mathjax")
    known.write_text(json.dumps(PACKAGES), encoding="utf-8")


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.connect("builder-inited", add_scripts)
