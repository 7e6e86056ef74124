"""How often 95 % intervals hold the truth: ``python tests/benchmarks/coverage.py``.

Test sets are simulated, whose true values are known, and the intervals of ``metrics.intervals`` are
taken on each. Patients have one to three bags; a bag's score is normal, and 30 % of its variance
belongs to the patient, 40 % to the bag and 30 % to the bag and the seed. Separation differs from
seed to seed. A second model, less apt by 0.05 of AUC, shares half of the noise of patients and
bags. For each cell the share of data sets whose interval holds the truth, and the mean width over
that of the simulated distribution (2.5 % to 97.5 %).
"""

import argparse
from collections.abc import Callable
from itertools import product
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from mil_tutorial.metrics.intervals import (
    Estimate,
    difference,
    measure_auc,
    measure_mean,
    measure_sensitivity,
)
from mil_tutorial.system.jobs import share_work

OF_PATIENT, OF_BAG, OF_SEED = np.sqrt([0.3, 0.4, 0.3])
SHARED = np.sqrt(0.5)
SEED_SPREAD = 0.1
"""Deviation of the separation between seeds, in deviations of a score: about 0.02 of AUC."""
CUT = 1.0
"""A fixed threshold of scores: 84 % of negatives lie below."""


class Cell(NamedTuple):
    """One kind of test set; ``auc`` is that of the first model."""

    seeds: int
    bags: int
    auc: float
    positive: float


def cohort(cell: Cell, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw labels and patients (B,); half of the patients have bags of one class only."""
    while True:
        sizes = rng.integers(1, 4, cell.bags)
        patients = np.repeat(np.arange(cell.bags), sizes)[: cell.bags]
        whole = rng.random(cell.bags) < 0.5
        of_patient = rng.random(cell.bags) < cell.positive
        of_bag = rng.random(cell.bags) < cell.positive
        labels = np.where(whole[patients], of_patient[patients], of_bag).astype(int)
        if 2 <= labels.sum() <= cell.bags - 2:
            return labels, patients


def scores(
    separations: tuple[float, float], patients: np.ndarray, labels: np.ndarray, cell: Cell,
    rng: np.random.Generator,
) -> list[np.ndarray]:  # fmt: skip
    """Draw the scores (S, B) of both models."""
    shared = rng.normal(size=(2, cell.bags))
    drawn = []
    for separation in separations:
        own = SHARED * shared + np.sqrt(1 - SHARED**2) * rng.normal(size=(2, cell.bags))
        noise = OF_PATIENT * own[0][patients] + OF_BAG * own[1]
        apt = separation + SEED_SPREAD * (cell.seeds > 1) * rng.normal(size=(cell.seeds, 1))
        drawn.append(noise + OF_SEED * rng.normal(size=(cell.seeds, cell.bags)) + apt * labels)
    return drawn


def true_value(of: Callable[[np.ndarray], np.ndarray], separation: float, seeds: int) -> float:
    """Return the mean over seeds of a function of the separation."""
    if seeds == 1:
        return float(of(np.array(separation)))
    points, weights = np.polynomial.hermite_e.hermegauss(40)
    return float(np.average(of(separation + SEED_SPREAD * points), weights=weights))


TRUTHS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "AUC": lambda d: norm.cdf(d / np.sqrt(2)),
    "sensitivity": lambda d: norm.cdf(d - norm.ppf(0.9)),
    "missed": lambda d: norm.cdf(CUT - d),
}
"""Separation → AUC, sensitivity at 90 % specificity, share of positives below the threshold."""


def measure(cell: Cell, n_sets: int) -> dict[str, tuple[float, float, float]]:
    """Return coverage, width ratio and least width of each metric and of each paired difference."""
    rng = np.random.default_rng(0)
    separations = tuple(np.sqrt(2) * norm.ppf(area) for area in (cell.auc, cell.auc - 0.05))
    truths = {}
    for name, of in TRUTHS.items():
        first, second = (true_value(of, d, cell.seeds) for d in separations)
        truths |= {name: first, f"{name}, paired": first - second}
    estimates: dict[str, list[Estimate]] = {name: [] for name in truths}
    for _ in range(n_sets):
        labels, patients = cohort(cell, rng)
        models = []
        for drawn in scores(separations, patients, labels, cell, rng):
            below = drawn < CUT
            models.append(
                {
                    "AUC": measure_auc(labels, drawn, patients),
                    "sensitivity": measure_sensitivity(labels, drawn, patients),
                    "missed": measure_mean(below, patients, labels == 1),
                }
            )
        for name, first in models[0].items():
            estimates[name].append(first.estimate)
            estimates[f"{name}, paired"].append(difference(first, models[1][name]))
    return {name: _summary(truths[name], each) for name, each in estimates.items()}


def _summary(truth: float, estimates: list[Estimate]) -> tuple[float, float, float]:
    value, low, high = np.array([(e.value, e.low, e.high) for e in estimates]).T
    spread = np.subtract(*np.quantile(value, [0.975, 0.025]))
    held = (low <= truth + 1e-12) & (truth - 1e-12 <= high)
    return float(held.mean()), float((high - low).mean() / spread), float((high - low).min())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sets", type=int, default=1000, help="data sets a cell (default: 1000)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    options = parser.parse_args()
    cells = [
        Cell(*each)
        for each in product((1, 5), (20, 60, 124, 400), (0.75, 0.85, 0.95, 0.98), (0.1, 0.3, 0.5))
    ]
    results = share_work(measure, [(cell, options.sets) for cell in cells], options.jobs)
    names = list(results[0])
    print("| seeds | bags | AUC | positive | " + " | ".join(names) + " |")
    print("|---" * (4 + len(names)) + "|")
    for cell, row in zip(cells, results):
        shown = " | ".join(f"{held:.3f} ({ratio:.2f})" for held, ratio, _ in row.values())
        print(f"| {cell.seeds} | {cell.bags} | {cell.auc} | {cell.positive:.0%} | {shown} |")
    for name in names:
        print(f"\n{name}: least width {min(row[name][2] for row in results):.4f}")
        for large in (True, False):
            kept = [row[name] for c, row in zip(cells, results) if (c.bags >= 60) == large]
            held, ratios = np.array(kept).T[:2]
            print(
                f"  {'from 60 bags on' if large else '20 bags'}: coverage {held.min():.3f} to "
                f"{held.max():.3f}, mean {held.mean():.3f}; {(held < 0.93).sum()} of {len(held)} "
                f"cells below .93; width ratio median {np.median(ratios):.2f}, at most "
                f"{ratios.max():.2f}, {(ratios > 1.3).sum()} cells above 1.3"
            )


if __name__ == "__main__":
    main()
