"""Tables of labels and of splits, and names of slides, as spreadsheets and tools write them."""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from feature_folders import toy_bags, write_file, write_folder, write_labels

from mil_tutorial import MedicalBagDataset, check_groups
from mil_tutorial.datasets.features.folder import read_features
from mil_tutorial.datasets.features.labels import LabelTable, read_labels
from mil_tutorial.experiment.catalogue import load_benchmark
from odd_inputs.case import Case, compare, feature_folder
from odd_inputs.labels import NAMES, PATIENTS

SLIDES = {"a": "train", "b": "train", "c": "val", "d": "test"}


def read(text: str, here: Path, encoding: str = "utf-8", **options: Any) -> LabelTable:
    (here / "l.csv").write_text(text, encoding=encoding)
    return read_labels(here / "l.csv", **options)


def refused(name: str, text: str, error: str, **options: Any) -> Case:
    return Case(name, partial(read, text, **options), error)


def divided(column: str, *cells: str) -> Case:
    """A column that seems to divide the slides is never passed over."""
    rows = [f"s{i},{i % 2},{cell}" for i, cell in enumerate(cells)]
    text = "\n".join([f"slide,label,{column}", *rows])
    return refused(f"{column} of {', '.join(cells)}", text, f"columns {column}, which seem to div")


def columns_of_any_spelling(here: Path) -> None:
    for head in ("Slide ID,LABEL,Patient ID", "slide-id,Label,PatientID", "Slide,label,Case ID"):
        table = read(f"{head}\na,0,p\nb,1,q\n", here)
        assert (table.slides, table.patients) == (["a", "b"], ["p", "q"])


def columns_that_divide_nothing(here: Path) -> None:
    """Among them slides and sites that are called train, and a data set's origin."""
    head = "slide,label,strain,dataset,cohort,site,image,status\n"
    rows = (
        "train_01,0,0,TCGA,train,train,train_01.svs,on hold\n"
        "test_01,1,1,CPTAC,train,B,test_01.svs,\n"
    )
    assert read(head + rows, here).splits is None


def patients(one: str, other: str, here: Path) -> None:
    with pytest.warns(UserWarning, match="differ only in case, zeros"):
        read(f"slide,label,patient\na,0,{one}\nb,1,{other}\n", here)


def split(text: str, here: Path, slides: str = "a,b,c,d") -> dict[str, str]:
    """Read a file of a split; return the part of each slide."""
    (here / "s.csv").write_text(text)
    rows = [f"{slide},{i % 2}" for i, slide in enumerate(slides.split(","))]
    table = read("\n".join(["slide,label", *rows]), here, split=here / "s.csv")
    assert table.splits is not None
    return dict(zip(table.slides, table.splits))


def split_of_numbers(here: Path) -> None:
    """CLAM writes the shorter columns as numbers with a gap."""
    got = split(",train,val,test\n0,1,3.0,4.0\n1,2,,\n", here, "1,2,3,4")
    assert list(got.values()) == list(SLIDES.values())


def split_saved_by_pandas(here: Path) -> None:
    """Saved twice, with the numbers of its rows; these slides are called by numbers too."""
    rows = [f"{i},{s},{p == 'train'},{p == 'val'},{p == 'test'}" for i, (s, p) in
            enumerate(zip("4321", SLIDES.values()))]  # fmt: skip
    got = split("\n".join([",Unnamed: 0,train,val,test", *rows]), here, "1,2,3,4")
    assert [got[slide] for slide in "4321"] == list(SLIDES.values())


def split_of_paths(here: Path) -> None:
    for folder in ("/data/", "C:\\data\\"):
        rows = ",train,val,test\n0,{0}a.svs,{0}c.SVS,{0}d.tiff\n1,{0}b.svs,,\n"
        assert split(rows.replace("{0}", folder), here) == SLIDES


def files(here: Path, *moved: tuple[str, str], **listed: str) -> list[str]:
    """Read features after some files were moved and some rows have another name."""
    folder = write_folder(here / "f", toy_bags())
    for old, new in moved:
        (folder / new).parent.mkdir(parents=True, exist_ok=True)
        (folder / old).rename(folder / new)
    rows = {listed.get(name, name): bag for name, bag in toy_bags().items()}
    return read_features(folder, write_labels(here / "l.csv", rows))[0].names


def large_endings(here: Path) -> None:
    assert files(here, *((f"{n}.h5", f"{n}.H5") for n in NAMES)) == NAMES


def paths_as_slides(here: Path) -> None:
    assert files(here, slide_03="C:\\data\\slide_03.svs", slide_04="/data/slide_04.ndpi") == NAMES


def other_name(name: str, here: Path) -> None:
    files(here, slide_03=name)


def a_file_beside_the_folder(here: Path) -> None:
    folder, labels = feature_folder(here)
    (here / "clam").mkdir()
    folder.rename(here / "clam" / "h5_files")
    np.save(here / "clam" / "mean.npy", np.ones(6))
    read_features(here / "clam", labels)


def a_folder_for_each_class(here: Path) -> None:
    files(here, *((f"{n}.h5", f"{'no' if i % 2 else 'tumor'}/{n}.h5") for i, n in enumerate(NAMES)))


def division_first(here: Path, **columns: list[str]) -> None:
    """One file is damaged too: that is said when the table is right."""
    folder, labels = feature_folder(here, **columns)
    write_file(folder / "slide_03.h5", np.ones((0, 6), dtype=np.float32))
    load_benchmark(folder, labels=labels)


def folder_of_a_known_name(here: Path) -> None:
    folder, labels = feature_folder(here)
    folder.rename(here / "slides")
    compare(Path("slides"), labels)


def groups(*values: Any) -> list[Any]:
    return MedicalBagDataset([(np.ones((1, 2)), 1)] * len(values), groups=values).groups


