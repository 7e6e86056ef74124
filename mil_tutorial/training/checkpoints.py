"""Checkpoints: the state of a run between two epochs, and the identity of the run."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mil_tutorial.bags.augmentation import Augmentation
from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.system.errors import in_a_line, short_of_memory
from mil_tutorial.system.files import save_weights
from mil_tutorial.system.reading import load_weights
from mil_tutorial.training.config import TrainingConfig


def identify(
    model: nn.Module,
    train: MedicalBagDataset,
    val: MedicalBagDataset | None,
    config: TrainingConfig,
    augment: Augmentation | None,
) -> dict[str, str]:
    """Return the settings and checksums, by name, that must be equal for a run to resume."""
    from mil_tutorial import __version__

    shapes = [list(value.shape) for value in model.state_dict().values()]
    config = replace(config, workers=0)  # readers do not change results
    if config.schedule != "one_cycle":  # such a run may be continued for more epochs
        config = replace(config, epochs=1)
    return {
        "version of mil_tutorial": __version__,
        "model": f"{model!r} {shapes}",
        "augmentation": _name(augment),
        "training set": train.checksum(),
        "validation set": "none" if val is None else val.checksum(),
    } | {name: repr(value) for name, value in asdict(config).items()}


def _name(augment: Augmentation | None) -> str:
    """Name an augmentation; the repr of a function is another one in every process."""
    name = getattr(augment, "__qualname__", None)
    if name is None and type(augment).__repr__ is object.__repr__:
        name = type(augment).__qualname__
    return repr(augment) if name is None else f"{augment.__module__}.{name}"


def checkpoint_bytes(model: nn.Module) -> int:
    """Return how large a checkpoint is, about: weights, the best ones, two moments of Adam each."""
    return 16 * sum(parameter.numel() for parameter in model.parameters()) + 30_000


def save_checkpoint(path: Path, state: dict[str, Any], identity: dict[str, str]) -> None:
    """Save the state of a run and what identifies the run."""
    save_weights({"identity": identity, "state": state}, path)


def load_checkpoint(
    path: Path, identity: dict[str, str], epochs: int, device: torch.device | str = "cpu"
) -> dict[str, Any]:
    """Load the state of a run, after checking that it is this run's, of at most so many epochs."""
    saved = load_weights(path, device)
    if not isinstance(saved, dict) or not {"identity", "state"} <= saved.keys():
        raise ValueError(f"{path} is not a training checkpoint; delete it or name another file")
    with readable_checkpoint(path):
        changed = [key for key, value in identity.items() if saved["identity"].get(key) != value]
        done = len(saved["state"]["epochs"])
    if changed:
        raise ValueError(
            f"{path} was written with another {' and '.join(changed)}; "
            "delete it to start again, or name another file"
        )
    if done > epochs:
        raise ValueError(
            f"{path} is of a run of {done} epochs, this one has {epochs}; take as many, or name "
            "another file"
        )
    return saved["state"]


@contextmanager
def readable_checkpoint(path: Path) -> Iterator[None]:
    """Turn what goes wrong with a checkpoint of another form into one line."""
    try:
        yield
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        if short_of_memory(error):
            raise
        raise ValueError(
            f"{path} does not hold what a checkpoint of this version holds ({in_a_line(error)}); "
            "delete it to start again, or name another file"
        ) from error
