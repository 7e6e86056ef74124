"""Situations of the MIL playground, each with a question and an answer that a test holds true."""

from typing import Any

CHOICES = {
    "data": ["cluster", "ring", "pair", "size"],
    "pooling": ["max", "mean", "attention", "gated"],
}
NUMBERS = {  # lowest, highest, step
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
        "question": "Train max pooling from ten starts, then attention. Which starts never learn, and why?",
        "answer": "?",
        "settings": {},
    },
    "mean-wins": {"title": "When does the mean win?", "question": "?", "answer": "?", "settings": {"data": "pair", "pooling": "attention", "witnesses": 20, "noise": 0.3}},
    "gate": {"title": "What does the gate add?", "question": "?", "answer": "?", "settings": {"pooling": "attention", "lookalikes": 40}},
    "sigmoid": {"title": "What does a sigmoid before the softmax break?", "question": "?", "answer": "?", "settings": {"pooling": "attention", "squashed": True, "size": 50, "witnesses": 5}},
    "padding": {"title": "What does unmasked padding break?", "question": "?", "answer": "?", "settings": {"data": "size", "pooling": "attention", "unmasked": True, "noise": 0.5}},
}
