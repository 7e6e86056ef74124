"""An answer with its diagnosis: code that was mended, and the letter of what had been wrong."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from mil_tutorial.checks.exercise import NotAttempted, Wrong

SHOWS = {
    "A": "Dropout that stays on gives a new number at each call; here each call gives the same.",
    "B": "If test slides had a say, their result would choose something; look for a max or "
    "an argmax.",
    "C": "With two axes lined up wrongly, shapes matter: most of them raise an error.",
    "D": "Numbers in alphabetical order flip the labels, and the AUC falls below 0.5.",
    "E": "If slides were merged, fewer would come out than went in, depending on the batch size.",
    "F": "Padding treated as tissue shows when the same bag is padded to another length.",
    "G": "Code that guesses treats a number differently depending on the others in its batch.",
    "H": "If slides were missing, fewer would come out than went in, whatever the batch size.",
    "I": "A hidden 0/0 shows in the gradient: the value is fine, but the step is not.",
    "J": "A patient on both sides shows when labels are coins: the AUC stays above 0.5.",
}


@contextmanager
def diagnosed(answer: Any, letter: str) -> Iterator[Any]:
    """Give the function of ``(function, why)`` to be judged; if it is right, judge the letter."""
    if answer is None or answer is ...:
        raise NotAttempted
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise Wrong("hand in the function and the letter: (name_of_the_function, why)")
    function, why = answer
    why = why.strip().upper() if isinstance(why, str) else why
    try:
        yield function
    except Wrong as mistake:
        if why == letter:
            raise Wrong(f"{mistake}. Your diagnosis {why} is right; now fix the code") from mistake
        raise
    if why is None or why is ...:
        raise Wrong("the code is fixed. Now put the letter of its cause into `why`")
    if not isinstance(why, str) or why not in SHOWS:
        raise Wrong(f"the code is fixed, but {why!r} is none of the letters A to J")
    if why != letter:
        raise Wrong(f"the code is fixed, but the cause is not {why}. {SHOWS[why]}")
