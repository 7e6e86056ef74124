"""Checkpoints: written whole or not at all, and read without running code from the file."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch


@dataclass(frozen=True)
class TrainingState:
    """A run between two epochs: weights now and of the best epoch, optimisation, records."""

    model: dict[str, Any]
    best: dict[str, Any]
    optimisation: dict[str, Any]
    epochs: list[dict[str, Any]]


def save_atomically(value: Any, path: Path) -> None:
    """Save with ``torch.save``; a kill at any moment leaves the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        torch.save(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)


def load_weights(path: Path, device: torch.device | str = "cpu") -> Any:
    """Load what ``torch.save`` wrote, tensors and plain values only.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When the file is truncated, or is no file of tensors.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} does not exist")
    try:
        return torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise ValueError(
            f"{path} cannot be read as weights ({type(error).__name__}); it is truncated or of "
            "another kind: delete it, or make it again"
        ) from error


def save_checkpoint(path: Path, state: TrainingState, identity: dict[str, str]) -> None:
    """Save the state of a run and what identifies the run."""
    save_atomically({"identity": identity, "state": asdict(state)}, path)


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
