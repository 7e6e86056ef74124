"""Versions that a result was made with, and packages that only some of the course needs."""

import hashlib
import platform
from importlib import import_module
from typing import Any


def environment() -> dict[str, str]:
    """Return the versions that a result depends on."""
    import numpy
    import sklearn
    import torch
    import torchvision

    from mil_tutorial import __version__

    return {
        "mil_tutorial": __version__,
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "torch": torch.__version__,
        "torchvision": torchvision.__version__,
        "numpy": numpy.__version__,
        "scikit-learn": sklearn.__version__,
        "device": "cpu",
        "arithmetic": _arithmetic(),
        "threads": str(torch.get_num_threads()),
    }


def _arithmetic() -> str:
    """Return 8 digits that change where random masks or sums come out otherwise: processors differ.

    Only where they are equal can a training be expected to repeat itself to the last digit.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        kept = torch.nn.functional.dropout(torch.ones(400, 300), 0.5)
        values = torch.tanh(kept @ torch.randn(300, 200) / 20)
    return hashlib.blake2b(values.numpy().tobytes(), digest_size=4).hexdigest()


def import_extra(module: str, extra: str) -> Any:
    """Import a module that comes with one of this package's extras."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} cannot be imported ({error}); install it with "
            f'pip install "mil-tutorial[{extra}]"'
        ) from error
