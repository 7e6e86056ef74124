"""Metrics: of decisions, of attention, their intervals, calibration, faithfulness."""

from mil_tutorial.system.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "decisions": (
            "auc",
            "calibration_error",
            "false_negative_rate",
            "sensitivity_at_specificity",
            "specificity",
            "threshold_for_sensitivity",
        )
    },
)
