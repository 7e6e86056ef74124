"""Checkpoints: the state of a run between two epochs, and what tells one run from another."""

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mil_tutorial.bags.augmentation import Augmentation
from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.system.files import load_weights, save_weights
from mil_tutorial.training.config import TrainingConfig


@dataclass(frozen=True)
class TrainingState:
    """A run between two epochs: weights now and of the best epoch, optimisation, records."""

    model: dict[str, Any]
    best: dict[str, Any]
    optimisation: dict[str, Any]
    epochs: list[dict[str, Any]]


def identify(
    model: nn.Module,
    train: MedicalBagDataset,
    val: MedicalBagDataset | None,
    config: TrainingConfig,
    augment: Augmentation | None,
) -> dict[str, str]:
    """Return what must be equal for a checkpoint to be continued, by name."""
    shapes = [list(value.shape) for value in model.state_dict().values()]
    config = replace(config, workers=0)  # who reads the bags changes nothing
    if config.schedule != "one_cycle":  # such a run may be continued for more epochs
        config = replace(config, epochs=1)
    return {
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


def save_checkpoint(path: Path, state: TrainingState, identity: dict[str, str]) -> None:
    """Save the state of a run and what identifies the run."""
    save_weights({"identity": identity, "state": asdict(state)}, path)


def load_checkpoint(
    path: Path, identity: dict[str, str], device: torch.device | str = "cpu"
) -> TrainingState:
    """Load the state of a run, after checking that it is this run's.

    Raises
    ------
    ValueError
        When the file is damaged, or was written with another model, configuration or data.
    """
    saved = load_weights(path, device)
    if not isinstance(saved, dict) or not {"identity", "state"} <= saved.keys():
        raise ValueError(f"{path} is not a training checkpoint; delete it or name another file")
    changed = [key for key, value in identity.items() if saved["identity"].get(key) != value]
    if changed:
        raise ValueError(
            f"{path} was written with another {' and '.join(changed)}; "
            "delete it to start again, or name another file"
        )
    return TrainingState(**saved["state"])
