"""Where data lie: the folder that ships, and the folder the user names."""

import os
from importlib.resources import files
from pathlib import Path


def data_dir() -> Path:
    """Return the folder of the data that ship.

    A wheel carries it as ``mil_tutorial/data``; in a checkout (or an editable install) it is the
    repository's own ``data/``.

    Raises
    ------
    FileNotFoundError
        When neither exists, so the installation is incomplete.
    """
    package = Path(str(files("mil_tutorial")))
    for folder in (package / "data", package.parent / "data"):
        if (folder / "musk").is_dir():
            return folder
    raise FileNotFoundError(
        f"the data that ship with mil_tutorial are not beside {package}; install the package again"
    )


def user_data_dir() -> Path | None:
    """Return the folder named by ``MIL_TUTORIAL_DATA``, or ``None`` when the variable is unset."""
    name = os.environ.get("MIL_TUTORIAL_DATA")
    if not name:
        return None
    if not Path(name).is_dir():
        raise FileNotFoundError(f"MIL_TUTORIAL_DATA names {name}, which is not a folder")
    return Path(name)


def cache_dir() -> Path:
    """Return the folder for downloads, ``~/.cache/mil_tutorial`` on Linux.

    The variable ``MIL_TUTORIAL_CACHE`` names another.
    """
    import pooch

    return pooch.create(pooch.os_cache("mil_tutorial"), "", env="MIL_TUTORIAL_CACHE").abspath


def verify_checksum(path: Path) -> Path:
    """Return ``path`` after comparing it with the ``SHA256SUMS`` beside it."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; install the package again")
    expected = read_checksums(path.parent / "SHA256SUMS").get(path.name)
    if expected is None:
        raise ValueError(f"{path.parent / 'SHA256SUMS'} does not list {path.name}")
    from pooch import file_hash

    if (digest := file_hash(str(path))) != expected:
        raise ValueError(
            f"{path} has SHA-256 {digest[:12]}…, expected {expected[:12]}…; "
            "it is damaged or was changed: install the package again"
        )
    return path


def read_checksums(path: Path) -> dict[str, str]:
    """Return ``{relative path: SHA-256}`` from a file in the format of ``sha256sum``."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; install the package again")
    lines = (line.split(maxsplit=1) for line in path.read_text().splitlines() if line.strip())
    return {name.strip().lstrip("*"): digest for digest, name in lines}
