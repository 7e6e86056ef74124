"""Checks of chapter 00: the first steps."""

from typing import Any

import numpy as np
import torch

from mil_tutorial.checks.exercise import Wrong, exercise
from mil_tutorial.checks.judging import attempt, expect_number, expect_tensor, expect_values

BAGS = {
    "two of five": [1, 0, 0, 1, 0],
    "one instance, positive": [1],
    "none of three": [0, 0, 0],
    "one of five": [0, 0, 0, 0, 1],
}


@exercise
def check_half_attention(answer: Any) -> str:
    """Check the guess of how many tiles share half of the attention."""
    mistakes = {
        "It would be if all tiles had the same weight; then nothing could be found.": 111,
        "So many tiles hold tumour, but the model does not need all of them.": 7,
        "The highest weight alone is not quite one half: add the next one.": 1,
        "Count tiles. Half of the attention is the sum that they have to reach.": 0.5,
    }
    expect_number(answer, 2, "the number of tiles", 0, mistakes)
    return "two of 222 tiles have more than half of the attention"


@exercise
def check_witness_rate(answer: Any) -> str:
    """Check ``witness_rate(instance_labels)``."""
    for case, labels in BAGS.items():
        ones, n = sum(labels), len(labels)
        got = attempt(answer, np.array(labels), case=case)
        mistakes = {
            "That is the number of positive instances: divide it by the number of all.": ones,
            "That is the share of negative instances.": (n - ones) / n,
            "That is positives over negatives: divide by all instances.": ones / max(n - ones, 1),
            "That is upside down: divide the positives by all instances.": n / max(ones, 1),
            "Give the rate as a number between 0 and 1, not in per cent.": 100 * ones / n,
            "That is the bag's label: count the instances.": max(labels),
        }
        expect_values(got, ones / n, "the witness rate", mistakes, f"labels {labels}")
    return "right for bags of one, three and five instances"


@exercise
def check_calls_positive(answer: Any) -> str:
    """Check ``calls_positive(logits)``."""
    for logits in (torch.tensor([-2.0, -0.1, 0.3, 0.05, 0.6, 3.0]), torch.zeros(1)):
        got = expect_tensor(attempt(answer, logits), tuple(logits.shape), "the answer", "bool")
        if len(logits) == 6 and got.tolist() == (logits >= 0.5).tolist():
            raise Wrong(
                f"the logit 0.3 means a probability of {torch.sigmoid(logits[2]):.2f}, but it is "
                "not called positive. The bug is still there"
            )
        listed = [round(logit, 2) for logit in logits.tolist()]
        mistakes = {
            "A probability of exactly 0.5 counts as positive: >=, not >.": logits > 0,
            "Positive and negative have changed places.": logits < 0,
            "After a second sigmoid everything is above 0.5: one is enough.": logits > -torch.inf,
        }
        expect_values(got, logits >= 0, "the answer", mistakes, f"logits {listed}")
    return "a logit of 0 is a probability of 0.5"
