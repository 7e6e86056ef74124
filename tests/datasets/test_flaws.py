"""Hospitals with a hidden flaw: each is real, does no more than it should, and stays hidden."""

import csv
from functools import cache

import numpy as np
import pytest

from mil_tutorial import auc
from mil_tutorial.__main__ import main
from mil_tutorial.bags.dataset import MedicalBagDataset
from mil_tutorial.datasets import slides
from mil_tutorial.datasets.rendering.archive import load_features
from mil_tutorial.datasets.rendering.cohort import SPLITS, cohort, split_of
from mil_tutorial.datasets.rendering.flaws import FEWEST, FLAWS, flaw_hospital, hidden_flaw
from mil_tutorial.datasets.rendering.folder import reveal
from mil_tutorial.datasets.rendering.slide import draw_slide
from mil_tutorial.datasets.rendering.tiles import colour_statistics, cut_tiles, tissue_tiles
from mil_tutorial.experiment.audit import (
    colour_probabilities,
    fingerprints,
    hospital_distance,
    near_copies,
    training_means,
)
from mil_tutorial.models.tile_encoder import encode, load_tile_encoder

PLAN = cohort(hospital="NEW", n_slides=60, seed=0)


def flawed(flaw, plan=PLAN, seed=0):
    return flaw_hospital(plan, flaw, seed)


def honest(hospital):
    """The slides of the plan, in the order of the table."""
    return dict(zip((spec.slide_id for spec in hospital.specs), PLAN))


@cache
def drawn(drawing):
    tissue = drawing.tissue
    look = {"glass": drawing.glass, "restain": drawing.restain}
    return draw_slide(tissue.seed, tissue.patient, tissue.hospital, tissue.label, **look)


def image(hospital, slide_id):
    return drawn(hospital.drawings[slide_id]).image


@cache
def colours(drawing):
    picture = drawn(drawing).image
    return colour_statistics(picture, tissue_tiles(picture))


def bags(hospital, names):
    """Features of some slides, with the labels of the table."""
    encoder, pictures = load_tile_encoder(), [image(hospital, name) for name in names]
    coords = [tissue_tiles(picture) for picture in pictures]
    tiles = [cut_tiles(*pair) for pair in zip(pictures, coords)]
    labels = {spec.slide_id: spec.label for spec in hospital.specs}
    pairs = [(encode(encoder, x), labels[name]) for x, name in zip(tiles, names)]
    return MedicalBagDataset(pairs, coords=coords)


@pytest.mark.parametrize("flaw", FLAWS)
def test_the_table_is_that_of_the_plan_but_for_split_seeds_and_wrong_labels(flaw):
    hospital = flawed(flaw)
    assert hospital.flaw == flaw
    assert hospital == flawed(flaw)
    changed = 0
    for line, plan in zip(hospital.specs, PLAN, strict=True):
        for name in ("slide_id", "patient", "hospital", "profile"):
            assert getattr(line, name) == getattr(plan, name)
        changed += line.label != plan.label
    assert (changed > 0) == (flaw == "labels")
    assert {spec.split for spec in hospital.specs} == set(SPLITS)
    for patient in {spec.patient for spec in PLAN}:
        own = [spec for spec in hospital.specs if spec.patient == patient]
        assert len({spec.split for spec in own}) == len({spec.label for spec in own}) == 1


@pytest.mark.parametrize("flaw", FLAWS)
def test_only_the_affected_slides_are_drawn_otherwise(flaw):
    hospital, plan = flawed(flaw), {spec.slide_id: spec for spec in PLAN}
    assert set(hospital.affected) <= set(plan)
    for name, drawing in hospital.drawings.items():
        as_planned = (
            drawing.tissue.seed == plan[name].seed
            and drawing.glass == plan[name].seed
            and drawing.restain is None
        )
        assert as_planned == (flaw == "labels" or name not in hospital.affected), name


def test_labels_are_wrong_for_a_quarter_of_the_slides_in_both_classes():
    hospital = flawed("labels")
    listed, true = (np.array([s.label for s in specs]) for specs in (hospital.specs, PLAN))
    wrong = listed != true
    assert 0.15 <= wrong.mean() <= 0.35
    assert wrong[true == 0].sum() == wrong[true == 1].sum() > 0
    assert listed.mean() == true.mean()
    assert {s.slide_id for s, w in zip(PLAN, wrong) if w} == set(hospital.affected)


@pytest.mark.full
def test_a_leak_puts_the_same_tissue_into_train_and_test():
    hospital = flawed("leak")
    split = {spec.slide_id: spec.split for spec in hospital.specs}
    copies = {name: text.split()[-1] for name, text in hospital.affected.items()}
    tests = [name for name in split if split[name] == "test"]
    assert 0.3 <= len(copies) / len(tests) <= 0.7
    others = [name for name in tests if name not in copies][:4]
    train = [name for name in split if split[name] == "train"]
    originals = list(copies.values())
    assert set(originals) <= set(train)
    assert set(copies) <= set(tests)
    second, first = bags(hospital, [*copies, *others]), bags(hospital, originals)
    pairs = near_copies(fingerprints(first), fingerprints(second))
    assert pairs.tolist() == [[i, i] for i in range(len(copies))]
    patients = {spec.slide_id: spec.patient for spec in hospital.specs}
    for copy, original in copies.items():
        assert patients[copy] != patients[original]
        assert (image(hospital, copy) != image(hospital, original)).mean() > 0.3


