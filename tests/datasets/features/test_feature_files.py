import os
import pickle
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
import torch
from feature_folders import grid, write_file

from mil_tutorial.datasets import hdf5
from mil_tutorial.datasets.features.files import combine, describe
from mil_tutorial.datasets.features.formats import FORMATS

ENDINGS = [".h5", ".pt", ".npz", ".npy"]


@pytest.fixture()
def features():
    return np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)


def test_all_kinds_are_tried():
    assert list(FORMATS) == ENDINGS


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_gives_back_what_was_written(ending, features, tmp_path):
    for stored in (features, features[None]):
        file = describe(write_file(tmp_path / f"s{ending}", stored))
        assert (file.n, file.width, file.coords_path) == (12, 5, None)
        assert file.read().dtype == torch.float32
        np.testing.assert_array_equal(file.read(), features)
        for rows in ([7, 2, 11], [0], [3, 3], list(range(11, -1, -1))):
            np.testing.assert_array_equal(file.read(torch.tensor(rows)), features[rows])
        file.read().zero_()  # does not reach the file
        file.read(torch.tensor([1])).zero_()
        np.testing.assert_array_equal(file.read(), features)


@pytest.mark.parametrize("ending", ENDINGS)
def test_other_numbers_become_float32(ending, tmp_path):
    for kind in (np.float16, np.float64, np.int32):
        values = (np.arange(20).reshape(4, 5) * 0.5).astype(kind)
        read = describe(write_file(tmp_path / f"s{ending}", values)).read()
        assert read.dtype == torch.float32
        np.testing.assert_array_equal(read, values.astype(np.float32))


def test_bfloat16_tensors_are_widened(tmp_path):
    torch.save(torch.ones(3, 2, dtype=torch.bfloat16), tmp_path / "s.pt")
    assert describe(tmp_path / "s.pt").read().tolist() == [[1, 1]] * 3


def test_tensors_of_old_torch_are_read(features, tmp_path):
    path = tmp_path / "s.pt"
    torch.save(torch.from_numpy(features), path, _use_new_zipfile_serialization=False)
    np.testing.assert_array_equal(describe(path).read(), features)


def test_coordinates_come_along(features, tmp_path):
    for ending in (".h5", ".npz"):
        file = describe(write_file(tmp_path / f"s{ending}", features, grid(12)[None]))
        np.testing.assert_array_equal(file.coords(), grid(12), ending)


def test_coordinates_may_lie_in_a_folder_of_their_own(features, tmp_path):
    (tmp_path / "coords").mkdir()
    flat, deep = (write_file(tmp_path / name, features) for name in ("flat.npy", "deep.npy"))
    np.save(tmp_path / "coords" / "flat.npy", grid(12))
    write_file(tmp_path / "coords" / "deep.h5", features[:3], grid(12))
    for path in (flat, deep):
        np.testing.assert_array_equal(describe(path, tmp_path / "coords").coords(), grid(12))


def truncated(path, features):
    write_file(path, features)
    path.write_bytes(path.read_bytes()[:-40])


def without_features(path, features):
    with h5py.File(path, "w") as file:
        file["embeddings"] = features


class Code:
    def __reduce__(self):
        return os.system, ("touch run",)


def with_code(path, features):
    torch.save({"features": torch.from_numpy(features), "run": Code()}, path)


BAD = {
    "truncated h5": ("s.h5", truncated, "s.h5 cannot be read as HDF5 .* truncated"),
    "truncated pt": ("s.pt", truncated, "s.pt cannot be read as a tensor .* truncated"),
    "truncated npz": ("s.npz", truncated, "s.npz cannot be read as .npz .* truncated"),
    "truncated npy": ("s.npy", truncated, "s.npy cannot be read as .npy .* truncated"),
    "pickled code": ("s.pt", with_code, "s.pt holds pickled Python objects, whose code is not run"),
    "plain pickle": (
        "s.pt",
        lambda p, x: p.write_bytes(pickle.dumps(Code())),
        "s.pt holds pickled Python objects|s.pt cannot be read",
    ),
    "objects": (
        "s.npy",
        lambda p, x: np.save(p, np.array([None, 1]), allow_pickle=True),
        "s.npy holds pickled Python objects",
    ),
    "a dictionary": (
        "s.pt",
        lambda p, x: torch.save({"features": torch.ones(2, 2)}, p),
        r"s.pt holds a dict, expected one tensor \(N, D\)",
    ),
    "another name": ("s.h5", without_features, "s.h5 lacks the dataset 'features'; it holds embed"),
    "another name, npz": (
        "s.npz",
        lambda p, x: np.savez(p, x=x),
        "s.npz lacks features; it holds x",
    ),
    "no tiles": ("s.h5", lambda p, x: write_file(p, x[:0], grid(0)), "s.h5 holds no tiles"),
    "no tiles, flat": ("s.pt", lambda p, x: write_file(p, x[0, :0]), "s.pt holds no tiles"),
    "one vector": ("s.npy", lambda p, x: write_file(p, x[0]), r"shape \(5,\).*expected numbers"),
    "pictures": ("s.h5", lambda p, x: write_file(p, np.ones((2, 3, 4))), r"shape \(2, 3, 4\)"),
    "text": ("s.npy", lambda p, x: write_file(p, np.array([["a"]])), "type <U1, expected numbers"),
    "fewer coords": (
        "s.h5",
        lambda p, x: write_file(p, x, grid(11)),
        r"s.h5: 12 rows of features, but coords have shape \(11, 2\), expected \(12, 2\)",
    ),
}


