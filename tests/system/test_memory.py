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
    for machine, container, free in ((5, 3, 3), (None, 3, 3), (5, None, 5), (None, None, None)):
        monkeypatch.setattr(memory, "_machine", lambda value=machine: value)
        monkeypatch.setattr(memory, "_container", lambda value=container: value)
        assert memory.available_memory() == free
