"""CAMELYON16: published scores of its 129 test slides, heat-map features, and a few patches.

From ``DIDSR/DeepLearningCamelyon_II``, a repository of the U.S. Food and Drug Administration (CC0).
Its classifiers were trained on patches with the pathologists' outlines, so they are no MIL.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mil_tutorial.datasets.features.tables import Table, read_table
from mil_tutorial.system.downloads import PublishedFile, fetch
from mil_tutorial.system.paths import data_dir, read_checksums

COMMIT = "1d48032fd6e229190a3f95264f7871cb348cc294"
ORIGIN = f"https://raw.githubusercontent.com/DIDSR/DeepLearningCamelyon_II/{COMMIT}/data/"
SUMS = "deeplearningcamelyon.SHA256SUMS"
SCORES = "reference_all_final_results_0515.csv"
PLACES = {
    SCORES: f"results/RF_results/{SCORES}",
    "RF_parameters": "results/RF_parameters",
    "patches": "sample_patches_256",
}
"""Where files lie in the repository, by the first part of their names here."""

CLASSIFIERS = (
    *("Method_I", "Method_II_noise_only", "Method_II_noise_norm"),
    *("pred_I", "pred_II", "pred_I_thres_07"),
)
"""The published score columns; the first three are the final ones of the three methods."""

THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9)
"""Of the probability, above which a part of a heat map is a hot region."""

FINAL = {"Method_I": 0.6, "Method_II_noise_only": 0.7, "Method_II_noise_norm": 0.7}
"""The threshold of each method's final model, by the authors' figures and saved models.

