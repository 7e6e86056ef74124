import hashlib
import json
import os
from collections import Counter
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mil_tutorial import load_recorded
from mil_tutorial.datasets import camelyon16
from mil_tutorial.datasets.camelyon16 import (
    CLASSIFIERS,
    FINAL,
    SCORES,
    THRESHOLDS,
    load_camelyon16_heatmap_features,
    load_camelyon16_patches,
    load_camelyon16_scores,
)
from mil_tutorial.experiment.records import table_cells
from mil_tutorial.experiment.tables import classifier_table
from mil_tutorial.metrics.intervals import measure_auc, measure_sensitivity

ROOT = Path(__file__).parents[2]
SHEET = (
    "PF_parameter_Method_I/data_sheet_for_random_forest_16_strike_{}_{}_0502_Method_I_no_norm.csv"
)


def scores_table():
    head = ["", "Unnamed: 0", "slide_name", "is_tumor", "category_1", "category_2", "truth"]
    lines = [",".join([*head, *CLASSIFIERS])]
    for i, kind in enumerate(("Macro", "None", "Micro", "None")):
        is_tumour = kind != "None"
        cells = [i, i, f"test_{i + 1:03}", "Tumor" if is_tumour else "Normal", "IDC", kind]
        lines.append(",".join(map(str, [*cells, int(is_tumour), *[i / 10] * 6])))
    return "\n".join(lines) + "\n"


def sheet(part, numbers, label):
    lines = [",name,tumor,ratio_cancer_tissue50,largest_area"]
    lines += [f"{i},{part}_{n:03}.tif,{label},{n / 10},{n}" for i, n in enumerate(numbers)]
    return "\n".join(lines) + "\n"


def png(shade):
    file = BytesIO()
    Image.new("RGBA", (256, 256), (shade, 20, 30, 255)).save(file, "png")
    return file.getvalue()


FILES = {
    SCORES: (f"results/RF_results/{SCORES}", scores_table().encode()),
    **{
        f"RF_parameters/{SHEET.format(part, 6)}": (
            f"results/RF_parameters/{SHEET.format(part, 6)}",
            sheet(part, numbers, label).encode(),
        )
        # the test slides come in another order than in the table of scores, and without labels
        for part, numbers, label in (
            ("normal", (1, 4), 0),
            ("tumor", (9,), 1),
            ("test", (4, 1, 3), ""),
        )
    },
    "patches/normal/tumor_064_1_2.png": ("sample_patches_256/normal/tumor_064_1_2.png", png(1)),
    "patches/tumor/tumor_001_9_8.png": ("sample_patches_256/tumor/tumor_001_9_8.png", png(2)),
}


@pytest.fixture()
def published(server, cache, tmp_path, monkeypatch):
    """A small copy of the repository on a local server, and its checksums."""
    server.behaviour |= {place: [content] for place, content in FILES.values()}
    sums = tmp_path / "data" / "camelyon16" / camelyon16.SUMS
    sums.parent.mkdir(parents=True)
    sums.write_text(
        "".join(f"{hashlib.sha256(c).hexdigest()}  {name}\n" for name, (_, c) in FILES.items())
    )
    monkeypatch.setattr(camelyon16, "data_dir", lambda: tmp_path / "data")
    monkeypatch.setattr(camelyon16, "ORIGIN", server.url)
    return server


def test_scores_are_downloaded_once(published, cache):
    slides = load_camelyon16_scores()
    assert slides.names == ["test_001", "test_002", "test_003", "test_004"]
    assert slides.labels.tolist() == [1, 0, 1, 0]
    assert slides.kinds.tolist() == ["macro", "normal", "micro", "normal"]
    assert slides.tumours == ["IDC"] * 4
    assert list(slides.scores) == list(CLASSIFIERS)
    for values in slides.scores.values():
        np.testing.assert_array_equal(values, [0, 0.1, 0.2, 0.3])
    assert slides.against_normal("micro").tolist() == [False, True, True, True]
    load_camelyon16_scores()
    assert published.asked == [f"results/RF_results/{SCORES}"]
    assert (cache / "camelyon16" / SCORES).is_file()


def test_the_users_own_folder_comes_first_and_is_checked(published, tmp_path, monkeypatch):
    own = tmp_path / "own" / "camelyon16" / SCORES
    own.parent.mkdir(parents=True)
    own.write_bytes(FILES[SCORES][1])
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path / "own"))
    load_camelyon16_scores()
    own.write_bytes(FILES[SCORES][1].replace(b"0.1", b"0.9"))
    with pytest.raises(ValueError, match="0515.csv is not the published file"):
        load_camelyon16_scores()
    assert published.asked == []


