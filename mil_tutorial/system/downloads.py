"""Downloads: a published file, fetched once, compared with its checksum, kept in the cache."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mil_tutorial.system.paths import cache_dir, user_data_dir

TIMEOUT = 30.0  # seconds without a byte
ROUNDS = 3  # over all mirrors
PAUSE = 2.0  # seconds before the second round, twice that before the third


@dataclass(frozen=True)
class PublishedFile:
    """A file that somebody publishes.

    Attributes
    ----------
    name : str
        Where it lies in a data folder, such as ``wsi/slide.svs``.
    urls : tuple of str
        Mirrors, the best first.
    checksum : str
        ``sha256:…`` or ``md5:…``.
    """

    name: str
    urls: tuple[str, ...]
    checksum: str


def fetch(file: PublishedFile, folder: Path | None = None) -> Path:
    """Return the path of a published file, whole; download it if it is not here.

    It is looked for in the folder that ``MIL_TUTORIAL_DATA`` names, then in the user's cache, and
    downloaded into the cache: under another name, until it is complete and its checksum agrees.

    Parameters
    ----------
    file : PublishedFile
    folder : path, optional
        Look and download here, and nowhere else.

    Raises
    ------
    FileNotFoundError
        When no mirror gives the file; the message says how to put it there by hand.
    ValueError
        When the file in the user's own folder is not the published one.
    """
    own = user_data_dir() if folder is None else None
    if own is not None and (path := own / file.name).is_file():
        return _verified(path, file)
    target = (folder or cache_dir()) / file.name
    if target.is_file() and _agrees(target, file):
        return target
    failures = _download(file, target)
    if failures is None:
        return target
    reasons = "; ".join(f"{url}: {reason}" for url, reason in failures.items())
    own_folder = f", or at {file.name} in the folder that MIL_TUTORIAL_DATA names"
    raise FileNotFoundError(
        f"{file.name} could not be downloaded ({reasons}); try again, or get {file.urls[0]} in "
        f"another way and put it at {target}{own_folder if folder is None else ''}"
    )


def _verified(path: Path, file: PublishedFile) -> Path:
    if not _agrees(path, file):
        raise ValueError(
            f"{path} is not the published file (its checksum is not {file.checksum}); delete it, "
            f"or get it again from {file.urls[0]}"
        )
    return path


def _agrees(path: Path, file: PublishedFile) -> bool:
    from pooch import file_hash

    algorithm, expected = file.checksum.split(":")
    return file_hash(str(path), alg=algorithm) == expected


def _download(file: PublishedFile, target: Path) -> dict[str, str] | None:
    """Try the mirrors in turn, in several rounds; return why each failed, or None for success."""
    from requests import RequestException

    failures: dict[str, str] = {}
    urls = list(file.urls)
    for number in range(ROUNDS):
        if urls:
            time.sleep(PAUSE * number)
        for url in list(urls):
            try:
                _retrieve(url, file, target)
            except RequestException as error:
                failures[url] = _reason(error)
                if _is_final(error):
                    urls.remove(url)
            except ValueError:  # pooch's, for a checksum that differs
                failures[url] = "sent other bytes than were published"
            else:
                return None
    return failures


def _retrieve(url: str, file: PublishedFile, target: Path) -> None:
    import pooch
    from tqdm.auto import tqdm

    name = target.name
    with (
        _quiet(pooch.get_logger()),
        # A total of 0 would be taken for no bar at all; the server tells the true one.
        tqdm(total=1, desc=name, unit="B", unit_scale=True, disable=None, leave=False) as bar,
    ):
        downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=TIMEOUT)
        pooch.retrieve(url, file.checksum, name, target.parent, downloader=downloader)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)


def _is_final(error: Exception) -> bool:
    """Tell whether the server says that asking again is of no use (404 and its like)."""
    status = getattr(getattr(error, "response", None), "status_code", 0)
    return 400 <= status < 500 and status not in (408, 429)


def _reason(error: Exception) -> str:
    """Say in few words what went wrong."""
    from requests import ConnectionError as NoConnection
    from requests import HTTPError, Timeout

    text = str(error)
    if isinstance(error, HTTPError) and error.response is not None:
        return f"answered {error.response.status_code}"
    if isinstance(error, Timeout) or "timed out" in text:
        return f"silent for {TIMEOUT:g} s"
    if any(sign in text for sign in ("IncompleteRead", "ended prematurely", "aborted", "reset")):
        return "broke off"
    if isinstance(error, NoConnection):
        return "no connection; is this machine offline?"
    return " ".join(text.split())[:100] or type(error).__name__
