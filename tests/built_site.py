"""The web site, built once for all tests and all of their processes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"


def build(folder):
    """Build the site as notebooks/README.md says; return what Sphinx printed."""
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c"]
    command += [NOTEBOOKS / "site", NOTEBOOKS, folder / "html"]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    return "" if done.returncode == 0 else done.stdout + done.stderr or "no word of Sphinx"


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker_id):
    """The folder of the built site; whoever comes first builds it."""
    pytest.importorskip("myst_nb", reason="needs: pip install '.[docs]'")
    if shutil.which("npm") is None:
        pytest.skip("needs npm on the PATH, for the scripts that the site serves")
    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "site"
    folder.mkdir(exist_ok=True)
    log = folder / "log.txt"
    with FileLock(folder / "lock"):
        if not log.exists():
            log.write_text(build(folder), encoding="utf-8")
    complaints = log.read_text(encoding="utf-8")
    if "npm could not get" in complaints:
        pytest.skip(complaints[-500:])
    assert complaints == ""
    return folder / "html"