def groups_of_bytes(here: Path) -> None:
    """As HDF5 and NumPy keep text."""
    assert groups(b"p1", np.bytes_(b"p1"), "p1") == ["p1"] * 3


def leak(one: Any, other: Any, here: Path) -> None:
    first, second = (MedicalBagDataset([(np.ones((1, 2)), 1)], groups=[g]) for g in (one, other))
    check_groups(train=first, test=second)


CASES = [
    refused("UTF-16", "slide,label\na,0\n", "cannot be read as CSV in UTF-8", encoding="utf-16"),
    refused("UTF-16, no mark", "slide,label\na,0\n", "as CSV in UTF-8", encoding="utf-16-le"),
    refused("cp1252", "slide,label\nMüller,0\n", "cannot be read as CSV", encoding="cp1252"),
    refused("not fetched", "version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
    refused("a line sep=", "sep=,\nslide,label,patient\na,0,p\n", "line is the header: sep="),
    refused("a comment first", "# of 2024\nslide,label\na,0\n", "the header: # of 2024"),
    refused("two long rows", "slide,label\na,0,x\nb,1\nc,1,y\n", "line 2, 4 has more cells"),
    refused("empty rows before", "slide,label\n\na,0\n,,\n,1\n", "no slide for row 5"),
    refused("a column twice", "slide,label,test,test\na,0,1,0\n", "several columns test; keep"),
    refused("a label of two lines", 'slide,label\na,"LU\nAD"\nb,LUSC\n', r"labels \"LU\\nAD\" and"),
    refused(
        "several things missing",
        "slide,label,patient\na,,p\nb,1,\nb,0,q\n",
        "no label for a;.* no patient for b;.* lists b more than once",
    ),
    refused(
        "an empty column",
        "slide,label,patient\na,0,\nb,1,\n",
        "no patient for a, b; fill it in or remove the column",
    ),
    refused("patient #WERT!", "slide,label,patient\na,0,#WERT!\nb,1,q\n", "no patient for a"),
    refused("patient #NV", "slide,label,patient\na,0,#NV\nb,1,q\n", "no patient for a"),
    Case("columns of any spelling", columns_of_any_spelling),
    Case("patients 12 and 12.00", partial(patients, "12", "12.00")),
    divided("dataset", "train", "train", "eval", "eval"),  # slideflow
    divided("cohort", "development", "development", "external validation"),
    divided("subset", "training", "", "training"),
    divided("partition", "0", "1", "2"),
    divided("set", "0", "1", "2"),
    divided("isTrain", "True", "False", "True"),
    refused("split 0, 1", "slide,label,split\na,0,0\nb,1,1\n", "of numbers is called fold"),
    Case("columns that divide nothing", columns_that_divide_nothing),
    Case("a split of numbers", split_of_numbers),
    Case("a split of paths", split_of_paths),
    Case("a split that pandas saved twice", split_saved_by_pandas),
    Case(
        "the number 1 as the positive class",
        lambda here: read("slide,label\na,0\nb,1\n", here, positive=1),
    ),
    refused(
        "a heading of two lines", 'slide,label,"my\nsplit"\na,0,1\n', r"columns my\\nsplit, wh"
    ),
    Case(
        "a split of slides with dots",
        partial(split, ",train,val,test\n0,a,B12.345,d\n", slides="a,B12.999,d"),
        r"lists B12\.345, without a label",
    ),
    Case(
        "two slides in two splits",
        partial(split, ",train,val,test\n0,a,c,a\n1,b,b,d\n"),
        "lists b in train and in val, a in train and in test; keep one",
    ),
    Case(
        "a split, and a row without slide",
        partial(split, ",train,val,test\n0,a,c,d\n1,b,,\n", slides="a,,b,c,d"),
        "no slide for row 3",
    ),
    Case("endings in capitals", large_endings),
    Case("paths as slides", paths_as_slides),
    Case("another number behind a dot", partial(other_name, "slide_03.2"), r"file for slide_03\.2"),
    Case("another case", partial(other_name, "SLIDE_03"), r"or is it slide_03\.h5\? Then spell"),
    Case("another number of zeros", partial(other_name, "slide_3"), r"or is it slide_03\.h5\?"),
    Case(
        "files partly in a folder below",
        lambda here: files(here, ("slide_03.h5", "tumor/slide_03.h5")),
        r"is it tumor/slide_03\.h5\? .* put all files in one folder",
    ),
    Case("a folder for each class", a_folder_for_each_class, "in no, tumor: name one of these"),
    Case(
        "a file beside CLAM's folder", a_file_beside_the_folder, r"is it h5_files/slide_00\.h5, h5"
    ),
    Case(
        "a leak, and a damaged file",
        partial(division_first, split=["train", "train", "train", "test", "test"] * 6),
        r"^[^ ]*l\.csv: group 'p01' is in .*, group 'p10' .* and so are 7 more;",
    ),
    Case(
        "folds of one class, and a damaged file",
        partial(division_first, fold=[str(int(p[2]) + 2 * (p < "p4")) for p in PATIENTS]),
        "fold 0 holds label 0 only",
    ),
    Case("a folder called slides", folder_of_a_known_name, r"write \./slides for your folder"),
    Case("groups of bytes", groups_of_bytes),
    Case("a group of bytes nan", lambda here: groups(b"nan", "p1"), "bag 0: the group is 'nan'"),
    Case("groups 1 and '1'", lambda here: groups(1, "1"), "groups have 1 and '1', a number and"),
    Case("a leak of bytes", partial(leak, b"p", "p"), "group 'p' is in train and in test"),
    Case("a leak of 7 and '7'", partial(leak, torch.tensor(7), "7"), "groups have 7 and '7'"),
]
