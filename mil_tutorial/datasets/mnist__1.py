"""The files of MNIST, laid out as torchvision reads them: ``MNIST/raw`` in a data folder.

They are not left to torchvision's own download: that waits for ever where a server falls silent.
"""

import gzip
import os
import shutil
import tempfile
from pathlib import Path

from mil_tutorial.datasets.downloads import PublishedFile, fetch
from mil_tutorial.datasets.paths import cache_dir, user_data_dir


def fetch_mnist(root: Path | None = None) -> Path:
    """Return a folder that holds all of ``MNIST/raw``.

    Parameters
    ----------
    root : path, optional
        Where to look and to download. By default: the folder that ``MIL_TUTORIAL_DATA`` names, if
        the digits are there, else the user's cache.

    Raises
    ------
    FileNotFoundError
        When they are not there and cannot be downloaded.
    ValueError
        When a packed file in the user's own folder is not as published. (Unpacked ones are taken
        as they are: what torchvision or this function unpacked.)
    """
    own = user_data_dir() if root is None else None
    if own is not None and all((own / name).is_file() for name in _unpacked()):
        return own
    folder = root or cache_dir()
    for name, packed in _unpacked().items():
        if not (folder / name).is_file():
            _unpack(fetch(packed, root), folder / name)
    return folder


def _unpacked() -> dict[str, PublishedFile]:
    """Return {name of the unpacked file in a data folder: what is published}."""
    from torchvision.datasets import MNIST

    return {
        f"MNIST/raw/{name.removesuffix('.gz')}": PublishedFile(
            f"MNIST/raw/{name}", tuple(f"{mirror}{name}" for mirror in MNIST.mirrors), f"md5:{md5}"
        )
        for name, md5 in MNIST.resources
    }


def _unpack(packed: Path, path: Path) -> None:
    """Unpack a .gz file; a kill at any moment leaves the whole file or none of this name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with os.fdopen(handle, "wb") as target, gzip.open(packed) as source:
            shutil.copyfileobj(source, target)
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
