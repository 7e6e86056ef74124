"""How well frozen encoders tell tumour from normal: ``python data/results/encoders.py --out FILE``.

Logistic regression on the features of 89 real patches from four slides of CAMELYON16, judged in two
ways: patches dealt to folds at random, and folds by slide. And what faults of the encoder do to the
AUC, to the numbers of the features, and to features of the same patches without the fault.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from mil_tutorial.bags.splits import group_numbers
from mil_tutorial.datasets import Patches, load_camelyon16_patches
from mil_tutorial.datasets.features.reencoding import MISTAKES
from mil_tutorial.metrics.features import measure_features
from mil_tutorial.metrics.intervals import Estimate, measure_auc
from mil_tutorial.models.efficientnet_lite import EfficientNetLite0
from mil_tutorial.models.frozen import FrozenEncoder, load_frozen_encoder
from mil_tutorial.models.tile_encoder import encode, load_tile_encoder
from mil_tutorial.system.versions import environment

SEEDS, FOLDS = 5, 5
Encode = Callable[[Tensor], np.ndarray]


def encoders() -> Iterator[tuple[str, list[Encode]]]:
    """Yield encoders by name; of untrained ones, one for each seed."""
    lite0 = load_frozen_encoder("efficientnet-lite0")
    yield "efficientnet-lite0", [in_batches(lite0)]
    yield "efficientnet-lite0, untrained", [untrained(EfficientNetLite0, s) for s in range(SEEDS)]
    yield "resnet18, untrained", [untrained(_resnet18, s) for s in range(SEEDS)]
    yield "the course's own", [own]
    yield "six colours", [colours]


def in_batches(encoder: Callable[[Tensor], Tensor]) -> Encode:
    """Return a function from all patches to their features (n, D)."""

    def features(patches: Tensor) -> np.ndarray:
        with torch.inference_mode():
            return torch.cat([encoder(part) for part in patches.split(16)]).numpy()

    return features


def untrained(network: Callable[[], nn.Module], seed: int) -> Encode:
    """Return an encoder with the random weights that its network begins with."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return in_batches(FrozenEncoder("untrained", network(), [127.0] * 3, [128.0] * 3))


def _resnet18() -> nn.Module:
    from torchvision.models import resnet18

    network = resnet18()
    network.fc = nn.Identity()
    return network


def own(patches: Tensor) -> np.ndarray:
    """Encode each patch as 16 tiles of 32 pixels at about 0.5 µm/px; return their mean."""
    tiles = shrink(patches).unfold(1, 32, 32).unfold(2, 32, 32)  # (n, 4, 4, 3, 32, 32)
    tiles = tiles.permute(0, 1, 2, 4, 5, 3).reshape(-1, 32, 32, 3)
    return encode(load_tile_encoder(), tiles.numpy()).reshape(len(patches), 16, -1).mean(axis=1)


def colours(patches: Tensor) -> np.ndarray:
    """Return the means and deviations of red, green and blue."""
    deviation, mean = torch.std_mean(patches.float(), dim=(1, 2))
    return torch.cat([mean, deviation], dim=1).numpy()


def shrink(patches: Tensor) -> Tensor:
    """Halve the side of patches by averaging: twice the µm/px."""
    blocks = patches.float().unflatten(2, (-1, 2)).unflatten(1, (-1, 2))
    return blocks.mean(dim=(2, 4)).round().to(torch.uint8)


def enlarge(patches: Tensor) -> Tensor:
    """Show the middle of patches twice as large: half the µm/px, without further detail."""
    quarter = patches.shape[1] // 4
    middle = patches[:, quarter:-quarter, quarter:-quarter].permute(0, 3, 1, 2).float()
    twice = nn.functional.interpolate(middle, scale_factor=2, mode="bilinear")
    return twice.round().to(torch.uint8).permute(0, 2, 3, 1)


def faults() -> Iterator[tuple[str, Encode]]:
    """Yield ways to use EfficientNet-Lite0 wrongly."""
    encoder = load_frozen_encoder("efficientnet-lite0")
    yield "none", in_batches(encoder)
    yield "twice the µm/px", in_batches(lambda x: encoder(shrink(x)))
    yield "half the µm/px", in_batches(lambda x: encoder(enlarge(x)))
    for name, prepare in MISTAKES.items():

        def wrong(x: Tensor, prepare: Any = prepare) -> Tensor:
            return encoder.network(prepare(x.float(), encoder).permute(0, 3, 1, 2))

        yield name, in_batches(wrong)
    yield "weights not loaded", untrained(EfficientNetLite0, 0)


