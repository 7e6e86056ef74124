import hashlib
import os
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import savemat

from mil_tutorial.datasets import colon
from mil_tutorial.datasets.colon import NAME, TYPES, count_nuclei, load_colon
from mil_tutorial.experiment.catalogue import load_benchmark

NUCLEI = {  # of each image: type → x, y as MATLAB counts
    "img1": {"epithelial": [(30, 20), (45.4, 40.6)], "others": [(30, 20)]},
    "img2": {"fibroblast": [(0.15, 60.0)], "inflammatory": [(64, 0.6), (33, 33)]},
    "img10": {"others": [(14, 14)]},
}


@pytest.fixture()
def copy(tmp_path, monkeypatch):
    """A small data set in the original layout, and its checksums in place of the original's."""
    folder = tmp_path / "own" / NAME
    for name, nuclei in NUCLEI.items():
        write_image(folder, name, nuclei)
    (folder / "README.txt").write_text("read me")
    (folder / "Detection" / "img1").mkdir(parents=True)
    (folder / "Detection" / "img1" / "img1_detection.mat").write_bytes(b"not read")
    listed = tmp_path / "data" / "colon" / "crchistophenotypes.SHA256SUMS"
    listed.parent.mkdir(parents=True)
    files = sorted(p for p in (folder / "Classification").rglob("*") if p.is_file())
    listed.write_text("".join(f"{digest(p)}  {p.relative_to(folder).as_posix()}\n" for p in files))
    monkeypatch.setattr(colon, "data_dir", lambda: tmp_path / "data")
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path / "own"))
    return folder


