import unicodedata
import warnings

import numpy as np
import pytest
import torch
from feature_folders import grid, toy_bags, write_file, write_folder, write_labels

from mil_tutorial.datasets.features.folder import read_features
from mil_tutorial.experiment import own_features
from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.experiment.own_features import bags_a_step


@pytest.fixture()
def bags():
    return toy_bags()


@pytest.fixture()
def labels(bags, tmp_path):
    return write_labels(tmp_path / "labels.csv", bags)


@pytest.mark.parametrize("ending", [".h5", ".pt", ".npz", ".npy"])
def test_bags_come_in_the_order_of_the_table(ending, bags, labels, tmp_path):
    dataset, _ = read_features(write_folder(tmp_path / "f", bags, ending), labels)
    assert dataset.names == list(bags)
    assert dataset.labels.tolist() == [label for _, label, _ in bags.values()]
    assert dataset.groups == [patient for _, _, patient in bags.values()]
    for instances, (features, _, _) in zip(dataset.instances, bags.values(), strict=True):
        np.testing.assert_array_equal(instances, features)
    assert (dataset.coords is not None) == (ending in (".h5", ".npz"))


def test_order_and_names_of_files_do_not_matter(bags, labels, tmp_path):
    turned = dict(reversed(bags.items()))
    one, _ = read_features(write_folder(tmp_path / "a", bags), labels)
    two, _ = read_features(write_folder(tmp_path / "b", turned), labels)
    assert one.checksum() == two.checksum()
    assert one.names == two.names


def test_slides_may_carry_their_ending(bags, tmp_path):
    named = {f"{name}.svs": bag for name, bag in bags.items()}
    dataset, _ = read_features(
        write_folder(tmp_path / "f", bags), write_labels(tmp_path / "l.csv", named)
    )
    assert dataset.names == list(bags)


def test_dots_in_a_name_are_no_ending(bags, tmp_path):
    bags = {f"{name}.DX1": bag for name, bag in bags.items()}
    folder = write_folder(tmp_path / "f", bags)
    dataset, _ = read_features(folder, write_labels(tmp_path / "l.csv", bags))
    assert dataset.names == list(bags)


def test_clams_folder_works_at_either_level(bags, tmp_path):
    labels = tmp_path / "l.csv"
    lines = [f"{p},{name},{'tumor_tissue' if y else 'normal_tissue'}"
             for name, (_, y, p) in bags.items()]  # fmt: skip
    labels.write_text("\n".join(["case_id,slide_id,label", *lines]))
    write_folder(tmp_path / "clam" / "h5_files", bags)
    write_folder(tmp_path / "clam" / "pt_files", bags, ".pt")
    for place, ending in (("", ".h5"), ("h5_files", ".h5"), ("pt_files", ".pt")):
        dataset, table = read_features(tmp_path / "clam" / place, labels)
        assert {file.path.suffix for file in dataset.files} == {ending}
        assert table.labels == [y for _, y, _ in bags.values()]


@pytest.mark.parametrize("place", ["features", "features/features_UNI"])
def test_torchmils_folders(place, bags, labels, tmp_path):
    write_folder(tmp_path / place, bags, ".npy")
    (tmp_path / "coords").mkdir()
    for name, (features, _, _) in bags.items():
        np.save(tmp_path / "coords" / f"{name}.npy", grid(len(features)))
    dataset, _ = read_features(tmp_path / place, labels)
    np.testing.assert_array_equal(dataset.coords[3], grid(int(dataset.sizes[3])))
    if place == "features":
        assert read_features(tmp_path, labels)[0].checksum() == dataset.checksum()


def test_without_patients_there_is_a_warning(bags, tmp_path):
    folder = write_folder(tmp_path / "f", bags)
    with pytest.warns(UserWarning, match="l.csv has no column patient, so each slide") as noted:
        dataset, _ = read_features(
            folder, write_labels(tmp_path / "l.csv", bags, columns=("slide", "label"))
        )
    assert len(noted) == 1
    assert dataset.groups == dataset.names
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read_features(folder, write_labels(tmp_path / "l.csv", bags))


def width(folder):
    write_file(folder / "slide_03.h5", np.ones((4, 9), dtype=np.float32), grid(4))
    return r"slide_03\.h5: features of width 9, but 29 files have 6; extract all with one encoder"


def label_without_file(folder):
    for name in ("slide_03", "slide_05"):
        (folder / f"{name}.h5").unlink()
    return "do not agree: no feature file for slide_03, slide_05: extract it or remove the row"


def two_kinds(folder):
    write_file(folder / "slide_03.pt", np.ones((4, 6), dtype=np.float32))
    return "several files for slide_03: keep one kind"


def empty(folder):
    write_file(folder / "slide_03.h5", np.ones((0, 6), dtype=np.float32), grid(0))
    return r"slide_03\.h5 holds no tiles; remove the file and its row"


