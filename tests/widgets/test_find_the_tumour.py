import re

import numpy as np
import pytest

from mil_tutorial import instance_confusion
from mil_tutorial.widgets.base import WIDGET_VIEW
from mil_tutorial.widgets.find_the_tumour import FindTheTumour
from mil_tutorial.widgets.slide_view import SlideView

COORDS = np.array([(32 * x, 32 * y) for y in range(2) for x in range(3)])
ATTENTION = np.array([0.4, 0.05, 0.2, 0.05, 0.05, 0.25])
TRUTH = np.array([1, 1, 0, 0, 0, 1])
PLAYED = {"marks": [3], "compared": True}


def view(name="a", **changes):
    settings = dict(
        image=np.random.default_rng(0).integers(0, 256, (64, 96, 3), dtype=np.uint8),
        attention=ATTENTION,
        coords=COORDS,
        tile_size=32,
        truth=TRUTH,
        probability=0.8765,
    )
    return SlideView(name, **settings | changes)


def marked(marks, compared=True, **changes):
    widget = FindTheTumour([view(**changes)])
    widget.marks = marks
    widget.compared = compared
    return widget


def test_the_score_counts_marks_and_as_many_of_the_hottest():
    learner, attention = marked([1, 3, 4]).score()
    assert learner == (1, 2, 2, 1)  # hits, false alarms, misses, others
    assert attention == (2, 1, 1, 2)  # tiles 0, 5 and 2


def test_the_score_is_that_of_the_metrics():
    for seed in range(8):
        random = np.random.default_rng(seed)
        n = int(random.integers(1, 40))
        attention = random.dirichlet(np.full(n, 0.3))
        truth = random.integers(0, 2, n)
        coords = np.stack([32 * np.arange(n), np.zeros(n)], axis=1)
        image = np.zeros((32, 32 * n, 3), np.uint8)
        marks = random.permutation(n)[: random.integers(0, n + 1)]
        widget = marked(marks, attention=attention, truth=truth, coords=coords, image=image)
        learner, hottest = widget.score()
        called = np.isin(np.arange(n), marks)
        assert learner == instance_confusion(called, truth, 1)
        count = len(marks) or truth.sum()  # without marks as many as hold tumour
        threshold = np.sort(attention)[::-1][count - 1] if count else np.inf
        assert hottest == instance_confusion(attention, truth, threshold)
        assert learner.true_positives + learner.false_positives == len(marks)
        assert hottest.true_positives + hottest.false_positives == count


def test_equal_weights_are_taken_by_number():
    widget = marked([5, 4], attention=np.full(6, 1 / 6))
    assert widget.hottest.tolist() == [0, 1]


def test_no_marks_find_nothing_and_attention_is_still_judged():
    learner, attention = marked([]).score()
    assert learner == (0, 0, 3, 3)
    assert attention.true_positives + attention.false_positives == 3


def text_of(figure):
    texts = [figure.get_suptitle(), *(axes.get_title() for axes in figure.axes)]
    return " ".join(texts)


def test_before_the_comparison_neither_words_nor_picture_give_anything_away():
    pictures, words = set(), set()
    other = dict(truth=1 - TRUTH, attention=ATTENTION[::-1].copy(), probability=0.1)
    healthy = dict(truth=0 * TRUTH)
    for changes in ({}, other, healthy):
        widget = marked([1, 3], compared=False, **changes)
        data, _ = widget._repr_mimebundle_()
        assert set(data) == {WIDGET_VIEW, "text/html", "image/png", "text/plain"}
        pictures.add(data["image/png"])
        words.add(data["text/plain"])
    assert len(pictures) == len(words) == 1
    assert "2 of 6 tiles marked (numbers 1, 3)" in words.pop()


def test_the_second_step_shows_attention_and_no_truth():
    pictures, words = set(), set()
    for truth in (TRUTH, 1 - TRUTH, 0 * TRUTH):
        widget = marked([1, 5], compared=False, truth=truth)
        bare = np.asarray(widget.twin().axes[0].images[0].get_array())
        widget.looked = True
        drawn = np.asarray(widget.twin().axes[0].images[0].get_array())
        assert (drawn != bare).any()
        pictures.add(drawn.tobytes())
        words.add(widget.description())
    assert len(pictures) == len(words) == 1
    assert "the marked tiles hold 30% of its attention" in words.pop()


