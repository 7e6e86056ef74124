"""Names of a package that are imported when they are first used, and modules that were moved."""

import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec, spec_from_file_location
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
    """Let modules be imported under names that they once had (old name → name now)."""

    class Moved:
        @staticmethod
        def find_spec(name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
            if name not in homes:
                return None
            warnings.warn(f"{name} is now {homes[name]}", DeprecationWarning, stacklevel=2)
            home = find_spec(homes[name])
            return home and spec_from_file_location(name, home.origin)

    sys.meta_path.append(Moved)
