"""The diagrams: what the script draws is what pages show, with words and two sets of colours."""

import re
import sys

import pytest
from built_site import NOTEBOOKS

sys.path[:0] = [str(NOTEBOOKS / "site"), str(NOTEBOOKS)]

from diagrams import DIAGRAMS, starts  # noqa: E402
from diagrams.svg import COLOURS, WIDTH  # noqa: E402

from mil_tutorial.experiment.records import load_recorded  # noqa: E402

IMAGES = NOTEBOOKS / "images"


@pytest.mark.parametrize("name", DIAGRAMS)
def test_the_file_is_what_the_script_draws(name):
    stored = (IMAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert stored == DIAGRAMS[name]().svg(), "run: python notebooks/site/draw.py"


@pytest.mark.parametrize("name", DIAGRAMS)
def test_a_diagram_is_described_and_legible_on_a_phone(name):
    picture = DIAGRAMS[name]()
    assert 100 < len(picture.alt) < 500
    sizes = [float(size) for size in re.findall(r'font-size="([\d.]+)"', picture.svg())]
    column = 350  # pixels
    assert min(sizes) * column / WIDTH > 10


def test_every_diagram_drawn_has_its_file_and_the_other_way_round():
    assert {path.stem for path in IMAGES.glob("*.svg")} == set(DIAGRAMS)


def test_dark_mode_has_a_colour_for_every_kind_of_shape():
    style = (NOTEBOOKS / "site" / "static" / "learn.css").read_text(encoding="utf-8")
    dark = set(re.findall(r"data-theme=.?dark.?\] \.d-(\w+)", style))
    assert dark == set(COLOURS)


def test_starts_are_those_of_the_record():
    hard = starts.hard_starts()
    assert {name: len(aucs) for name, aucs in hard.items()} == {
        "max": 20,
        "mean": 5,
        "attention": 20,
        "gated": 20,
    }
    runs = load_recorded("slides-hard-starts")["runs"]
    above = sum(run["auc"] > 0.7 for run in runs if run["pooling"] == "max")
    assert starts.found(hard["max"]) == above
    assert f"max {above} of 20" in starts.draw_hard().alt
