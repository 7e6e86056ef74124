import pytest
from pooch import file_hash

from mil_tutorial.system import paths


def test_shipped_files_are_those_listed():
    for sums in paths.data_dir().glob("*/SHA256SUMS"):
        listed = paths.read_checksums(sums)
        assert listed
        for name in listed:
            assert file_hash(sums.parent / name) == listed[name], name


def test_a_changed_byte_is_noticed(tmp_path):
    file = tmp_path / "a.npz"
    file.write_bytes(b"12345")
    (tmp_path / "SHA256SUMS").write_text(f"{file_hash(file)}  a.npz\n")
    assert paths.verify_checksum(file) == file
    file.write_bytes(b"12346")
    with pytest.raises(ValueError, match=r"a\.npz has SHA-256 .* install the package again"):
        paths.verify_checksum(file)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.npz is missing"):
        paths.verify_checksum(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="SHA256SUMS is missing"):
        paths.verify_checksum(tmp_path / "a.npz")
    (tmp_path / "SHA256SUMS").write_text("")
    with pytest.raises(ValueError, match=r"does not list a\.npz"):
        paths.verify_checksum(tmp_path / "a.npz")


def test_folders(tmp_path, monkeypatch):
    monkeypatch.delenv("MIL_TUTORIAL_DATA", raising=False)
    assert paths.user_data_dir() is None
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path))
    assert paths.user_data_dir() == tmp_path
    monkeypatch.setenv("MIL_TUTORIAL_CACHE", str(tmp_path / "cache"))
    assert paths.cache_dir() == tmp_path / "cache"
    monkeypatch.setattr(paths, "files", lambda _: tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="install the package again"):
        paths.data_dir()
