"""Patients drawn again with replacement, and the interval that comes of it."""

import random

from diagrams.svg import Picture

FOUND = {"A": 1, "B": 1, "C": 0, "D": 1, "E": 1, "F": 0, "G": 1, "H": 1}
SHOWN, DRAWS = 3, 1000
SIDE, LEFT = 28, 92
AXIS, LEVEL, HEIGHT = (92, 388), 306, 70
ALT = (
    "Eight patients, six of whose tumours were found: a sensitivity of 0.75. Three draws of eight "
    "patients with replacement name some twice and leave others out, so each has a sensitivity of "
    "its own. Below, the sensitivities of 1,000 such draws, with their middle 95 % marked."
)


def draw() -> Picture:
    """Draw the patients, three draws, and a histogram of many."""
    picture = Picture(352, ALT)
    picture.text("ink", 16, 28, "Test patients", bold=True)
    picture.text("soft", 124, 28, "filled: tumour found", size=13)
    picture.text("soft", 404, 28, "found", size=13, anchor="end")
    _row(picture, 40, "once", "".join(FOUND))
    picture.text("ink", 16, 96, "Draw as many again, with replacement", bold=True)
    rng = random.Random(2)
    draws = ["".join(sorted(rng.choices(list(FOUND), k=len(FOUND)))) for _ in range(DRAWS)]
    for i, patients in enumerate(draws[:SHOWN]):
        _row(picture, 108 + i * 36, f"draw {i + 1}", patients)
    _histogram(picture, sorted(sum(FOUND[p] for p in patients) for patients in draws))
    return picture


def _row(picture: Picture, y: float, name: str, patients: str) -> None:
    picture.text("soft", 16, y + 19, name, size=13)
    for i, patient in enumerate(patients):
        x = LEFT + i * (SIDE + 4)
        picture.rect("tile" if FOUND[patient] else "empty", x, y, SIDE, SIDE)
        picture.text("ink", x + SIDE / 2, y + 19, patient, anchor="middle")
    found = sum(FOUND[patient] for patient in patients) / len(patients)
    picture.text("ink", 404, y + 19, f"{found:.2f}", anchor="end")


def _histogram(picture: Picture, found: list[int]) -> None:
    step = (AXIS[1] - AXIS[0]) / len(FOUND)
    most = max(found.count(k) for k in range(len(FOUND) + 1))
    for k in range(len(FOUND) + 1):
        height = HEIGHT * found.count(k) / most
        picture.rect("tile", AXIS[0] + k * step - 9, LEVEL - height, 18, height, round_by=0)
    picture.line("line", (AXIS[0] - 12, LEVEL), (AXIS[1] + 12, LEVEL))
    for share in (0, 0.5, 1):
        x = AXIS[0] + share * (AXIS[1] - AXIS[0])
        picture.text("soft", x, LEVEL + 17, f"{share:g}", size=13, anchor="middle")
    picture.text("soft", 16, LEVEL - 24, f"{DRAWS:,}", size=13)
    picture.text("soft", 16, LEVEL - 8, "draws", size=13)
    low, high = found[int(0.025 * DRAWS)], found[int(0.975 * DRAWS) - 1]
    ends = [AXIS[0] + k * step for k in (low, high)]
    picture.line("alarm", (ends[0], LEVEL + 24), (ends[1], LEVEL + 24))
    words = f"middle 95 %: {low / len(FOUND):.2f} to {high / len(FOUND):.2f}"
    picture.text("mark", sum(ends) / 2, LEVEL + 41, words, size=13, anchor="middle")
