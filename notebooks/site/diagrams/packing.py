"""Three bags in one batch: padded, and packed."""

from diagrams.svg import Picture

SIZES = (5, 2, 3)
KINDS = ("tile", "other", "third")
SIDE, LEFT = 32, 66
ALT = (
    "Three bags of 5, 2 and 3 tiles. Padded, they fill a grid of 3 rows and 5 columns with 10 "
    "tiles and 5 empty places; a mask says which places are tiles. Packed, the 10 tiles stand in "
    "one row without gaps, and the sizes 5, 2, 3 say where each bag ends."
)


def draw() -> Picture:
    """Draw the batch twice."""
    widest, total = max(SIZES), sum(SIZES)
    picture = Picture(328, ALT)
    picture.text("ink", 16, 28, "Padded", bold=True)
    picture.text("soft", 78, 28, f"bags (B, K, D): {len(SIZES)} rows of K = {widest}", size=13)
    for row, (size, kind) in enumerate(zip(SIZES, KINDS)):
        y = 44 + row * (SIDE + 8)
        picture.text("ink", 16, y + 21, f"bag {row + 1}")
        for column in range(widest):
            x = LEFT + column * (SIDE + 4)
            if column < size:
                picture.rect(kind, x, y, SIDE, SIDE)
            else:
                picture.rect("empty", x, y, SIDE, SIDE)
                picture.text("soft", x + SIDE / 2, y + 21, "0", anchor="middle")
    gaps = len(SIZES) * widest - total
    picture.text("mark", 262, 66, f"{gaps} empty places:", size=13)
    picture.text("soft", 262, 84, "computed, then", size=13)
    picture.text("soft", 262, 102, "hidden by a mask", size=13)
    picture.text("soft", 262, 120, "(B, K)", size=13)
    picture.line("frame", (16, 178), (404, 178))
    picture.text("ink", 16, 210, "Packed", bold=True)
    picture.text("soft", 78, 210, f"instances (N, D): one row, N = {total}", size=13)
    x = 16.0
    for i, (size, kind) in enumerate(zip(SIZES, KINDS), 1):
        start = x
        for _ in range(size):
            picture.rect(kind, x, 226, SIDE, SIDE)
            x += SIDE + 2
        picture.line("line", (start, 268), (start, 274), (x - 2, 274), (x - 2, 268))
        middle = (start + x) / 2
        picture.text("ink", middle, 292, f"bag {i}: {size}", size=13, anchor="middle")
        x += 16
    picture.text("soft", 16, 316, f"sizes (B,) = {SIZES}: no empty place, no mask", size=13)
    return picture
