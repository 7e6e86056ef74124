"""Training: settings, the loop, history, checkpoints, prediction."""

from mil_tutorial.system.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "config": ("TrainingConfig",),
        "loop": ("fit",),
        "prediction": ("Predictions", "predict"),
    },
)
