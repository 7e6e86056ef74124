"""Labels, splits and folders."""

import hashlib
import json
import os
import shutil
import unicodedata
import warnings
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from feature_folders import toy_bags, write_file
from made_slides import write_slide

from mil_tutorial import MedicalBagDataset, check_groups, group_folds
from mil_tutorial.datasets.features.folder import read_features
from mil_tutorial.datasets.features.labels import read_labels
from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.experiment.slide_heatmaps import find_slides
from odd_inputs.case import Case, command, compare, feature_folder

NAMES = list(toy_bags())
PATIENTS = [patient for _, _, patient in toy_bags().values()]
PARTS = [("train", "train", "test", "val", "test")[int(p[1:-1]) % 5] for p in PATIENTS]
SIDES = ["train" if part == "val" else part for part in PARTS]


def replaced(old: str, new: str, here: Path) -> None:
    """Compare with a table in which a text is replaced."""
    folder, labels = feature_folder(here)
    text = labels.read_text()
    assert old in text
    labels.write_text(text.replace(old, new))
    compare(folder, labels)


def with_columns(here: Path, **columns: list[str]) -> None:
    compare(*feature_folder(here, **columns))


def with_split(rows: list[str], here: Path) -> str:
    """Compare with a file of a split."""
    (here / "splits_0.csv").write_text("\n".join(rows))
    return compare(*feature_folder(here), "--split", here / "splits_0.csv")


def classes(negative: str, positive: str, here: Path) -> None:
    """Read labels of two names, in both orders; 1 has to be the second."""
    for first, second in ((negative, positive), (positive, negative)):
        (here / "l.csv").write_text(f"slide,label\na,{first}\nb,{second}\n")
        assert read_labels(here / "l.csv").classes == (negative, positive)


ASKS = "say which of them is positive"


def the_report_names_the_positive_class(here: Path) -> None:
    folder, labels = feature_folder(here)
    rows = labels.read_text().replace(",1,", ",HCC,").replace(",0,", ",non_tumor,")
    labels.write_text(rows)
    compare(folder, labels, "--positive", "HCC")
    first = (here / "out" / "results.md").read_text().split("\n\n")[1]
    assert "1 is 'HCC', 0 is 'non_tumor'" in first


def positive(name: str, here: Path) -> None:
    """Write the positive class in other letters than the table does."""
    labels = "slide,label\na,Métastase\nb,Bénin\n"
    (here / "l.csv").write_text(labels, encoding="utf-8")
    assert read_labels(here / "l.csv", name).classes == ("Bénin", "Métastase")


def positive_of_two_alike(name: str, here: Path) -> None:
    (here / "l.csv").write_text("slide,label\na,HCC\nb,hcc\n")
    assert read_labels(here / "l.csv", name).classes[1] == name


def the_report_says_what_it_was_made_from(here: Path) -> None:
    folder, labels = feature_folder(here)
    write_file(folder / "other.h5", np.ones((4, 9), dtype=np.float32))
    labels.write_text(labels.read_text().replace(",1,", ",HCC,").replace(",0,", ",other,"))
    columns = {part: [n for n, own in zip(NAMES, PARTS) if own == part] for part in set(PARTS)}
    del columns["train"][-1]
    parts = ("train", "val", "test")
    longest = max(map(len, columns.values()))
    rows = [",".join((columns[p] + [""] * longest)[i] for p in parts) for i in range(longest)]
    split = here / "splits_0.csv"
    split.write_text("\n".join([",".join(parts), *rows]))
    compare(folder, labels, "--positive", "hcc", "--split", split)
    source = json.loads((here / "out" / "config.json").read_text())["source"]
    assert source == json.loads((here / "out" / "results.json").read_text())["data"]["source"]
    for kind, path in (("labels", labels), ("split", split)):
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert source[kind] == {"name": path.name, "sha256": digest}
    assert (source["negative"], source["positive"]) == ("other", "HCC")
    last = max(n for n, own in zip(NAMES, PARTS) if own == "train")
    assert source["left_out"] == ["other", last]


def flags(here: Path) -> None:
    named = {part: [str(part == own) for own in PARTS] for part in ("train", "val", "test")}
    assert "split as given" in compare(*feature_folder(here, **named))


