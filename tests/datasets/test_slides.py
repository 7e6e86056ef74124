"""The rendered slides: deterministic, honest, and equal to what ships."""

import csv
import dataclasses

import numpy as np
import pytest
from scripts import load_script
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mil_tutorial import check_classes, check_groups
from mil_tutorial.datasets import slides
from mil_tutorial.datasets.npz import read_bags
from mil_tutorial.datasets.rendering import folder as folders
from mil_tutorial.datasets.rendering.archive import load_features
from mil_tutorial.datasets.rendering.cohort import (
    HOSPITALS,
    PROFILES,
    SPLITS,
    SlideSpec,
    cohort,
    render_slide,
)
from mil_tutorial.datasets.rendering.folder import write_hospital
from mil_tutorial.datasets.rendering.lesion import TUMOUR_TILE_FRACTION
from mil_tutorial.datasets.rendering.noise import stream
from mil_tutorial.datasets.rendering.tiles import (
    COLOUR_STATISTICS,
    colour_statistics,
    cut_tiles,
    tissue_tiles,
    tumour_fraction,
)
from mil_tutorial.system.paths import data_dir

SHIPPED = data_dir() / "slides"


@pytest.fixture(scope="module")
def table():
    with (SHIPPED / "slides.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module", params=PROFILES)
def shipped(request):
    return request.param, load_features(SHIPPED / slides.FILES[request.param])


@pytest.fixture(scope="module")
def positive():
    return next(spec for spec in cohort() if spec.label)


def test_a_stream_depends_on_name_and_keys_only():
    draws = {stream(*key).integers(2**62) for key in [("a", 1), ("a", 2), ("b", 1), ("a", "x")]}
    assert len(draws) == 4
    assert stream("a", 1).integers(2**62) == stream("a", 1).integers(2**62)


def test_rendering_is_deterministic_and_has_the_promised_shapes(positive):
    one, other = render_slide(positive), render_slide(positive)
    assert one.image.shape == (512, 512, 3)
    assert one.image.dtype == np.uint8
    assert one.tumour_mask.shape == (512, 512)
    assert one.tumour_mask.dtype == bool
    np.testing.assert_array_equal(one.image, other.image)
    np.testing.assert_array_equal(one.tumour_mask, other.tumour_mask)


def test_the_label_changes_nothing_but_the_lesion(positive):
    from scipy.ndimage import binary_dilation

    ill = render_slide(positive)
    healthy = render_slide(dataclasses.replace(positive, label=0))
    assert not healthy.tumour_mask.any()
    away = ~binary_dilation(ill.tumour_mask, iterations=24)
    assert away.mean() > 0.3
    np.testing.assert_array_equal(ill.image[away], healthy.image[away])
    assert (ill.image[ill.tumour_mask] != healthy.image[ill.tumour_mask]).any(axis=1).mean() > 0.9


@pytest.mark.parametrize("profile", PROFILES)
def test_cohorts_split_by_patient_and_balance_labels(profile):
    specs = cohort(profile)
    assert specs == cohort(profile)
    assert len({spec.slide_id for spec in specs}) == len(specs) == 400
    for split in SPLITS:
        members = [spec for spec in specs if spec.split == split]
        assert {spec.hospital for spec in members} == set(HOSPITALS)
        assert abs(np.mean([spec.label for spec in members]) - 0.5) < 0.05
    for patient in {spec.patient for spec in specs}:
        own = [spec for spec in specs if spec.patient == patient]
        assert len({spec.split for spec in own}) == len({spec.hospital for spec in own}) == 1


def test_cohorts_share_no_seed_and_no_patient():
    cohorts = [
        cohort(),
        cohort("hard"),
        cohort(hospital="NEW", n_slides=40, seed=0),
        cohort(hospital="NEW", n_slides=40, seed=2),
    ]
    for name in ("seed", "patient", "slide_id"):
        values = [{getattr(spec, name) for spec in specs} for specs in cohorts]
        assert len(set.union(*values)) == sum(map(len, values))


def test_cohort_refuses_nonsense():
    with pytest.raises(ValueError, match="profile must be one of"):
        cohort("easy")
    with pytest.raises(ValueError, match="n_slides"):
        cohort(n_slides=0)


def test_tiles_cover_what_their_coordinates_say(positive):
    slide = render_slide(positive)
    coords = tissue_tiles(slide.image)
    tiles = cut_tiles(slide.image, coords)
    assert tiles.shape == (len(coords), 32, 32, 3)
    x, y = coords[5]
    np.testing.assert_array_equal(tiles[5], slide.image[y : y + 32, x : x + 32])
    fractions = tumour_fraction(slide.tumour_mask, coords)
    assert fractions[5] == slide.tumour_mask[y : y + 32, x : x + 32].mean()


