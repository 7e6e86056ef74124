"""Situations of the MIL playground, each with a question and an answer that a test holds true."""

from typing import Any

CHOICES = {
    "data": ["cluster", "ring", "pair", "size"],
    "pooling": ["max", "mean", "attention", "gated"],
}
NUMBERS: dict[str, list[float]] = {  # lowest, highest, step
    "witnesses": [2, 60, 1],
    "size": [6, 60, 2],
    "bags": [10, 80, 2],
    "lookalikes": [0, 60, 5],
    "noise": [0, 1, 0.05],
    "seed": [1, 999, 1],
}
DEFAULTS: dict[str, Any] = {
    "data": "cluster",
    "pooling": "max",
    "witnesses": 10,
    "size": 20,
    "bags": 40,
    "lookalikes": 0,
    "noise": 0.1,
    "squashed": False,
    "unmasked": False,
    "seed": 1,
}
PRESETS: dict[str, dict[str, Any]] = {
    "lost-starts": {
        "title": "What does max pooling miss?",
        "question": "Ten starts of max pooling see the same bags. How many learn nothing, and "
        "what changes when you choose attention?",
        "answer": "After 150 epochs 6 of the 10 starts have an AUC near 0.5. Max pooling trains on "
        "one point of each bag, the one with the highest score. In the starts that learn nothing, "
        "this is nearly always an ordinary point, so the witnesses hardly get a gradient. With "
        "attention every point gets some gradient: all ten starts end above 0.95.",
        "settings": {},
    },
    "mean-wins": {
        "title": "When does the mean win?",
        "question": "A positive bag holds two kinds of witnesses, a negative bag one of them. "
        "Which pooling is best: max, mean or attention?",
        "answer": "The mean: an AUC of 0.91 on unseen bags, against 0.63 to 0.88 with attention "
        "and at most 0.79 with max. Each kind occurs in negative bags, too; what differs is how "
        "many witnesses there are. The mean counts them. Attention is free to pick points, and so "
        "it fits the training bags too closely: look at its two losses. With equally many "
        "witnesses, no weighted mean with a linear head could require both kinds.",
        "settings": {"data": "pair", "pooling": "attention", "witnesses": 20, "noise": 0.3},
    },
    "gate": {
        "title": "What does the gate add?",
        "question": "Two points in five are look-alikes: they lie behind the witnesses, in the "
        "same direction. Does gated attention cope better than attention?",
        "answer": "On these bags, yes: 3 of 10 starts of attention end below 0.75, none of gated "
        "attention. A gate can shut a direction beyond some distance, which a tanh alone cannot. "
        "But two units of plain attention can do the same together, and it depends on the "
        "bags: set the witness rate to 15 %, try several seeds, and there is little difference.",
        "settings": {"pooling": "attention", "lookalikes": 40},
    },
    "sigmoid": {
        "title": "What does a sigmoid break?",
        "question": "A sigmoid squeezes the attention scores before the softmax. What does that "
        "do to the AUC, and what to the attention?",
        "answer": "The AUC stays as good, so it will not warn you. The attention is useless: after "
        "a sigmoid, scores lie between 0 and 1, so no point can weigh more than e = 2.7 times any "
        "other. The entropy stays above 0.95, and a heat map would be flat. Untick the box "
        "and train again: the witnesses stand out.",
        "settings": {"pooling": "attention", "squashed": True, "size": 30},
    },
    "padding": {
        "title": "What does unmasked padding break?",
        "question": "In training, positive bags are larger; in unseen bags, size means nothing. "
        "The padding has no mask. Can the model tell a bag's size, and does it matter?",
        "answer": "It can: padding takes 40 to 70 % of the attention, a small bag has more "
        "padding, and so the model learns the size. On unseen bags the AUC is 0.56 to 0.70. "
        "Untick the box: with a mask the weights sum to 1 over the real points, the size is "
        "invisible, and the AUC is 0.73 to 0.81.",
        "settings": {"data": "size", "pooling": "attention", "unmasked": True, "noise": 0.5},
    },
}
