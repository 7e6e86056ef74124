"""Bags that stay in their files until they are read."""

from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import partial
from hashlib import blake2b
from typing import TypeVar, overload

import torch
from torch import Tensor
from tqdm.auto import tqdm

from mil_tutorial.bags.dataset import Bag, MedicalBagDataset
from mil_tutorial.bags.digests import digest_of
from mil_tutorial.datasets.features.files import FeatureFile, combine
from mil_tutorial.datasets.features.tables import shorten
from mil_tutorial.metrics.features import CONSTANT


class FeatureBags(MedicalBagDataset):
    """A ``MedicalBagDataset`` whose instances are read from files, each time they are asked for.

    Memory holds what is in use, never the data set. Everything that takes a ``MedicalBagDataset``
    takes it, and gives the same results.

    Parameters
    ----------
    files : sequence of FeatureFile
        All of one width.
    labels : Tensor of float, shape (B,)
    groups : sequence
        The patient of each bag.
    scale : (mean, deviation), optional
        Tensors (D,): each row is shifted and scaled by them when it is read.
    recipe : str
        Where ``scale`` comes from; see ``checksum``.
    """

    def __init__(
        self,
        files: Sequence[FeatureFile],
        labels: Tensor,
        groups: Sequence[Hashable],
        scale: tuple[Tensor, Tensor] | None = None,
        recipe: str = "",
    ) -> None:
        self.recipe = recipe
        self.files, self.labels, self.groups = list(files), labels, list(groups)
        self.names = [file.path.stem for file in files]
        self.scale = scale
        self.instances = _Lazy(self.files, partial(_read, scale=scale))
        self.instance_labels = None
        have_coords = all(file.coords_path for file in files)
        self.coords = _Lazy(self.files, FeatureFile.coords) if have_coords else None

    def __getitem__(self, index: int) -> Bag:
        return Bag(self.instances[index], self.labels[index])

    @property
    def sizes(self) -> Tensor:
        """Number of instances of each bag, shape (B,); nothing is read for it."""
        return torch.tensor([file.n for file in self.files])

    @property
    def instance_shape(self) -> tuple[int, ...]:
        """Shape of one instance: (D,)."""
        return (self.files[0].width,)

    def subset(self, indices: Iterable[int]) -> "FeatureBags":
        """Return the bags at ``indices``, in that order."""
        chosen = self._rows(indices)
        return FeatureBags(
            [self.files[i] for i in chosen],
            self.labels[chosen],
            [self.groups[i] for i in chosen],
            self.scale,
            self.recipe,
        )

    def joined(self, other: MedicalBagDataset) -> "FeatureBags":
        """Return these bags and then those of ``other``, which are of files and scaled alike."""
        assert isinstance(other, FeatureBags)
        files, groups = [*self.files, *other.files], [*self.groups, *other.groups]
        labels = torch.cat([self.labels, other.labels])
        return FeatureBags(files, labels, groups, self.scale, self.recipe)

    def sample(self, index: int, rows: Tensor) -> Bag:
        """Return bag ``index`` with the instances at ``rows`` (k,) only."""
        return Bag(_read(self.files[index], rows, self.scale), self.labels[index])

    def mean_and_deviation(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of each feature over all instances; each file is read once, ever."""
        files = tqdm(self.files, "mean and deviation", unit="file", leave=False, disable=None)
        _, mean, variance = combine(file.moments for file in files)
        deviation = variance.sqrt()
        deviation[deviation <= CONSTANT * mean.abs()] = 0
        if self.scale is not None:
            mean, deviation = (mean - self.scale[0]) / self.scale[1], deviation / self.scale[1]
        return mean.float(), deviation.float()

    def scaled(self, mean: Tensor, deviation: Tensor, recipe: str = "") -> "FeatureBags":
        """Return the same bags, each feature shifted and scaled when it is read."""
        if not recipe:
            recipe = blake2b(mean.numpy().tobytes() + deviation.numpy().tobytes()).hexdigest()
        recipe = f"{self.recipe}; {recipe}"
        if self.scale is not None:
            mean, deviation = self.scale[0] + mean * self.scale[1], deviation * self.scale[1]
        return FeatureBags(self.files, self.labels, self.groups, (mean, deviation), recipe)

    def bag_means(self) -> Tensor:
        """Mean instance of each bag: (B, D)."""
        means = torch.stack([file.moments.mean for file in self.files])
        if self.scale is not None:
            means = (means - self.scale[0]) / self.scale[1]
        return means.float()

    def origin(self) -> dict[str, str | float]:
        """Return what the files say of how their features were made, and refuse several ways.

        See ``FeatureFile.origin``; what only some files say counts for all.
        """
        stated: dict[str, dict[str | float, str]] = {}
        for file in self.files:
            for what, value in file.origin().items():
                stated.setdefault(what, {})[value] = f"{value} in {file.path.name}"
        for what, values in stated.items():
            if len(values) > 1:
                raise ValueError(
                    f"the files differ in their {what}: {shorten(values.values())}; extract all "
                    "features alike"
                )
        return {what: value for what, (value,) in stated.items()}

    def contents(self) -> list[bytes]:
        """Return the digest of each file: see ``FeatureFile.digest``."""
        return [file.digest for file in self.files]

    def checksum(self) -> str:
        """Return 16 hexadecimal digits that change with labels, sizes and sampled rows.

        Reading gigabytes to sum them would take as long as an epoch. So each file gives its shape
        and 16 rows, spread evenly from the first to the last: a file that was extracted again, cut
        or replaced is noticed, a change of single other rows is not. Names and times of files do
        not matter.
        """
        # The scale's own last digits depend on the processor, so its recipe counts.
        return digest_of(self.labels.numpy().tobytes(), *self.contents(), self.recipe).hex()


T = TypeVar("T")


class _Lazy(Sequence[T]):
    """What a function returns for each file, read on demand."""

    def __init__(self, files: list[FeatureFile], read: Callable[[FeatureFile], T]) -> None:
        self.files, self.read = files, read

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        if isinstance(index, slice):
            return [self.read(file) for file in self.files[index]]
        return self.read(self.files[index])


def _read(
    file: FeatureFile, rows: Tensor | None = None, scale: tuple[Tensor, Tensor] | None = None
) -> Tensor:
    values = file.read(rows)
    if scale is not None:
        values.sub_(scale[0]).div_(scale[1])  # in place: bags are large
    return values
