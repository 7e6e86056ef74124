"""Folders of feature files with a table of labels: the user's own slides as bags."""

from mil_tutorial.system.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(__name__, {"folder": ("read_features",)})
