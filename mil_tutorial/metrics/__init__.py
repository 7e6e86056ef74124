"""Metrics: of decisions, of attention, their intervals, calibration, faithfulness."""
