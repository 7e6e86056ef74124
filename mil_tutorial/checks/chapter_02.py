"""Checks of chapter 02: bags, labels, and splits by patient."""

import copy
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.checks.exercise import NotAttempted, Wrong, exercise
from mil_tutorial.checks.judging import attempt, expect_number, expect_tensor, expect_values

PLACES = (3, 1)  # of the faulty bag among five
GOOD = [[1.0, 2.0], [3.0, 4.0]]
LOSS = "The loss takes float32: torch.tensor(1) is an integer, torch.tensor(1.0) is not."
ONE_HOT = "One number per bag, 0 or 1: not one-hot."
FAULTS = {
    "is empty": (np.zeros((0, 2)), 1),
    "holds one NaN": ([[1.0, 2.0], [0.0, float("nan")]], 1),
    "holds infinity": ([[1.0, float("inf")], [0.0, 0.0]], 0),
    "has the label 2": (GOOD, 2),
    "has the label 0.5": (GOOD, 0.5),
    "has the label 'tumour'": (GOOD, "tumour"),
    "has the one-hot label [0, 1]": (GOOD, [0, 1]),
    "has the one-hot label array([0, 1])": (GOOD, np.array([0, 1])),
    "has no label (None)": (GOOD, None),
    "has the label NaN": (GOOD, float("nan")),
}
STILL = (
    "The bug is still there: a folder's number depends on which other folders there are. "
    "Write down which name means which label."
)
FLIPPED = "The labels are flipped: normal is 0, tumour and metastasis are 1."


@exercise
def check_bag_dataset(answer: Any) -> str:
    """Check the class ``MedicalBagDataset(bags, groups=None)``."""
    if answer is None or answer is ...:
        raise NotAttempted
    if not callable(answer):
        raise Wrong(
            f"got an object of type {type(answer).__name__}, expected the class itself, without "
            "quotes or brackets: check_bag_dataset(MedicalBagDataset)"
        )
    generator = torch.Generator().manual_seed(2)
    features = [torch.randn(n, 2, generator=generator) for n in (3, 1, 3, 5, 1)]
    labels = [1, True, np.int64(0), torch.tensor(1), 0.0]  # all of them mean 0 or 1
    forms = [x.clone() for x in features]
    bags = list(zip([forms[0], forms[1].numpy(), forms[2].tolist(), *forms[3:]], labels))
    case = "bags whose labels are given as 1, True, numpy's 0, a tensor and 0.0"
    groups = ["P1", "P1", "P2", "P3", "P3"]
    dataset = attempt(lambda: answer(bags, groups=list(groups)), case=case)
    length = attempt(lambda: len(dataset), case="len(dataset)")
    if length == 0 and attempt(lambda: repr(dataset[0]), case="dataset[0]") == "None":
        raise NotAttempted
    if length != len(labels):
        raise Wrong(f"the data set has length {length}, expected {len(labels)}: keep every bag")
    for i, label in enumerate(labels):
        _check_item(dataset, i, features, label)
    if not all(map(torch.equal, forms, features)):
        raise Wrong("the data set changes the features it is given, and their owner loses them")
    kept = getattr(dataset, "groups", None)
    if not isinstance(kept, Sequence | np.ndarray | Tensor) or list(kept) != groups:
        raise Wrong("dataset.groups is not what was given: leave that line as it was")
    for fault, bag in FAULTS.items():
        for place in PLACES:
            _check_refusal(answer, fault, bag, place)
    return "items are right for every way to write 0 and 1, and ten kinds of broken bag are refused"


@exercise
def check_leak_chance(answer: Any) -> str:
    """Check the guess: the chance that a patient with two slides is on both sides."""
    mistakes = {
        "That is only one of two ways: either slide may be the one in validation.": 3 / 16,
        "That is the chance that both slides are in validation.": 1 / 16,
        "That is the chance that both slides are in training.": 9 / 16,
        "That is the chance that both slides are on the same side.": 10 / 16,
        "That is the chance that any slide is in validation; the other must be in training.": 7
        / 16,
        "That is the chance of one slide alone.": 1 / 4,
    }
    expect_number(answer, 3 / 8, "the chance", 0.01, mistakes)
    return "2 · 1/4 · 3/4 = 0.375, and it grows with the number of slides"


@exercise
def check_split_by_patient(answer: Any) -> str:
    """Check ``split_by_patient(patients, share, seed)`` by its properties."""
    rng = np.random.default_rng(2)
    many = np.repeat([f"P{i:02}" for i in range(40)], rng.integers(2, 4, 40))
    few = np.repeat(np.arange(12), 4)
    cases = [
        ("40 patients with 2 or 3 slides, share 0.25", rng.permutation(many), 0.25),
        ("12 patients with 4 slides, share 0.5", rng.permutation(few), 0.5),
    ]
    for case, patients, share in cases:
        is_val = _validation(answer, patients, share, 0, case)
        _check_split(is_val, patients, share, case)
        if not np.array_equal(is_val, _validation(answer, patients, share, 0, case)):
            raise Wrong(
                "seed 0 gave two different splits: draw from np.random.default_rng(seed) only"
            )
        others = [_validation(answer, patients, share, seed, case) for seed in (1, 2, 3)]
        if all(np.array_equal(is_val, other) for other in others):
            raise Wrong("seeds 0 to 3 all give the same split: shuffle the patients with seed")
        for other in others:
            _check_split(other, patients, share, case)
    return "whole patients, about the share you asked for, and another seed draws others"


