"""The course's map: its chapters in four groups, each with its question."""

from course_paths import CORE

from diagrams.svg import Picture

GROUPS = (
    (
        "Bags: one label for a thousand tiles?",
        {"00": "start", "01": "one label", "02": "bags", "03": "batches"},
    ),
    (
        "Pooling: how do tiles become one answer?",
        {"04": "max/mean", "05": "attention", "06": "gate"},
    ),
    (
        "Training and judging: what did it learn?",
        {"07": "recall", "08": "entropy", "09": "tiles", "10": "maps"},
    ),
    (
        "Evidence and practice: does it hold?",
        {
            "11": "fair tests",
            "12": "paper",
            "13": "real files",
            "14": "tumours",
            "15": "bugs",
            "16": "scale",
            "17": "audit",
        },
    ),
)
IN_ROW, WIDE, HIGH = 4, 94, 30
ALT = (
    "The course in four groups, one after the other. Bags, chapters 00 to 03; pooling, 04 to 06; "
    "training and judging, 07 to 10; evidence and practice, 11 to 17. The chapters of the core "
    f"path are marked: {', '.join(CORE[:-1])} and {CORE[-1]}."
)


def draw() -> Picture:
    """Draw the groups one below the other."""
    picture = Picture(428, ALT)
    y = 14.0
    for i, (question, chapters) in enumerate(GROUPS):
        rows = -(-len(chapters) // IN_ROW)
        height = 34 + rows * (HIGH + 6)
        if i:
            picture.arrow((210, y - 18), (210, y - 3))
        picture.rect("frame", 8, y, 404, height, round_by=6)
        picture.text("ink", 18, y + 21, question, bold=True)
        for k, (number, topic) in enumerate(chapters.items()):
            left, top = 18 + k % IN_ROW * (WIDE + 3), y + 32 + k // IN_ROW * (HIGH + 6)
            picture.rect("tile" if number in CORE else "frame", left, top, WIDE, HIGH, round_by=4)
            words = f"{number} {topic}"
            picture.text("ink", left + WIDE / 2, top + 20, words, size=13, anchor="middle")
        y += height + 22
    picture.rect("tile", 18, y - 12, 18, 14)
    picture.text("soft", 44, y, "the core path", size=13)
    return picture
