"""Baselines that use no MIL. A result that does not beat them says nothing about pooling."""

import numpy as np
import torch

from mil_tutorial.bags import MedicalBagDataset


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


BASELINES = {"bag_size": bag_size, "mean_feature": mean_feature, "colour": colour}


def baselines_for(dataset: MedicalBagDataset) -> tuple[str, ...]:
    """Name the baselines that suit the data: a mean pixel says nothing, a bag's colours may."""
    is_image = len(dataset.instance_shape) == 3
    return ("bag_size", "colour" if is_image else "mean_feature")


def baseline_probabilities(
    name: str, train: MedicalBagDataset, test: MedicalBagDataset
) -> np.ndarray:
    """Fit logistic regression to a description of the training bags; return test probabilities.

    Parameters
    ----------
    name : {"bag_size", "mean_feature", "colour"}
    train, test : MedicalBagDataset

    Returns
    -------
    array, shape (B,)
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    describe = BASELINES[name]
    model = make_pipeline(
        StandardScaler(), LogisticRegression(class_weight="balanced", max_iter=2000)
    )
    model.fit(describe(train), train.labels.numpy().astype(int))
    return model.predict_proba(describe(test))[:, 1]
