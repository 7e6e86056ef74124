"""Experiments: benchmarks, trials, their summary, tables, figures and reports."""
