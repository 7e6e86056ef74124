"""The audit of a new hospital: its measures, and all of them at once for a folder of slides."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.splits import balanced_folds
from mil_tutorial.datasets.rendering.archive import SlideFeatures, load_features
from mil_tutorial.datasets.rendering.lesion import TILE, TUMOUR_TILE_FRACTION
from mil_tutorial.datasets.rendering.noise import SIDE
from mil_tutorial.datasets.rendering.tiles import COLOUR_STATISTICS, tumour_fraction
from mil_tutorial.datasets.slides import slide_bags, slide_mask
from mil_tutorial.metrics.bootstrap import confidence_interval
from mil_tutorial.metrics.decisions import auc
from mil_tutorial.metrics.intervals import Estimate
from mil_tutorial.models.trained import load_trained_model
from mil_tutorial.system.paths import data_dir, verify_checksum
from mil_tutorial.training.prediction import predict

# Limits, set on two rendered hospitals; what lies beyond raises an alarm.
COPY = 0.6  # similarity: a second scan has more than 0.7, other slides less than 0.35
FAR = 1.5  # of a stain, in deviations; a usual hospital lies about 1 from the next
CONTRADICTED = 0.5  # share of the doubtful slides; none where nothing is wrong
TELLING = 0.65  # AUC of colours, the lower end of its interval


def fingerprints(bags: MedicalBagDataset) -> np.ndarray:
    """Describe each slide by what lies where: (B, cells * D), each row of length 1.

    The features of a slide's tiles, less their mean, stand at their places in the grid; empty
    places hold 0. The mean carries most of the stain, so a second scan of the tissue looks alike.
    """
    if bags.coords is None:
        raise ValueError("a fingerprint needs the place of each tile; give bags with coords")
    across = SIDE // TILE
    prints = np.zeros((len(bags), across**2, *bags.instance_shape), np.float32)
    for cells, tiles, coords in zip(prints, bags.instances, bags.coords):
        x, y = np.asarray(coords).T // TILE
        cells[y * across + x] = tiles - tiles.mean(dim=0)
    return _of_length_1(prints.reshape(len(bags), -1))


def near_copies(first: np.ndarray, second: np.ndarray, threshold: float = COPY) -> np.ndarray:
    """Return pairs of slides whose fingerprints (n, F) and (m, F) point the same way.

    The rows (pairs, 2) of ``first`` and of ``second`` whose cosine is at least the threshold.
    """
    return np.argwhere(_of_length_1(first) @ _of_length_1(second).T >= threshold)


def _of_length_1(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def read_colours(folder: str | Path) -> np.ndarray:
    """Read the colour statistics of all slides from a folder's table: (B, 21)."""
    with (Path(folder) / "slides.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[name]) for name in COLOUR_STATISTICS] for row in rows])


def colour_probabilities(
    colours: np.ndarray, labels: np.ndarray, patients: Sequence[Any]
) -> np.ndarray:
    """Predict the label from colours alone, each slide by a model without its patient: (B,)."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=2000))
    numbers = np.unique(np.asarray(patients), return_inverse=True)[1]
    folds = balanced_folds(np.asarray(labels), numbers, 5, seed=0)
    return cross_val_predict(model, colours, labels, cv=folds, method="predict_proba")[:, 1]


def training_means() -> tuple[np.ndarray, np.ndarray]:
    """Return the mean feature of each shipped training slide, (R, D), and its hospital, (R,)."""
    slides = load_features(verify_checksum(data_dir() / "slides" / "slides.npz"))
    sums = np.add.reduceat(slides.features.astype(float), slides.starts[:-1])
    train = slides.split == "train"
    return (sums / slides.sizes[:, None])[train], slides.hospital[train]


def hospital_distance(means: np.ndarray, reference: np.ndarray, hospitals: np.ndarray) -> float:
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
    differences = [(means.mean(axis=0) - part.mean(axis=0)) / within for part in parts]
    return float(min(np.sqrt(np.mean(np.square(each))) for each in differences))


def most_doubtful(labels: np.ndarray, probabilities: np.ndarray, n: int) -> np.ndarray:
    """Return the n slides whose label and probability lie furthest apart, the worst first."""
    return np.argsort(-np.abs(labels - probabilities), kind="stable")[:n]


def second_reading(folder: str | Path, slides: SlideFeatures, row: int) -> np.ndarray:
    """Return which tiles of a slide hold tumour, as a second reader outlined it: (n,)."""
    coords = slides.coords[slides.starts[row] : slides.starts[row + 1]]
    mask = slide_mask(str(slides.slide_id[row]), folder)
    return tumour_fraction(mask, coords) >= TUMOUR_TILE_FRACTION


@dataclass(frozen=True)
class Audit:
    """What an audit measures."""

    near_copies: int  # pairs of slides of two patients that show the same tissue
    colour_auc: Estimate  # of logistic regression on colours alone, across patients
    # Share of the most doubtful slides whose label a second reading contradicts
    contradicted: float
    distance: float  # of the mean features from those of the nearest training hospital
    model_auc: Estimate  # of the shipped model, on all slides

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
    """Take all measures of a folder that ``python -m mil_tutorial hospital --flaw NAME`` wrote.

    ``doubtful`` slides, the most doubtful ones, are read a second time.
    """
    slides = load_features(Path(folder) / "slides.npz")
    bags = slide_bags(slides, np.ones(len(slides.sizes), bool))
    labels, patients, prints = slides.label.astype(int), slides.patient.tolist(), fingerprints(bags)
    by_model = predict(load_trained_model(), bags).probabilities
    by_colour = colour_probabilities(read_colours(folder), labels, patients)
    queue = most_doubtful(labels, by_model, doubtful)
    readings = np.array([second_reading(folder, slides, int(row)).any() for row in queue])
    return Audit(
        near_copies=sum(patients[i] < patients[j] for i, j in near_copies(prints, prints)),
        colour_auc=confidence_interval(auc, labels, by_colour, patients),
        contradicted=float(np.mean(readings != labels[queue])),
        distance=hospital_distance(bags.bag_means().numpy(), *training_means()),
        model_auc=confidence_interval(auc, labels, by_model, patients),
    )
