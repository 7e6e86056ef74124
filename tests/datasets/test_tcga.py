import csv
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from made_tcga import STUDY, make_clone, write_zip
from scripts import load_script

from mil_tutorial import Summary, TrainingConfig, auc, load_benchmark, run_experiment
from mil_tutorial.datasets import load_tcga
from mil_tutorial.datasets.tcga_files import BAGS, SPLITS, TABLES, read_slides

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n"


@pytest.fixture()
def clone(tmp_path, monkeypatch):
    folder = make_clone(tmp_path / "own" / "tcga", monkeypatch, tmp_path / "data")
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path / "own"))
    return folder


@pytest.fixture()
def packed(clone, tmp_path):
    assert (
        load_script("data/tcga/pack.py").main([str(clone), "--out", str(tmp_path / "packed")]) == 0
    )
    return tmp_path / "packed"


def test_bags_labels_and_what_is_known_of_each(clone):
    tcga = load_tcga("brca")
    assert tcga.classes == ("IDC", "ILC")
    codes = tcga.columns["oncotree_code"]
    assert set(codes) == {"IDC", "ILC"}  # the third class is left out
    assert tcga.dataset.labels.tolist() == [code == "ILC" for code in codes]
    assert tcga.dataset.groups == tcga.columns["case_id"]
    assert tcga.dataset.names == tcga.columns["slide"]
    assert tcga.columns["site"] == [name.split("-")[1] for name in tcga.dataset.names]
    for name, instances in zip(tcga.dataset.names, tcga.dataset.instances, strict=True):
        original = torch.load(clone / BAGS / f"{name}.pt", weights_only=True)
        assert torch.equal(instances, original.half().float())


def test_a_mutation_is_a_label_of_all_classes(clone):
    tcga = load_tcga("brca", "TP53_mut")
    assert set(tcga.columns["oncotree_code"]) == {"IDC", "ILC", "MDLC"}
    assert tcga.dataset.labels.tolist() == [float(cell) for cell in tcga.columns["TP53_mut"]]
    assert tcga.classes == ("TP53 not mutated", "TP53 mutated")
    assert tcga.published == []


def test_published_folds_are_rows_of_the_slides_with_a_label(clone):
    tcga = load_tcga("lung")
    assert len(tcga.published) == 10
    for k, fold in enumerate(tcga.published):
        rows = np.concatenate(list(fold.values()))
        assert sorted(rows) == list(range(len(tcga.dataset)))
        path = clone / STUDY / "splits" / SPLITS / "tcga_lung" / f"splits_{k}.csv"
        listed = [row["val"] for row in csv.DictReader(path.open()) if row["val"]]
        assert [tcga.dataset.names[row] for row in fold["val"]] == listed


@pytest.mark.parametrize("cohort", ["brca", "lung"])
def test_the_packed_form_gives_the_same(clone, packed, cohort):
    one, other = load_tcga(cohort), load_tcga(cohort, folder=packed)
    assert one.dataset.checksum() == other.dataset.checksum()
    assert one.columns == other.columns
    for a, b in zip(one.published, other.published, strict=True):
        assert {part: rows.tolist() for part, rows in a.items()} == {
            part: rows.tolist() for part, rows in b.items()
        }


def test_a_file_is_no_folder_to_pack_into(clone, tmp_path, capsys):
    (out := tmp_path / "out.npz").write_text("mine")
    assert load_script("data/tcga/pack.py").main([str(clone), "--out", str(out)]) == 2
    assert f"error: cannot write to {out}: {out} is not a writable f" in capsys.readouterr().err
    assert out.read_text() == "mine"


def first_bag(folder):
    return sorted((folder / BAGS).iterdir())[0]


def change(path):
    torch.save(torch.load(path, weights_only=True) + 0.01, path)


def cut(path):
    path.write_bytes(path.read_bytes()[:-300])


def table(folder):
    return folder / TABLES / "tcga_brca_subset.csv.zip"


def without_column(path):
    with zipfile.ZipFile(path) as archive:
        text = archive.read(archive.namelist()[0]).decode()
    write_zip(path, text.replace("TP53_mut", "TP53"))


def split(folder, k):
    return folder / STUDY / "splits" / SPLITS / "tcga_brca" / f"splits_{k}.csv"


