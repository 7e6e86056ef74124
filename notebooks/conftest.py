"""Notebooks are tested in fast mode, each kernel with one thread and in an empty folder."""

import os
import tempfile
from pathlib import Path

import nbval.plugin

HERE = Path(__file__).parent

os.environ["MIL_TUTORIAL_FAST"] = "1"
os.environ["OMP_NUM_THREADS"] = "1"

# Coverage is that of the tests: to trace kernels too would take minutes.
nbval.plugin.setup_coverage = nbval.plugin.teardown_coverage = lambda *_: None


def pytest_collection_modifyitems(items):
    """Every chapter is run solved; the learner editions, which run the same code, in full only."""
    for item in items:
        if item.path.suffix == ".ipynb" and item.path.parent == HERE:
            item.add_marker("full")


class KernelInAnEmptyFolder(nbval.plugin.RunningKernel):
    """What a chapter writes goes there, as when it is built, and not beside the chapters."""

    def __init__(self, kernel_name, cwd=None, startup_timeout=None):
        self.folder = tempfile.TemporaryDirectory()
        super().__init__(kernel_name, cwd=self.folder.name, startup_timeout=startup_timeout)

    def stop(self):
        """End the kernel, then the folder."""
        super().stop()
        self.folder.cleanup()


nbval.plugin.RunningKernel = KernelInAnEmptyFolder
