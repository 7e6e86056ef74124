"""Interactive pictures for notebooks: each runs in the browser and carries a static twin."""

from importlib import import_module
from typing import Any

_HOME = {
    "SlideView": "slide_view",
    "slide_views": "slide_view",
    "SlideExplorer": "slide_explorer",
    "WhatIf": "what_if",
    "FindTheTumour": "find_the_tumour",
    "PoolingPlayground": "pooling_playground",
    "ThresholdExplorer": "threshold_explorer",
    "EntropyMonitor": "entropy_monitor",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'mil_tutorial.widgets' has no attribute {name!r}")
    return getattr(import_module(f"mil_tutorial.widgets.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