def three_problems(folder):
    empty(folder)
    write_file(folder / "slide_04.h5", np.ones((4, 6)), grid(3))
    width_of = np.ones((4, 9), dtype=np.float32)
    write_file(folder / "slide_05.h5", width_of, grid(4))
    return (
        r"slide_03.h5 holds no tiles.*; .*slide_04.h5: 4 rows.*; .*slide_05.h5: features of width"
    )


WRONG = [width, label_without_file, two_kinds, empty, three_problems]


def test_all_problems_are_listed_in_one_line(bags, labels, tmp_path):
    for spoil in WRONG:
        folder = write_folder(tmp_path / spoil.__name__, bags)
        message = spoil(folder)
        with pytest.raises(ValueError, match=message) as error:
            read_features(folder, labels)
        assert "\n" not in str(error.value)


def test_files_without_a_label_are_left_out_and_counted(bags, labels, tmp_path):
    folder = write_folder(tmp_path / "f", bags)
    for name in ("more", "still_more"):
        (folder / f"{name}.h5").write_text("never opened")
    with pytest.warns(UserWarning, match="not list 2 of the 32 slides in .*: more, still_more"):
        assert read_features(folder, labels)[0].names == list(bags)


def test_hidden_and_index_files_are_no_slides(bags, labels, tmp_path):
    folder = write_folder(tmp_path / "f", bags, ".pt")
    for name in ("._slide_03.pt", ".slide_04.h5", "slide_05.index.npz"):
        (folder / name).write_text("no features")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert read_features(folder, labels)[0].names == list(bags)


def test_accents_may_be_written_in_two_ways(bags, tmp_path):
    composed, decomposed = (unicodedata.normalize(form, "Öl_1") for form in ("NFC", "NFD"))
    own = {decomposed: bags.pop("slide_03")} | bags
    folder = write_folder(tmp_path / "f", own)
    listed = {composed: own[decomposed]} | bags
    dataset, _ = read_features(folder, write_labels(tmp_path / "l.csv", listed))
    assert dataset.names == list(own)


def test_one_content_under_two_names_is_warned_of_across_patients(bags, labels, tmp_path):
    folder = write_folder(tmp_path / "f", bags)
    (folder / "slide_09.h5").write_bytes((folder / "slide_03.h5").read_bytes())  # p01 and p21
    with pytest.warns(UserWarning, match="several names: slide_03 = slide_09; they may train"):
        load_benchmark(folder, labels=labels)
    (folder / "slide_09.h5").write_bytes((folder / "slide_11.h5").read_bytes())  # both p21
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        load_benchmark(folder, labels=labels)


def test_two_rows_for_one_file(bags, tmp_path):
    folder = write_folder(tmp_path / "f", bags)
    twice = bags | {"slide_03.svs": bags["slide_03"]}
    with pytest.raises(ValueError, match="several rows for slide_03: keep one"):
        read_features(folder, write_labels(tmp_path / "l.csv", twice))


def test_a_wrong_folder(bags, labels, tmp_path):
    with pytest.raises(FileNotFoundError, match="none is no folder"):
        read_features(tmp_path / "none", labels)
    write_folder(tmp_path / "20x" / "features_uni", bags)
    with pytest.raises(ValueError, match=r"holds no feature files .* in features_uni: name that"):
        read_features(tmp_path / "20x", labels)


def test_looking_reads_no_rows(bags, labels, tmp_path, monkeypatch):
    folder = write_folder(tmp_path / "f", bags)
    monkeypatch.setattr(
        "mil_tutorial.datasets.features.files.FeatureFile.read", lambda *_: pytest.fail("read")
    )
    dataset, _ = read_features(folder, labels)
    assert dataset.sizes.tolist() == [len(features) for features, _, _ in bags.values()]
    assert dataset.instance_shape == (6,)
    assert len(dataset.subset([3, 4])) == 2


def splits_of(bags, val=True):
    """By patient: 4 slides of 30 share a number, so every patient is in one split."""
    order = ["train", "train", "train", "test", "val" if val else "train"]
    return [order[int(patient[1:-1]) % 5] for _, _, patient in bags.values()]


def test_a_split_in_the_table_is_kept(bags, tmp_path):
    folder = write_folder(tmp_path / "f", bags)
    listed = splits_of(bags)
    labels = write_labels(tmp_path / "l.csv", bags, split=listed)
    benchmark = load_benchmark(folder, labels=labels)
    names = np.array(list(bags))
    assert benchmark.n_folds == 1
    assert "split as given" in benchmark.description
    for seed in (0, 1):
        (split,) = benchmark.splits(seed)
        for part in ("train", "val", "test"):
            expected = names[np.array(listed) == part].tolist()
            assert getattr(split, part).names == expected
        assert benchmark.test.names == split.test.names
    mean = torch.cat(list(split.train.instances)).mean(dim=0)
    torch.testing.assert_close(mean, torch.zeros(6), atol=1e-5, rtol=0)


