"""A JupyterLab server for the tests, with settings of its own."""

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

OVERRIDES = {
    # every cell is drawn, also those out of sight
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
KERNEL = {
    "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
    "display_name": "Python 3",
    "language": "python",
}
# Figures must go where a learner sees them, whatever the tests themselves use.
NOT_PASSED_ON = ("MPLBACKEND", "JUPYTER_PATH", "JUPYTER_CONFIG_PATH")


def notebooks_source():
    """Return the folder whose notebooks are tested."""
    return Path(__file__).parents[2] / "notebooks"


def free_port():
    """Return a port that nobody listens to."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def write_json(path, content):
    """Write a JSON file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


class Lab:
    """JupyterLab on copies of the notebooks, away from the user's own settings and kernels."""

    def __init__(self, home):
        self.folder = home / "notebooks"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.home = home
        self.copy_notebooks()
        write_json(home / "config" / "labconfig" / "default_setting_overrides.json", OVERRIDES)
        write_json(home / "data" / "kernels" / "python3" / "kernel.json", KERNEL)

    def copy_notebooks(self):
        """Put fresh copies of the notebooks and their pictures into the served folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        source = notebooks_source()
        for path in (*source.glob("*.ipynb"), *source.glob("solutions/*.ipynb")):
            copy = self.folder / path.relative_to(source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
        if (source / "images").is_dir():
            shutil.copytree(source / "images", self.folder / "images")

    def environment(self):
        """Return the variables the server runs with."""
        kept = {name: value for name, value in os.environ.items() if name not in NOT_PASSED_ON}
        config = self.home / "config"
        return kept | {
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTER_DATA_DIR": str(self.home / "data"),
            "JUPYTER_RUNTIME_DIR": str(self.home / "runtime"),
            "JUPYTER_PREFER_ENV_PATH": "0",  # so that the kernel written above comes first
            "JUPYTERLAB_SETTINGS_DIR": str(config / "lab" / "user-settings"),
            "JUPYTERLAB_WORKSPACES_DIR": str(config / "lab" / "workspaces"),
            "IPYTHONDIR": str(self.home / "ipython"),
            "MIL_TUTORIAL_FAST": "1",
            "OMP_NUM_THREADS": "1",
        }

    def command(self):
        """Return the command that starts the server."""
        return [
            *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
            "--expose-app-in-browser",  # lets the tests ask which cells have finished
            *("--ServerApp.ip=127.0.0.1", f"--ServerApp.port={self.port}"),
            "--ServerApp.port_retries=0",
            f"--ServerApp.root_dir={self.folder}",
            *("--IdentityProvider.token=", "--ServerApp.disable_check_xsrf=True"),
        ]

    def start(self, timeout=60):
        """Start the server and wait until it answers."""
        self.log = (self.home / "jupyterlab.log").open("w+")
        self.process = subprocess.Popen(
            self.command(), env=self.environment(), stdout=self.log, stderr=self.log, cwd=self.home
        )
        deadline = time.monotonic() + timeout
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError("JupyterLab did not start:\n" + self.tail_of_log())
            time.sleep(0.1)

    def answers(self):
        """Return True if the server is up."""
        try:
            return self.request("GET", "/api/status")[0] == 200
        except OSError:
            return False

    def request(self, method, path):
        """Send a request to the server; return the status and the body."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def reset(self):
        """End all kernels and undo all changes to the notebooks."""
        for session in json.loads(self.request("GET", "/api/sessions")[1]):
            self.request("DELETE", f"/api/sessions/{session['id']}")
        self.copy_notebooks()

    def tail_of_log(self, characters=3000):
        """Return the end of what the server has written."""
        self.log.flush()
        return Path(self.log.name).read_text(errors="replace")[-characters:]

    def stop(self):
        """Stop the server, which ends its kernels."""
        self.process.terminate()
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