class Trial:
    """The patches, and how well a linear model of their features does.

    Only pairs of a tumour and a normal patch of one slide are compared: between slides the stain
    tells them apart, and two of the four have patches of one class only.
    """

    def __init__(self, patches: Patches) -> None:
        self.labels, self.slide_of = patches.labels, group_numbers(patches.slides)
        both = [
            len(set(self.labels[self.slide_of == k])) > 1 for k in range(max(self.slide_of) + 1)
        ]
        self.judged = np.array(both)[self.slide_of]

    def by_slide(
        self,
        features: list[np.ndarray],
        test: np.ndarray | None = None,
        scaler: type[TransformerMixin] = StandardScaler,
    ) -> np.ndarray:
        """Return log-odds (S, n) from models of the other slides; ``test``: other features."""
        return np.stack([self._by_slide(x, x if test is None else test, scaler) for x in features])

    def _by_slide(
        self, train: np.ndarray, test: np.ndarray, scaler: type[TransformerMixin]
    ) -> np.ndarray:
        scores = np.zeros(len(train))
        for k in np.unique(self.slide_of):
            held_out = self.slide_of == k
            model = classifier(scaler).fit(train[~held_out], self.labels[~held_out])
            scores[held_out] = model.decision_function(test[held_out])
        return scores

    def within_slides(self, scores: np.ndarray) -> Estimate:
        """Measure the AUC of held-out slides that have patches of both classes."""
        slide_of = np.unique(self.slide_of[self.judged], return_inverse=True)[1]
        folds = np.broadcast_to(slide_of, (len(scores), len(slide_of)))
        measured = measure_auc(self.labels[self.judged], scores[:, self.judged], slide_of, folds)
        return measured.estimate

    def random_folds(self, features: list[np.ndarray]) -> Estimate:
        """Measure the AUC when patches are dealt at random, and taken as independent."""
        scores, folds = [], []
        for seed in range(SEEDS):
            x = features[seed % len(features)]
            own, fold_of = np.zeros(len(x)), np.zeros(len(x), dtype=int)
            parts = StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(x, self.labels)
            for k, (train, test) in enumerate(parts):
                model = classifier().fit(x[train], self.labels[train])
                own[test], fold_of[test] = model.decision_function(x[test]), k
            scores.append(own)
            folds.append(fold_of)
        patches = np.arange(len(self.labels))
        return measure_auc(self.labels, np.stack(scores), patches, np.stack(folds)).estimate

    def false_alarms(self, scores: np.ndarray) -> float:
        """Return the share of normal patches of the judged slides that are called tumour."""
        return float((scores[:, self.judged & (self.labels == 0)] > 0).mean())

    def numbers(self, features: list[np.ndarray]) -> dict[str, float]:
        """Return what the features alone say; the mean over seeds."""
        slides = range(max(self.slide_of) + 1)
        each = [measure_features([x[self.slide_of == k] for k in slides]) for x in features]
        names = ("dead", "spread", "dimension", "between")
        return {name: float(np.mean([getattr(m, name) for m in each])) for name in names}


class OneScale(TransformerMixin, BaseEstimator):
    """Centre features and divide all by one number, so that weak features stay weak."""

    def fit(self, x: np.ndarray, y: object = None) -> "OneScale":
        """Remember the mean (D,) and the root mean square of all deviations."""
        self.mean_ = x.mean(axis=0, dtype=float)
        self.scale_ = float(np.sqrt(((x - self.mean_) ** 2).mean()))
        return self

    def transform(self, x: np.ndarray) -> np.ndarray:
        """Scale (n, D)."""
        return (x - self.mean_) / self.scale_


def classifier(scaler: type[TransformerMixin] = StandardScaler) -> Any:
    """Return a logistic regression on scaled features that counts both classes alike."""
    return make_pipeline(scaler(), LogisticRegression(class_weight="balanced", max_iter=2000))


def measure(patches: Patches) -> dict[str, Any]:
    """Measure all encoders and all faults."""
    trial, pixels = Trial(patches), torch.from_numpy(patches.pixels)
    record: dict[str, Any] = {"encoders": [], "faults": []}
    for name, seeds in encoders():
        features = [one(pixels) for one in seeds]
        row = {"name": name, "features": features[0].shape[1], "seeds": len(features)}
        row |= {"numbers": trial.numbers(features)}
        row |= {"auc_random_folds": asdict(trial.random_folds(features))}
        row |= {"auc_by_slide": asdict(trial.within_slides(trial.by_slide(features)))}
        one_scale = trial.by_slide(features, scaler=OneScale)
        row |= {"auc_by_slide_one_scale": asdict(trial.within_slides(one_scale))}
        record["encoders"].append(row)
    sound = None
    for name, wrong in faults():
        x = wrong(pixels)
        sound = x if sound is None else sound
        everywhere, in_one = trial.by_slide([x]), trial.by_slide([sound], test=x)
        gap = np.linalg.norm(x - sound, axis=1) / np.linalg.norm(sound, axis=1)
        row = {"name": name, "numbers": trial.numbers([x]), "difference": float(np.median(gap))}
        row |= {"auc_everywhere": asdict(trial.within_slides(everywhere))}
        one_scale = trial.by_slide([x], scaler=OneScale)
        row |= {"auc_everywhere_one_scale": asdict(trial.within_slides(one_scale))}
        row |= {"auc_in_one_slide": asdict(trial.within_slides(in_one))}
        one_scale = trial.by_slide([sound], test=x, scaler=OneScale)
        row |= {"auc_in_one_slide_one_scale": asdict(trial.within_slides(one_scale))}
        row |= {"false_alarms_in_one_slide": trial.false_alarms(in_one)}
        record["faults"].append(row)
    return record


def main(arguments: list[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="a JSON file")
    options = parser.parse_args(arguments)
    patches = load_camelyon16_patches()
    counts = {
        slide: np.bincount(patches.labels[np.array(patches.slides) == slide], minlength=2).tolist()
        for slide in sorted(set(patches.slides))
    }
    record = {"normal_and_tumour_patches": counts, "environment": environment()}
    record |= measure(patches)
    options.out.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