def test_afterwards_both_say_what_was_found():
    widget = marked([1, 3, 4])
    data, _ = widget._repr_mimebundle_()
    (alt,) = re.findall(r'<img alt="([^"]*)"', data["text/html"])
    assert "The marks found 1, missed 2 and raised 2 false alarms" in alt
    assert "3 tiles with the highest attention found 2, missed 1 and raised 1 false alarms" in alt
    drawn = text_of(widget.twin())
    assert "found 1   × false alarms 2   ○ missed 2" in drawn
    assert "found 2   × false alarms 1   ○ missed 1" in drawn


def test_a_slide_without_tumour_says_so():
    widget = marked([1, 3], truth=0 * TRUTH)
    assert "no tumour on this slide: the marks raise 2 false alarms" in widget.description()
    assert "there is no tumour on this slide" in text_of(widget.twin())
    assert widget.score().attention == (0, 2, 0, 4)
    none = marked([], truth=0 * TRUTH)
    assert none.score().learner == (0, 0, 0, 6)
    assert none.twin().axes


def test_another_slide_starts_without_marks_and_answer():
    widget = FindTheTumour([view("a"), view("b", truth=0 * TRUTH)], start="b")
    assert (widget.slide, widget.scene["name"]) == ("b", "b")
    widget.marks, widget.looked, widget.compared = [2], True, True
    widget.slide = "a"
    assert (widget.marks, widget.looked, widget.compared) == ([], False, False)
    assert widget.scene["name"] == "a"


def test_what_the_page_said_of_an_earlier_slide_is_ignored():
    widget = FindTheTumour([view("a"), view("b")])
    late = {name: {"turn": widget.turn, "value": value} for name, value in PLAYED.items()}
    widget.set_state(late)
    assert (widget.marks, widget.compared) == ([3], True)
    for slide in ("b", "a"):  # even if it is shown again
        widget.slide = slide
        widget.set_state(late)
        assert (widget.marks, widget.compared) == ([], False)
    widget.set_state({"marks": {"turn": widget.turn, "value": [2]}})
    assert widget.marks == [2]


def test_a_slide_that_the_page_has_begun_keeps_what_was_done_there():
    widget = FindTheTumour([view("a"), view("b")])
    here = {name: {"turn": 1, "value": value} for name, value in PLAYED.items()}
    late = {"looked": {"turn": 0, "value": True}}  # meant for the slide before
    widget.set_state({"slide": "b", "turn": 1} | here | late)
    assert (widget.slide, widget.turn) == ("b", 1)
    assert (widget.marks, widget.looked, widget.compared) == ([3], False, True)
    widget.slide = "a"
    assert (widget.turn, widget.marks) == (2, [])


def test_marks_on_tiles_that_are_not_there_are_refused():
    for marks, message in [
        ([6], "slide a: marks holds 6, expected the numbers of its 6 tiles, 0 to 5"),
        ([[1], [2, 3]], r"marks is \[\[1\], \[2, 3\]\], expected a list of whole numbers"),
        ({1, "a"}, "expected a list of whole numbers"),
        ([2, 2], "slide a: marks holds tile 2 twice"),
        (TRUTH == 1, "marks is a mask"),
        ([0.5], r"marks is \[0.5\], expected a list of whole numbers"),
    ]:
        widget = marked([1])
        with pytest.raises(ValueError, match=message):
            widget.marks = marks
        assert widget.marks == [1]


def test_all_tiles_may_be_marked():
    learner, attention = marked(np.arange(6)).score()
    assert learner == attention == (3, 3, 0, 0)


def test_what_cannot_be_played_is_refused():
    for views, start, message in [
        ([view("a"), view("b", truth=None)], None, "slide b: the truth is None, expected 0 or 1"),
        ([view("a")], "z", "there is no slide 'z'; the 1 slides are a"),
        ([], None, "no slides to show"),
        ([view("a"), view("a")], None, "two slides are called 'a'"),
    ]:
        with pytest.raises(ValueError, match=message):
            FindTheTumour(views, start)


def test_what_the_page_asks_for_is_shown_or_refused_in_words():
    broken = view("c", image=lambda: np.zeros((8, 8)))
    widget = FindTheTumour([view("a"), view("b"), broken])
    widget._handle_custom_msg({"slide": "b"}, [])
    widget.marks, widget.compared = [3], True
    widget._handle_custom_msg({"slide": "c"}, [])
    assert "slide c: the image has shape (8, 8)" in widget.problem
    assert (widget.slide, widget.marks, widget.compared) == ("b", [3], True)
    widget._handle_custom_msg({"slide": "a"}, [])
    assert (widget.slide, widget.problem) == ("a", "")
