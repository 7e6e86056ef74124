"""The instructor's key: which flaw a hospital has, and where."""

from __future__ import annotations

from pathlib import Path

from .cohort import cohort
from .flaws import FEWEST, FLAWS, FlawedHospital, flaw_hospital
from .folder import read_specs


def reveal(folder: str | Path) -> FlawedHospital:
    """Tell the flaw of a folder that `write_hospital` wrote.

    Nothing in the folder names it: the hospital is planned again with each flaw, and the one whose
    table is that of the folder is the one.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    FlawedHospital
        `flaw` names it, `affected` lists the slides it touches and how.

    Raises
    ------
    ValueError
        If the folder was written without a flaw, or its table was changed.
    """
    table = Path(folder) / "slides.csv"
    specs = read_specs(table)
    first = specs[0]
    seed = first.slide_id.rsplit("-", 2)[1]
    if seed.isdecimal():
        plan = cohort(first.profile, hospital=first.hospital, n_slides=len(specs), seed=int(seed))
        for flaw in FLAWS if len(specs) >= FEWEST else ():
            hospital = flaw_hospital(plan, flaw, int(seed))
            if list(hospital.specs) == specs:
                return hospital
    raise ValueError(f"{table} is not that of a hospital with a flaw; was it changed?")
