"""The audit of a new hospital, all measures at once."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mil_tutorial.audit_measures import (
    CONTRADICTED,
    FAR,
    TELLING,
    colour_probabilities,
    fingerprints,
    hospital_distance,
    most_doubtful,
    near_copies,
    read_colours,
    second_reading,
    training_means,
)
from mil_tutorial.datasets.slides import load_features
from mil_tutorial.intervals import Estimate


@dataclass(frozen=True)
class Audit:
    """What an audit measures.

    Attributes
    ----------
    near_copies : int
        Pairs of slides of two patients that show the same tissue.
    colour_auc : Estimate
        Of logistic regression on colours alone, across patients.
    contradicted : float
        Share of the most doubtful slides whose label a second reading contradicts.
    distance : float
        Of the mean features from those of the nearest training hospital.
    model_auc : Estimate
        Of the shipped model, on all slides.
    """

    near_copies: int
    colour_auc: Estimate
    contradicted: float
    distance: float
    model_auc: Estimate

    def alarms(self) -> tuple[str, ...]:
        """Name the flaws that the measures point to."""
        raised = {
            "leak": self.near_copies > 0,
            "stain": self.distance > FAR,
            "labels": self.contradicted >= CONTRADICTED,
            "shortcut": self.colour_auc.low > TELLING,
        }
        return tuple(name for name, alarm in raised.items() if alarm)


def audit(folder: str | Path, doubtful: int = 12) -> Audit:
    """Take all measures of a folder that ``python -m mil_tutorial slides --flaw NAME`` wrote.

    Parameters
    ----------
    folder : str or Path
    doubtful : int
        How many slides are read a second time.
    """
    from mil_tutorial.datasets.slide_bags import slide_bags
    from mil_tutorial.intervals import bootstrap_interval
    from mil_tutorial.metrics import auc
    from mil_tutorial.prediction import predict
    from mil_tutorial.trained_model import load_trained_model

    found = load_features(Path(folder) / "slides.npz")
    bags = slide_bags(found, np.ones(len(found.sizes), bool))
    labels, patients, prints = found.label.astype(int), found.patient.tolist(), fingerprints(bags)
    said = predict(load_trained_model(), bags).probabilities
    by_colour = colour_probabilities(read_colours(folder), labels, patients)
    queue = most_doubtful(labels, said, doubtful)
    readings = [second_reading(folder, found, int(i)).any() for i in queue]
    clean, clean_hospitals = training_means()
    return Audit(
        sum(patients[i] < patients[j] for i, j in near_copies(prints, prints)),
        bootstrap_interval(auc, labels, by_colour, patients),
        float(np.mean(np.array(readings) != labels[queue])),
        hospital_distance(bags.bag_means().numpy(), clean, clean_hospitals),
        bootstrap_interval(auc, labels, said, patients),
    )
