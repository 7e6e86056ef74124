"""Known wrong answers of chapter 13 must fail, each with the message that names it."""

import numpy as np
import pytest
from verdicts import by_check, expect_state

from mil_tutorial.checks import chapter_13 as checks


def read(handle, x, y, side, level):
    size = round(side / handle.level_downsamples[level])
    return handle.read_region((x, y), level, (size, size))


def read_by_keyword(handle, x, y, side, level):
    size = round(side / handle.level_downsamples[level])
    return handle.read_region(location=[x, y], level=level, size=[size, size])


def shrunk_place(handle, x, y, side, level):
    d = handle.level_downsamples[level]
    return handle.read_region((round(x / d), round(y / d)), level, (round(side / d),) * 2)


def level0_size(handle, x, y, side, level):
    return handle.read_region((x, y), level, (side, side))


def swapped_place(handle, x, y, side, level):
    return read(handle, y, x, side, level)


def always_level0(handle, x, y, side, level):
    return handle.read_region((x, y), 0, (side, side))


def grown_size(handle, x, y, side, level):
    size = round(side * handle.level_downsamples[level])
    return handle.read_region((x, y), level, (size, size))


def otsu(counts):
    """Least variance within the classes: the same cut, found in another way."""
    values, within = np.arange(256), []
    for t in range(255):
        parts = [(values[: t + 1], counts[: t + 1]), (values[t + 1 :], counts[t + 1 :])]
        if not all(c.sum() for _, c in parts):
            within.append(np.inf)
            continue
        means = [v @ c / c.sum() for v, c in parts]
        within.append(sum(c @ (v - m) ** 2 for (v, c), m in zip(parts, means)))
    return int(np.argmin(within))


def between(counts):
    values, out = np.arange(256), np.zeros(255)
    for t in range(255):
        low, high = counts[: t + 1], counts[t + 1 :]
        if low.sum() and high.sum():
            apart = values[: t + 1] @ low / low.sum() - values[t + 1 :] @ high / high.sum()
            out[t] = low.sum() * high.sum() * apart**2
    return out


def unweighed(counts):
    values, out = np.arange(256), np.zeros(255)
    for t in range(255):
        low, high = counts[: t + 1], counts[t + 1 :]
        if low.sum() and high.sum():
            out[t] = values[t + 1 :] @ high / high.sum() - values[: t + 1] @ low / low.sum()
    return out.argmax()


def corners(width, height, side):
    return [
        (x, y)
        for y in range(0, height - side + 1, side)
        for x in range(0, width - side + 1, side)
    ]  # fmt: skip


def faults(**other):
    return {"A": "scale", "B": "sound", "C": "weights", "D": "pixels"} | other


def with_partial(width, height, side):
    return [(x, y) for y in range(0, height, side) for x in range(0, width, side)]


ZOO = [
    (checks.check_level0_side, 256, "How many µm wide is it"),
    (checks.check_level0_side, 128, "How many pixels of 0.22"),
    (checks.check_level0_side, 112.6, "level 0 has smaller pixels"),
    (checks.check_level0_side, 512, "This slide has 0.22"),
    (checks.check_level0_side, 700, "too large"),
    (checks.check_read_field, shrunk_place, "in pixels of level 0, whichever level"),
    (checks.check_read_field, level0_size, "divide side by the downsampling factor"),
    (checks.check_read_field, swapped_place, "pass x, y unchanged"),
    (checks.check_read_field, always_level0, "level 0 was read, expected 1"),
    (checks.check_read_field, grown_size, "are 256 of this level"),
    (checks.check_read_field, lambda *args: "nothing", "called 0 times"),
    (checks.check_otsu_threshold, lambda c: between(c).argmin(), "take the largest"),
    (checks.check_otsu_threshold, unweighed, "multiply by both sizes"),
    (checks.check_otsu_threshold, lambda c: otsu(c) + 1, "One too high"),
    (checks.check_otsu_threshold, lambda c: round(c @ np.arange(256) / c.sum()), "mean of all"),
    (checks.check_otsu_threshold, lambda c: 256, "from 0 to 255"),
    (checks.check_otsu_threshold, lambda c: 0.4, "whole number"),
    (checks.check_otsu_threshold, lambda c: between(c), "got ndarray"),
    (checks.check_tile_corners, with_partial, "reach beyond the slide"),
    (checks.check_tile_corners, lambda w, h, s: np.array(corners(w, h, s))[:, ::-1], "put x first"),
    (checks.check_tile_corners, lambda w, h, s: corners(h, w, s), "are swapped"),
    (checks.check_tile_corners, lambda w, h, s: sorted(corners(w, h, s)), "go row by row"),
    (
        checks.check_tile_corners,
        lambda w, h, s: np.array(corners(w, h, s)) // s,
        "multiply by side",
    ),
    (
        checks.check_tile_corners,
        lambda w, h, s: np.array(corners(w, h, s)) + s // 2,
        "return the top-left corners",
    ),
    (checks.check_tile_corners, lambda w, h, s: [w, h], "expected (n, 2)"),
    (checks.check_tile_corners, lambda w, h, s: corners(w, h, s)[:1], "came in shape"),
    (checks.check_folders, faults(A="sound"), "folder A is not sound: a sound folder has few dead"),
    (checks.check_folders, faults(B="scale"), "it has to lie far from the others"),
    (checks.check_folders, faults(C="pixels"), "then most features never move"),
    (checks.check_folders, faults(D="weights"), "leaves few features dead"),
    (checks.check_folders, faults(D=...), "D: got Ellipsis, expected one of sound, weights"),
    (checks.check_folders, ["scale", "sound", "weights", "pixels"], "with the keys A, B, C, D"),
]


@pytest.mark.parametrize(("check", "answers"), by_check(ZOO))
def test_wrong_answers_fail_with_their_messages(check, answers):
    expect_state(check, answers, "wrong")


@pytest.mark.parametrize(
    ("check", "answers"),
    by_check(
        [
            (checks.check_level0_side, 582),
            (checks.check_level0_side, 581.8),
            (checks.check_read_field, read),
            (checks.check_read_field, read_by_keyword),
            (checks.check_otsu_threshold, otsu),
            (checks.check_otsu_threshold, lambda c: between(c).argmax()),
            (checks.check_folders, faults()),
            (checks.check_folders, faults(A="Scale ")),
            (checks.check_tile_corners, corners),
            (checks.check_tile_corners, lambda w, h, s: np.array(corners(w, h, s))),
        ]
    ),
)
def test_right_answers_pass_in_any_style(check, answers):
    expect_state(check, answers, "right")
