"""The chapters, for the tests of this folder."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

from tools.chapters import read_chapters  # noqa: E402

CHAPTERS = read_chapters(NOTEBOOKS)


@pytest.fixture()
def chapters():
    return CHAPTERS


@pytest.fixture()
def notebooks():
    return NOTEBOOKS
