"""Cohorts: patients, hospitals and splits, and the specification of every slide."""

from dataclasses import dataclass

from mil_tutorial.datasets.rendering.noise import stream
from mil_tutorial.datasets.rendering.slide import RenderedSlide, draw_slide

HOSPITALS = ("Ash", "Birch", "Cedar", "Elm")
PROFILES = ("default", "hard")
SPLITS = ("train", "val", "test")
TRAIN_SHARE, VAL_SHARE = 0.50, 0.18  # of the patients; the rest is for testing
COHORT_SEED = 2  # of 1 to 12, one whose bag sizes and colours happen to differ little by class


@dataclass(frozen=True)
class SlideSpec:
    """Everything a slide is drawn from."""

    slide_id: str  # unique among all cohorts
    seed: int  # decides the tissue, the day's stain, the artefacts and, in positives, the lesion
    patient: str  # slides of a patient share habits of the tissue and the look of the tumour
    hospital: str  # decides stain and scanner; any name will do
    label: int  # 1 if the slide holds a metastasis
    profile: str  # default or hard: lesions of about 4 % or 1 % of the tissue tiles (median)
    split: str  # all slides of a patient are in the same split


def cohort(
    profile: str = "default",
    *,
    hospital: str | None = None,
    n_slides: int = 400,
    seed: int = COHORT_SEED,
) -> list[SlideSpec]:
    """Return the specifications of a cohort of ``n_slides``; another seed gives other patients.

    Patients come in pairs, one with metastases in all slides and one without, from the same
    hospital, in the same split and with equally many slides. So neither the hospital nor the
    split nor the number of slides says anything about the label. All slides of a named hospital
    are in the split "test"; by default they come from the four of ``HOSPITALS``, each in all
    three splits.
    """
    if profile not in PROFILES:
        raise ValueError(f"profile must be one of {', '.join(PROFILES)}; got {profile!r}")
    if n_slides < 1:
        raise ValueError(f"n_slides must be at least 1; got {n_slides}")
    name = profile if hospital is None else f"{hospital}-{profile}-{seed}"
    specs: list[SlideSpec] = []
    pair = 0
    while len(specs) < n_slides:
        specs += _pair(name, pair, hospital, profile, seed, first=len(specs) + 1)
        pair += 1
    return specs[:n_slides]


def render_slide(spec: SlideSpec) -> RenderedSlide:
    """Draw a slide: ``image``, (512, 512, 3) uint8, and ``tumour_mask``, (512, 512) bool."""
    return draw_slide(spec.seed, spec.patient, spec.hospital, spec.label, spec.profile)


def _pair(
    name: str, pair: int, hospital: str | None, profile: str, seed: int, first: int
) -> list[SlideSpec]:
    """Return the slides of a healthy and an ill patient."""
    rng = stream("cohort", name, seed, pair)
    slides = 2 + int(rng.integers(2))
    where = hospital or HOSPITALS[pair % len(HOSPITALS)]
    split = split_of(pair) if hospital is None else "test"
    specs: list[SlideSpec] = []
    for label in (0, 1):
        patient = f"{name}-P{2 * pair + label + 1:03d}"
        for _ in range(slides):
            slide_id = f"{name}-{first + len(specs):03d}"
            draw = int(rng.integers(2**31))
            specs.append(SlideSpec(slide_id, draw, patient, where, label, profile, split))
    return specs


def split_of(pair: int) -> str:
    """Deal pairs to splits in proportion: multiples of the golden ratio fill [0, 1) evenly."""
    position = (0.25 + pair * 0.6180339887) % 1
    if position < TRAIN_SHARE:
        return "train"
    return "val" if position < TRAIN_SHARE + VAL_SHARE else "test"
