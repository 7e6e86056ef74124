"""TCGA slides in files: a clone of HIPT's repository, or what ``data/tcga/pack.py`` makes of it.

Chen et al. 2022, "Scaling vision transformers to gigapixel images via hierarchical self-supervised
learning" (CVPR). Both forms give the same values, since features are rounded to float16 in both.
"""

import hashlib
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from mil_tutorial.datasets.features.tables import (
    Table,
    csv_text,
    in_order,
    parse_table,
    read_table,
)
from mil_tutorial.system.files import replacing, write_whole
from mil_tutorial.system.paths import cache_dir, data_dir, read_checksums, user_data_dir
from mil_tutorial.system.reading import load_weights, read_arrays, readable

COMMIT = "c22f0ecf"
"""Of 6 June 2022; later commits keep the bags in Git LFS."""
RESTORE = f"restore it from commit {COMMIT} of HIPT, which has all files (data/tcga/README.md)"
TABLES = "2-Weakly-Supervised-Subtyping/dataset_csv"
BAGS = "3-Self-Supervised-Eval/embeddings_slide_lib/vit256mean_tcga_slide_embeddings"
SPLITS = "10foldcv_subtype"
"""The folder of the published folds, wherever it lies."""
N_SPLITS = 10
WIDTH = 192
CLINICAL = ("case_id", "site", "age", "is_female", "survival_months", "censorship", "oncotree_code")
MUTATIONS = {
    "brca": ("PIK3CA_mut", "TP53_mut", "CDH1_mut"),
    "lung": ("PIK3CA_mut", "TP53_mut"),
}
"""The mutations that are read, of each cohort."""


class Slides(NamedTuple):
    """A cohort: bags (n, 192) float16, columns of text with a cell for each bag, published folds.

    A fold is a dictionary of train, val and test with the names of slides.
    """

    bags: list[np.ndarray]
    columns: dict[str, list[str]]
    splits: list[dict[str, list[str]]]


def find_tcga(cohort: str) -> Path:
    """Return the folder ``tcga`` in the user's data folder, or else in the cache.

    Raises
    ------
    FileNotFoundError
        When neither is there; the message says how to get the data.
    """
    own = user_data_dir()
    places = [folder / "tcga" for folder in (own, cache_dir()) if folder is not None]
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"the slides of TCGA {cohort.upper()} are not here (no folder "
        f"{' or '.join(map(str, places))}). They are for non-commercial academic use: clone "
        f"https://github.com/mahmoodlab/HIPT at commit {COMMIT} as data/tcga/README.md says, into "
        "a folder tcga in the folder that MIL_TUTORIAL_DATA names"
    )


def read_slides(cohort: str, folder: Path) -> Slides:
    """Read a cohort from a clone or a packed folder, and compare it with the published values.

    Raises
    ------
    FileNotFoundError
        When a file is missing.
    ValueError
        When a file is damaged, a Git LFS pointer, or of another commit.
    """
    if (folder / TABLES).is_dir():
        columns = _original_table(folder / TABLES / f"tcga_{cohort}_subset.csv.zip", cohort)
        bags = _original_bags(folder / BAGS, columns["slide"], cohort)
    elif (table := folder / f"tcga_{cohort}_slides.csv").is_file():
        columns = _columns(read_table(table), ("slide", *CLINICAL, *MUTATIONS[cohort]))
        bags = _packed_bags(folder / f"tcga_{cohort}_hipt192.npz", len(columns["slide"]))
    else:
        raise FileNotFoundError(
            f"{folder} holds neither {TABLES}, as a clone of HIPT does, nor {table.name}, as a "
            "packed folder does; see data/tcga/README.md"
        )
    slides = Slides(bags, columns, _splits(folder, cohort))
    _check_published(slides, cohort, folder)
    return slides


def write_packed(slides: Slides, cohort: str, folder: Path) -> None:
    """Write a cohort as ``.npz``, CSV and the CSV files of its folds."""
    features = np.concatenate(slides.bags)
    bag = np.repeat(np.arange(len(slides.bags), dtype=np.int32), list(map(len, slides.bags)))
    write_whole(
        folder / f"tcga_{cohort}_hipt192.npz",
        lambda file: np.savez_compressed(file, features=features, bag=bag),
    )
    tables = {folder / f"tcga_{cohort}_slides.csv": _as_csv(slides.columns)}
    for k, split in enumerate(slides.splits):
        tables[folder / SPLITS / f"tcga_{cohort}" / f"splits_{k}.csv"] = _as_csv(split)
    for path, text in tables.items():
        with replacing(path) as partial:
            partial.write_text(text, encoding="utf-8", newline="\n")


def digests(slides: Slides) -> dict[str, str]:
    """Return the SHA-256 of the table, of each fold and of each bag, by its name."""
    named = {"slides.csv": _as_csv(slides.columns).encode()}
    named |= {f"splits_{k}.csv": _as_csv(split).encode() for k, split in enumerate(slides.splits)}
    digest = {name: hashlib.sha256(content).hexdigest() for name, content in named.items()}
    for name, bag in zip(slides.columns["slide"], slides.bags):
        digest[name] = hashlib.sha256(np.ascontiguousarray(bag, "<f2").data).hexdigest()
    return digest


