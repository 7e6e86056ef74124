"""Whether a verdict on a hospital is right; what is wrong with it is said, not what is right."""

from typing import Any

from mil_tutorial.checks.exercise import NotAttempted, Wrong
from mil_tutorial.datasets.slides import FLAWS, hidden_flaw
from mil_tutorial.experiment.audit import FAR

WOULD_SHOW = {
    "leak": "A leak would show as pairs of near-copies across train and test. How many are there?",
    "stain": f"A foreign stain would lie far beyond {FAR} from every training hospital. Does it?",
    "labels": "With wrong labels the second reader would contradict the table on most of the "
    "doubtful slides. Did she?",
    "shortcut": "With a shortcut, colours alone would predict the label. Where does the interval "
    "of their AUC begin?",
}


def examine_verdict(answer: Any) -> str:
    """Judge ``(verdict, hospital, seed)``."""
    if not isinstance(answer, tuple) or len(answer) != 3:
        raise Wrong(
            "expected (verdict, hospital, seed), such as check_verdict((verdict, 'NEW', 0))"
        )
    verdict, hospital, seed = answer
    if verdict is None or verdict is ...:
        raise NotAttempted
    named = str(verdict).strip().lower()
    if named not in FLAWS:
        raise Wrong(f"got {verdict!r}, expected one of {', '.join(FLAWS)}")
    if not isinstance(hospital, str) or not isinstance(seed, int) or seed < 0:
        raise Wrong(f"no hospital has the name {hospital!r} and the seed {seed!r}")
    if named != hidden_flaw(hospital, seed):
        raise Wrong(f"not this one. {WOULD_SHOW[named]}")
    return f"{named} is what was hidden in {hospital} with seed {seed}. Now write it down"
