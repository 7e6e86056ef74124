import csv
import json

import h5py
import numpy as np
import pytest
from feature_folders import toy_bags, write_folder, write_labels
from made_slides import write_slide
from toy_kept import write_toy_kept

from mil_tutorial.__main__ import main
from mil_tutorial.experiment.kept import NEW, SEEN, UNSEEN


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


def predict(model, folder, out, *options):
    words = ["predict", model, "--data", folder, "--out", out, *options]
    return main([str(word) for word in words])


@pytest.fixture()
def toy(tmp_path):
    """A model of random weights that knows 12 slides, their folder, and their labels."""
    bags = toy_bags(12)
    model = write_toy_kept(tmp_path / "model-gated.safetensors", bags)
    return model, write_folder(tmp_path / "f", bags), write_labels(tmp_path / "l.csv", bags)


def test_the_training_folder_gets_what_compare_reported(tmp_path, capsys):
    bags = toy_bags(30)
    folder, labels = write_folder(tmp_path / "f", bags), write_labels(tmp_path / "l.csv", bags)
    words = ["compare", "--data", folder, "--labels", labels, "--out", tmp_path / "r", "--keep"]
    short = ["--seeds", 2, "--epochs", 2, "--poolings", "gated", "max"]
    assert main([*map(str, words), *map(str, short)]) == 0
    assert "model-gated.safetensors, model-max.safetensors" in capsys.readouterr().out
    reported = rows(tmp_path / "r" / "predictions.csv")
    results = json.loads((tmp_path / "r" / "results.json").read_text())
    for pooling, row in zip(("gated", "max"), results["rows"], strict=True):
        out, model = tmp_path / f"p-{pooling}", tmp_path / "r" / f"model-{pooling}.safetensors"
        assert predict(model, folder, out, "--labels", labels) == 0
        key = ("seed", "fold")
        own = [one for one in reported if one["pooling"] == pooling]
        expected = {(one["bag"], *(one[k] for k in key)): one for one in own}
        found = {(one["slide"], *(one[k] for k in key)): one for one in rows(out / "by_fold.csv")}
        assert found.keys() == expected.keys()
        for which, one in found.items():
            for name in ("probability", "threshold"):
                assert abs(float(one[name]) - float(expected[which][name])) < 1e-6
            assert one["called_positive"] == expected[which]["called_positive"]
        for one in rows(out / "predictions.csv"):
            each = [float(e["probability"]) for (bag, *_), e in expected.items()
                    if bag == one["slide"]]  # fmt: skip
            assert abs(float(one["probability"]) - np.mean(each)) < 1e-6
            assert one["judged_by"] == UNSEEN
        metrics = json.loads((out / "results.json").read_text())["metrics"]
        assert metrics["auc"]["value"] == pytest.approx(row["auc"], abs=1e-6)
        assert metrics["auc"]["low"] == pytest.approx(row["auc_low"], abs=1e-6)
    printed = capsys.readouterr()
    assert "30 of these were in training: only models that never saw them count" in printed.out
    assert "lie outside" not in printed.err


def test_new_slides_get_probabilities_decisions_attention_and_maps(toy, tmp_path, capsys):
    model, *_ = toy
    bags = {f"new_{name}": bag for name, bag in toy_bags(12, seed=1).items()}
    folder = write_folder(tmp_path / "new", bags)
    slides, out = tmp_path / "slides", tmp_path / "out"
    slides.mkdir()
    for name in list(bags)[:2]:
        write_slide(slides / f"{name}.tif")
    assert predict(model, folder, out, "--slides", slides) == 0
    printed = capsys.readouterr()
    assert (
        f"12 slides, {sum(r['called_positive'] == '1' for r in rows(out / 'predictions.csv'))}"
        in (printed.out)
    )
    assert printed.err == ""
    table = rows(out / "predictions.csv")
    assert [row["slide"] for row in table] == list(bags)
    for row in table:
        assert row["judged_by"] == NEW
        reached = float(row["probability"]) >= float(row["threshold"])
        assert reached == (row["called_positive"] == "1")
        assert float(row["threshold"]) == pytest.approx(0.45)
        assert float(row["spread"]) > 0
    assert "label" not in table[0]
    for name, (features, *_) in bags.items():
        with np.load(out / "attention" / f"{name}.npz") as file:
            assert file["attention"].sum() == pytest.approx(1, abs=1e-5)
            assert file["coords"].shape == (len(features), 2)
    assert {path.stem for path in (out / "heatmaps").iterdir()} == set(list(bags)[:2])
    results = json.loads((out / "results.json").read_text())
    assert results["kept_model"] == "model-gated.safetensors"
    assert "metrics" not in results


