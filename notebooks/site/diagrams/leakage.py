"""Slides of one patient on both sides of a split, and a split by patient."""

from diagrams.svg import Picture

SIDE, STEP = 28, 32
BY_SLIDE = ("AABCCDE", "BDFF")
BY_PATIENT = ("AABBCCE", "DDFF")
ALT = (
    "Six patients, A to F, with one or two slides each. Dealt out slide by slide, patients B and D "
    "have one slide in training and another in test: the test asks about patients whom the model "
    "has met. Dealt out patient by patient, no letter stands on both sides."
)


def draw() -> Picture:
    """Draw both splits."""
    picture = Picture(318, ALT)
    _split(picture, 0, "Split by slide: a leak", BY_SLIDE)
    picture.line("frame", (16, 158), (404, 158))
    _split(picture, 160, "Split by patient", BY_PATIENT)
    return picture


def _split(picture: Picture, top: float, title: str, sides: tuple[str, str]) -> None:
    picture.text("ink", 16, top + 28, title, bold=True)
    both = set(sides[0]) & set(sides[1])
    x = 16.0
    for name, patients in zip(("training", "test"), sides):
        width = len(patients) * STEP + 8
        picture.rect("frame", x, top + 42, width, 74, round_by=4)
        picture.text("soft", x + 8, top + 60, name, size=13)
        for i, patient in enumerate(patients):
            left = x + 6 + i * STEP
            picture.rect("tile", left, top + 72, SIDE, SIDE)
            if patient in both:
                picture.rect("alarm", left, top + 72, SIDE, SIDE)
            middle = left + SIDE / 2
            picture.text("ink", middle, top + 92, patient, anchor="middle", bold=patient in both)
        x += width + 10
    names = " and ".join(sorted(both))
    words = f"{names} are on both sides." if both else "The test slides are of new patients."
    picture.text("mark" if both else "soft", 16, top + 140, words, size=13)
