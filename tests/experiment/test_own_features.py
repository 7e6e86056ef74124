"""How the user's slides are divided: what stays together, and what is on both sides."""

import warnings

import numpy as np
import pytest
from feature_folders import toy_bags, write_folder, write_labels

from mil_tutorial import run_experiment, shared_groups
from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.training.config import TrainingConfig

BAGS = toy_bags(60)
NAMES = list(BAGS)
PATIENTS = [patient for _, _, patient in BAGS.values()]
SITES = [f"site {i // 8}" for i in range(60)]  # of two negative and two positive patients
LEAKY = ["test" if i % 5 == 0 else "val" if i % 5 == 1 else "train" for i in range(60)]
CLEAN = [("train", "train", "test", "val", "test")[int(p[1:-1]) % 5] for p in PATIENTS]


@pytest.fixture()
def folder(tmp_path):
    return write_folder(tmp_path / "own", BAGS)


def benchmark(folder, *, group=None, allow_leak=False, **columns):
    labels = write_labels(folder.parent / "l.csv", BAGS, **columns)
    return load_benchmark(folder, labels=labels, group=group, allow_leak=allow_leak)


def values_by_part(split, values):
    """Return what each part holds of a column, in any order."""
    of = dict(zip(NAMES, values))
    return [{of[name] for name in part.names} for part in split.parts().values()]


def on_both_sides(split, values):
    train, val, test = values_by_part(split, values)
    return train & val | train & test | val & test


def test_what_shares_a_value_is_on_one_side_and_intervals_go_by_patient(folder):
    own = benchmark(folder, group="Site", site=SITES)
    assert len(set(own.test.groups)) == 8  # intervals are over sites
    assert "cross-validation by patient and site (8 groups);" in own.description
    assert (own.source["group"], own.source["leaks"]) == ("site", [])
    for seed in range(3):
        splits = list(own.splits(seed))
        assert sorted(name for split in splits for name in split.test.names) == NAMES
        for split in splits:
            assert not on_both_sides(split, SITES)
            assert not on_both_sides(split, PATIENTS)
    by_patient = benchmark(folder, site=SITES)
    assert any(on_both_sides(split, SITES) for split in by_patient.splits(0))


def test_a_patient_of_two_sites_keeps_both_together(folder):
    sites = list(SITES)
    sites[NAMES.index("slide_00")] = "site 7"  # its patient's other slide is of site 0
    with pytest.warns(UserWarning, match=r"several values of site \(p00\) .* 8 values make 7 gro"):
        own = benchmark(folder, group="site", site=sites)
    for split in own.splits(0):
        assert not on_both_sides(split, sites)
        assert not on_both_sides(split, PATIENTS)


def test_by_patient_is_what_happens_anyway(folder):
    one, other = (benchmark(folder, group=group) for group in (None, "patient"))
    assert "cross-validation by patient;" in other.description == one.description
    for a, b in zip(one.splits(1), other.splits(1), strict=True):
        assert (a.train.names, a.test.names) == (b.train.names, b.test.names)


def test_leaks_of_a_given_division_are_counted(folder):
    parts = [{p for p, s in zip(PATIENTS, LEAKY) if s == part} for part in ("train", "val", "test")]
    shared = parts[2] & (parts[0] | parts[1])
    counted = rf"both sides: {len(shared)} of {len(parts[2])} in test, .* \({min(shared)}, .* more"
    with pytest.raises(ValueError, match=counted):
        benchmark(folder, split=LEAKY)
    with pytest.raises(
        ValueError, match=r"values of site on both sides: 5 of 6 in test, 3 of 3 in val"
    ):
        benchmark(folder, group="site", split=CLEAN, site=SITES)
    folds = [str(i // 20) for i in range(60)]  # tears site 2 and no patient
    counted = r"values of site in several folds: 1 of 8 \(site 2\); leave the division out, and "
    action = "compare makes one by patient and site, or repeat a published protocol with --allow-le"
    with pytest.raises(ValueError, match=counted + action):
        benchmark(folder, group="site", fold=folds, site=SITES)


def test_a_leak_that_is_allowed_is_trained_and_stands_in_the_report(folder):
    with pytest.warns(UserWarning, match="on both sides: .* results may be better than they"):
        own = benchmark(folder, split=LEAKY, allow_leak=True)
    (leak,) = own.source["leaks"]
    assert f"split as given ({leak});" in own.description
    (split,) = own.splits(0)
    assert split.test.names == [name for name, part in zip(NAMES, LEAKY) if part == "test"]
    assert own.test.groups == [p for p, part in zip(PATIENTS, LEAKY) if part == "test"]
    short = TrainingConfig(epochs=1, batch_size=16)
    experiment = run_experiment(own, poolings=["mean"], seeds=1, config=short, progress=False)
    assert experiment.runs["mean"].probabilities.shape == (1, 12)


def test_validation_is_made_by_patient_even_where_a_leak_is_allowed(folder):
    listed = ["train" if part == "val" else part for part in LEAKY]
    with pytest.warns(UserWarning, match="on both sides"):
        own = benchmark(folder, group="site", split=listed, site=SITES, allow_leak=True)
    for seed in range(3):
        (split,) = own.splits(seed)
        for values in (SITES, PATIENTS):
            train, val, _ = values_by_part(split, values)
            assert train.isdisjoint(val)


def test_members_validate_by_patient_even_where_a_leak_is_allowed(folder):
    with pytest.warns(UserWarning, match="in several folds"):
        own = benchmark(folder, fold=[str(i % 3) for i in range(len(NAMES))], allow_leak=True)
    for split in own.splits(0):
        members = split.for_members(2, seed=0)
        assert {id(member.train) for member in members} != {id(split.train)}
        for member in members:
            train, val, _ = values_by_part(member, PATIENTS)
            assert train.isdisjoint(val)


def test_nothing_changes_where_nothing_leaks(folder):
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        one, other = (benchmark(folder, split=CLEAN, allow_leak=allow) for allow in (False, True))
    assert one.description == other.description
    for a, b in zip(one.splits(0), other.splits(0), strict=True):
        assert a.train.groups == b.train.groups
        assert not shared_groups(**b.parts())
        np.testing.assert_array_equal(a.test_rows, b.test_rows)
