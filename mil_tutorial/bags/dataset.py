"""Bags: a data set in which a label belongs to many instances together."""

import copy
import itertools
from collections.abc import Hashable, Iterable, Sequence, Sized
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from mil_tutorial.bags.digests import content, digest_of, sampled_rows
from mil_tutorial.bags.groups import group_values
from mil_tutorial.system.numbers import check_kind, shown

LARGEST = 1e30
"""Of a number in a bag: sums of products of larger ones may leave float32."""
LISTS = ("names", "groups", "instances", "instance_labels", "coords", "_digests", "_contents")
"""What a data set has for each bag, or not at all; labels are a tensor."""


class Bag(NamedTuple):
    """One bag: its instances and its only label."""

    instances: Tensor  # (n, D), or (n, C, height, width) for image tiles
    label: Tensor  # () float, 0 or 1


class MedicalBagDataset(Dataset[Bag]):
    """Bags with one binary label each, checked once, here.

    Parameters
    ----------
    bags : iterable of (instances, label)
        Instances of shape (n, D) or (n, C, height, width), any n ≥ 1; label 0 or 1.
    groups : sequence, optional
        The patient (or other group) of each bag. Splits keep a group together. Tensors of one
        element and NumPy scalars are taken by their value.
        By default each bag is a group of its own, in no other data set.
    instance_labels : sequence of arrays of shape (n,), optional
        Truth for each instance, 0 or 1: for evaluation, never for training.
    coords : sequence of arrays of shape (n, 2), optional
        x, y in pixels of each tile's top-left corner.
    names : sequence of str, optional
        What to call each bag in messages and figures.

    Raises
    ------
    ValueError
        For an empty data set or bag, NaN or infinity, instances of unequal shape, a label that is
        missing or not 0/1, a group that is missing, or side information of the wrong length. The
        message names the bag.
    """

    _digests: list[bytes] | None = None  # of derived bags: see ``checksum``
    _contents: list[bytes] | None = None  # of scaled bags: see ``contents``
    scale: tuple[Tensor, Tensor] | None = None
    """Mean and deviation by which the features were shifted and scaled, if they were."""

    def __init__(
        self,
        bags: Iterable[tuple[Any, Any]],
        *,
        groups: Sequence[Any] | None = None,
        instance_labels: Sequence[Any] | None = None,
        coords: Sequence[Any] | None = None,
        names: Sequence[str] | None = None,
    ) -> None:
        check_kind(Iterable, bags=bags)
        pairs = list(bags)
        if not pairs:
            raise ValueError("the data set has no bags; give at least one (instances, label) pair")
        for i, pair in enumerate(pairs):
            if not isinstance(pair, Sequence) or len(pair) != 2:
                raise ValueError(f"bag {i} is {shown(pair)}, expected (instances, label)")
        numbered = [f"bag {i}" for i in range(len(pairs))]
        self.names = numbered if names is None else _one_per_bag("names", names, len(pairs))
        self.groups = self._groups(groups)
        self.instances: Sequence[Tensor] = [
            as_instances(x, name) for (x, _), name in zip(pairs, self.names)
        ]
        self._check_shapes()
        self.labels = torch.tensor([_label(y, name) for (_, y), name in zip(pairs, self.names)])
        self.instance_labels = self._per_instance("instance_labels", instance_labels, ())
        self._check_truth()
        self.coords: Sequence[np.ndarray] | None = self._per_instance("coords", coords, (2,))

    def __len__(self) -> int:
        return len(self.instances)

    def __getitem__(self, index: int) -> Bag:
        return Bag(self.instances[index], self.labels[index])

    def sample(self, index: int, rows: Tensor) -> Bag:
        """Return bag ``index`` with the instances at ``rows`` (k,) only."""
        return Bag(self.instances[index][rows], self.labels[index])

    @property
    def sizes(self) -> Tensor:
        """Number of instances of each bag, shape (B,)."""
        return torch.tensor([len(x) for x in self.instances])

    @property
    def instance_shape(self) -> tuple[int, ...]:
        """Shape of one instance: (D,), or (C, height, width)."""
        return tuple(self.instances[0].shape[1:])

    def subset(self, indices: Iterable[int]) -> "MedicalBagDataset":
        """Return the bags at ``indices``, in that order, with their side information.

        Indices are as NumPy has them: negative ones count from the end, and B bools are a mask.
        """
        chosen = self._rows(indices)
        part = object.__new__(MedicalBagDataset)  # the bags were checked already
        for name in LISTS:
            own = getattr(self, name)
            setattr(part, name, None if own is None else [own[i] for i in chosen])
        part.labels, part.scale = self.labels[chosen], self.scale
        return part

    def joined(self, other: "MedicalBagDataset") -> "MedicalBagDataset":
        """Return these bags and then those of ``other``, which are scaled alike."""
        both = object.__new__(MedicalBagDataset)
        for name in LISTS:
            own, more = getattr(self, name), getattr(other, name)
            setattr(both, name, None if own is None or more is None else [*own, *more])
        both.labels, both.scale = torch.cat([self.labels, other.labels]), self.scale
        return both

    def with_instances(self, instances: Sequence[Tensor], recipe: str = "") -> "MedicalBagDataset":
        """Return the same bags with other features for the same instances.

        Parameters
        ----------
        instances : sequence of B tensors (n_b, …)
        recipe : str
            How they were computed from the present ones. The new bags are then identified by the
            present ones and the recipe, because last digits differ between processors.
        """
        derived = MedicalBagDataset(
            zip(instances, self.labels),
            groups=self.groups,
            instance_labels=self.instance_labels,
            coords=self.coords,
            names=self.names,
        )
        if recipe:
            parents = self._digests or [digest_of(x) for x in self.instances]
            derived._digests = [digest_of(recipe, parent) for parent in parents]
        return derived

    def with_groups(self, groups: Sequence[Any]) -> "MedicalBagDataset":
        """Return the same bags in other groups, such as hospitals; nothing is copied."""
        regrouped = copy.copy(self)
        regrouped.groups = self._groups(groups)
        return regrouped

    def mean_and_deviation(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of each feature (of images, each channel) over all instances."""
        instances = torch.cat(list(self.instances))
        all_but_features = (0, *range(2, instances.ndim))
        deviation, mean = torch.std_mean(
            instances, dim=all_but_features, correction=0, keepdim=True
        )
        return mean[0], deviation[0]

    def scaled(self, mean: Tensor, deviation: Tensor, recipe: str = "") -> "MedicalBagDataset":
        """Return the same bags with each feature shifted by ``mean``, divided by ``deviation``.

        ``recipe`` says where both come from, as in ``with_instances``.
        """
        scaled = self.with_instances([(x - mean) / deviation for x in self.instances], recipe)
        scaled._contents = self.contents()
        if self.scale is not None:
            mean, deviation = self.scale[0] + mean * self.scale[1], deviation * self.scale[1]
        scaled.scale = (mean, deviation)
        return scaled

    def contents(self) -> list[bytes]:
        """Return for each bag bytes that tell its features, before any scaling, from others'."""
        return self._contents or [content(len(x), x[sampled_rows(len(x))]) for x in self.instances]

    def origin(self) -> dict[str, str | float]:
        """Return what is known of how the features were made, such as ``encoder``: here nothing."""
        return {}

    def bag_means(self) -> Tensor:
        """Mean instance of each bag: (B, D)."""
        return torch.stack([x.mean(dim=0) for x in self.instances])

    def checksum(self) -> str:
        """Return 16 hexadecimal digits that change with any instance, size or label.

        Derived bags are identified by their origin and ``recipe``, so that equal data have equal
        digits on every processor.
        """
        return digest_of(self.labels.numpy().tobytes(), *(self._digests or self.instances)).hex()

    def _rows(self, indices: Iterable[int]) -> list[int]:
        """Return the bags that indices mean, from 0 to B - 1."""
        given = list(indices)
        try:
            rows = np.arange(len(self))[np.array(given)].tolist() if given else []
        except IndexError as error:
            raise ValueError(f"{len(self)} bags have no subset {shown(given)}: {error}") from error
        if not rows:
            raise ValueError("a subset needs at least one bag, got no indices")
        return rows

    def _groups(self, groups: Sequence[Any] | None) -> list[Hashable]:
        if groups is None:
            number = next(_data_sets)
            return [f"{name} of data set {number}" for name in self.names]
        return group_values(_one_per_bag("groups", groups, len(self.names)), self.names)

    def _check_shapes(self) -> None:
        expected = self.instance_shape
        for instances, name in zip(self.instances, self.names):
            if tuple(instances.shape[1:]) != expected:
                raise ValueError(
                    f"{name}: instances have shape {tuple(instances.shape[1:])}, but those of "
                    f"{self.names[0]} have {expected}; extract all features with one encoder"
                )

    def _check_truth(self) -> None:
        for truth, label, name in zip(self.instance_labels or [], self.labels, self.names):
            if label == 0 and truth.any():
                raise ValueError(
                    f"{name}: the label is 0, but instance {int(truth.argmax())} is labelled 1; "
                    "a bag with a positive instance is positive"
                )

    def _per_instance(
        self, what: str, values: Sequence[Any] | None, shape: tuple[int, ...]
    ) -> list[np.ndarray] | None:
        if values is None:
            return None
        arrays = [np.asarray(v) for v in _one_per_bag(what, values, len(self))]
        for array, instances, name in zip(arrays, self.instances, self.names):
            if array.shape != (expected := (len(instances), *shape)):
                raise ValueError(f"{name}: {what} has shape {array.shape}, expected {expected}")
            if what == "instance_labels" and not np.isin(array, (0, 1)).all():
                raise ValueError(f"{name}: instance_labels must be 0 or 1")
            if what == "coords" and not (array.dtype.kind in "iuf" and np.isfinite(array).all()):
                raise ValueError(f"{name}: coords must be finite numbers")
        return arrays


_data_sets = itertools.count()


def first_unusable(instances: Tensor) -> int | None:
    """Return the first instance that holds NaN, infinity or a number beyond ``LARGEST``, or None.

    The sum is large then, and needs no copy of the bag; only in that case it is searched for.
    """
    if instances.sum().abs() < LARGEST:
        return None
    bad = (~(instances.flatten(1).abs() < LARGEST)).any(dim=1)
    return int(bad.nonzero()[0]) if bad.any() else None


def _one_per_bag(what: str, values: Sequence[Any], n_bags: int) -> list[Any]:
    check_kind(Sized, **{what: values})
    if len(values) != n_bags:
        raise ValueError(f"{what} has {len(values)} entries for {n_bags} bags; give one for each")
    return list(values)


def as_instances(values: Any, name: str) -> Tensor:
    """Return the instances of one bag, checked, as a float32 tensor; not copied where they are."""
    try:
        if isinstance(values, Tensor):
            is_real = not values.is_complex()
        else:
            values = np.asarray(values)
            is_real = values.dtype.kind in "biuf"
        if not is_real:
            raise TypeError(f"their type is {values.dtype}")
        if isinstance(values, np.ndarray):  # torch takes no mirrored one, nor another byte order
            with np.errstate(over="ignore"):  # infinity is refused below
                values = torch.from_numpy(np.require(values, np.float32, ["C", "W"]))
        instances = values.detach().to_dense().float()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"{name}: instances are no array of numbers ({error})") from error
    if instances.ndim < 2 or 0 in instances.shape[1:]:
        raise ValueError(f"{name}: instances have shape {tuple(instances.shape)}, expected (n, D)")
    if len(instances) == 0:
        raise ValueError(f"{name} is empty; leave out bags without instances")
    if (row := first_unusable(instances)) is not None:
        what = "numbers beyond 1e30" if instances[row].isfinite().all() else "NaN or infinity"
        raise ValueError(f"{name}: instance {row} holds {what}; extract it again")
    return instances


def _label(value: Any, name: str) -> float:
    try:
        label = float(value)
    except (TypeError, ValueError):
        label = float("nan")
    if label not in (0.0, 1.0):
        raise ValueError(f"{name}: the label is {value!r}, expected 0 or 1")
    return label
