"""Whether a split keeps each patient on one side."""

from typing import Any

import numpy as np
from torch import Tensor

from mil_tutorial.checks.exercise import Wrong
from mil_tutorial.checks.judging import attempt


def examine_split(answer: Any) -> None:
    """Judge ``split_by_patient(patients, share, seed)`` by its properties."""
    rng = np.random.default_rng(2)
    many = np.repeat([f"P{i:02}" for i in range(40)], rng.integers(2, 4, 40))
    few = np.repeat(np.arange(12), 4)
    cases = [
        ("40 patients with 2 or 3 slides, share 0.25", rng.permutation(many), 0.25),
        ("12 patients with 4 slides, share 0.5", rng.permutation(few), 0.5),
    ]
    for case, patients, share in cases:
        is_val = _mask(answer, patients, share, 0, case)
        _check_split(is_val, patients, share, case)
        if not np.array_equal(is_val, _mask(answer, patients, share, 0, case)):
            raise Wrong(
                "seed 0 gave two different splits: draw from np.random.default_rng(seed) only"
            )
        others = [_mask(answer, patients, share, seed, case) for seed in (1, 2, 3)]
        if all(np.array_equal(is_val, other) for other in others):
            raise Wrong("seeds 0 to 3 give one and the same split: shuffle the patients with seed")
        for other in others:
            _check_split(other, patients, share, case)


def _mask(answer: Any, patients: np.ndarray, share: float, seed: int, case: str) -> np.ndarray:
    """Return what the answer says, as a boolean array of one entry a slide."""
    got = attempt(answer, patients, share, seed, case=case)
    if not isinstance(got, list) and not hasattr(got, "__array__"):
        kind = type(got).__name__
        raise Wrong(f"split_by_patient returned a {kind}, expected one boolean array")
    values = got.detach().numpy() if isinstance(got, Tensor) else np.asarray(got)
    if values.dtype.kind in "US" or any(isinstance(value, str) for value in values.flat):
        raise Wrong("that holds names; np.isin(patients, names) turns them into True and False")
    n_patients = len(np.unique(patients))
    if values.dtype == bool and values.shape == (n_patients,):
        raise Wrong(
            f"the array has one entry a patient ({n_patients}), expected one a slide "
            f"({len(patients)}): np.isin(patients, chosen)"
        )
    if values.dtype == bool and values.shape != patients.shape:
        raise Wrong(f"the array came in shape {values.shape}, expected {patients.shape}")
    if values.dtype != bool:
        raise Wrong(
            f"the array came in dtype {values.dtype}, expected bool: one True or False a slide, "
            "no indices and no 0 and 1"
        )
    return values


def _check_split(is_val: np.ndarray, patients: np.ndarray, share: float, case: str) -> None:
    if is_val.all() or not is_val.any():
        raise Wrong(f"{'every' if is_val.all() else 'no'} slide is in validation ({case})")
    inside, outside = set(patients[is_val].tolist()), set(patients[~is_val].tolist())
    if shared := sorted(inside & outside):
        raise Wrong(
            f"patient {shared[0]} has slides on both sides, and so have {len(shared) - 1} others "
            f"({case}). Draw patients, not slides"
        )
    n, wanted = len(inside | outside), share * len(inside | outside)
    if abs(len(inside) - wanted) <= 1 or abs(is_val.mean() - share) <= 0.05:
        return
    if abs(len(outside) - wanted) <= 1:
        raise Wrong(f"{len(inside)} of {n} patients are True ({case}): True means validation")
    raise Wrong(
        f"{len(inside)} of {n} patients are in validation, expected {wanted:g} ({case}): fix the "
        "number first, then draw so many patients without replacement"
    )
