import io
import re

import numpy as np
import pytest

from mil_tutorial import load_slides, slide_image
from mil_tutorial.widgets.base import WIDGET_VIEW
from mil_tutorial.widgets.find_the_tumour import FindTheTumour
from mil_tutorial.widgets.scene import crop
from mil_tutorial.widgets.slide_explorer import SlideExplorer
from mil_tutorial.widgets.slide_view import SlideView

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
    shares = np.frombuffer(explorer.scene["values"]["share"])
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
    assert small.sharp == {}
    assert (large.sharp["slide"], large.sharp["tile"]) == ("a", 1)
    assert large.sharp["png"].startswith(b"\x89PNG")


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
    data, _ = explorer._repr_mimebundle_()
    assert "1 of 1 tumour tiles" in data["text/plain"]
    low, high = explorer.scene["limits"]["share"]
    assert low < 1 < high  # its colour is in the middle, not nothing


def test_all_slides_are_coloured_on_one_range():
    calm = view(name="calm", attention=[0.25, 0.25, 0.2, 0.3])
    explorer = SlideExplorer([calm, view(name="hot", attention=[0.9, 0.04, 0.04, 0.02])])
    limits = [scene["limits"]["share"] for scene in explorer.scenes.values()]
    assert limits == [pytest.approx((0.08, 3.6))] * 2
    assert explorer.scene["limits"]["raw"] == (0.2, 0.3)  # raw: of this slide only
    ticks = [tick for axes in explorer.twin().axes for tick in axes.get_xticklabels()]
    assert "3.6" in [tick.get_text() for tick in ticks]


def test_weights_that_are_equal_up_to_rounding_are_drawn_in_the_middle_of_the_colours():
    equal = view(attention=[0.25, 0.25, 0.25, 0.25 - 1e-9])  # the highest share is exactly 1
    assert SlideExplorer([equal]).scene["limits"]["share"] == (0.5, 2)
    game = FindTheTumour([equal])
    game.looked = True
    assert game.twin().axes


def test_what_cannot_be_shown_is_refused():
    for options, message in [
        ({"start": "c"}, "there is no slide 'c'; the 1 slides are a"),
        ({"scaling": "log"}, "unknown scaling 'log'"),
        ({"opacity": 1.5}, "opacity is 1.5"),
        ({"threshold": float("nan")}, "threshold is nan"),
        ({"hottest": -1}, "hottest is -1"),
    ]:
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


def test_what_the_page_said_of_an_earlier_slide_is_ignored():
    explorer = SlideExplorer([view("a"), view("b")], scaling="raw")
    usual = explorer.threshold
    late = {
        name: {"turn": 0, "value": value} for name, value in (("threshold", 0.1), ("selected", 2))
    }
    explorer.set_state(late)
    assert (explorer.threshold, explorer.selected) == (0.1, 2)
    explorer.slide = "b"
    explorer.set_state(late)
    assert (explorer.threshold, explorer.selected) == (usual, -1)


def test_scaling_and_threshold_can_be_given_together():
    explorer = SlideExplorer([view()], scaling="rank", threshold=0.9)
    assert (explorer.scaling, explorer.threshold) == ("rank", 0.9)


def test_a_picture_is_loaded_once_and_any_array_will_do():
    from PIL import Image

    loaded = []
    lazy = view(image=lambda: loaded.append(1) or Image.new("RGB", (64, 64)))
    explorer = SlideExplorer([lazy, view("b")])
    explorer.slide = "a"
    assert loaded == [1]
    explorer.slide = "b"
    explorer.slide = "a"
    assert loaded == [1, 1]


def test_whatever_a_reader_of_slides_raises_is_told():
    explorer = SlideExplorer([view("a"), view("b", image=lambda: {}["b"])])
    explorer._handle_custom_msg({"slide": "b"}, [])
    assert explorer.problem == "KeyError: 'b'"


def test_few_slides_are_all_stored_and_of_many_the_one_shown():
    few = SlideExplorer([view(str(i)) for i in range(8)])
    stored = few.get_state()["scenes"]
    assert list(stored) == few.slides
    few.slide = "3"
    assert few.get_state()["scenes"] == stored
    many = SlideExplorer([view(str(i)) for i in range(9)], start="4")
    assert list(many.scenes) == ["4"]
    many.slide = "7"
    assert list(many.scenes) == ["7"]


def test_a_stored_scene_is_small_and_shows_the_tissue():
    from PIL import Image

    name = load_slides("slides")[1].names[0]
    image = slide_image(name)
    explorer = SlideExplorer([view(image=image)])
    sent = explorer.scene["image"]
    assert len(sent) < 80_000
    shown = np.asarray(Image.open(io.BytesIO(sent)).convert("RGB"), dtype=float)
    error = np.sqrt(np.mean((shown - image) ** 2))
    assert error < 8  # of 255 levels


def test_a_tile_opened_after_the_page_changed_slides_is_of_the_new_slide():
    grey = [np.full((2048, 2048, 3), level, np.uint8) for level in (50, 250)]
    explorer = SlideExplorer([view("a", image=grey[0]), view("b", image=grey[1])])
    selected = {"turn": 1, "value": 1}
    explorer.set_state({"selected": selected, "slide": "b", "turn": 1})
    assert explorer.sharp["slide"] == "b"
    expected = crop(explorer.view, grey[1], 1)
    assert explorer.sharp["png"] == expected


def test_a_misspelt_option_is_refused():
    with pytest.raises(TypeError, match="opactiy"):
        SlideExplorer([view()], opactiy=0.3)


def test_equal_attention_at_the_threshold_is_called_on_the_page_and_in_the_kernel():
    n = 25
    attention = np.full(n, 1 / n, dtype=np.float32)
    corners = [[x, y] for x in range(0, 160, 32) for y in range(0, 160, 32)]
    mean = view(side=160, attention=attention, coords=corners, truth=None)
    explorer = SlideExplorer([mean], threshold=1.0)
    sent = np.frombuffer(explorer.scene["values"]["share"])
    assert f"{(sent >= 1).sum()} tiles are called" in explorer.description()


def test_a_raw_threshold_follows_the_number_of_tiles():
    small = view("b", attention=[0.6, 0.4], coords=COORDS[:2], truth=[1, 0])
    explorer = SlideExplorer([view("a"), small], scaling="raw")
    assert explorer.threshold == 10 / 4
    explorer.slide = "b"
    assert explorer.threshold == 10 / 2
