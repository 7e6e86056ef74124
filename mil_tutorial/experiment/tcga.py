"""TCGA as benchmarks: divided by patient, by source site, or as published."""

import warnings
from collections.abc import Callable, Iterator

import numpy as np

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.splits import count_shared, scale_together
from mil_tutorial.datasets.tcga import TCGA, load_tcga
from mil_tutorial.experiment.benchmarks import Benchmark, Split, cross_validation
from mil_tutorial.experiment.recipe import DROPOUT, MEMBERS, default_config

FOLDS = 5
"""By patient and by site."""
WAYS = ("published", "patient", "site")
"""To divide the slides."""


def tcga_benchmark(
    cohort: str, folds: str = "patient", label: str = "subtype", allow_leak: bool = False
) -> Benchmark:
    """Return a cohort of TCGA as a benchmark; parameters as in ``load_benchmark``.

    Intervals are over what the folds hold out: source sites where they divide, else patients.
    """
    if folds not in WAYS:
        raise ValueError(f"folds are {folds!r}, expected one of {', '.join(WAYS)}")
    if allow_leak and folds != "published":
        raise ValueError(
            f"--allow-leak is for the published folds; folds by {folds} have no leak: leave it out"
        )
    tcga = load_tcga(cohort, label)
    dataset = tcga.dataset
    if folds == "published":
        test, splits, division = _published(tcga, cohort, label, allow_leak)
    else:
        test = dataset.with_groups(tcga.columns["site"]) if folds == "site" else dataset
        splits = cross_validation(test, FOLDS)
        division = f"{FOLDS}-fold cross-validation by {folds}"
        if folds == "site":
            division += f" ({len(set(test.groups))} codes, which the intervals are over too)"
    n_folds = len(tcga.published) if folds == "published" else FOLDS
    return Benchmark(
        name=f"tcga-{cohort}",
        description=f"TCGA {cohort.upper()}, HIPT region features: {len(dataset)} slides of "
        f"{len(set(dataset.groups))} patients, {division}; 1 is {tcga.classes[1]}, "
        f"0 is {tcga.classes[0]}",
        test=test,
        splits=splits,
        n_folds=n_folds,
        input_dim=dataset.instance_shape[0],
        members=MEMBERS,
        dropout=DROPOUT,
        config=default_config(len(dataset) - len(test) // n_folds),
        source={
            "label": label,
            "folds": folds,
            "negative": tcga.classes[0],
            "positive": tcga.classes[1],
        },
    )


def _published(
    tcga: TCGA, cohort: str, label: str, allow_leak: bool
) -> tuple[MedicalBagDataset, Callable[[int], Iterator[Split]], str]:
    """Return test bags, ``splits`` and their description; refuse the leak, or warn of it.

    The test bags of one fold follow those of another; a slide that several folds test is as often
    among them.
    """
    if not tcga.published:
        raise ValueError(f"no folds are published for {label}; divide by patient or by site")
    names = ("train", "test")
    folds = [{name: tcga.dataset.subset(fold[name]) for name in names} for fold in tcga.published]
    leak = count_shared("patients", folds)
    if not allow_leak:
        raise ValueError(
            f"the published folds of TCGA {cohort.upper()} do not keep patients apart ({leak}); "
            "divide by patient instead (--folds patient), or add --allow-leak to repeat the "
            "published protocol"
        )
    warnings.warn(f"the published folds do not keep patients apart: {leak}", stacklevel=4)
    tested = np.concatenate([fold["test"] for fold in tcga.published])
    n_tested = len(np.unique(tested))
    division = (
        f"the {len(tcga.published)} published folds with {len(tested)} test bags, which are "
        f"{n_tested} slides, since some are tested repeatedly and {len(tcga.dataset) - n_tested} "
        f"never; {leak}"
    )
    # The folds divide slides, so each slide counts as a patient in them.
    slides = tcga.dataset.with_groups(tcga.dataset.names)
    patients = dict(zip(tcga.dataset.names, tcga.dataset.groups))

    def split(fold: dict[str, np.ndarray], first: int) -> Split:
        parts = (slides.subset(fold[name]) for name in ("train", "val", "test"))
        train, val, test = scale_together(*parts)
        return Split(train, val, test, np.arange(first, first + len(test)), patients)

    def splits(seed: int) -> Iterator[Split]:
        firsts = np.cumsum([0, *(len(fold["test"]) for fold in tcga.published)])
        return map(split, tcga.published, firsts)

    return tcga.dataset.subset(tested), splits, division