def test_white_glass_holds_no_tissue_and_wrong_shapes_are_refused():
    glass = np.full((512, 512, 3), 240, np.uint8)
    assert tissue_tiles(glass).shape == (0, 2)
    with pytest.raises(ValueError, match="height, width, 3"):
        tissue_tiles(glass[..., 0])
    with pytest.raises(ValueError, match="beyond the picture"):
        cut_tiles(glass, np.array([[500, 0]]))


def test_positives_have_tumour_tiles_and_negatives_none(shipped):
    _, archive = shipped
    tiles = np.add.reduceat(archive.tumour, archive.starts[:-1])
    assert (tiles[archive.label == 1] >= 1).all()
    assert (archive.tumour_fraction[np.repeat(archive.label, archive.sizes) == 0] == 0).all()


def test_witness_rates_are_those_of_the_profile(shipped):
    profile, archive = shipped
    tiles = np.add.reduceat(archive.tumour, archive.starts[:-1])
    median = np.median((tiles / archive.sizes)[archive.label == 1])
    low, high = {"default": (0.03, 0.05), "hard": (0.005, 0.015)}[profile]
    assert low <= median <= high


def test_shipped_features_belong_to_the_cohort(shipped):
    profile, archive = shipped
    specs = cohort(profile)
    for name in ("slide_id", "patient", "hospital", "split", "label", "seed"):
        assert getattr(archive, name).tolist() == [getattr(spec, name) for spec in specs]
    train = np.repeat(archive.split == "train", archive.sizes)
    features = archive.features.astype(np.float64)
    if profile == "default":
        np.testing.assert_allclose(features[train].mean(axis=0), 0, atol=0.02)
        assert np.isclose((features[train] ** 2).mean(), 1, atol=0.02)


def _shortcut_auc(profile, table, columns):
    rows = [row for row in table if row["profile"] == profile]
    values = np.array([[float(row[c]) for c in columns] for row in rows])
    label, split = (np.array([row[c] for row in rows]) for c in ("label", "split"))
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    model.fit(values[split == "train"], label[split == "train"])
    score = model.decision_function(values[split == "test"])
    return roc_auc_score(label[split == "test"], score)


@pytest.mark.parametrize("profile", PROFILES)
def test_no_shortcut_separates_the_classes(profile, table):
    assert _shortcut_auc(profile, table, COLOUR_STATISTICS) <= 0.65
    assert _shortcut_auc(profile, table, ["tissue_tiles"]) <= 0.55


def test_the_table_is_what_rendering_gives(table):
    for row in (table[3], table[-3]):
        slide = render_slide(slides.slide_spec(row["slide_id"]))
        coords = tissue_tiles(slide.image)
        fractions = tumour_fraction(slide.tumour_mask, coords)
        assert int(row["tissue_tiles"]) == len(coords)
        assert int(row["tumour_tiles"]) == (fractions >= TUMOUR_TILE_FRACTION).sum()
        colours = colour_statistics(slide.image, coords)
        stored = [float(row[name]) for name in COLOUR_STATISTICS]
        np.testing.assert_allclose(colours, stored, atol=1.0)


def test_shipped_pictures_are_the_rendered_ones(table):
    names = [row["slide_id"] for row in table if row["image"]]
    assert len(names) >= 20
    for name in (names[0], names[-1]):
        spec = slides.slide_spec(name)
        assert spec.split == "test"
        slide = render_slide(spec)
        difference = slides.slide_image(name).astype(float) - slide.image
        assert np.abs(difference).mean() < 6
        assert np.abs(difference.mean(axis=(0, 1))).max() < 1.5
        np.testing.assert_array_equal(slides.slide_mask(name), slide.tumour_mask)


def test_a_slide_without_a_picture_is_drawn(table):
    name = next(row["slide_id"] for row in table if not row["image"])
    expected = render_slide(slides.slide_spec(name))
    np.testing.assert_array_equal(slides.slide_image(name), expected.image)
    np.testing.assert_array_equal(slides.slide_mask(name), expected.tumour_mask)
    with pytest.raises(KeyError, match="no slide 'nobody'"):
        slides.slide_image("nobody")


def test_a_written_hospital_is_not_drawn_anew(tmp_path):
    row = "NEW-default-0-001,1,P,NEW,0,default,test"
    (tmp_path / "slides.csv").write_text(f"{','.join(SlideSpec.__annotations__)}\n{row}\n")
    for read, name in ((slides.slide_image, "images"), (slides.slide_mask, "masks")):
        with pytest.raises(FileNotFoundError, match=f"{name}.*001.* is missing; render"):
            read("NEW-default-0-001", tmp_path)


