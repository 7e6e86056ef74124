"""Names of a package that are imported when they are first used, and modules that were moved."""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
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


class MovedModules:
    """Imports modules under names that they once had, with a ``DeprecationWarning``.

    It is asked only for names that nothing else finds.

    Parameters
    ----------
    homes : mapping
        Old name of a module → its name now.
    """

    def __init__(self, homes: Mapping[str, str]) -> None:
        self.homes = homes

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """Return the recipe by which Python makes a module of this name (PEP 451)."""
        return ModuleSpec(name, self) if name in self.homes else None  # type: ignore[arg-type]

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to Python to make an empty module."""

    def exec_module(self, module: ModuleType) -> None:
        """Put the moved module in the place of the empty one."""
        name = module.__name__
        warnings.warn(
            f"{name} is now {self.homes[name]}", category=DeprecationWarning, stacklevel=2
        )
        sys.modules[name] = import_module(self.homes[name])
