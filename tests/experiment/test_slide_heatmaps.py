from unittest.mock import patch

import matplotlib.pyplot as plt
import numpy as np
import pytest
from feature_folders import toy_bags, write_file, write_folder, write_labels
from made_slides import write_slide

from mil_tutorial import TrainingConfig, predict
from mil_tutorial.datasets.features.bags import FeatureBags
from mil_tutorial.datasets.features.files import describe
from mil_tutorial.experiment.catalogue import load_benchmark
from mil_tutorial.experiment.run import run_experiment
from mil_tutorial.experiment.slide_heatmaps import (
    find_slides,
    slide_figure,
    slide_figures,
    telling_bags,
)
from mil_tutorial.training.prediction import ensemble


@pytest.fixture()
def benchmark(tmp_path):
    bags = toy_bags(30)
    split = [["train", "train", "test", "val", "test"][int(p[1:-1]) % 5]
             for _, _, p in bags.values()]  # fmt: skip
    labels = write_labels(tmp_path / "labels.csv", bags, split=split)
    return load_benchmark(write_folder(tmp_path / "features", bags), labels=labels)


@pytest.fixture()
def trained(benchmark, tmp_path):
    """The test slides by name, and an experiment on their features."""
    slides = {n: write_slide(tmp_path / f"{n}.tif") for n in benchmark.test.names}
    options = {"poolings": ["gated"], "seeds": 1, "progress": False}
    return slides, run_experiment(benchmark, config=TrainingConfig(epochs=1), **options)


def test_slides_of_test_bags_are_found_by_name(benchmark, tmp_path):
    folder = tmp_path / "slides"
    folder.mkdir()
    with pytest.raises(ValueError, match="slides holds none of the slides to judge"):
        find_slides(folder, benchmark.test, benchmark.name)
    known, training = benchmark.test.names[1], next(iter(benchmark.splits(0))).train.names[0]
    for name in (known, training, "other"):
        write_slide(folder / f"{name}.tif")
    (folder / f"{benchmark.test.names[0]}.txt").write_text("no slide")
    assert find_slides(folder, benchmark.test, benchmark.name) == {known: folder / f"{known}.tif"}
    with pytest.raises(FileNotFoundError, match="none is not a folder"):
        find_slides(tmp_path / "none", benchmark.test, benchmark.name)
    (folder / f"{known}.tif").write_bytes(b"II*\0 cut off")
    with pytest.raises(ValueError, match=rf"can read none of {known}\.tif in .*: damaged or of"):
        find_slides(folder, benchmark.test, benchmark.name)
    other = benchmark.test.names[2]
    write_slide(folder / f"{other}.tif")
    with pytest.warns(UserWarning, match=rf"no heat map of what OpenSlide .* {known}\.tif in"):
        assert find_slides(folder, benchmark.test, benchmark.name) == {
            other: folder / f"{other}.tif"
        }


def test_without_coordinates_there_is_no_map(tmp_path):
    bags = toy_bags(30)
    labels = write_labels(tmp_path / "labels.csv", bags)
    benchmark = load_benchmark(write_folder(tmp_path / "f", bags, ".pt"), labels=labels)
    with pytest.raises(ValueError, match=r"f: heat maps need the place .* no coords for .*\.pt"):
        find_slides(tmp_path, benchmark.test, benchmark.name)


def test_a_slide_that_cannot_be_drawn_is_named(trained, monkeypatch):
    slides, experiment = trained
    figures = slide_figures(experiment, slides)
    assert figures

    def damaged(*_):
        raise MemoryError

    monkeypatch.setattr("mil_tutorial.experiment.slide_heatmaps.Slide.thumbnail", damaged)
    for draw in figures.values():
        with pytest.raises(ValueError, match=r"^slide_\d\d: memory is short"):
            draw()
    plt.close("all")


def test_tiles_of_unknown_size_are_noticed_before_training(benchmark, tmp_path):
    first, second, other, *_ = benchmark.test.names
    slides = {name: write_slide(tmp_path / f"{name}.tif") for name in (first, second, other)}
    for name in (first, second):
        diagonal = np.full((3, 2), 300) * [[0], [1], [2]]
        write_file(tmp_path / "features" / f"{name}.h5", np.ones((3, 6), np.float32), diagonal)
    benchmark = load_benchmark(tmp_path / "features", labels=tmp_path / "labels.csv")
    with pytest.warns(UserWarning, match=f"no heat map of {first}, {second}: .*their size is not"):
        assert find_slides(tmp_path, benchmark.test, benchmark.name) == {other: slides[other]}


def test_tiles_beyond_the_slide_are_noticed_before_training(benchmark, tmp_path):
    first, *others = benchmark.test.names
    slides = {name: write_slide(tmp_path / f"{name}.tif", 1200, 1200) for name in others}
    write_slide(tmp_path / f"{first}.tif", 512, 512)
    with pytest.warns(UserWarning, match=rf"no heat map of {first}: .*\.tif: tiles reach to"):
        assert find_slides(tmp_path, benchmark.test, benchmark.name) == slides


