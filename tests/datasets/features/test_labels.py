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
        (("malignant", "fibroadenoma"), [1, 0]),
        (("MSS negative", "MSI positive"), [0, 1]),
        (("1", "0"), [1, 0]),
        (("1.0", "0.0"), [1, 0]),
        (("False", "True"), [0, 1]),
    ):
        text = f"slide,label\na,{names[0]}\nb,{names[1]}\n"
        assert read_labels(table(text)).labels == expected, names


def test_or_the_user_names_it(table):
    path = table("slide,label\na,LUSC\nb,LUAD\n")
    assert read_labels(path, positive="LUSC").labels == [1, 0]
    assert read_labels(path, positive="LUAD").labels == [0, 1]
    with pytest.raises(ValueError, match="no label 'LUNG'; it has LUAD, LUSC"):
        read_labels(path, positive="LUNG")
    assert read_labels(table("slide,label\na,0\nb,1\n"), positive="0").labels == [1, 0]


def test_a_bad_table_is_refused_in_one_line(table):
    for text, message in (
        ("slide,label\na,LUAD\nb,LUSC\n", "say which of them is positive .--positive LUSC."),
        ("slide,label\na,no tumor\nb,tumor benign\n", "say which of them is positive"),
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
        ("slide,label,split\na,0,train\nb,1,train\n", "a column split, but no slide for test"),
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


def test_a_split_under_another_name_is_not_ignored_in_silence(table):
    rows = "slide,label,set,site\na,0,train,A\nb,1,Test,B\nc,1,train,train\n"
    with pytest.warns(UserWarning, match="the column set looks like a split and is not used"):
        assert read_labels(table(rows)).splits is None