@exercise
def check_folder_labels(answer: Any) -> str:
    """Check ``folder_labels(folders)``."""
    cases = {
        ("normal", "tumour", "normal"): [0, 1, 0],
        ("metastasis", "normal", "metastasis"): [1, 0, 1],
        ("tumour", "tumour"): [1, 1],
    }
    for folders, truth in cases.items():
        got = attempt(answer, list(folders), case=f"{list(folders)}")
        names = sorted(set(folders))
        mistakes = {STILL: [names.index(f) for f in folders], FLIPPED: [1 - y for y in truth]}
        expect_values(got, truth, "the label", mistakes, f"folders {', '.join(folders)}")
    try:
        got = answer(["normal", "control"])
    except Exception:
        return "the same name means the same label in every hospital, and unknown names are refused"
    label = got[1] if isinstance(got, Sequence | np.ndarray | Tensor) and len(got) > 1 else got
    raise Wrong(f"a folder called control silently got the label {label!r}: raise an error")


def _check_item(dataset: Any, i: int, features: list[Tensor], truth: Any) -> None:
    try:
        item = dataset[i]
    except Exception as error:
        raise Wrong(f"dataset[{i}] raised {type(error).__name__}: {error}") from error
    if item is None:
        raise Wrong(f"dataset[{i}] is None: __getitem__ must return (instances, label)")
    if not isinstance(item, tuple | list) or len(item) != 2:
        raise Wrong(f"dataset[{i}] came as {type(item).__name__}, expected (instances, label)")
    instances, label = item
    if isinstance(label, Tensor) and label.shape == features[i].shape != ():
        raise Wrong(f"dataset[{i}] holds the label first: return (instances, label)")
    _expect_label(label, i, float(truth), type(truth).__name__)
    what = f"the tensor of instances of item {i}"
    got = expect_tensor(instances, tuple(features[i].shape), what, "float")
    if got.dtype != torch.float32:
        raise Wrong(
            f"{what} came in dtype {got.dtype}, expected torch.float32: a model's weights are "
            "float32, and they do not multiply with anything else"
        )
    mistakes = {f"That is item {j}.": x for j, x in enumerate(features) if j != i}
    expect_values(got, features[i], what, mistakes)


def _check_refusal(answer: Any, fault: str, bag: tuple[Any, Any], place: int) -> None:
    bags = [(GOOD, k % 2) for k in range(5)]
    bags[place] = bag
    what = f"bag {place} of 5 {fault}"
    try:
        dataset = answer(copy.deepcopy(bags))
    except ValueError as error:
        numbers = re.findall(r"\d+", str(error))
        if str(place) in numbers:
            return
        if str(place + 1) in numbers:
            raise Wrong(f"{what}, but the message says: {error}. Count bags from 0") from error
        raise Wrong(f"{what}, and the message does not say which bag: {error}") from error
    except AssertionError as error:
        raise Wrong(f"{what}: an assert is skipped by python -O, raise ValueError") from error
    except Exception as error:
        raise Wrong(
            f"{what}: it raised {type(error).__name__} ({error}), expected a ValueError that "
            f"names bag {place}"
        ) from error
    if len(dataset) < len(bags):
        raise Wrong(f"{what}, and it was silently left out: raise ValueError")
    raise Wrong(f"{what}, and the data set took it: raise ValueError in __init__")


def _expect_label(label: Any, i: int, truth: float, source: str) -> None:
    """Refuse a label that is no float32 tensor () of this value; ``source`` is the type it had."""
    what = f"the label of item {i} (given as {source})"
    if not isinstance(label, Tensor):
        if isinstance(label, list | tuple | np.ndarray) and np.size(label) == 2:
            raise Wrong(f"{what} is {label!r}. {ONE_HOT}")
        raise Wrong(
            f"{what} is {label!r}, of type {type(label).__name__}, expected a float tensor: "
            "torch.tensor(1.0) for 1"
        )
    if tuple(label.shape) == (2,):
        raise Wrong(f"{what} came in shape (2,), expected (). {ONE_HOT}")
    if label.shape:
        raise Wrong(
            f"{what} came in shape {tuple(label.shape)}, expected (): one number, no brackets"
        )
    if label.dtype != torch.float32:
        raise Wrong(f"{what} came in dtype {label.dtype}, expected torch.float32. {LOSS}")
    if label != truth:
        raise Wrong(f"{what} is {label.item():g}, expected {truth:g}")


def _validation(
    answer: Any, patients: np.ndarray, share: float, seed: int, case: str
) -> np.ndarray:
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
            f"the array has one entry per patient ({n_patients}), expected one per slide "
            f"({len(patients)}): np.isin(patients, chosen)"
        )
    if values.dtype == bool and values.shape != patients.shape:
        raise Wrong(f"the array came in shape {values.shape}, expected {patients.shape}")
    if values.dtype != bool:
        raise Wrong(
            f"the array came in dtype {values.dtype}, expected bool: True or False for each slide, "
            "not indices, and not 0 and 1"
        )
    return values


def _check_split(is_val: np.ndarray, patients: np.ndarray, share: float, case: str) -> None:
    if is_val.all() or not is_val.any():
        raise Wrong(f"{'every' if is_val.all() else 'no'} slide is in validation ({case})")
    inside, outside = set(patients[is_val].tolist()), set(patients[~is_val].tolist())
    if shared := sorted(inside & outside):
        raise Wrong(
            f"patient {shared[0]} has slides on both sides, and so do {len(shared) - 1} others "
            f"({case}). Draw patients, not slides"
        )
    n, wanted = len(inside | outside), share * len(inside | outside)
    if abs(len(inside) - wanted) <= 1 or abs(is_val.mean() - share) <= 0.05:
        return
    if abs(len(outside) - wanted) <= 1:
        raise Wrong(f"{len(inside)} of {n} patients are True ({case}): True means validation")
    raise Wrong(
        f"{len(inside)} of {n} patients are in validation, expected {wanted:g} ({case}): fix the "
        "number first, then draw that many patients without replacement"
    )
