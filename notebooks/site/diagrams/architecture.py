"""The model: tiles, encoder, attention, weighted mean, logit."""

import math

from diagrams.svg import Picture

SCORES = (0.2, 0.0, 2.2, -0.3, 0.4)  # of five tiles; the third holds tumour
LEFT, STEP, SIDE = 22, 46, 32
SHAPES = 262  # where words and shapes begin
ALT = (
    "From the top down: five tiles of one slide, one of them with tumour; an encoder and a linear "
    "layer turn each tile into an embedding; a small network scores each embedding, and a softmax "
    "over the bag makes weights that sum to 1, the largest for the tumour tile; the weighted mean "
    "of the embeddings is one vector, from which a linear layer computes the logit."
)


def draw() -> Picture:
    """Draw one bag on its way through the model."""
    picture = Picture(448, ALT)
    powers = [math.exp(score) for score in SCORES]
    for k, power in enumerate(powers):
        x, middle = LEFT + k * STEP, LEFT + k * STEP + SIDE / 2
        kind = "hot" if power == max(powers) else "tile"
        picture.rect(kind, x, 22, SIDE, SIDE)
        picture.arrow((middle, 60), (middle, 104))
        for row in range(4):
            picture.rect(kind, middle - 8, 110 + row * 13, 16, 13, round_by=0)
        picture.arrow((middle, 168), (middle, 212))
        weight = power / sum(powers)
        picture.rect(kind, middle - 8, 272 - 50 * weight / 0.7, 16, 50 * weight / 0.7, round_by=0)
    picture.line("line", (LEFT - 6, 272), (LEFT + 4 * STEP + SIDE + 6, 272))
    middle = LEFT + 2 * STEP + SIDE / 2
    picture.arrow((middle, 280), (middle, 318))
    for column in range(4):
        picture.rect("hot", middle - 40 + column * 20, 324, 20, 16, round_by=0)
    picture.arrow((middle, 346), (middle, 384))
    picture.rect("frame", middle - 62, 390, 124, 30, round_by=4)
    picture.text("ink", middle, 410, "logit", anchor="middle")
    for y, name, shape in (
        (34, "a bag of n tiles", "one slide, one label"),
        (80, "encoder, linear layer", "each tile by itself"),
        (128, "embeddings h", "(n, H)"),
        (184, "scores wᵀ tanh(V h)", "softmax over the bag"),
        (242, "attention a", "(n,), sums to 1"),
        (294, "weighted mean", ""),
        (330, "z = Σ aₖ hₖ", "(H,)"),
        (368, "linear layer", ""),
        (402, "one number", "sigmoid → probability"),
    ):
        picture.text("ink", SHAPES, y, name, bold=name.startswith(("embed", "att", "z", "a bag")))
        picture.text("soft", SHAPES, y + 18, shape, size=13)
    return picture
