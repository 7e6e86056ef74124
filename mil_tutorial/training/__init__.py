"""Training: settings, the loop, history, checkpoints, prediction."""
