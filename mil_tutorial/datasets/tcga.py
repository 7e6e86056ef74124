"""TCGA: real slides of breast and lung cancer as bags of features, with what is known of each.

The features are those of HIPT (Chen et al. 2022, CVPR): an instance is a region of 4096 × 4096
pixels at 20×, described by the 192 numbers of HIPT's transformer of regions. The encoder was
trained without labels on TCGA, slides that serve as test slides included.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.datasets.tcga_files import MUTATIONS, Slides, find_tcga, read_slides

SUBTYPES = {"brca": ("IDC", "ILC"), "lung": ("LUAD", "LUSC")}
"""The OncoTree codes that are 0 and 1: ductal and lobular, adenocarcinoma and squamous cell."""


@dataclass(frozen=True)
class TCGA:
    """Slides of TCGA with one binary label.

    Attributes
    ----------
    dataset : MedicalBagDataset
        Features (n, 192); groups are patients, names the slides' barcodes.
    classes : (str, str)
        What 0 and 1 stand for.
    columns : dict
        All columns of the table as text, a cell for each bag. ``site`` is the tissue source site:
        an institution and a project, so that one hospital may have several codes. ``censorship``
        is 1 where the patient was alive when last seen.
    published : list of dict
        Of the ten published folds the rows that train, val and test; empty where the label is no
        subtype. They divide slides, not patients, and a slide is tested in none to five of them.
    """

    dataset: MedicalBagDataset
    classes: tuple[str, str]
    columns: dict[str, list[str]]
    published: list[dict[str, np.ndarray]]


def load_tcga(cohort: str, label: str = "subtype", folder: Path | str | None = None) -> TCGA:
    """Load a cohort of TCGA with one of its labels.

    Parameters
    ----------
    cohort : {"brca", "lung"}
        937 slides of 897 breast cancer patients, or 958 of 862 lung cancer patients.
    label : str
        ``subtype``: IDC (0) against ILC (1), whose 875 slides are taken alone, or LUAD (0) against
        LUSC (1). Or a mutation, 0 or 1: ``TP53_mut``, ``PIK3CA_mut`` and, of BRCA, ``CDH1_mut``.
    folder : path, optional
        A clone of HIPT's repository, or what ``data/tcga/pack.py`` made of it. By default ``tcga``
        in the folder that ``MIL_TUTORIAL_DATA`` names, or else in the cache.

    Returns
    -------
    TCGA
        Features are rounded to float16, from either form, and held as float32. The published folds
        list 1,041 slides of BRCA and 1,033 of LUNG, of which 166 and 75 have no row in the table
        and are left out; every slide of the two classes is in each fold.

    Raises
    ------
    FileNotFoundError
        When the data, or one of their files, are missing.
    ValueError
        For an unknown cohort or label, or a file that is damaged or not as published.
    """
    if cohort not in SUBTYPES:
        raise ValueError(f"the cohort is {cohort!r}, expected {' or '.join(SUBTYPES)}")
    if label not in (labels := ("subtype", *MUTATIONS[cohort])):
        raise ValueError(
            f"TCGA {cohort.upper()} has no label {label!r}; it has {', '.join(labels)}"
        )
    slides = read_slides(cohort, find_tcga(cohort) if folder is None else Path(folder))
    is_subtype = label == "subtype"
    codes = SUBTYPES[cohort] if is_subtype else ("0", "1")
    values = slides.columns["oncotree_code" if is_subtype else label]
    rows = [row for row, value in enumerate(values) if value in codes]
    columns = {name: [cells[row] for row in rows] for name, cells in slides.columns.items()}
    gene = label.removesuffix("_mut")
    return TCGA(
        MedicalBagDataset(
            ((slides.bags[row], codes.index(values[row])) for row in rows),
            groups=columns["case_id"],
            names=columns["slide"],
        ),
        codes if is_subtype else (f"{gene} not mutated", f"{gene} mutated"),
        columns,
        _published(slides, columns["slide"]) if is_subtype else [],
    )


def _published(slides: Slides, names: list[str]) -> list[dict[str, np.ndarray]]:
    row = {name: i for i, name in enumerate(names)}
    return [
        {
            part: np.array([row[name] for name in listed if name in row])
            for part, listed in f.items()
        }
        for f in slides.splits
    ]
