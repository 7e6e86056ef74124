import sys

import pytest

from mil_tutorial.system import memory


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", "/").replace("_", ".", 1)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def test_a_containers_limit_counts(tmp_path):
    assert memory._container(str(tmp_path)) is None
    stat = "anon 7\ninactive_file 300\n"
    write(tmp_path, memory_max="2000\n", memory_current="1500\n", memory_stat=stat)
    assert memory._container(str(tmp_path)) == 800
    write(tmp_path, memory_max="max\n")
    assert memory._container(str(tmp_path)) is None


def test_an_older_containers_limit_counts(tmp_path):
    folder = tmp_path / "memory"
    folder.mkdir()
    (folder / "memory.limit_in_bytes").write_text("2000")
    (folder / "memory.usage_in_bytes").write_text("1900")
    (folder / "memory.stat").write_text("inactive_file 1\ntotal_inactive_file 400\n")
    assert memory._container(str(tmp_path)) == 500


def test_the_smaller_number_counts(monkeypatch):
    cases = ((5, 3, None), (None, 3, 4), (5, None, None), (9, 8, 7), (None, None, None))
    for values in cases:
        for source, value in zip(("_machine", "_container", "_process"), values, strict=True):
            monkeypatch.setattr(memory, source, lambda value=value: value)
        known = [value for value in values if value is not None]
        assert memory.available_memory() == (min(known) if known else None)


@pytest.mark.skipif(sys.platform != "linux", reason="asks Linux for the memory in use")
def test_limits_of_the_process_count(monkeypatch):
    import resource

    limits = {resource.RLIMIT_AS: resource.RLIM_INFINITY, resource.RLIMIT_DATA: -1}
    monkeypatch.setattr(resource, "getrlimit", lambda which: (limits[which], -1))
    assert memory._process() is None
    limits[resource.RLIMIT_AS] = 10**15
    assert 0.99e15 < memory._process() < 1e15
    limits[resource.RLIMIT_DATA] = 1000  # less than what is held already
    assert memory._process() == 0