def test_without_openslide_the_message_says_what_to_install(benchmark, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "openslide", None)
    with pytest.raises(ImportError, match=r'pip install "mil-tutorial\[wsi\]"'):
        find_slides(tmp_path, benchmark.test, benchmark.name)


def test_the_telling_slides_are_drawn(trained, benchmark):
    slides, experiment = trained
    figures = {stem: draw() for stem, draw in slide_figures(experiment, slides).items()}
    assert figures
    runs = experiment.runs["gated"]
    called, labels = runs.called_positive[0], benchmark.test.labels.numpy() == 1
    assert ("heatmap_missed" in figures) == bool((labels & ~called).any())
    assert ("heatmap_false_alarm" in figures) == bool((~labels & called).any())
    for figure in figures.values():
        name = figure.get_suptitle().split()[0]
        probability = runs.probabilities[0, benchmark.test.names.index(name)]
        assert f"gated says {probability:.3f}" in figure.get_suptitle()
        row = benchmark.test.names.index(name)
        assert f"(threshold {runs.threshold[0, row]:.3f})" in figure.get_suptitle()


def test_in_cross_validation_any_slide_is_drawn_by_the_model_that_did_not_train_on_it(tmp_path):
    bags = toy_bags(30)
    labels = write_labels(tmp_path / "labels.csv", bags)
    benchmark = load_benchmark(write_folder(tmp_path / "features", bags), labels=labels)
    options = {"poolings": ["gated"], "seeds": 1, "progress": False}
    experiment = run_experiment(benchmark, config=TrainingConfig(epochs=1), **options)
    folds, runs = experiment.folds[0], experiment.runs["gated"]
    (tmp_path / "slides").mkdir()
    for fold, split in enumerate(benchmark.splits(0)):
        row = int(np.flatnonzero(folds == fold)[-1])
        name = benchmark.test.names[row]
        slide = write_slide(tmp_path / "slides" / f"{name}.tif")
        assert find_slides(tmp_path / "slides", benchmark.test, benchmark.name)[name] == slide
        one = split.test.subset([split.test.names.index(name)])
        assert name not in {*split.train.names, *split.val.names}
        with patch("mil_tutorial.experiment.slide_heatmaps.slide_figure") as drawn:
            (draw,) = slide_figures(experiment, {name: slide}).values()
            draw()
        members = experiment.ensembles["gated"][fold]
        prediction = ensemble([predict(model, one) for model in members])
        assert prediction.probabilities[0] == pytest.approx(runs.probabilities[0, row], abs=1e-6)
        np.testing.assert_allclose(drawn.call_args.args[2], prediction.attention, atol=1e-6)


def test_which_slides_tell_most():
    labels = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    probabilities = np.array([0.9, 0.8, 0.3, 0.2, 0.7, 0.6, 0.1, 0.4])
    all_drawn = np.ones(8, dtype=bool)
    assert telling_bags(labels, probabilities, probabilities > 0.5, all_drawn) == {
        "heatmap_found": 0,
        "heatmap_missed": 3,
        "heatmap_false_alarm": 4,
        "heatmap_negative": 6,
    }
    some = np.array([0, 1, 0, 0, 0, 0, 1, 1], dtype=bool)
    expected = {"heatmap_found": 1, "heatmap_negative": 6}
    assert telling_bags(labels, probabilities, probabilities > 0.5, some) == expected


def one_bag(path, coords):
    write_file(path, np.ones((len(coords), 3), dtype=np.float32), coords)
    return FeatureBags([describe(path)], __import__("torch").zeros(1), ["p"])


@pytest.mark.parametrize("shape", [(1200, 900), (4000, 3001)])
def test_a_hot_tile_lies_on_the_picture_of_its_place(shape, tmp_path):
    coords = np.array([[0, 0], [256, 0], [512, 256], [768, 256]])
    bag = one_bag(tmp_path / "s.h5", coords)
    slide = write_slide(tmp_path / "s.tif", *shape)
    figure = slide_figure(slide, bag, [0.1, 0.1, 0.7, 0.1])
    picture, _, heat = (axes.images[-1].get_array() for axes in (figure.axes[0], *figure.axes[:2]))
    hot = np.asarray(heat) == np.nanmax(heat)
    assert picture.shape[:2] == heat.shape
    inside, outside = picture[hot].mean(), picture[~hot].mean()
    assert inside < 60
    assert outside > 180


def test_features_of_another_slide_are_noticed(tmp_path):
    bag = one_bag(tmp_path / "s.h5", np.array([[0, 0], [5000, 0]]))
    with pytest.raises(ValueError, match=r"s\.tif: tiles reach to x 5000, y 0, but the slide has"):
        slide_figure(write_slide(tmp_path / "s.tif"), bag, [0.5, 0.5])
