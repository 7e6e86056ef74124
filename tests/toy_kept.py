"""Kept models for tests, made without training."""

import numpy as np
import torch

from mil_tutorial import MedicalBagDataset, build_model
from mil_tutorial.experiment.kept import TESTED, TRAINED, KeptModel, KeptTrial
from mil_tutorial.experiment.kept_files import write_kept
from mil_tutorial.experiment.shift import raw_moments, reference_of


def toy_kept(bags, n_trials=3, members=2, features=(), tested=True, **settings):
    """A model of random weights for ``toy_bags``; trial t tested bag b where b % n_trials is t.

    Without ``tested`` all of them trained on all bags.
    """
    dataset = MedicalBagDataset([(x, label) for x, label, _ in bags.values()], names=list(bags))
    width = dataset.instance_shape[0]
    torch.manual_seed(0)
    mean, deviation = dataset.mean_and_deviation()
    trials = [
        KeptTrial(
            seed=0,
            fold=t,
            models=[build_model("gated", width, 4).eval() for _ in range(members)],
            scale=(mean + 0.1 * t, deviation * (1 + t)),
            threshold=0.4 + 0.05 * t,
        )
        for t in range(n_trials)
    ]
    own = np.arange(len(dataset)) % n_trials == np.arange(n_trials)[:, None]
    known = {
        "pooling": "gated",
        "width": width,
        "classes": ["0", "1"],
        "features": dict(features),
        "temperature": 2.0,
    }
    return KeptModel(
        known | settings,
        trials,
        reference_of(raw_moments(dataset)),
        dataset.contents(),
        np.where(own & tested, TESTED, TRAINED),
    )


def write_toy_kept(path, *arguments, **options):
    path.write_bytes(write_kept(toy_kept(*arguments, **options)))
    return path
