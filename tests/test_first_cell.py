"""The first cell of a chapter where torch is installed and the package is not, as on Colab."""

import json
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import nbformat
import pytest
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

pytestmark = pytest.mark.full

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
USUAL = ("mil_tutorial", "anywidget", "psygnal", "pooch")
SLIDES = ("openslide", "h5py", "skimage", "scikit_image", "tifffile", "efficientnet_lite0")
INSTALLED = """
import json
from importlib.metadata import distributions
print(json.dumps({d.name.lower().replace("_", "-"): d.version for d in distributions()}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Build the package as pip would from its repository."""
    folder = tmp_path_factory.mktemp("wheel")
    build = "import hatchling.build as b, sys; b.build_wheel(sys.argv[1])"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=ROOT, check=True)
    (path,) = folder.glob("*.whl")
    return path


class Machine:
    """A Python that sees what is installed here, except for the packages named."""

    def __init__(self, folder, without):
        venv.create(folder / "python")
        python = folder / "python" / ("Scripts" if os.name == "nt" else "bin") / "python"
        self.python, self.work = str(python), folder / "work"
        packages = folder / "packages"
        self.work.mkdir()
        packages.mkdir()
        for path in map(Path, {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}):
            for entry in path.iterdir():
                if not any(name in entry.name.lower() for name in without) and (
                    entry.suffix != ".pth"
                ):
                    (packages / entry.name).symlink_to(entry)
        purelib = self("import sysconfig; print(sysconfig.get_path('purelib'))").strip()
        (Path(purelib) / "packages.pth").write_text(f"{packages}\n")

    def __call__(self, code):
        """Run code; return what it prints."""
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        command = [self.python, "-c", code]
        return subprocess.check_output(command, env=environment, cwd=self.work, text=True)

    def installed(self):
        """Return name → version of everything installed."""
        return json.loads(self(INSTALLED))

    def run(self, notebook, **environment):
        """Run a notebook there; errors of its cells are errors here."""
        manager = AsyncKernelManager()
        manager.kernel_spec.argv[0] = self.python
        where = {"metadata": {"path": str(self.work)}}
        client = NotebookClient(notebook, timeout=300, km=manager, resources=where)
        kept = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        quiet = {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "MIL_TUTORIAL_FAST": "1"}
        client.execute(env=kept | quiet | environment, cleanup_kc=True)


def chapter(name, wheel):
    """Return the learner's chapter; its first cell installs the wheel, not the repository."""
    notebook = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    (setup,) = (cell for cell in notebook.cells if cell.id == "setup")
    before, address, after = setup.source.partition('"git+https://github.com/')
    assert address
    setup.source = before + f'"{wheel.as_posix()}"' + after[after.index('"') + 1 :]
    return notebook


def test_a_whole_chapter_runs_and_nothing_else_is_installed(wheel, tmp_path):
    colab = Machine(tmp_path, without=("mil_tutorial",))
    before = colab.installed()
    assert "mil-tutorial" not in before
    notebook = chapter("05_attention", wheel)
    colab.run(notebook, PIP_NO_INDEX="1")
    after = colab.installed()
    assert set(after) - set(before) == {"mil-tutorial"}
    assert all(after[name] == version for name, version in before.items())
    (setup,) = (cell for cell in notebook.cells if cell.id == "setup")
    assert "as it should be" in setup.outputs[-1].text
    where = colab("import mil_tutorial; print(mil_tutorial.__file__)")
    assert where.startswith(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "missing", "come"),
    [
        ("05_attention", USUAL, {"anywidget", "pooch"}),
        ("13_whole_slides", USUAL + SLIDES, {"anywidget", "pooch", "openslide-bin", "h5py"}),
    ],
)
def test_missing_packages_come_and_torch_and_numpy_stay(wheel, tmp_path, name, missing, come):
    colab = Machine(tmp_path, without=missing)
    if subprocess.run(
        [colab.python, "-m", "pip", "download", "--no-deps", "-q", "pooch"], cwd=colab.work
    ).returncode:
        pytest.skip("needs a package index")
    before = colab.installed()
    assert not come & set(before)
    notebook = chapter(name, wheel)
    (setup,) = (cell for cell in notebook.cells if cell.id == "setup")
    notebook.cells = [setup]
    colab.run(notebook)
    after = colab.installed()
    assert {"mil-tutorial", *come} <= set(after) - set(before)
    assert all(after[name] == version for name, version in before.items())
