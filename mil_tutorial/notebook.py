"""What chapters use to show things: a start that says where it runs, figures, tables."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from mil_tutorial.pictures.display import show

__all__ = ["show", "start", "table"]


def start() -> bool:
    """Prepare a notebook and print what it runs on: versions, device, data, fast mode.

    Seeds torch, sets the figures' style, and keeps torch to one thread: a bag is too small to
    share, and on a machine with other users threads wait for each other.

    Returns
    -------
    bool
        True in fast mode (``MIL_TUTORIAL_FAST=1``): chapters then train for fewer epochs.
    """
    import platform

    import matplotlib as mpl
    import numpy as np
    import torch
    from pooch import file_hash

    from mil_tutorial import __version__
    from mil_tutorial.pictures.style import STYLE
    from mil_tutorial.system.paths import data_dir, verify_checksum

    mpl.rcParams.update(STYLE)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU"
    print(
        f"mil_tutorial {__version__}, Python {platform.python_version()}, "
        f"torch {torch.__version__}, numpy {np.__version__}"
    )
    print(f"device: {device}, 1 thread")
    features = verify_checksum(data_dir() / "slides" / "slides.npz")
    digest = file_hash(str(features))
    print(f"data: {features.name}, SHA-256 {digest[:12]}…, as it should be")
    fast = os.environ.get("MIL_TUTORIAL_FAST", "") not in ("", "0")
    print("fast mode: on, trainings are shortened" if fast else "fast mode: off")
    return fast


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Any:
    """Return a table that a notebook shows as one: column names, and rows of as many values."""
    from IPython.display import Markdown

    from mil_tutorial.experiment.tables import aligned

    return Markdown(aligned(list(head), [[str(value) for value in row] for row in rows]))
