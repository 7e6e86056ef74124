"""Baselines without MIL: two below it, from whole bags, and one above, from every instance's label.

A result that does not beat the lower ones says nothing about pooling.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.bags.splits import group_folds, group_numbers
from mil_tutorial.metrics.decisions import auc
from mil_tutorial.system.numbers import check_kind


def bag_size(dataset: MedicalBagDataset) -> np.ndarray:
    """Describe each bag by log n_b, (B, 1): if this predicts the label, there is a shortcut."""
    return np.log(dataset.sizes.numpy())[:, None].astype(float)


def mean_feature(dataset: MedicalBagDataset) -> np.ndarray:
    """Describe each bag by the mean of its instances, flattened: (B, D)."""
    return dataset.bag_means().flatten(1).numpy()


def colour(dataset: MedicalBagDataset) -> np.ndarray:
    """Describe each bag of images by its colours: (B, 2 C).

    These are the means of the C channels over all pixels of the bag, then their deviations.
    """
    moments = (torch.std_mean(x, dim=(0, 2, 3), correction=0) for x in dataset.instances)
    return torch.stack([torch.cat([mean, deviation]) for deviation, mean in moments]).numpy()


STRENGTHS = [1e-3, 1e-2, 1e-1, 1.0]
"""Of the regression: C, the inverse of what its weights cost."""
BASELINES = {"bag_size": bag_size, "mean_feature": mean_feature, "colour": colour}


def baselines_for(dataset: MedicalBagDataset) -> tuple[str, ...]:
    """Name the baselines that suit the data: a mean pixel says nothing, a bag's colours may."""
    is_image = len(dataset.instance_shape) == 3
    return ("bag_size", "colour" if is_image else "mean_feature")


def baseline_probabilities(
    name: str, train: MedicalBagDataset, test: MedicalBagDataset
) -> np.ndarray:
    """Fit logistic regression to one of ``BASELINES`` of the training bags; predict the test bags.

    Its strength of regularisation has the highest mean AUC in cross-validation of the training
    bags, where each class has groups for it. Returns the probability of each test bag, (B,).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    check_kind(MedicalBagDataset, train=train, test=test)
    if name not in BASELINES:
        raise ValueError(f"unknown baseline {name!r}; choose from {', '.join(BASELINES)}")
    describe = BASELINES[name]
    regression = LogisticRegression(C=0.1, class_weight="balanced", max_iter=2000)
    model = make_pipeline(StandardScaler(), regression)
    if divisions := _divisions(train):
        grid = {"logisticregression__C": STRENGTHS}
        model = GridSearchCV(model, grid, scoring="roc_auc", cv=divisions)
    model.fit(describe(train), train.labels.numpy().astype(int))
    return model.predict_proba(describe(test))[:, 1]


def _divisions(train: MedicalBagDataset) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (train, test) rows of up to five folds by group; none where a class has few groups."""
    truth, group_of = train.labels.numpy().astype(int), group_numbers(train.groups)
    n_folds = min(5, *(len(np.unique(group_of[truth == value])) for value in (0, 1)))
    if n_folds < 3:
        return []
    return [
        (np.sort(np.r_[rest, val]), test)
        for rest, val, test in group_folds(truth.tolist(), group_of.tolist(), n_folds)
    ]


TOPS = (1, 2, 3)
"""How many of the highest instance probabilities may be averaged; validation bags choose."""


@dataclass(frozen=True)
class TileClassifier:
    """A classifier of single instances, and how their probabilities become one of the bag.

    Attributes
    ----------
    model : scikit-learn classifier
        Of features (n, D).
    top : int
        The mean of this many highest instance probabilities is the bag's; 1 is the maximum.
    """

    model: Any
    top: int

    def instance_probabilities(self, dataset: MedicalBagDataset) -> list[np.ndarray]:
        """Return the probability of each instance to be positive: B arrays (n_b,)."""
        return [self.model.predict_proba(x.numpy())[:, 1] for x in dataset.instances]

    def bag_probabilities(self, dataset: MedicalBagDataset) -> np.ndarray:
        """Return the probability of each bag, (B,)."""
        probabilities = self.instance_probabilities(dataset)
        return np.array([np.sort(p)[-self.top :].mean() for p in probabilities])


def fit_tile_classifier(
    train: MedicalBagDataset, val: MedicalBagDataset, seed: int = 0
) -> TileClassifier:
    """Train on every instance's label; choose on validation bags how a bag is called.

    A network of one hidden layer of 64 units; a tenth of the training instances, set aside, says
    when to stop.

    Parameters
    ----------
    train, val : MedicalBagDataset
        Of features (n, D). ``train`` needs ``instance_labels`` of both kinds; of ``val`` only the
        bags' labels are used, for ``top``.
    seed : int

    Raises
    ------
    ValueError
        When there are no instance labels, or of one kind only, or instances are images.
    """
    from sklearn.neural_network import MLPClassifier

    check_kind(MedicalBagDataset, train=train, val=val)
    if train.instance_labels is None:
        raise ValueError(
            "the training bags have no instance_labels; the upper reference needs a label for "
            "every instance, which is what MIL does without"
        )
    if len(train.instance_shape) != 1:
        raise ValueError(f"instances have shape {train.instance_shape}, expected features (D,)")
    truth = np.concatenate(train.instance_labels)
    if len(kinds := np.unique(truth)) < 2:
        raise ValueError(f"every instance label is {kinds[0]}; both kinds are needed to learn")
    model = MLPClassifier((64,), alpha=1e-2, early_stopping=True, random_state=seed)
    model.fit(np.concatenate([x.numpy() for x in train.instances]), truth)
    candidates = [TileClassifier(model, top) for top in TOPS]
    return max(candidates, key=lambda each: auc(val.labels.numpy(), each.bag_probabilities(val)))