def test_validation_is_taken_from_training_patients_where_it_is_missing(tmp_path):
    bags = toy_bags(60)
    listed = splits_of(bags, val=False)
    labels = write_labels(tmp_path / "l.csv", bags, split=listed)
    benchmark = load_benchmark(write_folder(tmp_path / "f", bags), labels=labels)
    splits = [next(iter(benchmark.splits(seed))) for seed in (0, 0, 1)]
    tests = np.array(list(bags))[np.array(listed) == "test"].tolist()
    for split in splits:
        assert split.test.names == tests
        assert sorted(split.train.names + split.val.names + tests) == sorted(bags)
        assert not set(split.train.groups) & set(split.val.groups)
    assert splits[0].val.names == splits[1].val.names != splits[2].val.names


def test_without_a_split_patients_are_cross_validated(bags, labels, tmp_path):
    benchmark = load_benchmark(write_folder(tmp_path / "f", bags), labels=labels)
    tested = [name for split in benchmark.splits(0) for name in split.test.names]
    assert sorted(tested) == sorted(bags)
    assert "5-fold cross-validation by patient" in benchmark.description


def test_folds_in_the_table_are_kept(bags, tmp_path):
    folds = [int(patient[1:-1]) % 4 + 1 for _, _, patient in bags.values()]
    labels = write_labels(tmp_path / "l.csv", bags, fold=[str(fold) for fold in folds])
    benchmark = load_benchmark(write_folder(tmp_path / "f", bags), labels=labels)
    assert benchmark.n_folds == 4
    assert "4 folds as given" in benchmark.description
    names = np.array(list(bags))
    for seed in (0, 3):
        for i, split in enumerate(benchmark.splits(seed)):
            assert split.test.names == names[np.array(folds) == i + 1].tolist()
            assert split.val.names == names[np.array(folds) == (i + 1) % 4 + 1].tolist()
            assert len(split.train) + len(split.val) + len(split.test) == len(bags)
            np.testing.assert_array_equal(names[split.test_rows], split.test.names)


def test_given_folds_are_checked_before_training(bags, tmp_path):
    folder = write_folder(tmp_path / "f", bags)
    torn = [str(i % 3) for i in range(30)]
    with pytest.raises(ValueError, match=r"l\.csv: patients in several folds: 14 of 16"):
        load_benchmark(folder, labels=write_labels(tmp_path / "l.csv", bags, fold=torn))
    single = [str(2 * label + int(p[1:-1]) % 2) for _, label, p in bags.values()]
    with pytest.raises(ValueError, match=r"l\.csv: fold 0 holds label 0 only"):
        load_benchmark(folder, labels=write_labels(tmp_path / "l.csv", bags, fold=single))


def test_clams_split_is_kept(bags, labels, tmp_path):
    listed = splits_of(bags)
    rows = [f"{name},{s == 'train'},{s == 'val'},{s == 'test'}" for name, s in zip(bags, listed)]
    split = tmp_path / "splits_0_bool.csv"
    split.write_text("\n".join([",train,val,test", *rows[:-1]]))
    folder = write_folder(tmp_path / "f", bags)
    with pytest.warns(UserWarning, match="leaves out 1 of the 30 slides"):
        benchmark = load_benchmark(folder, labels=labels, split=split)
    (parts,) = benchmark.splits(0)
    for part in ("train", "val", "test"):
        expected = [name for name, s in zip(bags, listed[:-1]) if s == part]
        assert getattr(parts, part).names == expected


def test_a_patient_in_two_splits_is_a_leak(bags, tmp_path):
    listed = splits_of(bags)
    listed[0] = "test"
    labels = write_labels(tmp_path / "l.csv", bags, split=listed)
    with pytest.raises(ValueError, match=r"l\.csv: patients on both sides: 1 of 3 in test \(p00\)"):
        load_benchmark(write_folder(tmp_path / "f", bags), labels=labels)


def test_one_class_or_too_few_patients(bags, tmp_path):
    folder = write_folder(tmp_path / "f", bags)
    negative = {name: (features, 0, p) for name, (features, _, p) in bags.items()}
    with pytest.raises(ValueError, match="l.csv holds label 0 only"):
        load_benchmark(folder, labels=write_labels(tmp_path / "l.csv", negative))
    few = {name: (x, y, f"p{y}") for name, (x, y, _) in bags.items()}
    with pytest.raises(ValueError, match="l.csv: 5 folds need at least 5 groups"):
        load_benchmark(folder, labels=write_labels(tmp_path / "l.csv", few))


def test_a_folder_needs_labels(tmp_path):
    with pytest.raises(ValueError, match=r"is a folder of features; name its labels too"):
        load_benchmark(tmp_path)


def test_a_step_holds_as_many_bags_as_fit_whichever_they_are(bags, labels, tmp_path, monkeypatch):
    dataset, _ = read_features(write_folder(tmp_path / "f", bags), labels)
    assert bags_a_step(dataset) == 16
    for most in (1, 8 * 6, 100, 200):
        monkeypatch.setattr(own_features, "STEP_VALUES", most)
        n = bags_a_step(dataset)
        largest = sorted(dataset.sizes.tolist(), reverse=True)
        assert n == 1 or 6 * sum(largest[:n]) <= most
        assert n == 16 or 6 * sum(largest[: n + 1]) > most
