import unicodedata

import pytest

from mil_tutorial.datasets.features.labels import read_labels, shorten


@pytest.fixture()
def table(tmp_path):
    def write(text):
        path = tmp_path / "labels.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def test_columns_of_this_project(table):
    labels = read_labels(table("slide,label,patient,split\na,0,p,train\nb,1,q,val\nc,1,r,test\n"))
    assert labels.slides == ["a", "b", "c"]
    assert labels.labels == [0, 1, 1]
    assert labels.patients == ["p", "q", "r"]
    assert labels.splits == ["train", "val", "test"]
    assert labels.classes == ("0", "1")


def test_columns_of_others(table):
    for text in (
        "case_id,slide_id,label\np,a,normal_tissue\nq,b,tumor_tissue\n",  # CLAM
        "slide_id,label,case_id,age\na,normal_tissue,p,60\nb,tumor_tissue,q,\n",
        "\ufeffWSI, Label ,patient_id\r\n a , normal_tissue,p\r\nb,tumor_tissue,q\r\n",  # Excel
    ):
        labels = read_labels(table(text))
        assert (labels.slides, labels.labels, labels.patients) == (["a", "b"], [0, 1], ["p", "q"])
        assert labels.classes == ("normal_tissue", "tumor_tissue")
        assert labels.splits is None


def test_words_tell_the_positive_class_never_the_order(table):
    for names, expected in (
        (("normal", "tumor"), [0, 1]),
        (("tumor", "normal"), [1, 0]),
        (("Tumour", "Normal"), [1, 0]),
        (("adenoma", "benign"), [1, 0]),
        (("Normal tissue", "TUMOUR_slides"), [0, 1]),
        (("metastases", "no"), [1, 0]),
        (("non-tumor", "Tumour"), [0, 1]),
        (("cancer", "free of cancer"), [1, 0]),
        (("abnormal", "normal"), [1, 0]),
        (("1", "0"), [1, 0]),
        (("1.0", "0.0"), [1, 0]),
        (("False", "True"), [0, 1]),
    ):
        text = f"slide,label\na,{names[0]}\nb,{names[1]}\n"
        assert read_labels(table(text)).labels == expected, names


def test_a_name_of_several_words_or_a_kind_of_tumour_tells_nothing(table):
    for names in (
        ("free of cancer", "adenoca"),
        ("non_tumor", "HCC"),
        ("tumor", "HCC"),
        ("pre-cancer", "cancer"),
        ("benign", "tumor-free"),
        ("normal", "nontumorous"),
        ("normal", "healthy"),
        ("malignant", "tumor"),
        ("MSS negative", "MSI positive"),
    ):
        for first, second in (names, names[::-1]):
            with pytest.raises(ValueError, match="say which of them is positive"):
                read_labels(table(f"slide,label\na,{first}\nb,{second}\n"))
            path = table(f"slide,label\na,{first}\nb,{second}\n")
            assert read_labels(path, positive=second).classes == (first, second)


def test_or_the_user_names_it(table):
    path = table("slide,label\na,LUSC\nb,LUAD\n")
    assert read_labels(path, positive="LUSC").labels == [1, 0]
    assert read_labels(path, positive="LUAD").labels == [0, 1]
    with pytest.raises(ValueError, match="no label 'LUNG'; it has LUAD, LUSC"):
        read_labels(path, positive="LUNG")
    assert read_labels(table("slide,label\na,0\nb,1\n"), positive="0").labels == [1, 0]


def test_a_bad_table_is_refused_in_one_line(table):
    for text, message in (
        ("slide,label\na,LUAD\nb,LUSC\n", "positive .--positive LUAD or --positive LUSC."),
        ("slide,label\na,no tumor\nb,ITC\n", 'positive .--positive ITC or --positive "no tumor".'),
        ("slide,label\na,0\nb,1\nc,2\n", "3 different labels .0, 1, 2., expected two"),
        ("slide,label\na,tumor\nb,normal\nc,itc\n", "3 different labels .itc, normal, tumor."),
        ("slide,label\na,tumor\n", "1 different labels"),
        ("slide,label\na,0\nb,\nc,\n", "no label for b, c; fill it in"),
        ("slide,label,patient\na,0,\nb,1,q\n", "no patient for a"),
        ("slide,label\na,0\n,1\n", "no slide for row 3"),
        ("slide,label\na,0\na,1\nb,1\n", "lists a more than once"),
        ("slide;label\na;0\n", "lacks a column slide .* it has slide;label .separated by commas"),
        ("slide,class\na,0\n", "lacks a column label; it has slide, class"),
        ("slide,slide_id,label\na,b,0\n", "has the columns slide and slide_id; keep one"),
        ("slide,label\n", "has no rows"),
        ("", "lacks a column slide"),
        ("slide,label,split\na,0,train\nb,1,tset\n", "has the splits tset, expected train"),
        ("slide,label,fold\na,0,0\nb,1,1\n", "has 2 folds, expected at least 3"),
        ("slide,label,fold\na,0,A\nb,1,-1\n", "has the folds -1, A, expected whole numbers"),
        ("slide,label,fold,split\na,0,0,train\n", "columns split, fold; keep one division"),
        ("slide,label,test\na,0,True\nb,1,False\n", "the column test and none for train; add it"),
        ("slide,label,split\na,0,train\nb,1,train\n", "has a split, but no slide for test"),
    ):
        path = table(text)
        with pytest.raises(ValueError, match=message) as error:
            read_labels(path)
        assert str(path) in str(error.value)
        assert "\n" not in str(error.value)


