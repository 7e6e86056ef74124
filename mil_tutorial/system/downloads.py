"""Downloads: a published file, fetched once, compared with its checksum, kept in the cache."""

from dataclasses import dataclass
from pathlib import Path

from mil_tutorial.system.paths import cache_dir, user_data_dir

TIMEOUT = 30.0  # seconds without a byte
RETRIES = 2  # of each mirror


@dataclass(frozen=True)
class PublishedFile:
    """A file that somebody publishes."""

    name: str  # where it lies in a data folder, such as ``wsi/slide.svs``
    urls: tuple[str, ...]  # mirrors, the best first
    checksum: str  # ``sha256:…`` or ``md5:…``


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
    from requests import RequestException

    own = user_data_dir() if folder is None else None
    if own is not None and (path := own / file.name).is_file():
        return _verified(path, file)
    folder_of_downloads = folder or cache_dir()
    failures = []
    for url in file.urls:
        try:
            return _retrieve(url, file, folder_of_downloads)
        except RequestException as error:
            failures.append(f"{url}: {_reason(error)}")
        except ValueError:  # pooch's, for a checksum that differs
            failures.append(f"{url}: sent other bytes than were published")
    own_folder = f", or at {file.name} in the folder that MIL_TUTORIAL_DATA names"
    raise FileNotFoundError(
        f"{file.name} could not be downloaded ({'; '.join(failures)}); try again, or get "
        f"{file.urls[0]} in another way and put it at {folder_of_downloads / file.name}"
        f"{own_folder if folder is None else ''}"
    )


def _verified(path: Path, file: PublishedFile) -> Path:
    from pooch import file_hash

    algorithm, expected = file.checksum.split(":")
    if file_hash(str(path), alg=algorithm) != expected:
        raise ValueError(
            f"{path} is not the published file (its checksum is not {file.checksum}); delete it, "
            f"or get it again from {file.urls[0]}"
        )
    return path


def _retrieve(url: str, file: PublishedFile, folder: Path) -> Path:
    """Return the path of the file in ``folder``, where pooch downloads it if need be."""
    import pooch
    from tqdm.auto import tqdm

    pooch.get_logger().setLevel("WARNING")  # the bar tells of a download
    source = pooch.create(
        folder,
        base_url="",
        registry={file.name: file.checksum},
        urls={file.name: url},
        retry_if_failed=RETRIES,
    )
    # A total of 0 would be taken for no bar at all; the server tells the true one.
    bar = tqdm(
        total=1, desc=Path(file.name).name, unit="B", unit_scale=True, disable=None, leave=False
    )
    with bar:
        downloader = pooch.HTTPDownloader(progressbar=bar, chunk_size=1 << 16, timeout=TIMEOUT)
        return Path(source.fetch(file.name, downloader=downloader))


def _reason(error: Exception) -> str:
    """Return in few words what went wrong."""
    from requests import HTTPError, Timeout
    from requests.exceptions import ChunkedEncodingError

    if isinstance(error, HTTPError) and error.response is not None:
        return f"answered {error.response.status_code}"
    if isinstance(error, Timeout) or "timed out" in str(error):
        return f"silent for {TIMEOUT:g} s"
    if isinstance(error, ChunkedEncodingError):
        return "broke off"
    return "no connection; is this machine offline?"