def lists(ending: str, here: Path) -> None:
    """CLAM's lists: each column as long as it is, the others filled with nothing."""
    named = {p: [n + ending for n, own in zip(NAMES, PARTS) if own == p] for p in set(PARTS)}
    rows = [",train,val,test"]
    for i in range(max(map(len, named.values()))):
        cells = [named[p][i] if i < len(named[p]) else "" for p in ("train", "val", "test")]
        rows.append(f"{i},{','.join(cells)}")
    assert "split as given" in with_split(rows, here)


def folds(here: Path) -> None:
    numbers = [f"{int(p[1:-1]) % 3 + 1}.0" for p in PATIENTS]
    folder, labels = feature_folder(here, fold=numbers)
    assert "3 folds as given" in compare(folder, labels)


def one_class_in_a_balanced_fold(here: Path) -> None:
    nodes = [
        "00110",
        "11111",
        "11001",
        "10101",
        "10000",
        "11110",
        "00000",
        "00000",
        "00000",
        "01010",
    ]
    labels, patients = np.array(list("".join(nodes))).astype(int), np.arange(50) // 5
    for seed in range(10):
        for parts in group_folds(labels, patients, 5, seed):
            assert all(set(labels[rows]) == {0, 1} for rows in parts)


def no_division_has_both_classes(here: Path) -> None:
    folder, labels = feature_folder(here)
    rows = [f"{name},{i % 2},{i % 2 * (i % 8)}" for i, name in enumerate(NAMES)]
    labels.write_text("\n".join(["slide,label,patient", *rows]))
    compare(folder, labels)


def patients_as_tensors(here: Path) -> None:
    patients = torch.arange(60) // 3
    for parts in group_folds(np.arange(60) % 2, list(patients)):
        assert sum(len(patients[rows].unique()) for rows in parts) == 20


