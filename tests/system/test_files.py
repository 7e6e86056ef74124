import errno
import os
import threading

import numpy as np
import pytest
import torch

from mil_tutorial.system.files import alone_in, replacing, save_weights
from mil_tutorial.system.reading import load_weights, read_arrays


def test_a_new_file_comes_whole_and_in_a_new_folder(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with replacing(path) as partial:
        partial.write_text("all of it")
        assert not path.exists()
    assert path.read_text() == "all of it"
    assert os.listdir(path.parent) == ["file.txt"]


def test_an_error_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def stop_half_way():
        with replacing(path) as partial:
            partial.write_text("new, but")
            raise RuntimeError("half-way")

    with pytest.raises(RuntimeError, match="half-way"):
        stop_half_way()
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_writer_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "file.txt"):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "Can't write data (file write failed:\nerrno = 28, 'No space left')"),
        RuntimeError("Can't decrement id ref count (error message = 'No space left on device')"),
    ],
)
def test_a_full_disk_is_named_with_the_file_whoever_says_it(error, tmp_path):
    with (
        pytest.raises(OSError, match=r"^\[Errno 28\] No space left on device: '.*/file\.h5'$"),
        replacing(tmp_path / "file.h5"),
    ):
        raise error
    assert os.listdir(tmp_path) == []


def test_other_errors_stay_as_they_are(tmp_path):
    with pytest.raises(RuntimeError, match="odd"), replacing(tmp_path / "file"):
        raise RuntimeError("odd")
    with pytest.raises(FileNotFoundError, match=r"'other'"), replacing(tmp_path / "file"):
        raise FileNotFoundError(2, "No such file", "other")


def test_two_writers_of_one_file_do_not_meet(tmp_path):
    path = tmp_path / "file.txt"
    with replacing(path) as one:
        with replacing(path) as two:
            one.write_text("one")
            two.write_text("two")
        assert path.read_text() == "two"
    assert path.read_text() == "one"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_only_one_is_alone_in_a_folder(tmp_path):
    pytest.importorskip("fcntl")
    order = []

    def wait():
        with alone_in(tmp_path):
            order.append("second")

    with alone_in(tmp_path):
        other = threading.Thread(target=wait)
        other.start()
        other.join(0.1)
        order.append("first")
    other.join()
    assert order == ["first", "second"]
    assert os.listdir(tmp_path) == []


def test_weights_come_back(tmp_path):
    save_weights({"w": torch.arange(3)}, tmp_path / "w.pt")
    assert load_weights(tmp_path / "w.pt")["w"].tolist() == [0, 1, 2]


class Code:
    """Runs when it is unpickled by a careless reader."""

    def __reduce__(self):
        return os.abort, ()


def test_damage_is_one_line_and_code_is_not_run(tmp_path):
    path = tmp_path / "file.npz"
    np.savez(path, a=np.zeros(1000))
    whole = path.read_bytes()
    for content in (b"", b"text", whole[:300], whole[:-30]):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"file\.npz cannot be read as \.npz"):
            read_arrays(path, ())
        with pytest.raises(ValueError, match=r"file\.npz cannot be read as weights"):
            load_weights(path)
    np.savez(path, a=np.array([Code()], dtype=object))
    with pytest.raises(ValueError, match="pickled Python objects, whose code is not run"):
        read_arrays(path, ())
    torch.save(Code(), path)
    with pytest.raises(ValueError, match="pickled Python objects, whose code is not run"):
        load_weights(path)


def test_a_missing_array_is_named_with_those_that_are_there(tmp_path):
    np.savez(tmp_path / "file.npz", a=np.zeros(1), b=np.zeros(1))
    assert read_arrays(tmp_path / "file.npz", ("a",)).keys() == {"a", "b"}
    with pytest.raises(ValueError, match=r"file\.npz lacks c; it holds a, b"):
        read_arrays(tmp_path / "file.npz", ("a", "c"))
    with pytest.raises(FileNotFoundError, match="none.npz does not exist"):
        read_arrays(tmp_path / "none.npz", ())