def write_image(folder, name, nuclei):
    place = folder / "Classification" / name
    place.mkdir(parents=True)
    rng = np.random.default_rng(int(name[3:]))
    pixels = rng.integers(0, 256, (60, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(place / f"{name}.bmp")
    for kind in TYPES:
        points = np.array(nuclei.get(kind, np.zeros((0, 0))))  # empty ones are (0, 0)
        savemat(place / f"{name}_{kind}.mat", {"detection": points})


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def pixels_of(folder, name):
    return np.array(Image.open(folder / "Classification" / name / f"{name}.bmp"))


def pack(folder, path, rename=str):
    with zipfile.ZipFile(path, "w") as file:
        for p in sorted(folder.rglob("*")):
            if p.is_file():
                file.writestr(rename(f"{NAME}/{p.relative_to(folder).as_posix()}"), p.read_bytes())
    return path


def test_bags_labels_and_names(copy):
    bags = load_colon()
    assert bags.names == ["img1", "img2", "img10"]  # by number, not by letter
    assert bags.labels.tolist() == [1, 0, 0]
    assert bags.instance_shape == (3, 27, 27)
    # The nucleus marked as epithelial and as another is one nucleus, and epithelial.
    assert [t.tolist() for t in bags.instance_labels] == [[1, 1], [0, 0, 0], [0]]
    assert len(set(bags.groups)) == 3


def test_nuclei_are_counted_as_they_would_be_loaded(copy):
    bags, (sizes, epithelial) = load_colon(), count_nuclei()
    assert sizes.tolist() == bags.sizes.tolist()
    assert epithelial.tolist() == [int(t.sum()) for t in bags.instance_labels]


def test_the_nucleus_is_in_the_middle(copy):
    bags, pixels = load_colon(), pixels_of(copy, "img1")
    for patch, (x, y) in zip(bags.instances[0], [(29, 19), (44, 40)], strict=True):  # from 0
        np.testing.assert_allclose(patch[:, 13, 13] * 255, pixels[y, x], atol=1e-4)
    assert bags.coords[2].tolist() == [[0, 0]]


def test_patches_are_what_lies_at_their_corners(copy):
    bags = load_colon()
    assert bags.coords[1].tolist() == [[0, 33], [37, 0], [19, 19]]  # shifted inwards at the edge
    for name, instances, coords in zip(bags.names, bags.instances, bags.coords, strict=True):
        pixels = torch.from_numpy(pixels_of(copy, name)).permute(2, 0, 1) / 255
        for patch, (x, y) in zip(instances, coords, strict=True):
            assert torch.equal(patch, pixels[:, y : y + 27, x : x + 27])


def test_a_path_is_preferred_and_a_folder_around_will_do(copy, monkeypatch):
    expected = load_colon().checksum()
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(copy.parent.parent / "data"))
    assert load_colon(copy).checksum() == load_colon(str(copy.parent)).checksum() == expected


@pytest.mark.parametrize(
    "rename",
    [str, lambda n: n.replace("/", "\\"), lambda n: n.removeprefix(f"{NAME}/")],
    ids=["as published", "from Windows", "without the folder"],
)
def test_a_zip_is_read_without_unpacking(copy, tmp_path, rename):
    expected = load_colon()
    path = pack(copy, copy.parent / f"{NAME.lower()}.zip", rename)
    with zipfile.ZipFile(path, "a") as file:  # what macOS adds
        file.writestr("__MACOSX/CRC/Classification/img1/._img1.bmp", b"")
        file.writestr(f"{NAME}/Classification/.DS_Store", b"")
    shutil.rmtree(copy)
    packed = load_colon()
    assert packed.checksum() == expected.checksum()
    assert packed.names == expected.names
    assert [p.name for p in copy.parent.iterdir()] == [path.name]


def test_other_checksums_can_be_given(copy, tmp_path):
    own = tmp_path / "SHA256SUMS"
    own.write_text(
        "".join(
            f"{digest(p)}  {p.relative_to(copy).as_posix()}\n"
            for p in sorted((copy / "Classification" / "img2").iterdir())
        )
    )
    for name in ("img1", "img10"):
        shutil.rmtree(copy / "Classification" / name)
    assert load_colon(checksums=own).names == ["img2"]
    own.write_text("".join(own.read_text().splitlines(keepends=True)[:-1]))
    (copy / "Classification" / "img2" / "img2_others.mat").unlink()
    with pytest.raises(ValueError, match=r"the checksums list no .*img2_others\.mat"):
        load_colon(checksums=own)


BMP, MAT = "Classification/img2/img2.bmp", "Classification/img10/img10_others.mat"


def change(path):
    path.write_bytes(path.read_bytes()[:-1] + b"?")


DAMAGE = {
    "missing image": (lambda f: (f / BMP).unlink(), f"lacks {BMP};"),
    "missing nuclei": (lambda f: (f / MAT).unlink(), f"lacks {MAT};"),
    "missing many": (lambda f: shutil.rmtree(f / "Classification" / "img1"), "and 4 more"),
    "surplus nuclei": (
        lambda f: shutil.copy(f / MAT, f / "Classification" / "img2" / "img2_new.mat"),
        "holds Classification/img2/img2_new.mat, which the original does not",
    ),
    "changed image": (lambda f: change(f / BMP), f"{BMP} has SHA-256"),
    "changed nuclei": (lambda f: change(f / MAT), f"{MAT} has SHA-256"),
    "two copies": (lambda f: shutil.copytree(f, f / "again"), " twice: "),
    "nothing": (lambda f: shutil.rmtree(f / "Classification"), "lacks Classification/img1/"),
}


def test_damage_is_named(copy, tmp_path):
    for case, (damage, message) in DAMAGE.items():
        folder = shutil.copytree(copy, tmp_path / case)
        damage(folder)
        for source in (folder, pack(folder, tmp_path / f"{case}.zip")):
            with pytest.raises((ValueError, FileNotFoundError)) as error:
                load_colon(source)
            assert message in str(error.value)
            assert str(source) in str(error.value)
            assert "\n" not in str(error.value)


def test_a_zip_that_points_outside_is_refused(copy, tmp_path):
    for name in ("../evil.bmp", "/etc/evil.bmp", "C:\\evil.bmp", "a\\..\\..\\evil.bmp"):
        path = pack(copy, tmp_path / "x.zip")
        with zipfile.ZipFile(path, "a") as file:
            file.writestr(name, b"")
        with pytest.raises(ValueError, match=r"x\.zip holds the entry .*evil.*points outside"):
            load_colon(path)


def test_truncated_zip(copy, tmp_path):
    path = pack(copy, tmp_path / "x.zip")
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ValueError, match=r"x\.zip cannot be read as a zip file .*truncated.*copy"):
        load_colon(path)