def replace(path, old, new):
    path.write_text(path.read_text().replace(old, new))


DAMAGE = {
    "pointer to a bag": (
        lambda f: first_bag(f).write_text(POINTER),
        r"\.pt is a Git LFS.*lfs pull",
    ),
    "pointer to a table": (
        lambda f: table(f).write_text(POINTER),
        r"\.csv\.zip is a Git LFS.*lfs pull",
    ),
    "pointer to a fold": (lambda f: split(f, 3).write_text(POINTER), r"splits_3\.csv is a Git LFS"),
    "missing bag": (
        lambda f: first_bag(f).unlink(),
        "lacks 1 of the 24 slides of TCGA BRCA: TCGA-AB",
    ),
    "truncated bag": (lambda f: cut(first_bag(f)), r"TCGA-AB.*\.pt cannot be read .*truncated"),
    "other values": (
        lambda f: change(first_bag(f)),
        "TCGA BRCA, TCGA-AB.*-0000.* differ from commit",
    ),
    "other width": (
        lambda f: torch.save(torch.ones(3, 384), first_bag(f)),
        r"holds shape \(3, 384\)",
    ),
    "sparse bag": (
        lambda f: torch.save(torch.ones(3, 192).to_sparse(), first_bag(f)),
        r"\.pt holds torch\.float32 \(torch\.sparse_coo\), expected plain floats",
    ),
    "whole numbers": (
        lambda f: torch.save(torch.ones(3, 192, dtype=torch.int64), first_bag(f)),
        r"\.pt holds torch\.int64 \(torch\.strided\), expected plain floats",
    ),
    "no tensor": (lambda f: torch.save({"a": 1}, first_bag(f)), r"\.pt holds dict"),
    "pickled code": (lambda f: torch.save(Path(), first_bag(f)), r"pickled Python objects"),
    "missing table": (lambda f: table(f).unlink(), r"tcga_brca_subset\.csv\.zip is missing"),
    "truncated table": (lambda f: cut(table(f)), r"\.csv\.zip cannot be read as a zip"),
    "two tables": (lambda f: write_zip(table(f), "a", ["b"]), "it holds 2 files, expected one CSV"),
    "missing column": (
        lambda f: without_column(table(f)),
        r"\.zip lacks the columns TP53_mut; it has ",
    ),
    "missing folds": (
        lambda f: shutil.rmtree(split(f, 0).parent),
        "holds no 10foldcv_subtype/tcga_brca",
    ),
    "missing fold": (lambda f: split(f, 7).unlink(), r"splits_7\.csv does not exist"),
    "other fold": (lambda f: replace(split(f, 2), "ZZ", "YY"), r"splits_2\.csv differ from commit"),
    "neither form": (lambda f: shutil.rmtree(f / STUDY), "holds neither 2-Weakly"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_damage_of_a_clone_is_one_clear_line(clone, case, capsys, tmp_path):
    damage, message = DAMAGE[case]
    damage(clone)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        load_tcga("brca")
    assert "\n" not in str(error.value)
    assert str(clone) in str(error.value)
    assert load_script("data/tcga/pack.py").main([str(clone), "--out", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("error: ")
    assert not (tmp_path / "out").exists()


def packed_again(folder, **arrays):
    path = folder / "tcga_brca_hipt192.npz"
    np.savez(path, **(dict(np.load(path)) | arrays))


PACKED_DAMAGE = {
    "truncated": (lambda f: cut(f / "tcga_brca_hipt192.npz"), r"hipt192\.npz cannot be read"),
    "missing": (lambda f: (f / "tcga_brca_hipt192.npz").unlink(), r"hipt192\.npz does not exist"),
    "pointer": (
        lambda f: (f / "tcga_brca_hipt192.npz").write_text(POINTER),
        "is a Git LFS pointer",
    ),
    "unsorted": (lambda f: packed_again(f, bag=np.arange(60)[::-1]), "expected .* sorted integers"),
    "other width": (
        lambda f: packed_again(f, features=np.ones((60, 3))),
        r"features have shape \(60, 3\)",
    ),
    "text": (
        lambda f: packed_again(f, features=np.full((60, 192), "a")),
        r"hipt192\.npz: features have shape \(60, 192\) \(<U1\)",
    ),
    "bags in a table": (
        lambda f: packed_again(f, bag=np.zeros((6, 10), int)),
        r"bag \(6, 10\) \(int64\)",
    ),
    "one bag": (lambda f: packed_again(f, bag=np.zeros(60, int)), "differ from commit"),
    "other values": (
        lambda f: packed_again(f, features=np.ones((60, 192))),
        "and 21 more differ from",
    ),
    "other cell": (
        lambda f: replace(f / "tcga_brca_slides.csv", "IDC", "ILC"),
        r"slides\.csv differ from commit",
    ),
}


@pytest.mark.parametrize("case", PACKED_DAMAGE)
def test_damage_of_the_packed_form_is_one_clear_line(packed, case):
    damage, message = PACKED_DAMAGE[case]
    damage(packed)
    with pytest.raises((ValueError, FileNotFoundError), match=message) as error:
        load_tcga("brca", folder=packed)
    assert "\n" not in str(error.value)


def test_unknown_cohort_and_label(clone):
    with pytest.raises(ValueError, match="'kidney', expected brca or lung"):
        load_tcga("kidney")
    with pytest.raises(
        ValueError, match="LUNG has no label 'CDH1_mut'; it has subtype, PIK3CA_mut"
    ):
        load_tcga("lung", "CDH1_mut")


def test_absent_data_say_how_to_get_them(cache):
    with pytest.raises(FileNotFoundError) as error:
        load_tcga("lung")
    for word in (
        "TCGA LUNG",
        str(cache / "tcga"),
        "non-commercial",
        "c22f0ecf",
        "MIL_TUTORIAL_DATA",
    ):
        assert word in str(error.value)


def test_the_cache_serves_where_no_folder_is_named(clone, cache):
    shutil.move(clone, cache / "tcga")
    assert len(load_tcga("lung").dataset) == 24


def test_by_patient_and_by_site(clone):
    for folds, kept in (("patient", "case_id"), ("site", "site")):
        benchmark = load_benchmark("tcga-lung", folds=folds)
        whole = load_tcga("lung")
        group = dict(zip(whole.dataset.names, whole.columns[kept], strict=True))
        tested = []
        for part in benchmark.splits(0):
            tested += part.test_rows.tolist()
            sides = [{group[name] for name in side.names} for side in (part.train, part.test)]
            assert not sides[0] & sides[1]
        assert sorted(tested) == list(range(24))
        assert benchmark.test.groups == whole.columns[kept]  # intervals are over them


def test_the_leak_of_published_folds_is_counted_and_refused(clone):
    tcga = load_tcga("brca")
    patients = np.array(tcga.dataset.groups)
    shared = [len({*patients[f["train"]]} & {*patients[f["test"]]}) for f in tcga.published]
    with pytest.raises(ValueError, match="do not keep patients apart.*--allow-leak") as error:
        load_benchmark("tcga-brca", folds="published")
    counted = f"patients on both sides: {min(shared)} to {max(shared)} of "
    assert f"({counted}" in str(error.value)
    assert f"in {np.count_nonzero(shared)} of 10 folds" in str(error.value)
    with pytest.warns(UserWarning, match=counted):
        benchmark = load_benchmark("tcga-brca", folds="published", allow_leak=True)
    assert counted in benchmark.description
    with pytest.raises(ValueError, match="no folds are published for TP53_mut"):
        load_benchmark("tcga-brca", folds="published", label="TP53_mut", allow_leak=True)


@pytest.mark.filterwarnings("ignore:the published folds")
def test_published_folds_train_and_test_as_they_list(clone):
    from mil_tutorial import check_groups

    tcga = load_tcga("brca")
    benchmark = load_benchmark("tcga-brca", folds="published", allow_leak=True)
    tested = []
    for part, fold in zip(benchmark.splits(0), tcga.published, strict=True):
        check_groups(**part.parts())
        for name, side in part.parts().items():
            assert side.names == [tcga.dataset.names[row] for row in fold[name]]
        assert part.test.names == [benchmark.test.names[row] for row in part.test_rows]
        tested += part.test_rows.tolist()
    assert tested == list(range(len(benchmark.test)))
    assert set(benchmark.test.groups) <= set(tcga.dataset.groups)


@pytest.mark.filterwarnings("ignore:the published folds")
def test_the_auc_of_each_published_fold(clone):
    benchmark = load_benchmark("tcga-brca", folds="published", allow_leak=True)
    config = TrainingConfig(epochs=1)
    experiment = run_experiment(
        benchmark, poolings=["mean"], seeds=1, config=config, progress=False
    )
    probabilities = experiment.runs["mean"].probabilities
    values = Summary(experiment).auc_by_fold(probabilities)
    assert values.shape == (1, 10)
    for part, value in zip(benchmark.splits(0), values[0], strict=True):
        labels = part.test.labels.numpy()
        assert value == auc(labels, probabilities[0, part.test_rows])


def test_tcgas_options_are_refused_for_other_data():
    for option in ({"folds": "patient"}, {"label": "subtype"}):
        with pytest.raises(
            ValueError, match=f"--{next(iter(option))} is for tcga-brca and tcga-lung"
        ):
            load_benchmark("musk1", **option)


@pytest.fixture(scope="module")
def original():
    folder = Path(os.environ.get("MIL_TUTORIAL_DATA") or "nowhere") / "tcga"
    if not folder.is_dir():
        pytest.skip("MIL_TUTORIAL_DATA names no folder with tcga")
    return folder


@pytest.mark.parametrize(
    ("cohort", "label", "bags", "positive", "patients"),
    [
        ("brca", "subtype", 875, 149, 837),
        ("brca", "CDH1_mut", 937, 113, 897),
        ("lung", "subtype", 958, 466, 862),
    ],
)
def test_the_real_slides_are_as_many_as_published(
    original, cohort, label, bags, positive, patients
):
    dataset = load_tcga(cohort, label, original).dataset
    assert (len(dataset), int(dataset.labels.sum()), len(set(dataset.groups))) == (
        bags,
        positive,
        patients,
    )


def test_the_real_packed_bags_are_the_original_ones_rounded(original):
    folder = original / "original_layout"
    if not folder.is_dir():
        pytest.skip(f"{original} has no original_layout")
    compared = 0
    for cohort in ("brca", "lung"):
        slides = read_slides(cohort, original)
        with zipfile.ZipFile(folder / TABLES / f"tcga_{cohort}_subset.csv.zip") as archive:
            text = archive.read(archive.infolist()[0]).decode()
        rows = {row["slide_id"]: row for row in csv.DictReader(text.splitlines())}
        for name, bag in zip(slides.columns["slide"], slides.bags, strict=True):
            row = rows[f"{name}.svs"]
            index = slides.columns["slide"].index(name)
            cells = {key: cells[index] for key, cells in slides.columns.items() if key != "slide"}
            assert cells == {key: row[key] for key in cells}
            path = folder / BAGS / f"{name}.pt"
            if path.is_file():
                exact = torch.load(path, weights_only=True).numpy()
                np.testing.assert_array_equal(bag, exact.astype(np.float16))
                compared += 1
    assert compared == 24


def test_a_part_of_the_real_clone_is_refused_with_what_it_lacks(original):
    if not (original / "original_layout").is_dir():
        pytest.skip(f"{original} has no original_layout")
    with pytest.raises(FileNotFoundError, match="lacks 946 of the 958 slides of TCGA LUNG: TCGA-"):
        load_tcga("lung", folder=original / "original_layout")


@pytest.mark.filterwarnings("ignore:the published folds")
@pytest.mark.parametrize(
    ("cohort", "tested", "slides", "shared"),
    [("brca", 822, 569, "1 to 10"), ("lung", 864, 576, "4 to 12")],
)
def test_the_real_published_folds_are_as_described(
    original, cohort, tested, slides, shared, monkeypatch
):
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(original.parent))
    benchmark = load_benchmark(f"tcga-{cohort}", folds="published", allow_leak=True)
    assert (len(benchmark.test), len(set(benchmark.test.names))) == (tested, slides)
    assert f"; patients on both sides: {shared} of " in benchmark.description
    text = (Path(__file__).parents[2] / "data" / "tcga" / "README.md").read_text(encoding="utf-8")
    assert all(str(number) in text for number in (tested, slides))