Whether they looked at the test slides to choose it is not known.
"""

SHEETS = {
    "Method_I": "PF_parameter_Method_I/{}_0502_Method_I_no_norm.csv",
    "Method_II_noise_only": (
        "PF_parameter_Method_II_Model_I_no_norm/{}_0502_Method_II_no_norm.csv"
    ),
    "Method_II_noise_norm": (
        "RF_parameter_Method_II_Model_I_norm/{tenths}/{}_0506_Method_II_Model_I_norm.csv"
    ),
}
"""Files of features, by method; the part that is left out names slides and threshold."""


@dataclass(frozen=True)
class SlideScores:
    """The 129 official test slides and the scores that classifiers gave them.

    Attributes
    ----------
    names : list of str
        ``test_001`` to ``test_130``, without 049.
    labels : int array, shape (129,)
        1: the slide has a metastasis (49), 0: normal (80).
    kinds : str array, shape (129,)
        ``macro`` (22) or ``micro`` (27), by the largest metastasis, or ``normal``.
    tumours : list of str
        The type of the patient's breast tumour, such as IDC, also of normal slides.
    scores : dict
        Name of a classifier → scores (129,) from 0 to 1.
    """

    names: list[str]
    labels: np.ndarray
    kinds: np.ndarray
    tumours: list[str]
    scores: dict[str, np.ndarray]

    def against_normal(self, kind: str) -> np.ndarray:
        """Return which slides, (129,) bool, are normal or of this kind, ``macro`` or ``micro``."""
        if kind not in ("macro", "micro"):
            raise ValueError(f"the kind is {kind!r}, expected macro or micro")
        return np.isin(self.kinds, (kind, "normal"))


@dataclass(frozen=True)
class HeatmapFeatures:
    """Thirty numbers about a classifier's heat map of each slide, such as its largest hot region.

    Attributes
    ----------
    names : list of str
        Of the features.
    train, test : float arrays, shapes (266, 30) and (129, 30)
        Of 157 normal and 109 tumour slides of the training set, and of the official test slides.
    train_labels, test_labels : int arrays, shapes (266,) and (129,)
    train_slides, test_slides : lists of str
    """

    names: list[str]
    train: np.ndarray
    train_labels: np.ndarray
    train_slides: list[str]
    test: np.ndarray
    test_labels: np.ndarray
    test_slides: list[str]


@dataclass(frozen=True)
class Patches:
    """Small pieces of four training slides at level 0, 0.243 µm a pixel.

    Attributes
    ----------
    pixels : uint8 array, shape (89, 256, 256, 3)
        RGB.
    labels : int array, shape (89,)
        1: tumour (44), 0: normal (45), which is tissue of tumour slides too.
    slides : list of str
        Such as ``tumor_064``: patches of one slide resemble each other, so divide by slide.
    names : list of str
    """

    pixels: np.ndarray
    labels: np.ndarray
    slides: list[str]
    names: list[str]


def load_camelyon16_scores() -> SlideScores:
    """Load the scores of six slide classifiers on the 129 official test slides.

    The table is looked for in ``camelyon16`` in the folder that ``MIL_TUTORIAL_DATA`` names, then
    in the cache, into which it is downloaded where it is missing (16 kB).

    Raises
    ------
    FileNotFoundError
        When it is missing and cannot be downloaded.
    ValueError
        When the file in the user's folder is not the published one.
    """
    table = _table(SCORES)
    kinds = [kind.lower() for kind in table.column("category_2")]
    return SlideScores(
        names=table.column("slide_name"),
        labels=np.array(table.column("truth"), dtype=int),
        kinds=np.array(["normal" if kind == "none" else kind for kind in kinds]),
        tumours=table.column("category_1"),
        scores={name: np.array(table.column(name), dtype=float) for name in CLASSIFIERS},
    )


def load_camelyon16_heatmap_features(
    method: str, threshold: float | None = None
) -> HeatmapFeatures:
    """Load what a method's heat maps look like on 266 training and the 129 test slides.

    Parameters
    ----------
    method : {"Method_I", "Method_II_noise_only", "Method_II_noise_norm"}
    threshold : float, optional
        Of hot regions, .5 to .9 in tenths; by default that of the method's ``FINAL`` model.

    Raises
    ------
    FileNotFoundError, ValueError
        As in ``load_camelyon16_scores``; for an unknown method or threshold.
    """
    if method not in SHEETS:
        raise ValueError(f"unknown method {method!r}; choose from {', '.join(SHEETS)}")
    threshold = FINAL[method] if threshold is None else threshold
    if threshold not in THRESHOLDS:
        raise ValueError(f"the threshold is {threshold}; choose from {THRESHOLDS}")
    scores = load_camelyon16_scores()
    normal, tumour, test = (
        _table(f"RF_parameters/{_sheet(method, threshold, part)}")
        for part in ("normal", "tumor", "test")
    )
    label = dict(zip(scores.names, scores.labels))  # the sheet of the test slides has none
    return HeatmapFeatures(
        names=normal.header[FIRST:],
        train=np.concatenate([_features(normal), _features(tumour)]),
        train_labels=np.repeat([0, 1], [len(normal.rows), len(tumour.rows)]),
        train_slides=_slides(normal) + _slides(tumour),
        test=_features(test),
        test_labels=np.array([label[slide] for slide in _slides(test)]),
        test_slides=_slides(test),
    )


FIRST = 3
"""Column of the first feature: an index without a name, the slide and its label come before."""


def _sheet(method: str, threshold: float, part: str) -> str:
    tenths = round(10 * threshold)
    name = f"data_sheet_for_random_forest_16_strike_{part}_{tenths}"
    return SHEETS[method].format(name, tenths=tenths)


def _features(table: Table) -> np.ndarray:
    return np.array([table.column(name) for name in table.header[FIRST:]], dtype=float).T


def _slides(table: Table) -> list[str]:
    return [name.removesuffix(".tif") for name in table.column("name")]


def load_camelyon16_patches() -> Patches:
    """Load 45 normal and 44 tumour patches; the first time 89 files are downloaded (13 MB).

    Raises
    ------
    FileNotFoundError, ValueError
        As in ``load_camelyon16_scores``.
    """
    from PIL import Image

    listed = sorted(name for name in _checksums() if name.startswith("patches/"))
    pixels = []
    for name in listed:
        with Image.open(_fetch(name)) as file:
            pixels.append(np.array(file.convert("RGB")))
    names = [name.split("/")[-1].removesuffix(".png") for name in listed]
    return Patches(
        pixels=np.stack(pixels),
        labels=np.array([name.startswith("patches/tumor/") for name in listed], dtype=int),
        slides=["_".join(name.split("_")[:2]) for name in names],
        names=names,
    )


def _table(name: str) -> Table:
    return read_table(_fetch(name))


def _fetch(name: str) -> Path:
    first, *rest = name.split("/")
    url = ORIGIN + "/".join([PLACES[first], *rest])
    return fetch(PublishedFile(f"camelyon16/{name}", (url,), f"sha256:{_checksums()[name]}"))


def _checksums() -> dict[str, str]:
    return read_checksums(data_dir() / "camelyon16" / SUMS)