def test_heat_map_features_take_their_labels_from_where_they_are(published):
    features = load_camelyon16_heatmap_features("Method_I")
    assert features.names == ["ratio_cancer_tissue50", "largest_area"]
    np.testing.assert_array_equal(features.train, [[0.1, 1], [0.4, 4], [0.9, 9]])
    assert features.train_labels.tolist() == [0, 0, 1]
    assert features.train_slides == ["normal_001", "normal_004", "tumor_009"]
    np.testing.assert_array_equal(features.test, [[0.4, 4], [0.1, 1], [0.3, 3]])
    assert features.test_slides == ["test_004", "test_001", "test_003"]
    assert features.test_labels.tolist() == [0, 1, 1]


def test_patches_have_their_label_from_the_folder_and_their_slide_from_the_name(published):
    patches = load_camelyon16_patches()
    assert (patches.pixels.shape, patches.pixels.dtype) == ((2, 256, 256, 3), np.uint8)
    assert patches.pixels[:, 0, 0].tolist() == [[1, 20, 30], [2, 20, 30]]
    assert patches.labels.tolist() == [0, 1]
    assert patches.slides == ["tumor_064", "tumor_001"]
    assert patches.names == ["tumor_064_1_2", "tumor_001_9_8"]


def test_unknown_names_are_refused_before_any_download(published):
    with pytest.raises(ValueError, match="unknown method 'pred_I'; choose from Method_I, "):
        load_camelyon16_heatmap_features("pred_I")
    with pytest.raises(ValueError, match=r"threshold is 0\.65; choose from \(0\.5, "):
        load_camelyon16_heatmap_features("Method_I", 0.65)
    assert published.asked == []
    with pytest.raises(ValueError, match="'normal', expected macro or micro"):
        load_camelyon16_scores().against_normal("normal")


def test_offline_says_what_to_do(published, monkeypatch):
    monkeypatch.setattr(camelyon16, "ORIGIN", "http://127.0.0.1:9/")
    with pytest.raises(
        FileNotFoundError, match=r"offline\?.*put it at .*MIL_TUTORIAL_DATA"
    ) as error:
        load_camelyon16_scores()
    assert "\n" not in str(error.value)


@pytest.fixture()
def real():
    folder = Path(os.environ.get("MIL_TUTORIAL_DATA") or "nowhere") / "camelyon16"
    if not folder.is_dir():
        pytest.skip("MIL_TUTORIAL_DATA names no folder with camelyon16")


def test_the_real_table_agrees_with_itself(real):
    slides = load_camelyon16_scores()
    assert Counter(slides.kinds.tolist()) == {"macro": 22, "micro": 27, "normal": 80}
    np.testing.assert_array_equal(slides.labels, slides.kinds != "normal")
    assert slides.names == [f"test_{i:03}" for i in range(1, 131) if i != 49]
    for values in slides.scores.values():
        assert 0 <= values.min() <= values.max() <= 1


def test_the_real_features_are_of_the_same_slides(real):
    names = load_camelyon16_scores().names
    sheets = set()
    for method in FINAL:
        for threshold in THRESHOLDS:
            features = load_camelyon16_heatmap_features(method, threshold)
            assert (features.train.shape, features.test.shape) == ((266, 30), (129, 30))
            assert np.isfinite(features.train).all()
            assert features.test_slides == names
            sheets.add(features.test.tobytes())
    assert len(sheets) == 15


def test_the_real_patches_are_of_four_slides(real):
    patches = load_camelyon16_patches()
    assert (len(patches.names), int(patches.labels.sum())) == (89, 44)
    assert set(patches.slides) == {f"tumor_{i:03}" for i in (1, 4, 64, 73)}
    assert all(
        name.startswith(slide) for name, slide in zip(patches.names, patches.slides, strict=True)
    )


def test_the_record_says_what_the_scores_give(real):
    record = load_recorded("camelyon16")
    slides = load_camelyon16_scores()
    table = json.dumps([slides.names, {name: slides.scores[name].tolist() for name in CLASSIFIERS}])
    assert record["data"]["checksum"] == hashlib.sha256(table.encode()).hexdigest()[:16]
    rows = {row["classifier"]: row for row in record["rows"]}
    for name, values in slides.scores.items():
        kept = slides.against_normal("micro")
        measured = measure_auc(slides.labels[kept], values[None, kept], np.arange(kept.sum()))
        assert rows[name]["auc_micro"]["value"] == pytest.approx(measured.estimate.value)
        found = measure_sensitivity(slides.labels, values[None], np.arange(129)).estimate.value * 49
        assert rows[name]["detected_by_seed"] == [round(found)]


def test_the_page_shows_the_record():
    page = (ROOT / "data" / "results" / "README.md").read_text(encoding="utf-8")
    record = load_recorded("camelyon16")
    cells, printed = table_cells(classifier_table(record)), table_cells(page)
    assert cells in [printed[i : i + len(cells)] for i in range(len(printed))]
    for pair in record["paired"]:
        if pair["classifier"] in FINAL and pair["against"].endswith("area"):
            value, low, high = (pair["auc"][part] for part in ("value", "low", "high"))
            assert f"{value:+.3f} [{low:+.3f}, {high:+.3f}]" in page