def pairs_as_patients(here: Path) -> None:
    """A hospital and a number, as a loop over tensors gives them."""
    patients = [("A", torch.tensor(i // 3)) for i in range(60)]
    for parts in group_folds(np.arange(60) % 2, patients):
        assert sum(len({int(patients[row][1]) for row in rows}) for rows in parts) == 20


def name_of_bytes(here: Path) -> None:
    """Written on a machine with another encoding of names; the trained models are not lost."""
    folder, labels = feature_folder(here)
    try:
        renamed = folder.rename(here / os.fsdecode(b"f\xe4"))
    except OSError:
        return  # the file system takes text only
    printed = compare(renamed, labels)
    assert "f?: 30 slides" in printed
    assert "warning" not in printed


def two_folders_below(here: Path) -> None:
    folder, labels = feature_folder(here)
    (here / "job" / "20x").mkdir(parents=True)
    folder.rename(here / "job" / "20x" / "uni")
    compare(here / "job", labels)


def leak_of_tensors(here: Path) -> None:
    one, other = (MedicalBagDataset([(np.ones((1, 2)), 1)], groups=[torch.tensor(7)])
                  for _ in range(2))  # fmt: skip
    check_groups(train=one, test=other)


def group(value: Any, here: Path) -> None:
    MedicalBagDataset([(np.ones((1, 2)), 1)], groups=[value])


def names_with_accents(here: Path) -> None:
    """The folder comes from a Mac, the table, the split and the slides from elsewhere."""
    composed, decomposed = (unicodedata.normalize(form, "Müller é") for form in ("NFC", "NFD"))
    folder, labels = feature_folder(here)
    (folder / "slide_08.h5").rename(folder / f"{decomposed}.h5")
    labels.write_text(labels.read_text().replace("slide_08", composed), encoding="utf-8")
    names = [composed if name == "slide_08" else name for name in NAMES]
    rows = [f"{n},{p == 'train'},{p == 'val'},{p == 'test'}" for n, p in zip(names, PARTS)]
    (here / "s.csv").write_text("\n".join([",train,val,test", *rows]), encoding="utf-8")
    benchmark = load_benchmark(folder, labels=labels, split=here / "s.csv")
    (here / "slides" / "2024").mkdir(parents=True)
    slide = write_slide(here / "slides" / "2024" / f"{composed}.tif")
    assert PARTS[8] == "test"
    assert find_slides(here / "slides", benchmark.test, benchmark.name) == {decomposed: slide}


def two_slides_of_one_name(here: Path) -> None:
    folder, labels = feature_folder(here, split=PARTS)
    for place in ("a", "b"):
        (here / "slides" / place).mkdir(parents=True)
        write_slide(here / "slides" / place / f"{NAMES[PARTS.index('test')]}.tif")
    compare(folder, labels, "--slides", here / "slides")


def two_slides_of_one_name_that_is_not_tested(here: Path) -> None:
    folder, labels = feature_folder(here, split=PARTS)
    tested = NAMES[PARTS.index("test")]
    for place, name in (("a", "other"), ("b", "other"), ("b", tested)):
        (here / "slides" / place).mkdir(parents=True, exist_ok=True)
        write_slide(here / "slides" / place / f"{name}.tif")
    benchmark = load_benchmark(folder, labels=labels)
    assert list(find_slides(here / "slides", benchmark.test, benchmark.name)) == [tested]


def other_files(here: Path) -> None:
    folder, labels = feature_folder(here)
    good = load_benchmark(folder, labels=labels).test.checksum()
    for name in NAMES:
        np.savez(folder / f"{name}.index.npz", np.zeros((3, 2)))
        (folder / f"._{name}.h5").write_bytes(b"\0\5\26\7")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        assert load_benchmark(folder, labels=labels).test.checksum() == good


def more_files(here: Path) -> None:
    folder, labels = feature_folder(here)
    write_file(folder / "another_study.h5", np.ones((4, 9), dtype=np.float32))
    with pytest.warns(UserWarning, match="not list 1 of the 31 slides in .*: another_study"):
        load_benchmark(folder, labels=labels)


def copied(here: Path) -> None:
    folder, labels = feature_folder(here, split=PARTS)
    train, test = (NAMES[PARTS.index(part)] for part in ("train", "test"))
    shutil.copy(folder / f"{train}.h5", folder / f"{test}.h5")
    with pytest.warns(UserWarning, match=f"one content under several names: {train} = {test}"):
        load_benchmark(folder, labels=labels)


def copied_on_one_side(what: str, here: Path) -> None:
    sides = {"split": PARTS, "fold": [str(int(p[1:-1]) % 3) for p in PATIENTS]}
    folder, labels = feature_folder(here, **{what: sides[what]})
    side = sides[what][PATIENTS.index("p00")]
    one, other = (
        next(n for n, p, s in zip(NAMES, PATIENTS, sides[what]) if s == side and p != but)
        for but in ("", "p00")
    )
    shutil.copy(folder / f"{one}.h5", folder / f"{other}.h5")
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        load_benchmark(folder, labels=labels)


def alike(other: str, here: Path) -> None:
    folder, labels = feature_folder(here)
    text = labels.read_text().replace("slide_00,0,p00", f"slide_00,0,{other}")
    labels.write_text(text, encoding="utf-8")
    with pytest.warns(UserWarning, match=r"the patients .*'p00'.* differ only in case, zeros"):
        read_features(folder, labels)


def grouped(group: str, here: Path, /, *options: str, **columns: list[str]) -> str:
    """Compare with what shares a column kept together."""
    return compare(*feature_folder(here, **columns), "--group", group, *options)


def leak_in_lists(here: Path) -> None:
    """CLAM's lists divide slides, and slide_00 and slide_02 are of one patient."""
    rows = ["train,val,test", "slide_00,slide_04,slide_02", "slide_01,slide_05,slide_09"]
    with_split(rows, here)


def leak_that_is_allowed(here: Path) -> None:
    """The count stands wherever the numbers do."""
    folds = [str(i % 3) for i in range(30)]
    printed = compare(*feature_folder(here, fold=folds), "--allow-leak")
    leak = "patients in several folds: 14 of 16"
    assert f"l.csv: {leak}; results may be better" in printed
    assert leak in (here / "out" / "results.md").read_text()
    for name, part in (("config", lambda report: report), ("results", lambda r: r["data"])):
        report = part(json.loads((here / "out" / f"{name}.json").read_text()))
        assert report["source"]["leaks"] == [leak]


def groups_of_a_user(here: Path) -> None:
    """A column that nobody foresaw, spelt nearly as there; a number and text are no clash."""
    printed = grouped("scanner no", here, **{"Scanner-No.": [f"{int(p[1:-1])}" for p in PATIENTS]})
    assert "by patient and Scanner-No. (8 groups)" in printed


def hospitals_alike(here: Path) -> None:
    hospitals = [f"H{int(p[1:-1])}" for p in PATIENTS]
    hospitals[0] = "h0"
    printed = grouped("hospital", here, hospital=hospitals)
    assert "the values of hospital 'H0' and 'h0' differ only in case" in printed


def split_of_another_kind(here: Path) -> None:
    command("compare", "--data", "musk1", "--split", here / "s.csv", "--out", "out")


CASES = [
    Case("an empty label", partial(replaced, "slide_03,1,", "slide_03,,"), "no label for slide_03"),
    Case("a label NA", partial(replaced, "_03,1,", "_03,NA,"), r"no label for slide_03 \('NA'\)"),
    Case("labels 1 and nan", partial(replaced, ",0,", ",nan,"), "no label for .* and 10 more"),
    Case("patient None", partial(replaced, "p00", "None"), r"no patient for slide_00, slide_02"),
    Case("patient ?", partial(replaced, "p11", "?"), r"no patient for slide_05, .* \('\?'\)"),
    Case("patient -", partial(replaced, "p11", " - "), r"no patient for slide_05, slide_07"),
    Case("patient #N/A", partial(replaced, "p11", "#N/A"), "no patient for slide_05, slide_07"),
    Case("patient #REF!", partial(replaced, "p11", "#REF!"), r"no patient for .* \('#REF!'\)"),
    Case("patient of TCGA", partial(replaced, "p11", "[Not Available]"), "no patient for slide_05"),
    Case(
        "a name with a comma",
        partial(replaced, "p11", "Doe, J"),
        "line 7, 9 has more cells than the header; put a cell with a comma in quotes",
    ),
    Case(
        "a quote that is not closed",
        partial(replaced, "\nslide_03", '\n"slide_03'),
        "^.{,250}….{,200}$",
    ),
    Case("rows of commas at the end", partial(replaced, "29,1,p71\n", "29,1,p71\n,,\n,,\n")),
    Case(
        "a folder as labels",
        lambda here: compare(*feature_folder(here), "--labels", here),
        "is a folder; name a CSV file",
    ),
    Case("a name that is not UTF-8", name_of_bytes),
    Case("features two folders below", two_folders_below, "some in 20x/uni: name that folder"),
    Case("free of cancer, adenoca", partial(classes, "free of cancer", "adenoca"), ASKS),
    Case("non_tumor, HCC", partial(classes, "non_tumor", "HCC"), ASKS),
    Case("tumor_free, relapse", partial(classes, "tumor_free", "relapse"), ASKS),
    Case("pre-cancer, invasive", partial(classes, "pre-cancer", "invasive"), ASKS),
    Case("non-malignant, normal", partial(classes, "normal", "non-malignant"), ASKS),
    Case("normal, nontumoral", partial(classes, "nontumoral", "normal"), ASKS),
    Case("cancer, melanoma", partial(classes, "cancer", "melanoma"), ASKS),
    Case("normal, 0", partial(classes, "normal", "0"), ASKS),
    Case("negative, pN0", partial(classes, "negative", "pN0"), ASKS),
    Case("negative, seronegative", partial(classes, "negative", "seronegative"), ASKS),
    Case("benign, never malignant", partial(classes, "benign", "never malignant"), ASKS),
    Case("not tumor-free, tumor", partial(classes, "not tumor-free", "tumor"), ASKS),
    Case("absence of tumor, tumor", partial(classes, "absence of tumor", "tumor")),
    Case("normal, abnormal", partial(classes, "normal", "abnormal")),
    Case("non_tumor, tumour", partial(classes, "non_tumor", "Tumours")),
    Case("CLAM's names", partial(classes, "normal_tissue", "tumor_tissue")),
    Case("metastases, negative", partial(classes, "NEGATIVE", "Metastases")),
    Case("a class that --positive names", the_report_names_the_positive_class),
    Case("--positive in other letters", partial(positive, " MÉTASTASE ")),
    Case("--positive with another accent", partial(positive, "me\u0301tastase")),
    Case("--positive of two alike", partial(positive_of_two_alike, "hcc")),
    Case(
        "--positive like both classes",
        partial(positive_of_two_alike, "Hcc"),
        "no label 'Hcc'; it has HCC, hcc",
    ),
    Case("what a report was made from", the_report_says_what_it_was_made_from),
    Case("a split of True and False", flags),
    Case(
        "a split of True and True",
        partial(with_columns, train=["True"] * 30, test=["True"] * 30),
        "row 2 is in train and in test, row 3 is in .*; keep one",
    ),
    Case(
        "a split of True and nothing else",
        partial(with_columns, train=["True"] * 30, test=["False"] * 30),
        "has a split, but no slide for test",
    ),
    Case(
        "a split of words in three columns",
        partial(with_columns, train=["site A"] * 30, test=["False"] * 30),
        "has site A in the columns train, test, expected True or False",
    ),
    Case(
        "a slide in no split",
        partial(with_columns, train=["0"] * 30, val=["0", *["1"] * 29], test=["0"] * 30),
        "no split for slide_00; fill it in",
    ),
    Case("lists of slides", partial(lists, "")),
    Case("lists of slides with endings", partial(lists, ".svs")),
    Case(
        "lists with slides that have no label",
        partial(with_split, [",train,val,test", "0,slide_00,slide_77,slide_01"]),
        "splits_0.csv lists slide_77, without a label",
    ),
    Case(
        "lists with a slide twice",
        partial(with_split, [",train,val,test", "0,slide_00,slide_02,slide_00.svs"]),
        "lists slide_00.svs in train and in test; keep one",
    ),
    Case(
        "a summary of the split instead",
        partial(with_split, [",train,val,test", "normal,12,4,4", "tumor,10,5,5"]),
        "lists 10, 12, 4, 5, without a label",
    ),
    Case(
        "a split without test",
        partial(with_split, [",train,val", "0,slide_00,slide_02"]),
        "has the columns train, val, expected train, val and test",
    ),
    Case("an empty split", partial(with_split, [",train,val,test"]), "no slide for test, train"),
    Case("a split of a data set that has one", split_of_another_kind, "--split is for a folder"),
    Case("a column of folds", folds),
    Case(
        "folds that tear patients",
        partial(with_columns, fold=[str(i % 5) for i in range(30)]),
        r"l\.csv: patients in several folds: 14 of 16 \(p00, p01, p10 and 11 more\); leave the",
    ),
    Case("lists that tear a patient", leak_in_lists, "both sides: 1 of 2 in test .p00.; leave the"),
    Case("a leak that is allowed", leak_that_is_allowed),
    Case(
        "a leak allowed in slides that are not divided",
        lambda here: compare(*feature_folder(here), "--allow-leak"),
        "is for slides that come divided; .*l.csv has no column split or fold, so compare divides",
    ),
    Case(
        "a leak allowed in data with a division of their own",
        lambda here: command("compare", "--data", "musk1", "--allow-leak", "--out", "out"),
        "--allow-leak is for a folder of features",
    ),
    Case(
        "groups of data that have their own",
        lambda here: command("compare", "--data", "slides", "--group", "site", "--out", "out"),
        "--group is for a folder of features",
    ),
    Case(
        "groups of TCGA",
        lambda here: command("compare", "--data", "tcga-brca", "--group", "site", "--out", "out"),
        r"tcga-brca comes with its labels and division \(see --label and --folds",
    ),
    Case("groups of a user", groups_of_a_user),
    Case(
        "groups by a column that is absent",
        partial(grouped, "site"),
        "no column 'site' to keep slides together by .--group.; it has slide, label, patient$",
    ),
    Case("groups by no name", partial(grouped, ""), "no column '' to keep slides together by"),
    Case(
        "groups by one of two columns alike",
        lambda here: grouped("SITE", here, site=list("ab") * 15, Site=list("ab") * 15),
        "has the columns site and Site; keep one of them",
    ),
    Case(
        "an empty group",
        lambda here: grouped("site", here, site=["", "unknown", *"ab" * 14]),
        r"has no site for slide_00, slide_01 \('unknown'\); fill it in or remove the row",
    ),
    Case(
        "groups that are all empty",
        lambda here: grouped("site", here, site=[""] * 30),
        "has no site for .* and 25 more; fill it in or remove the column",
    ),
    Case(
        "one group",
        lambda here: grouped("site", here, site=["Graz"] * 30),
        "has one value in the column site, Graz, so no slides can be kept apart by it; name",
    ),
    Case(
        "fewer groups than folds",
        lambda here: grouped("site", here, site=list("abcd") * 7 + ["a", "b"]),
        "by patient and site, 5 folds need at least 5 groups .* numbered in a column fold",
    ),
    Case(
        "fewer groups than validation needs",
        lambda here: grouped("site", here, split=SIDES, site=["AB"[s == "test"] for s in SIDES]),
        "for validation, 5 folds need at least 5 groups .* got 1; .*, or list slides as val",
    ),
    Case(
        "groups of one class",
        partial(grouped, "label"),
        "by patient and label, 5 folds need at least 5 groups .* with label 0, got 1",
    ),
    Case(
        "groups on both sides",
        lambda here: grouped("site", here, split=PARTS, site=list("ab") * 15),
        "values of site on both sides: 2 of 2 in test, 2 of 2 in val .a, b.; leave",
    ),
    Case("hospitals H0 and h0", hospitals_alike),
    Case(
        "folds of one class",
        partial(with_columns, fold=[str(int(p[2]) + 2 * (p < "p4")) for p in PATIENTS]),
        "fold 0 holds label 0 only",
    ),
    Case(
        "two folds", partial(with_columns, fold=list("01") * 15), "has 2 folds, expected at least 3"
    ),
    Case(
        "a fold without a number", partial(with_columns, fold=["", *"123" * 10][:30]), "no fold for"
    ),
    Case(
        "columns fold_0, fold_1",
        partial(with_columns, fold_0=PARTS, fold_1=PARTS),
        "fold_0, fold_1, which",
    ),
    Case(
        "a column foldID", partial(with_columns, foldID=list("012") * 10), "columns foldID, which"
    ),
    Case(
        "a column is_train",
        partial(with_columns, is_train=["True", "False"] * 15),
        "columns is_train, which",
    ),
    Case(
        "train and val under another name",
        partial(with_columns, subset=["train", "val", "holdout"] * 10),
        "columns subset, which",
    ),
    Case(
        "split and fold",
        partial(with_columns, split=PARTS, fold=list("012") * 10),
        "keep one division",
    ),
    Case("nodes of ten patients", one_class_in_a_balanced_fold),
    Case(
        "one negative patient",
        no_division_has_both_classes,
        "need at least 5 groups .* label 0, got 1",
    ),
    Case("patients as tensors", patients_as_tensors),
    Case("a leak of tensors", leak_of_tensors, "group 7 is in train and in test"),
    Case("pairs of tensors as patients", pairs_as_patients),
    Case(
        "a group of a hospital and NaN", partial(group, ("A", np.nan)), r"the group is \('A', nan"
    ),
    Case(
        "labels with NaN",
        lambda here: group_folds([np.nan, *[0, 1] * 10], range(21), 3),
        "expected a label of 0 or 1",
    ),
    Case("fewer groups", lambda here: group_folds([0, 1] * 10, [1, 2]), "there are 2 groups"),
    Case("3.0 folds", lambda here: group_folds([0, 1] * 10, range(20), 3.0), "n_folds must be"),
    Case("a group NaN", partial(group, np.float32("nan")), "bag 0: the group is nan"),
    Case("a group of two numbers", partial(group, torch.ones(2)), "bag 0: the group is tensor"),
    Case("a group 'N/A'", partial(group, "N/A"), "bag 0: the group is 'N/A'"),
    Case("accents in two forms", names_with_accents),
    Case("two slides of one name", two_slides_of_one_name, "have one name; rename one of them"),
    Case("two slides of a name not tested", two_slides_of_one_name_that_is_not_tested),
    Case("index files and hidden files", other_files),
    Case("files of another study", more_files),
    Case("one content in two splits", copied),
    Case("one content in one split", partial(copied_on_one_side, "split")),
    Case("one content in one fold", partial(copied_on_one_side, "fold")),
    Case("patients P00 and p00", partial(alike, "P00")),
    Case("patients p0 and p00", partial(alike, "p0")),
    Case("patients p00.0 and p00", partial(alike, "p00.0")),
    Case("patients with a space", partial(alike, "p 00")),
    Case("patients with a zero-width space", partial(alike, "p\u200b00")),
]