@pytest.mark.full
def test_a_shortcut_lets_colour_alone_tell_the_classes_apart():
    aucs = {}
    for flaw in ("labels", "shortcut"):  # labels: pictures as planned
        hospital = flawed(flaw)
        values = np.stack([colours(hospital.drawings[spec.slide_id]) for spec in hospital.specs])
        labels = np.array([spec.label for spec in PLAN])
        patients = [spec.patient for spec in PLAN]
        aucs[flaw] = auc(labels, colour_probabilities(values, labels, patients))
    assert aucs["labels"] < 0.65
    assert aucs["shortcut"] > 0.8
    second = np.array([spec.slide_id in flawed("shortcut").affected for spec in PLAN])
    assert 0.8 <= (second == np.array([spec.label for spec in PLAN])).mean() < 1


@pytest.mark.full
def test_a_far_stain_lies_beyond_all_hospitals_and_keeps_the_tissue():
    names = [spec.slide_id for spec in PLAN[:8]]
    reference, where = training_means()
    means = {f: bags(flawed(f), names).bag_means().numpy() for f in ("stain", "labels")}
    distance = {f: hospital_distance(m, reference, where) for f, m in means.items()}
    assert distance["labels"] < 1.5 < distance["stain"]
    for name in names:
        one, other = (drawn(flawed(f).drawings[name]) for f in ("stain", "labels"))
        np.testing.assert_array_equal(one.tumour_mask, other.tumour_mask)


def test_hidden_is_deterministic_and_reaches_all_flaws():
    chosen = [hidden_flaw("NEW", seed) for seed in range(24)]
    assert chosen == [hidden_flaw("NEW", seed) for seed in range(24)]
    assert set(chosen) == set(FLAWS)
    assert chosen != [hidden_flaw("OLD", seed) for seed in range(24)]
    assert flawed("hidden").flaw == chosen[0]


def test_every_split_has_slides_of_both_classes_even_in_the_smallest_hospital():
    for seed in range(20):
        plan = cohort(hospital="NEW", n_slides=FEWEST, seed=seed)
        specs = flawed("leak", plan, seed).specs
        groups = {(spec.split, spec.label) for spec in specs}
        assert len(groups) == 6, seed
    assert split_of(0) == "train"


def test_nonsense_is_refused_in_one_line(tmp_path, capsys):
    for arguments, message in (
        (["--flaw", "dust"], "flaw must be none, hidden or one of leak, stain, labels, shortcut"),
        (["--flaw", "leak", "--n", "47"], "at least 48 slides, got 47"),
    ):
        assert main(["hospital", "--out", str(tmp_path / "new"), *arguments]) == 2
        error = capsys.readouterr().err
        assert message in error
        assert error.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_flaw_is_known_again_by_the_table_alone(tmp_path):
    table = tmp_path / "slides.csv"
    for flaw in FLAWS:
        rows = [vars(spec) for spec in flawed(flaw).specs]
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        assert reveal(tmp_path) == flawed(flaw)
    header, first, second, *others = table.read_text().splitlines(keepends=True)
    table.write_text("".join([header, second, first, *others]))
    with pytest.raises(ValueError, match=r"slides\.csv is not that of a hospital with a flaw"):
        reveal(tmp_path)


def test_the_command_writes_a_hospital(tmp_path, capsys):
    options = ["--hospital", "OLD", "--n", "2", "--flaw", "none", "--out", str(tmp_path / "new")]
    assert main(["hospital", *options]) == 0
    assert "Written to" in capsys.readouterr().out
    archive = load_features(tmp_path / "new" / "slides.npz")
    assert archive.hospital.tolist() == ["OLD", "OLD"]
    with pytest.raises(ValueError, match=r"slides\.csv is not that of a hospital with a flaw"):
        reveal(tmp_path / "new")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    out = tmp_path_factory.mktemp("hospitals") / "new"
    options = ["--hospital", "NEW", "--seed", "1", "--n", str(FEWEST)]
    assert main(["hospital", "--out", str(out), *options]) == 0
    return out


@pytest.mark.full
def test_the_folder_does_not_name_the_flaw_but_the_key_does(folder):
    names = " ".join(path.name for path in folder.rglob("*"))
    table = (folder / "slides.csv").read_text()
    for word in (*FLAWS, "hidden", "tumour"):
        assert word not in names
        assert word not in table
    archive = load_features(folder / "slides.npz")
    assert np.isnan(archive.tumour_fraction).all()
    hospital = reveal(folder)
    assert hospital.flaw == hidden_flaw("NEW", 1) == "labels"
    assert set(hospital.affected) <= set(archive.slide_id)
    label = dict(zip(archive.slide_id.tolist(), archive.label.tolist()))
    for name in label:
        ill = slides.slide_mask(name, folder).any()
        assert (ill != label[name]) == (name in hospital.affected)


@pytest.mark.full
def test_the_audit_of_a_folder_points_to_the_flaw(folder):
    from mil_tutorial.experiment.audit import audit

    assert audit(folder).alarms() == ("labels",)
