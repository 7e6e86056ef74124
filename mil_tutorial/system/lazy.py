"""Names of a package that are imported when they are first used, and modules that were moved."""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from importlib import import_module
from types import ModuleType
from typing import Any


def lazy_names(
    package: str, home: Mapping[str, Sequence[str]]
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__``, ``__dir__`` and ``__all__`` of a package (PEP 562).

    Parameters
    ----------
    package : str
        Its ``__name__``.
    home : mapping
        Module within the package → the names that come from it.
    """
    module_of = {name: module for module, names in home.items() for name in names}

    def getattribute(name: str) -> Any:
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{module_of[name]}"), name)

    def names() -> list[str]:
        return sorted({*vars(import_module(package)), *module_of})

    return getattribute, names, sorted(module_of)


def keep_old_names(homes: Mapping[str, str]) -> None:
    """Let names be imported from modules that have moved (old name → name now)."""

    def moved(home: str, name: str) -> Any:
        if name.startswith("__"):  # asked for by those who look through all modules
            raise AttributeError(name)
        warnings.warn(f"{name} is now in {home}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(home), name)

    for old, home in homes.items():
        sys.modules[old] = ModuleType(old, f"Now {home}.")
        sys.modules[old].__dict__["__getattr__"] = partial(moved, home)
