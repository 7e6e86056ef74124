"""Hospitals with a hidden flaw, to audit.

==========  =========================================================================
``leak``      test patients who are train patients registered again: same tissue, other id
``stain``     stain and scanner far from those of the four hospitals
``labels``    reports of patients exchanged: their labels in the table are wrong
``shortcut``  patients with tumour were mostly scanned on a second scanner
==========  =========================================================================

A flaw changes what is drawn under a line of the table, or the line's label, and nothing else. The
folder does not name it. The seeds in its table are drawn from a stream named after the flaw, by
which ``reveal`` recognises it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mil_tutorial.datasets.rendering.cohort import SPLITS, SlideSpec, split_of
from mil_tutorial.datasets.rendering.noise import stream
from mil_tutorial.datasets.rendering.slide import RenderedSlide, draw_slide
from mil_tutorial.datasets.rendering.stain import Stain

FLAWS = ("leak", "stain", "labels", "shortcut")
FEWEST = 48  # slides: eight pairs of patients, so that each split has one
COPIED, EXCHANGED, EXCEPTIONS = 0.5, 0.25, 0.1  # shares of the pairs of patients


@dataclass(frozen=True)
class Drawing:
    """What is really drawn under a line of the table."""

    tissue: SlideSpec
    glass: int
    restain: Callable[[Stain], Stain] | None = None


@dataclass(frozen=True)
class FlawedHospital:
    """A hospital with a flaw."""

    flaw: str  # one of ``FLAWS``
    specs: tuple[SlideSpec, ...]  # what its table says; the seeds are no seeds to draw from
    affected: Mapping[str, str]  # the slides that the flaw touches, and how
    drawings: Mapping[str, Drawing]  # what is drawn, by slide

    def render(self, spec: SlideSpec) -> RenderedSlide:
        """Draw what lies under a line of the table."""
        drawing = self.drawings[spec.slide_id]
        tissue = drawing.tissue
        return draw_slide(
            tissue.seed,
            tissue.patient,
            tissue.hospital,
            tissue.label,
            tissue.profile,
            glass=drawing.glass,
            restain=drawing.restain,
        )


def flaw_hospital(specs: Sequence[SlideSpec], flaw: str, seed: int) -> FlawedHospital:
    """Divide the cohort of one hospital into splits by patient, and plant a flaw.

    It is one of ``FLAWS``, or "hidden", which lets hospital and seed choose.
    """
    if flaw == "hidden":
        flaw = hidden_flaw(specs[0].hospital, seed)
    if flaw not in FLAWS:
        raise ValueError(f"flaw must be none, hidden or one of {', '.join(FLAWS)}; got {flaw!r}")
    if len(specs) < FEWEST:
        raise ValueError(
            f"a hospital with a flaw needs at least {FEWEST} slides, got {len(specs)}; "
            "ask for more, or for one without a flaw"
        )
    pairs = [
        [replace(spec, split=split_of(number)) for spec in pair]
        for number, pair in enumerate(_pairs(specs))
    ]
    rng = stream("flaw", flaw, specs[0].hospital, seed)
    as_planned = {spec.slide_id: Drawing(spec, spec.seed) for pair in pairs for spec in pair}
    table = {name: drawing.tissue for name, drawing in as_planned.items()}
    changed, affected = _PLANTERS[flaw](pairs, rng)
    if flaw == "labels":
        table |= {name: replace(table[name], label=1 - table[name].label) for name in affected}
    seeds = stream("told", flaw, specs[0].hospital, seed).integers(2**31, size=len(table))
    lines = [replace(spec, seed=int(s)) for spec, s in zip(table.values(), seeds, strict=True)]
    return FlawedHospital(flaw, tuple(lines), affected, as_planned | changed)


def hidden_flaw(hospital: str, seed: int) -> str:
    """Return the flaw that "hidden" stands for: always the same for a hospital and a seed."""
    return FLAWS[stream("hidden", hospital, seed).integers(len(FLAWS))]


Pairs = list[list[SlideSpec]]
Planted = tuple[dict[str, Drawing], dict[str, str]]


def _leak(pairs: Pairs, rng: np.random.Generator) -> Planted:
    """Draw train patients again, on glass of their own, for some of the test patients."""
    train = _draw_pairs(pairs, ("train",), 1.0, rng)
    drawings, affected = {}, {}
    for copy, original in zip(_draw_pairs(pairs, ("test",), COPIED, rng), train):
        for label in (0, 1):
            mine, theirs = ([s for s in pair if s.label == label] for pair in (copy, original))
            for line, tissue in zip(mine, theirs):
                drawings[line.slide_id] = Drawing(tissue, line.seed)
                affected[line.slide_id] = f"a second scan of {tissue.slide_id}"
    return drawings, affected


def _stain(pairs: Pairs, rng: np.random.Generator) -> Planted:
    """Stain and scan all slides in a way that no training hospital does."""
    lines = [spec for pair in pairs for spec in pair]
    drawings = {spec.slide_id: Drawing(spec, spec.seed, far_stain) for spec in lines}
    return drawings, dict.fromkeys(drawings, "stained and scanned in another way")


def _labels(pairs: Pairs, rng: np.random.Generator) -> Planted:
    """Exchange the labels of the two patients of some pairs."""
    chosen = _draw_pairs(pairs, SPLITS, EXCHANGED, rng)
    return {}, {s.slide_id: f"drawn with label {s.label}" for pair in chosen for s in pair}


def _shortcut(pairs: Pairs, rng: np.random.Generator) -> Planted:
    """Scan the ill patient of a pair on the second scanner, in few pairs the healthy one."""
    exceptions = _draw_pairs(pairs, SPLITS, EXCEPTIONS, rng)
    second = [s for pair in pairs for s in pair if s.label == int(pair not in exceptions)]
    drawings = {spec.slide_id: Drawing(spec, spec.seed, second_scanner) for spec in second}
    return drawings, dict.fromkeys(drawings, "scanned on the second scanner")


_PLANTERS: dict[str, Callable[[Pairs, np.random.Generator], Planted]] = {
    "leak": _leak,
    "stain": _stain,
    "labels": _labels,
    "shortcut": _shortcut,
}


def far_stain(stain: Stain) -> Stain:
    """Return pale nuclei, strong eosin and a dark, soft scanner: beyond all four hospitals."""
    return replace(
        stain,
        haematoxylin=0.62 * stain.haematoxylin,
        eosin=1.5 * stain.eosin,
        gamma=1.2 * stain.gamma,
        blur=stain.blur + 0.35,
    )


def second_scanner(stain: Stain) -> Stain:
    """Return the same stain in the colours of a slightly warmer scanner."""
    return replace(stain, matrix=np.diag([1.0, 0.97, 0.93]) @ stain.matrix)


def _pairs(specs: Sequence[SlideSpec]) -> Pairs:
    """Return the slides of each pair of patients: a healthy one comes before an ill one."""
    pairs: Pairs = []
    for before, spec in zip((None, *specs), specs):
        if before is None or (spec.label == 0 and before.label == 1):
            pairs.append([])
        pairs[-1].append(spec)
    return pairs


def _draw_pairs(
    pairs: Pairs, splits: Sequence[str], share: float, rng: np.random.Generator
) -> Pairs:
    """Draw a share of the pairs of each split."""
    chosen: Pairs = []
    for split in splits:
        own = [pair for pair in pairs if pair[0].split == split]
        chosen += [own[i] for i in rng.permutation(len(own))[: round(share * len(own))]]
    return chosen