def test_rotten_zip_entry(copy, tmp_path):
    path = pack(copy, tmp_path / "x.zip")
    content = bytearray(path.read_bytes())
    content[content.index(pixels_of(copy, "img2")[-1, 5, ::-1].tobytes())] ^= 1
    path.write_bytes(content)
    with pytest.raises(
        ValueError, match=r"x\.zip/.*img2\.bmp cannot be read as a part of the zip .*copy"
    ):
        load_colon(path)


@pytest.mark.parametrize("own", ["unset", "empty"])
def test_absent_data_say_how_to_get_them(tmp_path, monkeypatch, own):
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path) if own == "empty" else "")
    with pytest.raises(FileNotFoundError) as error:
        load_colon()
    for word in ("research", "form", "https://warwick.ac.uk/", "_04_28.zip", "MIL_TUTORIAL_DATA"):
        assert word in str(error.value)
    with pytest.raises(FileNotFoundError, match=r"nowhere does not exist; name the folder"):
        load_colon(tmp_path / "nowhere")


def test_the_benchmark_takes_optical_densities_and_copies_nothing(monkeypatch):
    from mil_tutorial import MedicalBagDataset
    from mil_tutorial.models.mil import build_model

    rng = np.random.default_rng(0)
    fake = MedicalBagDataset([(rng.random((2, 3, 27, 27)), i % 2) for i in range(24)])
    monkeypatch.setattr(colon, "load_colon", lambda: fake)
    benchmark = load_benchmark("colon")
    splits = list(benchmark.splits(0))
    assert len(splits) == benchmark.n_folds == 10
    assert sorted(np.concatenate([s.test_rows for s in splits])) == list(range(24))
    density, rgb = benchmark.test.instances[0], fake.instances[0]
    torch.testing.assert_close(density, -torch.log((255 * rgb + 1) / 256).clamp(max=2.4))
    held = {x.data_ptr() for x in benchmark.test.instances}
    assert {x.data_ptr() for split in splits for x in split.train.instances} == held
    encoder = benchmark.make_encoder()
    model = build_model("gated", benchmark.input_dim, benchmark.hidden_dim, encoder=encoder)
    assert model(torch.rand(2, 3, 3, 27, 27)).logits.shape == (2,)


@pytest.fixture(scope="module")
def original():
    folder = Path(os.environ.get("MIL_TUTORIAL_DATA") or "nowhere") / NAME
    if not folder.is_dir():
        pytest.skip(f"MIL_TUTORIAL_DATA names no folder with {NAME}")
    return folder


@pytest.fixture(scope="module")
def real(original):
    return load_colon(original)


def test_the_real_data_are_those_of_the_paper(real):
    assert real.names == [f"img{i}" for i in range(1, 101)]
    assert real.labels.long().bincount().tolist() == [49, 51]
    # 22,444 marks, of which three mark a nucleus a second time
    assert (int(real.sizes.sum()), int(real.sizes.min()), int(real.sizes.max())) == (22441, 1, 796)
    assert sum(int(t.sum()) for t in real.instance_labels) == 7722
    corners = np.concatenate(real.coords)
    assert corners.min() == 0
    assert corners.max() == 500 - 27


def test_real_nuclei_are_dark_in_the_middle(real):
    """Exchanged x and y would miss the nuclei; counted from 0 they would be a pixel off."""
    density = 1 - torch.cat(real.instances).mean(dim=(0, 1))
    middle = density[11:16, 11:16].mean()
    assert middle > 1.2 * density[[0, -1]].mean()
    rows, columns = torch.meshgrid(torch.arange(27.0), torch.arange(27.0), indexing="ij")
    weight = (density - density.min())[7:20, 7:20]
    for places in (rows, columns):
        centre = (places[7:20, 7:20] * weight).sum() / weight.sum()
        assert abs(float(centre) - 13) < 0.5


def test_the_real_data_from_a_zip(original, real, tmp_path):
    path = tmp_path / f"{NAME.lower()}.zip"
    with zipfile.ZipFile(path, "w") as file:
        for p in (original / "Classification").rglob("*.*"):
            file.write(p, f"{NAME}/{p.relative_to(original).as_posix()}")
    assert load_colon(path).checksum() == real.checksum()