def test_files_that_cannot_be_used_are_refused_at_once(features, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for case, (name, write, message) in BAD.items():
        (tmp_path / case).mkdir()
        write(tmp_path / case / name, features)
        with pytest.raises(ValueError, match=message) as error:
            describe(tmp_path / case / name)
        assert "\n" not in str(error.value)
    assert not (tmp_path / "run").exists(), "code in a file was run"


@pytest.mark.parametrize("ending", ENDINGS)
def test_bad_numbers_are_refused_with_file_and_row(ending, features, tmp_path):
    for value in (np.nan, np.inf, -np.inf):
        features[7, 2] = value
        file = describe(write_file(tmp_path / f"s{ending}", features))
        with pytest.raises(ValueError, match=rf"s{ending}: row 7 holds NaN or infinity"):
            file.read()
        with pytest.raises(ValueError, match=r"row 7 holds"):
            file.read(torch.tensor([9, 7]))
        assert file.read(torch.tensor([9, 8])).shape == (2, 5)


def test_large_numbers_are_no_infinity(tmp_path):
    values = np.full((50, 4), 9e29, dtype=np.float32)  # whose sum is suspicious
    assert describe(write_file(tmp_path / "s.npy", values)).read().max() == np.float32(9e29)


def test_a_file_that_vanished_is_named(features, tmp_path):
    file = describe(write_file(tmp_path / "s.npy", features))
    file.path.unlink()
    with pytest.raises(FileNotFoundError, match=r"s\.npy"):
        file.read()


def test_few_rows_are_read_alone(tmp_path, monkeypatch):
    values = np.arange(4000, dtype=np.float32).reshape(1000, 4)
    file = describe(write_file(tmp_path / "s.h5", values))
    asked = []
    real = h5py.Dataset.__getitem__

    def watch(dataset, key, **options):
        asked.append(key)
        return real(dataset, key, **options)

    monkeypatch.setattr(h5py.Dataset, "__getitem__", watch)
    np.testing.assert_array_equal(file.read(torch.tensor([900, 5])), values[[900, 5]])
    assert [list(key) for key in asked] == [[5, 900]]


def test_files_stay_open_but_not_too_many(features, tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "OPEN_FILES", 3)
    opened = []
    real = hdf5.open_hdf5
    monkeypatch.setattr(hdf5, "open_hdf5", lambda path: opened.append(path) or real(path))
    files = [describe(write_file(tmp_path / f"s{i}.h5", features)) for i in range(5)]
    assert len(opened) == 5
    for _ in range(4):
        files[4].read()
    assert len(opened) == 5
    files[0].read()
    assert len(opened) == 6
    assert len(hdf5._handles.files) == 3


def test_a_file_written_again_is_read_anew(features, tmp_path):
    describe(write_file(tmp_path / "s.h5", features)).read()
    write_file(tmp_path / "new.h5", features[:4] + 1)
    os.replace(tmp_path / "new.h5", tmp_path / "s.h5")
    np.testing.assert_array_equal(describe(tmp_path / "s.h5").read(), features[:4] + 1)


def test_a_forked_worker_opens_files_itself(features, tmp_path, monkeypatch):
    file = describe(write_file(tmp_path / "s.h5", features))
    file.read()
    handle = hdf5.kept_open(file.path)
    monkeypatch.setattr(hdf5._handles, "process", -1)
    assert hdf5.kept_open(file.path) is not handle


def test_moments_are_those_of_all_rows_whatever_the_parts(tmp_path):
    values = np.random.default_rng(1).normal(5, 2, size=(9000, 3)).astype(np.float32)
    cuts = [values[:1], values[1:5000], values[5000:]]
    files = [describe(write_file(tmp_path / f"{i}.npy", x)) for i, x in enumerate(cuts)]
    n, mean, variance = combine(file.moments for file in files)
    assert n == 9000
    np.testing.assert_allclose(mean, values.mean(axis=0, dtype=float), rtol=1e-12)
    np.testing.assert_allclose(variance, values.var(axis=0, dtype=float), rtol=1e-12)


def test_threads_do_not_close_each_others_files(features, tmp_path, monkeypatch):
    monkeypatch.setattr(hdf5, "OPEN_FILES", 2)
    files = [describe(write_file(tmp_path / f"s{i}.h5", features)) for i in range(8)]
    with ThreadPoolExecutor(3) as threads:
        read = list(threads.map(lambda i: files[i % 8].read(), range(900)))
    assert all(torch.equal(values, read[0]) for values in read)


def test_a_group_is_no_array(features, tmp_path):
    for name, other in (("features", "coords"), ("coords", "features")):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file.create_dataset(other, data=features)
            file.create_group(name)
        with pytest.raises(ValueError, match=rf"\.h5: '{name}' is a group, expected a dataset"):
            describe(tmp_path / f"{name}.h5")
