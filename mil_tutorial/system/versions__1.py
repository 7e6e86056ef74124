"""Packages that only some of the course needs, imported when they are used."""

from importlib import import_module
from typing import Any


def import_extra(module: str, extra: str) -> Any:
    """Import a module that comes with one of this package's extras.

    Raises
    ------
    ImportError
        When it is not installed; the message says what to install.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(
            f"{module} cannot be imported ({error}); install it with "
            f'pip install "mil-tutorial[{extra}]"'
        ) from error
