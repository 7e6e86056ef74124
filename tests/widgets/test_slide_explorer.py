import re

import numpy as np
import pytest

from mil_tutorial.widgets import SlideExplorer, SlideView
from mil_tutorial.widgets.base import WIDGET_VIEW

ATTENTION = np.array([0.7, 0.2, 0.1, 0.0])
COORDS = np.array([[0, 0], [32, 0], [0, 32], [32, 32]])


def view(name="a", side=64, **changes):
    settings = dict(
        image=np.full((side, side, 3), 200, dtype=np.uint8),
        attention=ATTENTION,
        coords=COORDS,
        tile_size=32,
        truth=[1, 0, 1, 0],
        probability=0.9,
    )
    return SlideView(name, **settings | changes)


def test_another_slide_is_sent_whole_and_the_opened_tile_is_forgotten():
    explorer = SlideExplorer([view("a"), view("b", attention=ATTENTION[::-1].copy())])
    explorer.selected = 2
    explorer.slide = "b"
    assert explorer.scene["name"] == "b"
    assert explorer.selected == -1
    shares = np.frombuffer(explorer.scene["values"]["share"], dtype=np.float32)
    np.testing.assert_allclose(shares, 4 * ATTENTION[::-1])


def test_it_starts_where_it_is_told():
    explorer = SlideExplorer([view("a"), view("b")], start="b", scaling="rank", opacity=0.3)
    assert (explorer.slide, explorer.scene["name"]) == ("b", "b")
    assert (explorer.scaling, explorer.threshold, explorer.opacity) == ("rank", 0.5, 0.3)
    explorer.scaling = "share"
    assert explorer.threshold == 10


def test_a_tile_is_sent_sharp_only_where_the_picture_was_reduced():
    small, large = SlideExplorer([view()]), SlideExplorer([view(side=2048)])
    small.selected = large.selected = 1
    assert small.tile_image == b""
    assert large.tile_image.startswith(b"\x89PNG")


def test_it_carries_its_static_twin():
    data, _ = SlideExplorer([view("slide-7")], threshold=1.0)._repr_mimebundle_()
    assert set(data) == {WIDGET_VIEW, "text/html", "image/png", "text/plain"}
    (alt,) = re.findall(r'<img alt="([^"]*)"', data["text/html"])
    assert alt == data["text/plain"]
    assert "slide-7" in alt
    assert "1 of 2 tumour tiles are called and 0 other tiles are false alarms" in alt


def test_the_description_of_a_slide_without_truth_counts_what_is_called():
    explorer = SlideExplorer([view(truth=None)], threshold=0.5)
    assert "2 tiles are called positive" in explorer.description()


def test_a_slide_of_one_tile_can_be_explored():
    one = view(attention=[1.0], coords=COORDS[:1], truth=[1])
    explorer = SlideExplorer([one], threshold=1.0)
    assert "1 of 1 tumour tiles" in explorer.description()
    assert explorer.twin() is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": "c"}, "there is no slide 'c'; the 1 slides are a"),
        ({"scaling": "log"}, "unknown scaling 'log'"),
        ({"opacity": 1.5}, "opacity is 1.5"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"hottest": -1}, "hottest is -1"),
    ],
)
def test_what_cannot_be_shown_is_refused(options, message):
    with pytest.raises(ValueError, match=message):
        SlideExplorer([view()], **options)


def test_an_unknown_slide_leaves_the_widget_as_it_was():
    explorer = SlideExplorer([view("a"), view("b")])
    with pytest.raises(ValueError, match="there is no slide 'nope'"):
        explorer.slide = "nope"
    assert explorer.slide == explorer.scene["name"] == "a"


def test_a_slide_that_cannot_be_drawn_leaves_the_widget_as_it_was():
    explorer = SlideExplorer([view("a"), view("b", image=lambda: np.zeros((8, 8, 3), np.uint8))])
    with pytest.raises(ValueError, match="slide b: tiles reach"):
        explorer.slide = "b"
    assert explorer.slide == explorer.scene["name"] == "a"


def test_what_the_page_asks_for_is_shown_or_refused_in_words():
    explorer = SlideExplorer([view("a"), view("b"), view("c", image=lambda: np.zeros((8, 8)))])
    explorer._handle_custom_msg({"slide": "b"}, [])
    assert explorer.slide == "b"
    explorer._handle_custom_msg({"slide": "c"}, [])
    assert "slide c: the image has shape (8, 8)" in explorer.problem
    assert explorer.slide == explorer.scene["name"] == "b"
    explorer._handle_custom_msg({"slide": "a"}, [])
    assert explorer.problem == ""
