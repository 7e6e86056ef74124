"""The chapters, for the tests of this folder."""

import sys
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
sys.path.insert(0, str(NOTEBOOKS))

from tools.chapters import read_chapters  # noqa: E402

CHAPTERS = read_chapters(NOTEBOOKS)


def pytest_generate_tests(metafunc):
    if "chapter" in metafunc.fixturenames:
        metafunc.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.stem)


@pytest.fixture()
def learner(chapter):
    return nbformat.read(chapter.path("learner"), as_version=4)


@pytest.fixture()
def solved(chapter):
    return nbformat.read(chapter.path("solutions"), as_version=4)


@pytest.fixture()
def chapters():
    return CHAPTERS


@pytest.fixture()
def notebooks():
    return NOTEBOOKS
