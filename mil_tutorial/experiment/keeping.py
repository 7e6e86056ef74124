"""From an experiment to kept models: all that ``compare --keep`` writes, and what it refuses."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from mil_tutorial.datasets.features.files import Moments
from mil_tutorial.experiment.benchmarks import Benchmark
from mil_tutorial.experiment.kept import (
    TESTED,
    TRAINED,
    UNUSED,
    VALIDATED,
    KeptModel,
    KeptTrial,
)
from mil_tutorial.experiment.kept_files import write_kept
from mil_tutorial.experiment.run import Experiment
from mil_tutorial.experiment.shift import raw_moments, reference_of
from mil_tutorial.experiment.trials import WANTED_SENSITIVITY, new_model
from mil_tutorial.metrics.calibration import fit_temperature
from mil_tutorial.system.files import replacing
from mil_tutorial.system.versions import environment

PARTS = {"train": TRAINED, "val": VALIDATED, "test": TESTED}


def check_keepable(benchmark: Benchmark) -> dict[str, str | float]:
    """Return how the features were made, where that is known; refuse what cannot be kept.

    Raises
    ------
    ValueError
        For data whose encoder is trained with the rest, so that there are no features of new bags,
        or features of several encoders or resolutions.
    """
    if benchmark.make_encoder is not None or len(benchmark.test.instance_shape) != 1:
        raise ValueError(
            f"models of {benchmark.name} cannot be kept: they are trained with their encoder on "
            "pictures, and predict takes features; leave out --keep"
        )
    return benchmark.test.origin()


def kept_bytes(benchmark: Benchmark, poolings: Iterable[str], trials: int, members: int = 1) -> int:
    """Return how large the files of kept models will be, about."""
    models = [new_model(benchmark, pooling, seed=0) for pooling in poolings]
    weights = 4 * sum(value.numel() for model in models for value in model.parameters())
    beside = 50 * benchmark.input_dim + 10 * len(benchmark.test)  # of a trial: scale, roles, …
    return trials * (members * weights + beside)


def keep_model(experiment: Experiment, pooling: str, path: Path | str) -> Path:
    """Write all models of a pooling into one file, whole or not at all; see ``load_kept``.

    Parameters
    ----------
    experiment : Experiment
        From ``run_experiment`` with ``keep_models``.
    pooling : str
        One of its poolings.
    path : path

    Raises
    ------
    ValueError
        For what ``check_keepable`` refuses, or when only the first seed's models were kept.
    """
    with replacing(path) as partial:
        partial.write_bytes(write_kept(kept_models(experiment, [pooling])[pooling]))
    return Path(path)


def kept_models(
    experiment: Experiment, poolings: Sequence[str] | None = None
) -> dict[str, KeptModel]:
    """Return the kept model of each pooling; the splits are made once for all of them."""
    if not all(models for ensembles in experiment.ensembles.values() for models in ensembles):
        raise ValueError(
            "the experiment kept the models of its first seed only; run it with keep_models=True"
        )
    benchmark, runs = experiment.benchmark, experiment.runs
    settings = _settings(experiment)
    trials: dict[str, list[KeptTrial]] = {pooling: [] for pooling in poolings or runs}
    uses: list[dict[bytes, int]] = []
    moments: dict[bytes, Moments] = {}
    for row, seed in enumerate(experiment.seeds):
        for fold, split in enumerate(benchmark.splits(seed)):
            uses.append({})
            for name, part in reversed(split.parts().items()):  # a copy on both sides trained
                uses[-1] |= dict.fromkeys(part.contents(), PARTS[name])
            known = split.train.contents()
            if not moments.keys() >= set(known):
                moments |= dict(zip(known, raw_moments(split.train)))
            for pooling, own in trials.items():
                models = experiment.ensembles[pooling][len(own)]
                threshold = float(runs[pooling].threshold[row, experiment.folds[row] == fold][0])
                own.append(KeptTrial(seed, fold, models, split.train.scale, threshold))
    contents = list(dict.fromkeys(content for use in uses for content in use))
    roles = np.array([[use.get(content, UNUSED) for content in contents] for use in uses])
    for_all = reference_of(list(moments.values())), contents, roles
    kept = {}
    for pooling, own in trials.items():
        chosen = _temperature(experiment.validations[pooling])
        kept[pooling] = KeptModel(settings | {"pooling": pooling} | chosen, own, *for_all)
    return kept


def _settings(experiment: Experiment) -> dict[str, Any]:
    benchmark = experiment.benchmark
    source = benchmark.source
    return {
        "data": benchmark.name,
        "description": benchmark.description,
        "source": source,
        "features": check_keepable(benchmark),
        "width": benchmark.input_dim,
        "classes": [source.get("negative", "0"), source.get("positive", "1")],
        "seeds": len(experiment.seeds),
        "folds": benchmark.n_folds,
        "members": experiment.n_members,
        "threshold": f"of each seed and fold: the highest at which its validation bags reach a "
        f"sensitivity of {WANTED_SENSITIVITY:g}; 0.5 where no bags validate",
        "training": asdict(experiment.config),
        "checksums": experiment.checksums,
        "versions": environment(),
    }


def _temperature(validations: Sequence[np.ndarray]) -> dict[str, Any]:
    """Choose one temperature for all seeds and folds, on the validation bags of each."""
    labels, logits = np.concatenate(validations, axis=1)
    how = (
        f"lowest cross-entropy of {len(labels)} predictions for validation bags, each by the "
        f"models of a seed and fold ({len(validations)} in all) that did not train on the bag; "
        "these bags also chose epochs and thresholds. Tests had no part in it"
    )
    try:
        return {"temperature": fit_temperature(labels, logits), "temperature_from": how}
    except ValueError as error:
        return {"temperature": None, "temperature_from": f"none: {error}"}
