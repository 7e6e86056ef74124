"""The package as others meet it: its import, its wheel, its public names."""

import importlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import mil_tutorial

ROOT = Path(__file__).parents[1]


def test_public_names_exist_and_are_documented():
    for name in mil_tutorial.__all__:
        assert getattr(mil_tutorial, name).__doc__, name
    assert "fit" in dir(mil_tutorial)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        mil_tutorial.nonsense  # noqa: B018


@pytest.mark.parametrize(("old", "new"), mil_tutorial.MOVED.items())
def test_a_moved_module_gives_the_same_objects_under_its_old_name(old, new):
    name = next(
        name for name in vars(importlib.import_module(new)) if name.isalpha() and name.islower()
    )
    with pytest.warns(DeprecationWarning, match=f"^{name} is now in {new}$"):
        moved = getattr(importlib.import_module(old), name)
    assert moved is getattr(importlib.import_module(new), name)
    assert not hasattr(importlib.import_module(old), "__file__")  # looked at, not imported


IMPORT = """
import sys, torch
before = set(sys.modules)
import mil_tutorial
{more}
print(*{{name.split(".")[0] for name in set(sys.modules) - before}})
"""
HEAVY = {"sklearn", "scipy", "matplotlib", "pandas", "torchvision", "IPython", "ipywidgets", "PIL"}


@pytest.mark.parametrize("more", ["", "mil_tutorial.MedicalBagDataset, mil_tutorial.AttentionMIL"])
def test_import_loads_nothing_heavy_beyond_torch(more):
    code = IMPORT.format(more=more)
    loaded = subprocess.check_output([sys.executable, "-c", code], text=True).split()
    assert "mil_tutorial" in loaded
    assert not HEAVY & set(loaded)


@pytest.mark.full
def test_wheel_carries_the_data_and_runs_without_the_checkout(tmp_path):
    build = "import hatchling.build as b, sys; print(b.build_wheel(sys.argv[1]))"
    name = subprocess.check_output(
        [sys.executable, "-c", build, str(tmp_path)], cwd=ROOT, text=True
    )
    wheel = tmp_path / name.split()[-1]
    with zipfile.ZipFile(wheel) as file:
        names = set(file.namelist())
        file.extractall(tmp_path / "site")
    shipped = {
        f"mil_tutorial/data/{p.relative_to(ROOT / 'data')}"
        for p in (ROOT / "data").rglob("*")
        if p.is_file() and p.suffix not in (".py", ".pyc")
    }
    shipped |= {
        f"mil_tutorial/widgets/static/{p.name}"
        for p in (ROOT / "mil_tutorial" / "widgets" / "static").iterdir()
    }
    assert shipped | {"mil_tutorial/py.typed"} <= names
    outside = {n for n in names if not n.startswith("mil_tutorial")}
    assert outside == set()
    scripts = {n for n in names if n.startswith("mil_tutorial/data/") and ".py" in n}
    assert scripts == set()
    code = (
        "import mil_tutorial as m; from mil_tutorial.system.paths import data_dir;"
        "print(m.__file__); print(data_dir()); print(len(m.load_benchmark('musk1').test))"
    )
    lines = subprocess.check_output(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path / "site")},
        text=True,
    ).split()
    assert lines[0].startswith(str(tmp_path))
    assert lines[1] == str(tmp_path / "site" / "mil_tutorial" / "data")
    assert lines[2] == "92"


def test_the_conda_environment_names_what_the_package_needs():
    import re

    import yaml

    def name(requirement):
        return re.split(r"[<>=\s]", requirement)[0]

    lines = (ROOT / "pyproject.toml").read_text().split("dependencies = [")[1].split("]")[0]
    needed = {name(line.strip(' ",')) for line in lines.splitlines() if line.strip()}
    listed = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    conda = {name(entry) for entry in listed if isinstance(entry, str)}
    called = {"torch": "pytorch-cpu", "matplotlib": "matplotlib-base"}
    assert {called.get(n, n) for n in needed} <= conda
    assert listed[-1] == {"pip": [".[wsi,scale]"]}


def test_the_readmes_library_example_runs(tmp_path, monkeypatch):
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Use it as a library")[1]
    code = section.split("```python")[1].split("```")[0].replace("epochs=20", "epochs=2")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    assert names["attention"].shape == names["mask"].shape
    assert len(names["predictions"].probabilities) == len(names["test"])
    assert (tmp_path / "run.pt").is_file()


def test_the_recipes_labels_come_from_the_names_of_slides(tmp_path, monkeypatch):
    from mil_tutorial.datasets.features.labels import read_labels

    text = (ROOT / "notebooks" / "recipes" / "camelyon16.md").read_text(encoding="utf-8")
    code = text.split("```python")[1].split("```")[0]
    tumours = [f"tumor_{i:03}" for i in range(1, 112)] + [f"test_{i:03}" for i in range(1, 50)]
    normal = [f"normal_{i:03}" for i in range(1, 160)] + [f"test_{i:03}" for i in range(50, 130)]
    files = (("images", "tif", tumours + normal), ("annotations", "xml", tumours))
    for folder, ending, names in files:
        (tmp_path / "camelyon16" / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / "camelyon16" / folder / f"{name}.{ending}").touch()
    monkeypatch.chdir(tmp_path)
    exec(code, {})
    table = read_labels(tmp_path / "camelyon16" / "labels.csv")
    assert (len(table.slides), sum(table.labels)) == (399, 160)
    assert table.splits.count("test") == 129
    (tmp_path / "camelyon16" / "images" / "test_001.tif").unlink()
    with pytest.raises(AssertionError, match="128, 48"):
        exec(code, {})
