"""MNIST bags: handwritten digits in bags that are positive when a 9 is among them.

The protocol of Ilse et al. 2018, section 4.2: bag size N(10, 2), digits drawn uniformly, half of
the bags positive.
"""

import gzip
import shutil
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.system.downloads import PublishedFile, fetch
from mil_tutorial.system.errors import in_a_line
from mil_tutorial.system.files import replacing
from mil_tutorial.system.paths import cache_dir, user_data_dir

TARGET = 9


def mnist_bags(
    n_bags: int,
    *,
    train: bool,
    seed: int,
    mean_size: float = 10.0,
    size_deviation: float = 2.0,
    root: Path | None = None,
    digits: np.ndarray | None = None,
) -> MedicalBagDataset:
    """Draw bags of digits, half of them positive.

    Parameters
    ----------
    n_bags : int
    train : bool
        Draw from MNIST's training or test images.
    seed : int
        The same seed gives the same bags.
    mean_size, size_deviation : float
        Of the normal distribution of bag sizes, rounded, at least 1.
    root : path, optional
        Where MNIST lies.
    digits : int array, optional
        Draw only from the images at these places, so that training and validation can be kept
        apart.

    Returns
    -------
    MedicalBagDataset
        Instances (n, 1, 28, 28); instance label 1 where the digit is a 9.
    """
    pixels, values = read_pixels(train, root)
    pool = np.arange(len(values)) if digits is None else np.asarray(digits)
    is_target = values.numpy()[pool] == TARGET
    rng = np.random.default_rng(seed)
    labels = np.arange(n_bags) % 2  # 0 1 0 1 …
    bags = [_draw(rng, pool, is_target, bool(y), mean_size, size_deviation) for y in labels]
    source = "MNIST train" if train else "MNIST test"
    return MedicalBagDataset(
        [(_standardised(pixels[torch.from_numpy(rows)]), y) for rows, y in zip(bags, labels)],
        instance_labels=[(values.numpy()[rows] == TARGET).astype(int) for rows in bags],
        names=[f"{source} bag {i} (seed {seed})" for i in range(n_bags)],
    )


def _draw(
    rng: np.random.Generator,
    pool: np.ndarray,
    is_target: np.ndarray,
    positive: bool,
    mean_size: float,
    size_deviation: float,
) -> np.ndarray:
    """Draw uniform bags until one has the label: the plain distribution, conditioned."""
    while True:
        size = max(1, round(rng.normal(mean_size, size_deviation)))
        places = rng.choice(len(pool), size=size)
        if is_target[places].any() == positive:
            return pool[places]


def load_digits(train: bool, root: Path | None = None) -> tuple[Tensor, Tensor]:
    """Load MNIST: images (n, 1, 28, 28), standardised, and digits (n,).

    They are taken from ``root`` if given; else from the folder that ``MIL_TUTORIAL_DATA`` names, if
    it holds them; else from the user's cache. Where they are missing they are downloaded.

    Raises
    ------
    FileNotFoundError
        When the images are missing and cannot be downloaded.
    ValueError
        When they are damaged.
    """
    pixels, values = read_pixels(train, root)
    return _standardised(pixels), values


def read_pixels(train: bool, root: Path | None = None) -> tuple[Tensor, Tensor]:
    """Load MNIST as it is stored: images (n, 28, 28), uint8, and digits (n,); see ``load_digits``.

    A quarter of the memory, for those who need few images.
    """
    from torchvision.datasets import MNIST

    root = fetch_mnist(root)
    try:
        data = MNIST(str(root), train=train, download=False)
    except Exception as error:  # torchvision raises many kinds
        raise ValueError(
            f"MNIST in {root / 'MNIST' / 'raw'} cannot be read ({in_a_line(error)}); "
            "delete that folder to download it again"
        ) from error
    return data.data, data.targets


def _standardised(pixels: Tensor) -> Tensor:
    """Scale images (n, 28, 28) by the mean and deviation of MNIST's pixels: (n, 1, 28, 28)."""
    return pixels[:, None].float().div_(255).sub_(0.1307).div_(0.3081)


def fetch_mnist(root: Path | None = None) -> Path:
    """Return a folder that holds all of ``MNIST/raw``.

    Parameters
    ----------
    root : path, optional
        Where to look and to download. By default: the folder that ``MIL_TUTORIAL_DATA`` names, if
        it holds the digits, else the user's cache.
    """
    from torchvision.datasets import MNIST

    own = user_data_dir() if root is None else None
    packed_files = {f"MNIST/raw/{name}": md5 for name, md5 in MNIST.resources}
    files = {name.removesuffix(".gz"): name for name in packed_files}
    if own is not None and all((own / name).is_file() for name in files):
        return own
    folder = root or cache_dir()
    for name, packed in files.items():
        if (folder / name).is_file():
            continue
        urls = tuple(f"{mirror}{Path(packed).name}" for mirror in MNIST.mirrors)
        source = fetch(PublishedFile(packed, urls, f"md5:{packed_files[packed]}"), root)
        with (
            replacing(folder / name) as partial,
            partial.open("wb") as target,
            gzip.open(source) as unpacked,
        ):
            shutil.copyfileobj(unpacked, target)
    return folder
