"""Kept models, and what they are asked to judge."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import h5py
import numpy as np
import torch
from feature_folders import toy_bags, write_file, write_folder, write_labels
from safetensors import safe_open
from safetensors.torch import save_file
from toy_kept import write_toy_kept

from mil_tutorial.experiment.kept_files import KEY, _digest
from odd_inputs.case import Case, command, compare, feature_folder

BAGS = toy_bags(6)


def judged(here: Path, *options: Any, model: Path | None = None, bags: Any = BAGS) -> str:
    """Judge a small folder of features with a small model."""
    model = model or write_toy_kept(here / "m.safetensors", BAGS)
    folder = here / "f"
    if not folder.exists():
        write_folder(folder, bags)
    return command("predict", model, "--data", folder, "--out", "out", *options)


def model_of(write: Callable[[Path], Any]) -> Callable[[Path], None]:
    """Judge with a file that something else wrote."""

    def act(here: Path) -> None:
        write(here / "m.safetensors")
        judged(here, model=here / "m.safetensors")

    return act


def cut(share: float) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        content = write_toy_kept(path, BAGS).read_bytes()
        path.write_bytes(content[: int(share * len(content))])

    return write


def flipped(path: Path) -> None:
    content = bytearray(write_toy_kept(path, BAGS).read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)


def edited(change: Callable[[Any], Any], signed: bool = True) -> Callable[[Path], None]:
    """Change the text of a file, with or without the checksum that belongs to it."""

    def write(path: Path) -> None:
        with safe_open(write_toy_kept(path, BAGS), framework="pt") as file:
            text = json.loads(file.metadata()[KEY])
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        change(text)
        if signed:
            text.pop("blake2b")
            text["blake2b"] = _digest(text, tensors)
        save_file(tensors, path, {KEY: json.dumps(text)})

    return write


def changed(name: str, change: Callable[[torch.Tensor], torch.Tensor]) -> Callable[[Path], None]:
    """Change an array of a file, and write the checksum that belongs to it."""

    def write(path: Path) -> None:
        with safe_open(write_toy_kept(path, BAGS), framework="pt") as file:
            text = json.loads(file.metadata()[KEY])
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118
        tensors[name] = change(tensors[name])
        text.pop("blake2b")
        text["blake2b"] = _digest(text, tensors)
        save_file(tensors, path, {KEY: json.dumps(text)})

    return write


def far_too_large(here: Path) -> None:
    write_model = changed("trial0.member0.head.weight", lambda x: x.sign() * 3e38)
    write_model(here / "m.safetensors")
    spoilt = BAGS | {"slide_03": (np.full((4, 6), 9e29, np.float32), 1, "p")}
    judged(here, model=here / "m.safetensors", bags=spoilt)


def other_width(here: Path) -> None:
    judged(here, bags=toy_bags(6, width=7))


def several_encoders(here: Path) -> None:
    folder = write_folder(here / "f", BAGS)
    for path, name in zip(sorted(folder.iterdir()), ["uni", *["resnet18"] * 5]):
        with h5py.File(path, "r+") as file:
            file["features"].attrs["encoder"] = name
    judged(here)


def out_holds_something(here: Path) -> None:
    (here / "r").mkdir()
    (here / "r" / "predictions.csv").write_text("of compare")
    try:
        judged(here, "--out", here / "r")
    finally:
        assert [path.name for path in (here / "r").iterdir()] == ["predictions.csv"]


def labels_with(change: Callable[[Path], Any], *options: Any) -> Callable[[Path], None]:
    def act(here: Path) -> None:
        labels = write_labels(here / "l.csv", BAGS)
        change(labels)
        judged(here, "--labels", labels, *options)

    return act


def only_positives(here: Path) -> None:
    bags = {name: bag for name, bag in toy_bags(12, seed=3).items() if bag[1]}
    labels = write_labels(here / "l.csv", bags)
    assert "sensitivity" in judged(here, "--labels", labels, bags=bags)
    metrics = json.loads((here / "out" / "results.json").read_text())["metrics"]
    assert not {"auc", "specificity"} & metrics.keys()


def labels_by_name(here: Path) -> None:
    """1 is what it was in training, whatever the names say."""
    model = write_toy_kept(here / "m.safetensors", BAGS, classes=["cancer", "free of cancer"])
    labels = write_labels(here / "l.csv", BAGS)
    rows = labels.read_text().replace(",0,", ",cancer,").replace(",1,", ",free of cancer,")
    labels.write_text(rows)
    judged(here, "--labels", labels, model=model)
    table = (here / "out" / "predictions.csv").read_text().splitlines()[1:]
    assert [row.split(",")[1] for row in table] == [str(label) for _, label, _ in BAGS.values()]


def a_name_on_the_other_side(*options: str) -> Callable[[Path], None]:
    """1 was the negative class in training, and now stands beside 0."""

    def act(here: Path) -> None:
        model = write_toy_kept(here / "m.safetensors", BAGS, classes=["1", "2"])
        judged(here, "--labels", write_labels(here / "l.csv", BAGS), *options, model=model)

    return act


def a_division_is_not_read(here: Path) -> None:
    labels = write_labels(here / "l.csv", BAGS, split=["test"] * 6, cohort=["train", "test"] * 3)
    assert "AUC" in judged(here, "--labels", labels)


def unlisted_slides(here: Path) -> None:
    labels = write_labels(here / "l.csv", dict(list(BAGS.items())[:4]))
    printed = judged(here, "--labels", labels)
    assert "of 4 slides with a label" in printed
    assert "does not list 2 of the 6 slides, which are judged and count in no metric" in printed


def no_coordinates(here: Path) -> None:
    write_folder(here / "f", BAGS, ".pt")
    judged(here, "--slides", here)


def without_coordinates(here: Path) -> None:
    write_folder(here / "f", BAGS, ".pt")
    judged(here)
    with np.load(here / "out" / "attention" / "slide_00.npz") as file:
        assert file.files == ["attention"]


def one_tile(here: Path) -> None:
    write_file(here / "one.npy", np.ones((1, 6), np.float32))
    write_folder(here / "f", {"one": (np.ones((1, 6), np.float32), 0, "p")})
    assert "1 slide, " in judged(here)


def not_a_number(here: Path) -> None:
    spoilt = BAGS | {"slide_03": (np.full((4, 6), np.nan, np.float32), 1, "p")}
    judged(here, bags=spoilt)


def formula_as_a_name(here: Path) -> None:
    write_folder(here / "f", {"=1+1": BAGS["slide_00"]})
    judged(here)
    assert "\n'=1+1," in (here / "out" / "predictions.csv").read_text()


def keep_on_a_small_disk(here: Path) -> None:
    """The report alone would fit."""
    disk = SimpleNamespace(free=4.1e6)
    with patch("mil_tutorial.system.files.shutil.disk_usage", return_value=disk):
        compare(*feature_folder(here), "--keep", "--poolings", "max", "mean", "attention", "gated")


def keep_of_several_encoders(here: Path) -> None:
    folder, labels = feature_folder(here)
    for name, encoder in (("slide_00.h5", "uni"), ("slide_01.h5", "resnet18")):
        with h5py.File(folder / name, "r+") as file:
            file["features"].attrs["encoder"] = encoder
    with patch("mil_tutorial.experiment.run.share_work", side_effect=AssertionError("trained")):
        compare(folder, labels, "--keep")


def model_as_a_folder(here: Path) -> None:
    (here / "taken" / "model-max.safetensors").mkdir(parents=True)
    compare(*feature_folder(here), "--out", here / "taken")


NO_MODEL = r"m\.safetensors cannot be read as a kept model \("
CASES = [
    Case("no model", lambda here: judged(here, model=here / "none"), "none does not exist"),
    Case("a folder as a model", lambda here: judged(here, model=here), "is not a file"),
    Case("an empty model", model_of(lambda path: path.write_bytes(b"")), NO_MODEL),
    Case("text as a model", model_of(lambda path: path.write_text("[]" * 99)), NO_MODEL),
    Case("half a model", model_of(cut(0.5)), NO_MODEL),
    Case("a model without its last byte", model_of(cut(0.99999)), NO_MODEL),
    Case("a model cut in its text", model_of(cut(0.01)), NO_MODEL),
    Case(
        "a pickle as a model",
        model_of(lambda path: path.write_bytes(pickle.dumps({"format": 1}))),
        NO_MODEL,
    ),
    Case(
        "a file of torch as a model",
        model_of(lambda path: torch.save({"w": torch.ones(3)}, path)),
        NO_MODEL,
    ),
    Case(
        "tensors of another program",
        model_of(lambda path: save_file({"w": torch.ones(3)}, path, {"format": "pt"})),
        r"m\.safetensors holds tensors, but no model that compare --keep wrote",
    ),
    Case("a flipped bit", model_of(flipped), "has another checksum than when it was written"),
    Case(
        "an edited threshold",
        model_of(edited(lambda text: text["trials"][0].update(threshold=0.9), signed=False)),
        "has another checksum than when it was written",
    ),
    Case(
        "a model of a later version",
        model_of(edited(lambda text: text.update(format=2))),
        "its format is 2, this version of mil-tutorial reads 1; use the version that wrote it",
    ),
    Case(
        "a model without settings",
        model_of(edited(lambda text: text.pop("settings"))),
        "cannot be used as a kept model: KeyError: 'settings'",
    ),
    Case(
        "a model of an unknown pooling",
        model_of(edited(lambda text: text["settings"].update(pooling="os.system"))),
        "cannot be used as a kept model: unknown pooling 'os.system'",
    ),
    Case(
        "a model that says it is wider than it is",
        model_of(edited(lambda text: text["settings"].update(width=10**12))),
        "cannot be used as a kept model: RuntimeError: Error.* size mismatch",
    ),
    Case(
        "a model that says it has more members",
        model_of(edited(lambda text: text["trials"][0].update(members=9))),
        "cannot be used as a kept model: KeyError: 'head.weight'",
    ),
    Case(
        "a model without trials",
        model_of(edited(lambda text: text.update(trials=[]))),
        "its parts do not fit together",
    ),
    Case(
        "a threshold as text",
        model_of(edited(lambda text: text["trials"][0].update(threshold="high"))),
        "cannot be used as a kept model: TypeError",
    ),
    *(
        Case(
            f"a model with {what}",
            model_of(changed(f"trial0.{name}", change)),
            "its parts do not fit together",
        )
        for what, name, change in (
            ("NaN among its weights", "member1.head.weight", lambda x: x * np.nan),
            ("weights of double precision", "member0.head.weight", torch.Tensor.double),
            ("the scale of fewer features", "mean", lambda x: x[:2].clone()),
            ("a scale of True and False", "mean", torch.Tensor.bool),
            ("a deviation of 0", "deviation", torch.zeros_like),
        )
    ),
    Case(
        "a model whose seed is a list",
        model_of(edited(lambda text: text["trials"][0].update(seed=[1]))),
        "its parts do not fit together",
    ),
    Case(
        "features too large to compute with",
        far_too_large,
        "^error: slide_03: the features are too large for the model to compute with; extract",
    ),
    Case("features of another width", other_width, r"slide_00: .*\(n, 7\), .*\(n, 6\)"),
    Case(
        "features of two encoders", several_encoders, r"differ in their encoder: .*uni in slide_00"
    ),
    Case("no folder", lambda here: judged(here, "--data", "none"), "none is no folder"),
    Case("a folder without features", lambda here: judged(here, "--data", here), "feature files"),
    Case("no such npz", lambda here: judged(here, "--data", "n.npz"), "n.npz does not exist"),
    Case("a folder that holds something as --out", out_holds_something, "r exists; choose another"),
    Case("NaN among the features", not_a_number, r"slide_03\.h5: row 0 holds NaN or infinity"),
    Case("a slide of one tile", one_tile),
    Case("a formula as a name", formula_as_a_name),
    Case("no such slides", lambda here: judged(here, "--slides", "none"), "none is not a folder"),
    Case("slides without coordinates", no_coordinates, "there are no coords for slide_00.pt"),
    Case("features without coordinates", without_coordinates),
    Case(
        "a label of a slide that is not there",
        labels_with(lambda path: path.write_text(path.read_text() + "other,1,p\n")),
        r"l\.csv lists other, without a feature file",
    ),
    Case(
        "two labels of one slide",
        labels_with(lambda path: path.write_text(path.read_text() + "slide_00.svs,1,p\n")),
        r"l\.csv has several rows for slide_00: keep one",
    ),
    Case(
        "labels of other names",
        labels_with(lambda path: path.write_text(path.read_text().replace(",0,", ",a,"))),
        r"l\.csv has the labels 1 and a; say which of them is positive",
    ),
    Case("--positive without labels", lambda here: judged(here, "--positive", "a"), "--labels"),
    Case("labels of one class", only_positives),
    Case("labels by the names of training", labels_by_name),
    Case(
        "a name on the other side than in training",
        a_name_on_the_other_side(),
        r"l\.csv has the labels 0 and 1, but in training 1 was 0 and 2 was 1; name the",
    ),
    Case("a name that --positive puts there", a_name_on_the_other_side("--positive", "1")),
    Case("labels with a division", a_division_is_not_read),
    Case("slides without a label", unlisted_slides),
    Case("too little room to keep models", keep_on_a_small_disk, "needs about .* MB, but 4.1 MB"),
    Case(
        "models of two encoders to keep", keep_of_several_encoders, "the files differ in their enc"
    ),
    Case("a folder where a model goes", model_as_a_folder, "is a folder, where the report has"),
]
