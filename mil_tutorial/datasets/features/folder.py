"""A folder of feature files and a table of labels, made into bags."""

import warnings
from collections import Counter, defaultdict
from pathlib import Path

import torch
from tqdm.auto import tqdm

from mil_tutorial.datasets.features.bags import FeatureBags
from mil_tutorial.datasets.features.files import FeatureFile, describe
from mil_tutorial.datasets.features.formats import FORMATS
from mil_tutorial.datasets.features.labels import LabelTable, read_labels
from mil_tutorial.datasets.features.tables import bare, look, one_form, shorten

SUBFOLDERS = ("h5_files", "features", "pt_files")
"""Where files lie below the folder a user names: CLAM's with coordinates, torchmil's, CLAM's."""
INDEX = ".index.npz"
"""Ending of slideflow's files that hold the places of the tiles and no features."""


def read_features(
    folder: Path | str,
    labels: Path | str,
    positive: str | None = None,
    split: Path | str | None = None,
) -> tuple[FeatureBags, LabelTable]:
    """Open a folder of features of slides, one file a slide, and reconcile it with its labels.

    Nothing but shapes is read. ``.h5`` (CLAM, TRIDENT), ``.pt`` (a tensor), ``.npz`` and ``.npy``
    (torchmil) hold ``features`` (N, D); coordinates come from the same file or from the folder
    ``coords`` beside that of the features.

    Parameters
    ----------
    folder : path
        Holds the files, or a folder ``h5_files``, ``features`` or ``pt_files`` with them. Hidden
        files are skipped; files that the table does not list are left out, with a warning.
    labels : path
        CSV: see ``read_labels``. A slide is the name of its file, with or without an ending.
    positive : str, optional
        The label that is 1, where its name does not tell.
    split : path, optional
        CLAM's file of a split: see ``read_labels``.

    Returns
    -------
    FeatureBags, LabelTable
        Both in the order of the table.

    Raises
    ------
    ValueError, FileNotFoundError
        One line that lists every slide without a file and every file that cannot be used.
    """
    table = read_labels(labels, positive, split)
    labels = labels if split is None else f"{labels} with {split}"
    return open_features(Path(folder), str(labels), table)


def open_features(folder: Path, labels: str, table: LabelTable) -> tuple[FeatureBags, LabelTable]:
    """Open the files of a table that was read from ``labels``: see ``read_features``."""
    paths, unlisted = _reconcile(folder, labels, feature_files(folder), table.slides)
    files = _describe_all(paths)
    if table.patients is None:
        warnings.warn(
            f"{labels} has no column patient, so each slide is taken as a patient of its own; "
            "slides of one patient may train and test the same model",
            stacklevel=2,
        )
    patients = table.patients or table.slides
    bags = FeatureBags(files, torch.tensor(table.labels, dtype=torch.float32), patients)
    return bags, table._replace(left_out=sorted(unlisted))


def open_folder(folder: Path | str) -> FeatureBags:
    """Open all feature files of a folder, without labels (NaN), each slide a patient of its own.

    What can be read, and what is refused, is as in ``read_features``.
    """
    files = feature_files(Path(folder))
    if twice := [name for name, paths in files.items() if len(paths) > 1]:
        raise ValueError(f"{folder} has several files for {shorten(twice)}: keep one kind")
    described = _describe_all([paths[0] for paths in files.values()])
    return FeatureBags(described, torch.full((len(files),), torch.nan), list(files))


def feature_files(folder: Path) -> dict[str, list[Path]]:
    """Return the feature files of each slide, by the name of the slide."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder} is no folder; name the folder of the feature files")
    for place in (folder, *(folder / name for name in SUBFOLDERS)):
        listed = sorted(place.iterdir()) if place.is_dir() else []
        if paths := [path for path in listed if _holds_features(path)]:
            files = defaultdict(list)
            for path in paths:
                files[one_form(path.stem)].append(path)
            return files
    deeper = (path for level in ("*/*", "*/*/*") for path in folder.glob(level))
    below = {str(path.parent.relative_to(folder)) for path in deeper if _holds_features(path)}
    which = "that folder" if len(below) == 1 else "one of these, or put their files in one folder"
    hint = f"; there are some in {shorten(below)}: name {which}" if below else ""
    raise ValueError(f"{folder} holds no feature files ({', '.join(FORMATS)}){hint}")


def _holds_features(path: Path) -> bool:
    """Return True for a feature file, by its name; macOS hides others, as ``._S1.h5``."""
    is_other = path.name.startswith(".") or path.name.endswith(INDEX)
    return path.suffix.lower() in FORMATS and not is_other and path.is_file()


def _reconcile(
    folder: Path, labels: str, files: dict[str, list[Path]], slides: list[str]
) -> tuple[list[Path], set[str]]:
    """Return the file of each slide in the order of the table, and the slides it does not list."""
    names = [slide if slide in files else bare(slide) for slide in slides]
    problems = []
    if missing := [slide for slide, name in zip(slides, names) if name not in files]:
        problems.append(
            f"no feature file for {shorten(missing)}: extract it or remove the row"
            f"{_like(folder, missing)}"
        )
    if twice := [name for name in set(names) if len(files.get(name, ())) > 1]:
        problems.append(f"several files for {shorten(twice)}: keep one kind")
    if again := [name for name, count in Counter(names).items() if count > 1]:
        problems.append(f"several rows for {shorten(again)}: keep one")
    if problems:
        raise ValueError(f"{folder} and {labels} do not agree: {'; '.join(problems)}")
    if extra := files.keys() - set(names):
        warnings.warn(
            f"{labels} does not list {len(extra)} of the {len(files)} slides in {folder}, which "
            f"are left out: {shorten(extra)}",
            stacklevel=3,
        )
    return [files[name][0] for name in names], extra


def _like(folder: Path, slides: list[str]) -> str:
    """Say which files have nearly the names of slides, or lie deeper than the others."""
    wanted = {look(bare(slide)) for slide in slides}
    like = (p for p in folder.rglob("*") if look(p.stem) in wanted and _holds_features(p))
    found = shorten(str(path.relative_to(folder)) for path in like)
    return found and f"; or is it {found}? Then spell both alike, and put all files in one folder"


def _describe_all(paths: list[Path]) -> list[FeatureFile]:
    """Look into all files before complaining of some."""
    files: list[FeatureFile] = []
    problems: list[str] = []
    # torchmil's folder of coordinates lies beside ``features`` or ``features/NAME``.
    beside = (parent / "coords" for parent in paths[0].parent.parents[:2])
    coords = next((place for place in beside if place.is_dir()), None)
    for path in tqdm(paths, desc="features", unit="file", leave=False, disable=None):
        try:
            files.append(describe(path, coords))
        except ValueError as error:
            problems.append(str(error))
    problems += _odd_widths(files)
    if problems:
        more = f" (and {len(problems) - 5} more such files)" if len(problems) > 5 else ""
        raise ValueError("; ".join(problems[:5]) + more)
    return files


def _odd_widths(files: list[FeatureFile]) -> list[str]:
    """Complain of widths that few files have."""
    by_width = defaultdict(list)
    for file in files:
        by_width[file.width].append(str(file.path))
    if len(by_width) < 2:
        return []
    usual = max(by_width, key=lambda width: len(by_width[width]))
    return [
        f"{shorten(names)}: features of width {width}, but {len(by_width[usual])} files have "
        f"{usual}; extract all with one encoder"
        for width, names in by_width.items()
        if width != usual
    ]