def test_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match="no.csv does not exist"):
        read_labels(tmp_path / "no.csv")
    (tmp_path / "labels.xlsx").write_bytes(b"PK\x03\x04\xff\xfe\x00")
    with pytest.raises(ValueError, match="cannot be read as CSV|lacks a column"):
        read_labels(tmp_path / "labels.xlsx")


def test_spellings_of_validation(table):
    for spelling in ("valid", "Validation", "VAL"):
        text = f"slide,label,split\na,0,training\nb,1,{spelling}\nc,1,Testing\n"
        assert read_labels(table(text)).splits == ["train", "val", "test"]


def test_long_lists_are_cut():
    assert shorten("gfedcba") == "a, b, c, d, e and 2 more"
    assert shorten("ba") == "a, b"


def test_a_division_under_another_name_is_refused(table):
    rows = "slide,label,set,site\na,0,train,A\nb,1,Test,B\nc,1,train,train\n"
    with pytest.raises(ValueError, match="the columns set, which seem to divide the slides; call"):
        read_labels(table(rows))
    for name in ("cv_fold", "fold_0", "Folds", "k-fold"):
        with pytest.raises(ValueError, match=f"the columns {name}, which seem"):
            read_labels(table(f"slide,label,{name}\na,0,0\nb,1,1\n"))
    assert read_labels(table("slide,label,scaffold\na,0,0\nb,1,1\n")).splits is None


def test_columns_of_flags_are_a_split(table):
    for yes, no in (("True", "False"), ("1", "0"), ("1.0", "0.0"), ("x", "")):
        head = "slide,label,Train,validation,test\n"
        text = f"{head}a,0,{yes},{no},{no}\nb,1,{no},{yes},{no}\nc,1,{no},{no},{yes}\n"
        assert read_labels(table(text)).splits == ["train", "val", "test"]


def test_folds_are_numbers(table):
    text = "slide,label,fold\na,0,1\nb,1,10.0\nc,1,2\nd,0,1\n"
    assert read_labels(table(text)).folds == [1, 10, 2, 1]


LISTS = ",train,val,test\n0,a,c,d.svs\n1,b,,\n"
FLAGS = (
    ",train,val,test\na,True,False,False\nb,True,False,False\nc,False,True,False\n"
    "d,False,False,True\n"
)


@pytest.mark.parametrize("text", [LISTS, FLAGS, LISTS.replace(",\n", ",nan\n")])
def test_the_split_may_be_in_a_file_of_clam(text, table, tmp_path):
    labels = table("slide,label,split\nd,0,train\na,1,test\nb.svs,0,test\nc,1,test\n")
    (tmp_path / "splits_0.csv").write_text(text)
    got = read_labels(labels, split=tmp_path / "splits_0.csv")
    assert got.slides == ["d", "a", "b.svs", "c"]
    assert got.splits == ["test", "train", "train", "val"]


def test_slides_that_a_split_leaves_out_are_counted(table, tmp_path):
    labels = table("slide,label\na,0\nb,1\nc,0\nd,1\ne,\nf,1\n")
    (tmp_path / "s.csv").write_text(LISTS)
    with pytest.warns(UserWarning, match=r"s\.csv leaves out 2 of the 6 slides in .*: e, f"):
        got = read_labels(labels, split=tmp_path / "s.csv")
    assert (got.slides, got.labels) == (["a", "b", "c", "d"], [0, 1, 0, 1])


def test_a_missing_value_is_missing_however_it_is_spelt(table):
    for spelling in (
        "",
        "NA",
        "n/a",
        "NaN",
        "None",
        "null",
        "-",
        "?",
        "<NA>",
        "#N/A",
        "--",
        "Unknown",
    ):
        for text, what in (
            ("slide,label,patient\na,0,p\nb,1,{}\nc,1,{}\n", "patient"),
            ("slide,label\na,0\nb,{}\nc,{}\n", "label"),
            ("slide,label,fold\na,0,1\nb,1,{}\nc,1,{}\n", "fold"),
        ):
            with pytest.raises(ValueError, match=f"has no {what} for b, c.*; fill it in or remove"):
                read_labels(table(text.replace("{}", spelling)))


@pytest.mark.parametrize("other", ["p-7", "P-007", "P - 7", "P\u200b-7", "P-7\ufeff", "Ｐ-7"])
def test_patients_that_look_alike_are_warned_of(other, table):
    path = table(f"slide,label,patient\na,0,P-7\nb,1,{other}\nc,1,P-70\n")
    with pytest.warns(UserWarning, match="differ only in case, zeros, spaces or inv") as caught:
        assert read_labels(path).patients == ["P-7", other, "P-70"]
    assert str(caught[0].message).isprintable()


def test_names_are_compared_in_one_form_of_unicode(table):
    composed, decomposed = (unicodedata.normalize(form, "Müller") for form in ("NFC", "NFD"))
    path = table(f"slide,label,patient\na,0,{composed}\nb,1,{decomposed}\n")
    assert read_labels(path).patients == [composed, composed]
    path = table(f"slide,label\na,{decomposed}\nb,x\n")
    assert read_labels(path, positive=decomposed).labels == [1, 0]