def test_labels_measure_slides_that_no_judge_trained_on(toy, tmp_path, capsys):
    model, folder, labels = toy
    new = {f"new_{name}": bag for name, bag in toy_bags(8, seed=1).items()}
    write_folder(folder, new)
    write_labels(labels, toy_bags(12) | new, columns=("slide", "label", "patient"))
    labels.write_text(labels.read_text().replace("new_slide_07,1", "new_slide_07.svs,1"))
    assert predict(model, folder, tmp_path / "out", "--labels", labels) == 0
    metrics = json.loads((tmp_path / "out" / "results.json").read_text())["metrics"]
    assert (metrics["slides"], metrics["of_cross_validation"]) == (20, 12)
    table = rows(tmp_path / "out" / "predictions.csv")
    called = [row["called_positive"] == "1" for row in table if row["label"] == "1"]
    assert metrics["sensitivity"]["value"] == pytest.approx(np.mean(called))
    assert metrics["sensitivity"]["low"] <= np.mean(called) <= metrics["sensitivity"]["high"]


def test_slides_that_all_models_trained_on_do_not_count(tmp_path, capsys):
    bags = toy_bags(12)
    model = write_toy_kept(tmp_path / "m.safetensors", bags, n_trials=1)  # it tested all
    kept = write_toy_kept(tmp_path / "n.safetensors", bags, tested=False)
    folder, labels = write_folder(tmp_path / "f", bags), write_labels(tmp_path / "l.csv", bags)
    assert predict(model, folder, tmp_path / "p", "--labels", labels) == 0
    assert "12 slides with a label, 6 positive\n" in capsys.readouterr().out
    assert predict(kept, folder, tmp_path / "q", "--labels", labels) == 0
    assert "12 more do not count, because all models trained on them" in capsys.readouterr().out
    assert {row["judged_by"] for row in rows(tmp_path / "q" / "predictions.csv")} == {SEEN}
    metrics = json.loads((tmp_path / "q" / "results.json").read_text())["metrics"]
    assert "auc" not in metrics


def test_features_far_from_training_are_spoken_of(toy, tmp_path, capsys):
    model, *_ = toy
    far = {name: (x / 255, *rest) for name, (x, *rest) in toy_bags(12, seed=1).items()}
    assert predict(model, write_folder(tmp_path / "far", far), tmp_path / "out") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("warning: the features lie outside what the model was trained on: at ")
    said = json.loads((tmp_path / "out" / "results.json").read_text())["features"]
    assert line == f"warning: {said['warning']}"


def named(folder, encoder, mpp=0.5):
    """Write into files what the command features writes: encoder and µm/px."""
    for path in folder.iterdir():
        with h5py.File(path, "r+") as file:
            file["features"].attrs["encoder"] = encoder
            file["coords"].attrs.update(target_mpp=mpp, patch_size=256, patch_size_level0=256)
    return folder


def test_features_of_another_encoder_are_refused_by_name(tmp_path, capsys):
    bags, features = toy_bags(12), {"encoder": "efficientnet-lite0", "mpp": 0.5}
    model = write_toy_kept(tmp_path / "m.safetensors", bags, features=features)
    other = named(write_folder(tmp_path / "other", bags), "resnet18")
    assert predict(model, other, tmp_path / "out") == 2
    assert capsys.readouterr().err == (
        "error: features are of resnet18, the model was trained on efficientnet-lite0; extract "
        "them again\n"
    )
    assert not (tmp_path / "out").exists()
    same = named(write_folder(tmp_path / "same", bags), "efficientnet-lite0")
    assert predict(model, same, tmp_path / "out") == 0
    assert capsys.readouterr().err == ""
    coarse = named(write_folder(tmp_path / "coarse", bags), "efficientnet-lite0", mpp=1.0)
    assert predict(model, coarse, tmp_path / "coarse-out") == 0
    assert "warning: tiles are of 1 µm/px, the model was trained on 0.5" in capsys.readouterr().err


def test_the_encoder_is_kept_by_compare(tmp_path):
    from mil_tutorial import load_kept

    bags = toy_bags(30)
    folder = named(write_folder(tmp_path / "f", bags), "resnet18")
    labels = write_labels(tmp_path / "l.csv", bags)
    words = ["compare", "--data", folder, "--labels", labels, "--out", tmp_path / "r", "--keep"]
    short = ["--seeds", 1, "--epochs", 1, "--poolings", "mean"]
    assert main([*map(str, words), *map(str, short)]) == 0
    kept = load_kept(tmp_path / "r" / "model-mean.safetensors")
    assert kept.settings["features"] == {"encoder": "resnet18", "mpp": 0.5}


def test_an_npz_file_brings_its_own_labels(toy, tmp_path, capsys):
    model, *_ = toy
    bags = toy_bags(12, seed=1)
    features = [x for x, *_ in bags.values()]
    np.savez(
        tmp_path / "own.npz",
        features=np.concatenate(features),
        bag=np.repeat(np.arange(12), [len(x) for x in features]),
        label=np.arange(12) % 2,
    )
    assert predict(model, tmp_path / "own.npz", tmp_path / "out") == 0
    assert "of 12 slides with a label, 6 positive" in capsys.readouterr().out
