"""The file of a kept model: numbers and a text in JSON, in the format safetensors.

Nothing in the file is ever run.
"""

import json
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.experiment.kept import KeptModel, KeptTrial
from mil_tutorial.experiment.shift import Reference
from mil_tutorial.models.mil import MIL, build_model
from mil_tutorial.system.errors import in_a_line, short_of_memory
from mil_tutorial.system.reading import check_is_file, readable

FORMAT = 1
"""Version of the file; others are refused."""
KEY = "mil_tutorial.kept_model"
"""Where the text of the file has its JSON."""


def write_kept(kept: KeptModel) -> bytes:
    """Return the content of the file that ``load_kept`` reads."""
    from safetensors.torch import save

    tensors = {
        "contents": torch.tensor([list(one) for one in kept.contents], dtype=torch.uint8),
        "roles": torch.from_numpy(kept.roles.astype(np.uint8)),
        **{f"training.{name}": value for name, value in kept.reference._asdict().items()},
    }
    trials = []
    for t, trial in enumerate(kept.trials):
        for m, model in enumerate(trial.models):
            for name, value in model.state_dict().items():
                tensors[f"trial{t}.member{m}.{name}"] = value.detach().cpu().contiguous()
        if trial.scale is not None:
            tensors[f"trial{t}.mean"], tensors[f"trial{t}.deviation"] = trial.scale
        own = {"seed": trial.seed, "fold": trial.fold, "threshold": trial.threshold}
        trials.append(own | {"members": len(trial.models), "scaled": trial.scale is not None})
    text = {"format": FORMAT, "settings": kept.settings, "trials": trials}
    text = json.loads(json.dumps(text, allow_nan=False))  # as it will be read
    return save(tensors, {KEY: json.dumps(text | {"blake2b": _digest(text, tensors)})})


def load_kept(path: Path | str) -> KeptModel:
    """Load a model that ``compare --keep`` wrote; nothing in the file is run.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no kept model, is damaged, or is of another version of the format.
    """
    from safetensors import safe_open

    path = Path(path)
    check_is_file(path)
    with readable(path, "a kept model"), safe_open(path, framework="pt") as file:
        text = (file.metadata() or {}).get(KEY)
        names = file.keys() if text else []
        tensors = {name: file.get_tensor(name) for name in names}
    if text is None:
        raise ValueError(
            f"{path} holds tensors, but no model that compare --keep wrote; name one of its files "
            "model-NAME.safetensors"
        )
    try:
        stored = json.loads(text)
        if stored["format"] != FORMAT:
            raise ValueError(
                f"its format is {stored['format']}, this version of mil-tutorial reads {FORMAT}; "
                "use the version that wrote it"
            )
        if stored.pop("blake2b") != _digest(stored, tensors):
            raise ValueError("it has another checksum than when it was written; copy it again")
        kept = _from_stored(stored, tensors)
        _check(kept)
        return kept
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        if short_of_memory(error):
            raise
        reason = " ".join(in_a_line(error).split())[:300]
        raise ValueError(f"{path} cannot be used as a kept model: {reason}") from error


def _from_stored(stored: dict[str, Any], tensors: Mapping[str, Tensor]) -> KeptModel:
    settings, trials = stored["settings"], []
    for t, trial in enumerate(stored["trials"]):
        members = (f"trial{t}.member{m}." for m in range(trial["members"]))
        models, scale = [_model(settings, member, tensors) for member in members], None
        if trial["scaled"]:
            scale = tensors[f"trial{t}.mean"], tensors[f"trial{t}.deviation"]
        trials.append(KeptTrial(trial["seed"], trial["fold"], models, scale, trial["threshold"]))
    reference = Reference(*(tensors[f"training.{name}"] for name in Reference._fields))
    contents = [bytes(row.tolist()) for row in tensors["contents"]]
    return KeptModel(settings, trials, reference, contents, tensors["roles"].numpy())


def _model(settings: dict[str, Any], prefix: str, tensors: Mapping[str, Tensor]) -> MIL:
    """Build a model around its weights, whose width is that of its own head."""
    weights = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
    with torch.device("meta"):  # nothing is drawn, and no more memory taken than the weights have
        hidden = weights["head.weight"].shape[1]
        model = build_model(settings["pooling"], settings["width"], hidden)
    model.load_state_dict(weights, assign=True)
    return model.eval().requires_grad_(False)


def _check(kept: KeptModel) -> None:
    """Refuse parts that do not fit together, whoever wrote them, before computing with them."""
    trials, width, temperature = kept.trials, kept.width, kept.settings["temperature"]
    scales = [part for trial in trials for part in trial.scale or ()]
    models = [model for trial in trials for model in trial.models]
    weights = [value for model in models for value in model.state_dict().values()]
    fits = (
        all(isinstance(name, str) for name in kept.classes)
        and isinstance(kept.settings["features"], dict)
        and (temperature is None or temperature > 0)
        and len(trials) > 0
        and all(isinstance(one, int) for trial in trials for one in (trial.seed, trial.fold))
        and all(trial.models and 0 <= trial.threshold <= 1 for trial in trials)
        and kept.roles.shape == (len(trials), len(kept.contents))
        and all(part.shape == (width,) for part in (*kept.reference, *scales))
        and all((trial.scale[1] > 0).all() for trial in trials if trial.scale)
        and all(value.dtype == torch.float32 for value in (*scales, *weights))
        and all(value.isfinite().all() for value in (*kept.reference, *scales, *weights))
    )
    if not fits:
        raise ValueError("its parts do not fit together")


def _digest(text: dict[str, Any], tensors: Mapping[str, Tensor]) -> str:
    digest = blake2b(json.dumps(text, sort_keys=True).encode(), digest_size=16)
    for name in sorted(tensors):
        digest.update(f"{name} {tuple(tensors[name].shape)} {tensors[name].dtype}".encode())
        digest.update(tensors[name].contiguous().numpy().tobytes())
    return digest.hexdigest()
