import numpy as np
import pytest
import torch
from scripts import ROOT, load_script

from mil_tutorial.datasets import Patches
from mil_tutorial.experiment.records import load_recorded, table_cells


def auc(estimate):
    return "{value:.3f} [{low:.3f}, {high:.3f}]".format(**estimate)


def test_the_page_has_the_record():
    cells = table_cells((ROOT / "data/results/README.md").read_text(encoding="utf-8"))
    record = load_recorded("encoders")
    assert record["normal_and_tumour_patches"]["tumor_073"] == [16, 16]
    for part, first, second in (
        ("encoders", "auc_random_folds", "auc_by_slide"),
        ("faults", "auc_everywhere", "auc_in_one_slide"),
    ):
        for row in record[part]:
            numbers = row["numbers"]
            names = (first, second, f"{second}_one_scale")
            expected = [auc(row[name]) for name in names]
            expected += [f"{numbers['dead']:.1%}", f"{numbers['spread']:.2f}"]
            starts = [i for i, cell in enumerate(cells) if cell == row["name"]]
            rows = [cells[i : i + 9] for i in starts]
            assert any(set(expected) <= set(shown) for shown in rows), row["name"]


def test_folds_by_slide_see_through_the_stain():
    """Features that only tell slides apart look good at random, and are worth nothing by slide."""
    rng = np.random.default_rng(0)
    slides = np.repeat(["a", "b", "c", "d"], 30)
    tumour = {"a": 29, "b": 1, "c": 15, "d": 15}
    labels = np.concatenate([np.arange(30) < tumour[name] for name in tumour]).astype(int)
    places = dict(zip("abcd", rng.normal(size=(4, 10)) * 5))
    x = np.stack([places[name] for name in slides]) + rng.normal(size=(120, 10))
    encoders = load_script("data/results/encoders.py")
    pixels = np.zeros((120, 8, 8, 3), np.uint8)
    trial = encoders.Trial(Patches(pixels, labels, list(slides), list(slides)))
    assert trial.random_folds([x]).value > 0.7
    by_slide = trial.within_slides(trial.by_slide([x]))
    assert by_slide.low < 0.5 < by_slide.high
    x[:, 0] += 6 * labels
    assert trial.within_slides(trial.by_slide([x])).low > 0.8
    assert trial.false_alarms(trial.by_slide([x], test=x + 100 * (np.arange(10) == 0))) == 1


def test_scales():
    encoders = load_script("data/results/encoders.py")
    patches = torch.arange(2 * 8 * 8 * 3).reshape(2, 8, 8, 3).to(torch.uint8)
    small = encoders.shrink(patches)
    assert small.shape == (2, 4, 4, 3)
    block = patches[1, 2:4, 4:6, 2].float().mean()
    assert small[1, 1, 2, 2] == pytest.approx(float(block.round()), abs=0.5)
    assert encoders.enlarge(patches).shape == patches.shape
