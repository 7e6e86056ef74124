"""The audit of a new hospital, all measures at once."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.splits import balanced_folds
from mil_tutorial.datasets.slides import (
    COLOUR_STATISTICS,
    SIDE,
    TILE,
    TUMOUR_TILE_FRACTION,
    SlideFeatures,
    load_features,
    slide_mask,
    tumour_fraction,
)
from mil_tutorial.metrics.intervals import Estimate
from mil_tutorial.system.paths import data_dir, verify_checksum


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
    from mil_tutorial.datasets.slides import slide_bags
    from mil_tutorial.metrics.decisions import auc
    from mil_tutorial.metrics.intervals import bootstrap_interval
    from mil_tutorial.models.trained import load_trained_model
    from mil_tutorial.training.prediction import predict

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


# Limits, set on two rendered hospitals; what lies beyond raises an alarm.
COPY = 0.6  # similarity: a second scan has more than 0.7, other slides less than 0.35
FAR = 1.5  # of a stain, in deviations; a usual hospital lies about 1 from the next
CONTRADICTED = 0.5  # share of the doubtful slides; none where nothing is wrong
TELLING = 0.65  # AUC of colours, the lower end of its interval


def fingerprints(bags: MedicalBagDataset) -> npt.NDArray[np.float32]:
    """Describe each slide by what lies where: (B, cells * D), each row of length 1.

    The features of a slide's tiles, less their mean, stand at their places in the grid; empty
    places hold 0. The mean carries most of the stain, so a second scan of the tissue looks alike.
    """
    if bags.coords is None:
        raise ValueError("a fingerprint needs the place of each tile; give bags with coords")
    across = SIDE // TILE
    prints = np.zeros((len(bags), across**2, *bags.instance_shape), np.float32)
    for one, tiles, coords in zip(prints, bags.instances, bags.coords):
        x, y = np.asarray(coords).T // TILE
        one[y * across + x] = tiles - tiles.mean(dim=0)
    flat = prints.reshape(len(bags), -1)
    return flat / np.linalg.norm(flat, axis=1, keepdims=True)  # type: ignore[no-any-return]


def near_copies(
    first: npt.NDArray[np.floating], second: npt.NDArray[np.floating], threshold: float = COPY
) -> npt.NDArray[np.intp]:
    """Find pairs of slides whose fingerprints point the same way.

    Parameters
    ----------
    first, second : arrays of shapes (n, F) and (m, F)
    threshold : float
        Cosine from which on a pair counts.

    Returns
    -------
    array of shape (pairs, 2)
        Rows of `first` and of `second`.
    """
    one, two = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (first, second))
    return np.argwhere(one @ two.T >= threshold)


def colour_probabilities(
    colours: npt.NDArray[np.float64], labels: npt.NDArray[np.int_], patients: Sequence[Any]
) -> npt.NDArray[np.float64]:
    """Predict the label from colours alone, each slide by a model without its patient: (B,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    numbers = np.unique(np.asarray(patients), return_inverse=True)[1]
    folds = balanced_folds(np.asarray(labels), numbers, 5, seed=0)
    said = cross_val_predict(model, colours, labels, cv=folds, method="predict_proba")
    return said[:, 1]  # type: ignore[no-any-return]


def most_doubtful(
    labels: npt.NDArray[np.int_], probabilities: npt.NDArray[np.float64], n: int
) -> npt.NDArray[np.intp]:
    """Return the n slides whose label and probability lie furthest apart, the worst first."""
    return np.argsort(-np.abs(labels - probabilities), kind="stable")[:n]


def second_reading(folder: str | Path, found: SlideFeatures, row: int) -> npt.NDArray[np.bool_]:
    """Return which tiles of a slide hold tumour, as a second reader outlined it: (n,)."""
    coords = found.coords[found.starts[row] : found.starts[row + 1]]
    mask = slide_mask(str(found.slide_id[row]), folder)
    return tumour_fraction(mask, coords) >= TUMOUR_TILE_FRACTION


def read_colours(folder: str | Path) -> npt.NDArray[np.float64]:
    """Read the colour statistics of all slides from a folder's table: (B, 21)."""
    with (Path(folder) / "slides.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[name]) for name in COLOUR_STATISTICS] for row in rows])


def training_means() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.str_]]:
    """Return the mean feature of each shipped training slide, (R, D), and its hospital, (R,)."""
    found = load_features(verify_checksum(data_dir() / "slides" / "slides.npz"))
    sums = np.add.reduceat(found.features.astype(float), found.starts[:-1])
    train = found.split == "train"
    return (sums / found.sizes[:, None])[train], found.hospital[train]


def hospital_distance(
    means: npt.NDArray[np.float64],
    reference: npt.NDArray[np.float64],
    hospitals: npt.NDArray[np.str_],
) -> float:
    """Return how far a hospital lies from the nearest of several.

    Parameters
    ----------
    means : array of shape (B, D)
        Mean feature of each of its slides.
    reference : array of shape (R, D)
        The same of slides of the other hospitals.
    hospitals : array of shape (R,)
        The hospital of each of these.

    Returns
    -------
    float
        Root mean square over the features of the difference of the hospitals' means, in standard
        deviations of the slides within a hospital.
    """
    parts = [reference[hospitals == name] for name in np.unique(hospitals)]
    within = np.sqrt(np.mean([part.var(axis=0) for part in parts], axis=0))
    apart = [(means.mean(axis=0) - part.mean(axis=0)) / within for part in parts]
    return float(min(np.sqrt(np.mean(np.square(one))) for one in apart))
