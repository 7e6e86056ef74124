"""The settings of a training run."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any

from mil_tutorial.system.numbers import as_integer, as_number

CHOICES = {
    "class_balance": ("loss", "sampler", "none"),
    "schedule": ("constant", "one_cycle"),
    "keep": ("best", "last"),
    "precision": ("float32", "bfloat16", "float16"),
}

OPTIONAL_COUNTS = ("patience", "instances_per_bag", "instances_at_once")


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a training run; reports save them as JSON beside the results.

    Attributes
    ----------
    epochs : int
        At most so many passes over the training bags.
    batch_size : int
        Bags a step.
    learning_rate, weight_decay : float
        Of Adam.
    patience : int or None
        Stop after so many epochs without a lower validation loss; None: never.
    schedule : {"constant", "one_cycle"}
        Of the learning rate. One cycle: it rises to ``learning_rate`` over the first three tenths
        of all steps and falls to almost nothing (Smith & Topin 2018, "Super-convergence").
    keep : {"best", "last"}
        The weights to end with: of the epoch with the lowest validation loss, or of the last one.
    class_balance : {"loss", "sampler", "none"}
        What to do when positives are rare: weigh their loss, draw them more often, or nothing.
        The first two make the output larger than the frequency of positives: rank and threshold
        are fine, but it is not a probability of the clinic.
    instances_per_bag : int or None
        Show at most so many instances of a bag, new ones each epoch; None: all.
    entropy_weight : float
        Added to the training loss: this times the mean normalised entropy of the attention. A
        positive weight sharpens the attention (entropy costs), a negative one spreads it (entropy
        pays), 0 changes nothing. The entropy is at most 1, so 0.1 can move the loss by 0.1. The
        validation loss, which picks the epoch, stays without it. Only for poolings whose
        attention is learned.
    instances_at_once : int or None
        Compute on at most so many instances at a time: a step with more is taken in parts whose
        gradients add up, and a bag with more is cut into chunks that are computed again in the
        backward pass. It bounds memory and changes results by rounding, and by other random
        numbers where there is dropout. Not with batch normalisation.
    precision : {"float32", "bfloat16", "float16"}
        Of the matrix products in training; softmax, sums over bags, loss and weights stay in
        float32, and evaluation too. Half precision is faster only on hardware that has it.
    workers : int
        Processes that read training bags ahead, for bags in files; see ``bags.loading``. It
        changes time, not results.
    seed : int
        Order of bags, drawn instances and dropout follow from it.
    """

    epochs: int = 50
    batch_size: int = 16
    learning_rate: float = 5e-4
    weight_decay: float = 1e-4
    patience: int | None = 10
    schedule: str = "constant"
    keep: str = "best"
    class_balance: str = "loss"
    instances_per_bag: int | None = None
    entropy_weight: float = 0.0
    instances_at_once: int | None = None
    precision: str = "float32"
    workers: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        plain: dict[str, Any] = {}  # NumPy's numbers as Python's, for JSON and equal checkpoints
        for name in ("epochs", "batch_size", *OPTIONAL_COUNTS):
            value = getattr(self, name)
            if value is not None or name not in OPTIONAL_COUNTS:
                plain[name] = as_integer(value, name)
        for name in ("workers", "seed"):
            plain[name] = as_integer(getattr(self, name), name, least=0)
        for name in ("learning_rate", "weight_decay", "entropy_weight"):
            plain[name] = as_number(getattr(self, name), name)
        for name, choices in CHOICES.items():
            if str(value := getattr(self, name)) not in choices:
                raise ValueError(f"{name} is {value!r}; choose {' or '.join(map(repr, choices))}")
            plain[name] = str(value)
        for name, value in plain.items():
            object.__setattr__(self, name, value)  # before anybody sees the frozen settings
        if not 0 < self.learning_rate < math.inf:
            raise ValueError(f"learning_rate must be positive, got {self.learning_rate}")
        if not 0 <= self.weight_decay < math.inf:
            raise ValueError(f"weight_decay must not be negative, got {self.weight_decay}")
        if not math.isfinite(self.entropy_weight):
            raise ValueError(f"entropy_weight must be finite, got {self.entropy_weight}")
        if self.patience is not None and (self.schedule == "one_cycle" or self.keep == "last"):
            raise ValueError(
                f"patience is {self.patience}, but schedule {self.schedule!r} and keep "
                f"{self.keep!r} are for a run of a fixed length; set patience to None"
            )

    def to_json(self) -> str:
        """Return the settings as JSON text."""
        return json.dumps(asdict(self), indent=2)
