"""The causes that the pitfalls clinic lists under letters, and how each of them shows."""

from collections.abc import Callable
from typing import Any

from mil_tutorial.checks.exercise import NotAttempted, Wrong

SHOWS = {
    "A": "Dropout that goes on gives another number at each call; here each call gives the same.",
    "B": "If test slides had a say, something would be chosen by their result; look for a max or "
    "an argmax.",
    "C": "With two axes lined up wrongly, the shapes matter: most of them stop with an error.",
    "D": "Numbers after the alphabet turn labels round, and the AUC falls below 0.5.",
    "E": "If slides were merged, fewer come out than went in, by the size of the batch.",
    "F": "Padding taken for tissue shows when the same bag is padded to another length.",
    "G": "Code that guesses changes its way with the numbers that come in together.",
    "H": "If slides were missing, fewer would come out than went in, one by one.",
    "I": "A hidden 0/0 shows in the gradient: the value is fine, the step is not.",
    "J": "A patient on both sides shows when labels are coins: the AUC stays above 0.5.",
}


def examine_case(answer: Any, letter: str, examine: Callable[[Any], None]) -> None:
    """Judge ``(function, why)``: the mended function, and the letter of the cause.

    Raises
    ------
    NotAttempted
        When there is no function.
    Wrong
        When the function is, or when it is right and the letter is not.
    """
    if answer is None or answer is ...:
        raise NotAttempted
    if not isinstance(answer, tuple) or len(answer) != 2:
        raise Wrong("hand in the function and the letter: (name_of_the_function, why)")
    function, why = answer
    why = why.strip().upper() if isinstance(why, str) else why
    try:
        examine(function)
    except Wrong as mistake:
        if why == letter:
            raise Wrong(f"{mistake}. Your diagnosis {why} is right; mend the code") from mistake
        raise
    if why is None or why is ...:
        raise Wrong("the code is mended. Now put the letter of its cause into `why`")
    if not isinstance(why, str) or why not in SHOWS:
        raise Wrong(f"the code is mended, but {why!r} is none of the letters A to J")
    if why != letter:
        raise Wrong(f"the code is mended, but the cause was not {why}. {SHOWS[why]}")
