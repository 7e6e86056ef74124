"""Experiments: benchmarks, trials, their summary, tables, figures and reports."""

from mil_tutorial.system.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "catalogue": ("load_benchmark",),
        "run": ("FOUR_POOLINGS", "Experiment", "run_experiment"),
    },
)