def test_what_ships_stays_small():
    files = [p for part in ("slides", "checkpoints") for p in (data_dir() / part).rglob("*.*")]
    assert sum(p.stat().st_size for p in files) < 13e6


def test_a_truncated_feature_file_is_named(tmp_path):
    whole = (SHIPPED / slides.FILES["hard"]).read_bytes()
    for length in (0, 100, len(whole) // 2):
        broken = tmp_path / "broken.npz"
        broken.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"broken\.npz cannot be read as \.npz"):
            load_features(broken)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_features(tmp_path / "absent.npz")


def test_an_inconsistent_feature_file_is_named(tmp_path):
    archive = vars(load_features(SHIPPED / slides.FILES["hard"]))
    wrong = {
        "lacks label, seed": {k: v for k, v in archive.items() if k not in ("label", "seed")},
        "sizes add up to": {**archive, "sizes": archive["sizes"] + 1},
        "coords has": {**archive, "coords": archive["coords"][1:]},
        "labels are not 0 or 1": {**archive, "label": archive["label"] + 1},
    }
    for message, arrays in wrong.items():
        np.savez(tmp_path / "odd.npz", **arrays)
        with pytest.raises(ValueError, match=rf"odd\.npz.*{message}"):
            load_features(tmp_path / "odd.npz")


@pytest.fixture(scope="module")
def hospital(tmp_path_factory):
    """A folder with a hospital of four slides, and the features that were returned."""
    folder = tmp_path_factory.mktemp("hospital") / "new"
    return folder, write_hospital(folder, n_slides=4, seed=7, progress=False)


def test_a_new_hospital_is_written_whole(hospital):
    folder, written = hospital
    stored = load_features(folder / "slides.npz")
    for name, values in vars(written).items():
        np.testing.assert_array_equal(values, getattr(stored, name))
    assert set(written.hospital) == {"NEW"}
    assert len(list((folder / "images").glob("*.webp"))) == 4
    assert slides.slide_image(str(written.slide_id[0]), folder).shape == (512, 512, 3)
    listed = {line.split()[1] for line in (folder / "SHA256SUMS").read_text().splitlines()}
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*.*")}
    assert listed == files
    with pytest.raises(FileExistsError, match="choose another folder"):
        write_hospital(folder, n_slides=4, progress=False)
    assert [path.name for path in folder.parent.iterdir()] == ["new"]


def test_a_new_hospital_becomes_bags(hospital):
    folder, written = hospital
    bags = read_bags(folder / "slides.npz")
    assert len(bags) == 4
    assert sorted(set(bags.labels.tolist())) == [0, 1]
    np.testing.assert_array_equal(bags.sizes, written.sizes)
    assert bags.names == written.slide_id.tolist()


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(image, coords):
        raise OSError("disk full")

    monkeypatch.setattr(folders, "colour_statistics", fail)
    with pytest.raises(OSError, match="disk full"):
        write_hospital(tmp_path / "new", n_slides=2, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_the_files_that_ship_can_be_made_again(tmp_path, monkeypatch):
    make = load_script("data/slides/make.py")
    monkeypatch.setattr(make, "cohort", lambda profile: cohort(profile)[6:10])
    for name in ("README.md", "old.npz"):
        (tmp_path / name).write_text("old")
    make.main(["--out", str(tmp_path), "--images", "1"])
    assert (tmp_path / "README.md").read_text() == "old"
    assert not (tmp_path / "old.npz").exists()
    assert [p.stem for p in (tmp_path / "images").iterdir()] == ["default-007"]
    for profile, name in slides.FILES.items():
        again, shipped = (load_features(folder / name) for folder in (tmp_path, SHIPPED))
        rows = slice(shipped.starts[6], shipped.starts[10])
        np.testing.assert_array_equal(again.coords, shipped.coords[rows], profile)
        assert again.slide_id.tolist() == shipped.slide_id[6:10].tolist()


@pytest.mark.parametrize("name", ["slides", "slides-hard"])
def test_a_slide_is_a_bag(name):
    train, val, test = slides.load_slides(name)
    check_groups(train=train, val=val, test=test)
    check_classes(train=train, val=val, test=test)
    assert len(train) + len(val) + len(test) == 400
    for bags in (train, val, test):
        assert bags.instance_shape == (64,)
        for label, truth, coords in zip(
            bags.labels, bags.instance_labels, bags.coords, strict=True
        ):
            assert (truth.sum() > 0) == (label == 1)
            assert len(np.unique(coords, axis=0)) == len(coords)
            assert (coords % 32 == 0).all()
