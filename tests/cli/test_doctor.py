import shutil

import pytest

from mil_tutorial.__main__ import main
from mil_tutorial.cli import doctor
from mil_tutorial.system import paths


def test_a_healthy_installation(capsys, monkeypatch):
    monkeypatch.delenv("MIL_TUTORIAL_DATA", raising=False)
    assert main(["doctor"]) == 0
    printed = capsys.readouterr().out
    for what in ("python", "torch", "device", "data/slides", "data/musk", "speed"):
        assert f"ok   {what}" in printed
    assert "BAD" not in printed


def test_damaged_data_and_missing_packages_are_found(tmp_path, capsys, monkeypatch):
    shutil.copytree(paths.data_dir() / "musk", tmp_path / "musk")
    (tmp_path / "musk" / "musk1.npz").write_bytes(b"")
    monkeypatch.setattr(doctor, "data_dir", lambda: tmp_path)
    needed = ["torch>=2", "no-such-package", 'no-such-extra>=1; extra == "wsi"']
    needed.append('no-such-tester; extra == "test"')
    monkeypatch.setattr("importlib.metadata.requires", lambda name: needed)
    monkeypatch.setenv("MIL_TUTORIAL_DATA", str(tmp_path / "nowhere"))
    assert main(["doctor"]) == 1
    printed = capsys.readouterr().out
    assert "BAD  no-such-package    missing: pip install no-such-package" in printed
    absent = 'not installed (needed for whole slides): pip install ".[wsi]"'
    assert f" -   no-such-extra      {absent}" in printed
    assert "ok   no-such-extra" not in printed
    assert "no-such-tester" not in printed
    assert "BAD  data/musk          damaged or missing: musk1.npz" in printed
    assert "BAD  user_data          MIL_TUTORIAL_DATA names" in printed
    assert "BAD  speed              not measured" in printed


@pytest.mark.parametrize(("free", "healthy"), [(5e9, True), (1e9, False), (None, None)])
def test_little_memory_is_found(free, healthy, monkeypatch):
    monkeypatch.setattr(doctor, "available_memory", lambda: free)
    findings = {finding.what: finding for finding in doctor._machine()}
    if healthy is None:
        assert "free memory" not in findings
    else:
        assert findings["free memory"].healthy is healthy


def test_memory_is_unknown_where_the_system_does_not_tell(monkeypatch):
    def refuse(*_):
        raise OSError

    monkeypatch.setattr("builtins.open", refuse)
    assert doctor.available_memory() is None
