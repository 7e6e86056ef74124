"""Interactive pictures for notebooks: each runs in the browser and carries a static twin."""

from mil_tutorial.system.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "slide_view": ("SlideView", "slide_views"),
        "slide_explorer": ("SlideExplorer",),
        "what_if": ("WhatIf",),
        "find_the_tumour": ("FindTheTumour",),
        "pooling_playground": ("PoolingPlayground",),
        "mil_playground": ("MILPlayground",),
        "threshold_explorer": ("ThresholdExplorer",),
        "entropy_monitor": ("EntropyMonitor",),
    },
)
