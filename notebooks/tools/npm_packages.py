"""Scripts from npm, for the site and its tests: versions and checksums in ``site/package.json``."""

import base64
import hashlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path, PurePosixPath

LIST = Path(__file__).parents[1] / "site" / "package.json"
PACKAGES = json.loads(LIST.read_text(encoding="utf-8"))
VERSIONS = PACKAGES["dependencies"] | PACKAGES["devDependencies"]


class NpmError(OSError):
    """npm is missing, or it got something other than package.json names."""


def fetch(name: str, wanted: dict[str, Path]) -> None:
    """Get one package with ``npm pack`` and take files out of it.

    Parameters
    ----------
    name : str
        A package that package.json names.
    wanted : dict
        Pattern of files in the package → folder to put them into.

    Raises
    ------
    NpmError
        When npm is absent or fails, or the package has another checksum.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise NpmError("npm is not on the PATH; it comes with Node.js and fetches scripts")
    package = f"{name}@{VERSIONS[name]}"
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run([npm, "pack", package], cwd=folder, capture_output=True, text=True)
        if done.returncode:
            raise NpmError(f"npm could not get {package}: {done.stderr.strip()[-300:]}")
        (archive,) = Path(folder).glob("*.tgz")
        digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
        if f"sha512-{digest}" != PACKAGES["integrity"][name]:
            raise NpmError(f"{package} has the checksum sha512-{digest}, not that in package.json")
        _unpack(archive, wanted)


def _unpack(archive: Path, wanted: dict[str, Path]) -> None:
    with tarfile.open(archive) as packed:
        for member in packed.getmembers():
            path = PurePosixPath(member.name)
            for pattern, target in wanted.items():
                if member.isfile() and path.match(pattern):
                    target.mkdir(parents=True, exist_ok=True)
                    (target / path.name).write_bytes(packed.extractfile(member).read())