def _check_published(slides: Slides, cohort: str, folder: Path) -> None:
    expected = read_checksums(data_dir() / "tcga" / f"tcga_{cohort}.SHA256SUMS")
    present = digests(slides)
    if others := [name for name in expected if present.get(name) != expected[name]]:
        raise ValueError(
            f"{folder}: of TCGA {cohort.upper()}, {in_order(others, 3)} differ from commit "
            f"{COMMIT} of HIPT; {RESTORE}"
        )


def _as_csv(columns: Mapping[str, Sequence[str]]) -> str:
    """Return columns as CSV; those that are shorter end in empty cells."""
    return csv_text(columns, zip_longest(*columns.values()))


def _original_table(path: Path, cohort: str) -> dict[str, list[str]]:
    """Read the label table: the only member of a zip, a CSV in spite of its name ``….csv.zip``.

    The name also points out of the zip, so nothing is unpacked to disk.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing; {RESTORE}")
    with _restorable(), readable(path, "a zip file"), zipfile.ZipFile(path) as archive:
        if len(members := archive.infolist()) != 1:
            raise ValueError(f"it holds {len(members)} files, expected one CSV")
        text = archive.read(members[0]).decode("utf-8-sig")
    table = parse_table(path, io.StringIO(text, newline=""))
    columns = _columns(table, ("slide_id", *CLINICAL, *MUTATIONS[cohort]))
    slides = [name.removesuffix(".svs") for name in columns.pop("slide_id")]
    return {"slide": slides, **columns}


def _columns(table: Table, names: Sequence[str]) -> dict[str, list[str]]:
    if missing := [name for name in names if name not in table.header]:
        raise ValueError(
            f"{table.path} lacks the columns {in_order(missing)}; it has "
            f"{in_order(table.header)}; {RESTORE}"
        )
    return {name: table.column(name) for name in names}


def _original_bags(folder: Path, slides: Sequence[str], cohort: str) -> list[np.ndarray]:
    """Read the bags of these slides, a ``.pt`` file each."""
    paths = [folder / f"{slide}.pt" for slide in slides]
    if missing := [path.name for path in paths if not path.is_file()]:
        raise FileNotFoundError(
            f"{folder} lacks {len(missing)} of the {len(paths)} slides of TCGA {cohort.upper()}: "
            f"{in_order(missing, 3)}; {RESTORE}"
        )
    with _restorable():
        return [_original_bag(path) for path in paths]


def _original_bag(path: Path) -> np.ndarray:
    bag = load_weights(path)
    is_tensor = isinstance(bag, torch.Tensor)
    if not is_tensor or bag.ndim != 2 or bag.shape[1] != WIDTH:
        kind = f"shape {tuple(bag.shape)}" if is_tensor else type(bag).__name__
        raise ValueError(f"{path} holds {kind}, expected features (n, {WIDTH})")
    if not bag.is_floating_point() or bag.layout != torch.strided or bag.is_meta:
        raise ValueError(f"{path} holds {bag.dtype} ({bag.layout}), expected plain floats")
    return bag.detach().to(torch.float16).numpy()


def _packed_bags(path: Path, n_slides: int) -> list[np.ndarray]:
    """Read the bags of a packed cohort, whose rows are in the order of its table."""
    arrays = read_arrays(path, ("features", "bag"))
    features, bag = arrays["features"], arrays["bag"]
    if (
        features.shape != (*bag.shape, WIDTH)
        or features.dtype.kind != "f"
        or bag.dtype.kind not in "iu"
        or np.any(bag[1:] < bag[:-1])
    ):
        raise ValueError(
            f"{path}: features have shape {features.shape} ({features.dtype}) and bag {bag.shape} "
            f"({bag.dtype}), expected floats (N, {WIDTH}) and sorted integers (N,); pack the clone "
            "again"
        )
    places = np.searchsorted(bag, np.arange(1, n_slides))
    return np.split(features.astype(np.float16, copy=False), places)


def _splits(folder: Path, cohort: str) -> list[dict[str, list[str]]]:
    """Read the published folds: three columns of slides each, of unequal length."""
    if (first := next(folder.rglob(f"{SPLITS}/tcga_{cohort}/splits_0.csv"), None)) is None:
        raise FileNotFoundError(
            f"{folder} holds no {SPLITS}/tcga_{cohort}/splits_0.csv, the first of the published "
            f"folds; {RESTORE}"
        )
    splits = []
    for k in range(N_SPLITS):
        columns = _columns(read_table(first.with_name(f"splits_{k}.csv")), ("train", "val", "test"))
        splits.append({part: list(filter(None, cells)) for part, cells in columns.items()})
    return splits


@contextmanager
def _restorable() -> Iterator[None]:
    """Say of a file that cannot be used how to restore it."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{error}; or {RESTORE}") from error
