"""The default recipe for frozen features, the same for every data set.

Only the course's slides, which chapters train while one reads, take the settings alone: one model,
on features as their encoder gives them.

``data/results/ablation.py`` measures on validation bags what each part does.
"""

import math

from mil_tutorial.training.config import TrainingConfig

DROPOUT = 0.5
"""Of units of the embedding."""
MEMBERS = 3
"""Models of each split; each validates on another part of the bags, and their mean logit judges."""
STEPS, BAGS = 1440, 16
"""A run lasts at most so many steps of so many bags, however often that shows each of them."""
LEAST, MOST = 10, 200
"""Epochs, whatever the number of bags."""


def default_config(n_bags: int, batch_size: int = BAGS) -> TrainingConfig:
    """Return the settings for data with so many bags to train and validate on.

    The fewer the bags, the more often each is shown. A run stops after a quarter of its length
    without a lower validation loss.
    """
    epochs = min(max(round(STEPS / math.ceil(n_bags / BAGS)), LEAST), MOST)
    return TrainingConfig(
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=1e-3,
        weight_decay=1e-3,
        patience=epochs // 4,
    )
