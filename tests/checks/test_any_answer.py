"""Whatever is handed in, a check gives a verdict and never raises."""

from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import nn

from mil_tutorial import checks
from mil_tutorial.checks.exercise import Exercise

MODULES = sorted(p.stem for p in Path(checks.__file__).parent.glob("chapter_*.py"))
EXERCISES = [
    value
    for module in MODULES
    for value in vars(import_module(f"mil_tutorial.checks.{module}")).values()
    if isinstance(value, Exercise)
]


class WithoutSuper(nn.Module):
    def __init__(self, *args, **kwargs):
        pass


class Empty:
    pass


ANSWERS = {
    "text": "a lot",
    "a number": 17.5,
    "a huge number": 10**400,
    "NaN": float("nan"),
    "an instance": Empty(),
    "a class": Empty,
    "a module without super": WithoutSuper,
    "identity": lambda *args: args[0],
    "text from a function": lambda *args: "done",
    "a generator": lambda *args: (x for x in args),
    "half precision": lambda *args: torch.zeros(2, 3, dtype=torch.bfloat16),
    "a sparse tensor": lambda *args: torch.zeros(2, 3).to_sparse(),
    "a meta tensor": lambda *args: torch.zeros(2, 3, device="meta"),
    "NaN tensors": lambda *args: torch.full((2, 3), float("nan")),
    "float64": lambda *args: torch.zeros(2, 3).double(),
    "a ragged list": lambda *args: [[1], [2, 3]],
    "nothing": lambda *args: None,
}


@pytest.mark.parametrize("check", EXERCISES, ids=lambda check: check.name)
def test_a_check_never_raises_and_takes_no_nonsense(check):
    states = {name: check.judge(answer).state for name, answer in ANSWERS.items()}
    assert not [name for name, state in states.items() if state not in ("wrong", "open")]
