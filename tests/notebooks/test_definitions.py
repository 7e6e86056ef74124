"""What chapters build by hand is the package's code: same outputs, same gradients."""

import ast

import nbformat
import numpy as np
import pytest
import torch

import mil_tutorial
from mil_tutorial.checks.chapter_11 import weighted_differences
from mil_tutorial.checks.loops import toy_bags, toy_model
from mil_tutorial.datasets import mnist as mnist_bags
from mil_tutorial.datasets.wsi.slide import Slide
from mil_tutorial.datasets.wsi.tiling import _coords
from mil_tutorial.metrics.attention import smooth_scores
from mil_tutorial.models import pooling
from mil_tutorial.pictures import geojson

SIZES = torch.tensor([3, 1, 4])
MASK = torch.arange(4) < SIZES[:, None]


def definitions(notebooks, number):
    """Run the imports and definitions of a solved chapter; the last of a name counts."""
    (path,) = (notebooks / "solutions").glob(f"{number}_*.ipynb")
    names = {"FAST": True, "__name__": "chapter"}
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "code" and cell.id != "setup":
            kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
            body = [node for node in ast.parse(cell.source).body if isinstance(node, kept)]
            exec(compile(ast.Module(body, []), cell.id, "exec"), names)
    return names


def own(names, name):
    """Return a definition that is the notebook's and not the package's under the same name."""
    assert not names[name].__module__.startswith("mil_tutorial"), name
    return names[name]


def assert_same(functions, *inputs):
    """Compare outputs, and the gradients of a weighted sum of them."""
    results = []
    for function in functions:
        leaves = [x.clone().requires_grad_(x.is_floating_point()) for x in inputs]
        outputs = function(*leaves)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        parts = [
            (out * torch.linspace(-1, 1, out.numel()).view(out.shape)).sum() for out in outputs
        ]
        sum(parts).backward()
        results.append([*outputs, *(x.grad for x in leaves if x.requires_grad)])
    for got, expected in zip(*results):
        torch.testing.assert_close(got, expected)


def assert_same_layer(layer, truth, *inputs):
    """Compare two modules with the same parameters: outputs, gradients of inputs and parameters."""
    layer.load_state_dict(truth.state_dict())
    assert_same((layer, truth), *inputs)
    for mine, theirs in zip(layer.parameters(), truth.parameters()):
        torch.testing.assert_close(mine.grad, theirs.grad)


def test_chapter_02_builds_the_data_set(notebooks):
    data_set = own(definitions(notebooks, "02"), "MedicalBagDataset")
    bags = [(torch.randn(3, 2).tolist(), 1), (torch.randn(1, 2), 0.0)]
    mine, package = data_set(bags), mil_tutorial.MedicalBagDataset(bags)
    assert len(mine) == len(package) == 2
    for ours, theirs in zip(mine, package):
        for got, expected in zip(ours, theirs):
            torch.testing.assert_close(got, expected)
    nothing, nan = torch.zeros(0, 2), torch.full((2, 2), float("nan"))
    for refused in (
        [(nothing, 1)],
        [(nan, 1)],
        [(torch.zeros(2, 2), 2)],
        [(torch.zeros(2, 2), "x")],
    ):
        for kind in (data_set, mil_tutorial.MedicalBagDataset):
            with pytest.raises(ValueError, match="bag 0"):
                kind(refused)


def test_chapter_03_builds_batches_and_softmaxes(notebooks):
    names = definitions(notebooks, "03")
    batch = [(torch.randn(int(n), 2), float(n > 1)) for n in SIZES]
    for got, expected in zip(own(names, "collate_fn")(batch), mil_tutorial.collate_fn(batch)):
        torch.testing.assert_close(got, expected)
    masked = (own(names, "masked_softmax"), pooling.masked_softmax)
    assert_same([lambda s, f=f: f(s, MASK) for f in masked], torch.randn(3, 4))
    index = pooling.bag_index(SIZES)
    segment = (own(names, "segment_softmax"), pooling.segment_softmax)
    assert_same([lambda s, f=f: f(s, index, 3) for f in segment], torch.randn(8))


@pytest.mark.parametrize("name", ["MaxPooling", "MeanPooling"])
def test_chapter_04_builds_the_poolings(notebooks, name):
    layer, truth = own(definitions(notebooks, "04"), name)(), getattr(pooling, name)()
    values = torch.randn(8, 3)
    values[5] = values[6] = values.max() + 1  # equal winners share
    inputs = (lambda v: layer(v, SIZES)[0], lambda v: truth(v, SIZES).values)
    assert_same(inputs, values)
    torch.testing.assert_close(layer(values, SIZES)[1], truth(values, SIZES).attention)


@pytest.mark.parametrize(
    ("number", "layer", "model"),
    [
        ("05", "AttentionPooling", "AttentionMIL"),
        ("06", "GatedAttentionPooling", "GatedAttentionMIL"),
    ],
)
def test_chapters_05_and_06_build_attention(notebooks, number, layer, model):
    names = definitions(notebooks, number)
    torch.manual_seed(0)
    mine, truth = own(names, layer)(3, 5), getattr(pooling, layer)(3, 5)
    assert_same_layer(mine, truth, torch.randn(8, 3), SIZES)
    mine = own(names, model)(2, 4, attention_dim=3)
    truth = getattr(mil_tutorial, model)(2, 4, attention_dim=3)
    assert_same_layer(mine, truth, torch.randn(3, 4, 2), MASK)


def test_chapter_10_builds_the_heat_map(notebooks):
    names = definitions(notebooks, "10")
    rng = np.random.default_rng(0)
    coords = rng.integers(0, 40, (9, 2))  # some overlap, and not all of the canvas is covered
    tiles = (rng.random(9), coords, 8, (50, 60))
    heat = mil_tutorial.stitch_tiles(*tiles)
    np.testing.assert_array_equal(own(names, "stitch_tiles")(*tiles), heat)
    image = rng.integers(0, 256, (50, 60, 3)).astype(np.uint8)
    for options in ({}, {"limits": (0.2, 0.7)}, {"opacity": 0.3}):
        mine = own(names, "overlay")(image, heat, **options)
        np.testing.assert_array_equal(mine, mil_tutorial.overlay(image, heat, **options))
    assert own(names, "tile_ring")(3, 40, 32) == geojson.tile_ring(3, 40, 32)


def test_chapter_09_builds_the_confusion_and_the_deletion_curve(notebooks):
    names = definitions(notebooks, "09")
    scores, truth = torch.randn(20).numpy(), (torch.arange(20) % 3 == 0).long().numpy()
    for threshold in (-0.5, float(scores[3]), 9.0):
        counts = own(names, "instance_confusion")(scores, truth, threshold)
        assert counts == mil_tutorial.instance_confusion(scores, truth, threshold)
    model = mil_tutorial.build_model("gated", input_dim=2, hidden_dim=4, dropout=0.5).eval()
    features, order = torch.randn(6, 2), torch.randperm(6).numpy()
    with torch.inference_mode():
        attention = model(features[None]).attention[0].numpy()
        alone = model.instance_logits(model.embed(features)).numpy()
    for last in (1, 3, 5):
        curve = own(names, "deletion_curve")(model, features, order, last)
        expected = mil_tutorial.deletion_curve(model, features, order, last)
        assert curve == pytest.approx(expected, abs=1e-5)
        logits = own(names, "logits_after_deletion")(attention, alone, order, last)
        expected = mil_tutorial.deletion_curve(model, features, order, last, output="logit")
        assert logits == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("patience", [None, 3])
def test_chapter_07_builds_fit(notebooks, patience):
    train, val = toy_bags(8, seed=48), toy_bags(6, seed=148)
    config = mil_tutorial.TrainingConfig(  # one batch: the order of bags does not matter
        epochs=12, batch_size=8, learning_rate=0.1, patience=patience, class_balance="none"
    )
    mine, truth = toy_model(), toy_model()
    losses = own(definitions(notebooks, "07"), "fit")(mine, train, val, config)
    history = mil_tutorial.fit(truth, train, val, config, progress=False)
    torch.testing.assert_close(losses, history.column("val_loss").tolist(), rtol=1e-3, atol=1e-4)
    for got, expected in zip(mine.parameters(), truth.parameters()):
        torch.testing.assert_close(got, expected, rtol=1e-3, atol=1e-3)


def test_chapter_07_builds_the_threshold(notebooks):
    mine = own(definitions(notebooks, "07"), "threshold_for_sensitivity")
    truth = mil_tutorial.threshold_for_sensitivity
    rng = np.random.default_rng(0)
    for size in (2, 5, 30):
        labels = np.array([0, 1, *rng.integers(0, 2, size)])
        probabilities = rng.integers(0, 9, size + 2) / 8  # with ties
        for share in (0.2, 0.5, 0.8, 0.9, 1.0):
            expected = truth(labels, probabilities, share)
            assert mine(labels, probabilities, share) == pytest.approx(expected)


def test_chapter_08_builds_the_entropy(notebooks):
    names = definitions(notebooks, "08")
    mine, package = own(names, "attention_entropy"), mil_tutorial.attention_entropy
    by_loop = own(names, "entropy_by_loop")

    def entropy(function, scores):
        return function(pooling.masked_softmax(scores, MASK), mask=MASK)

    scores = torch.randn(3, 4)
    assert_same([lambda s, f=f: entropy(f, s) for f in (mine, package)], scores)
    torch.testing.assert_close(entropy(by_loop, scores), entropy(package, scores))
    one_bag = torch.softmax(torch.randn(5), dim=0)
    tiles = own(names, "effective_tiles")(one_bag)
    torch.testing.assert_close(tiles, mil_tutorial.effective_instances(one_bag[None])[0])


def test_chapter_11_builds_what_the_comparison_needs(notebooks):
    names = definitions(notebooks, "11")
    rng = np.random.default_rng(0)
    losses, values = rng.normal(size=(2, 7))
    for r in (1, 2, 3, 7):
        kept = own(names, "best_of")(losses, values, r)
        assert kept == pytest.approx(mil_tutorial.best_of(losses, values, r))
    labels, patient = np.tile([0, 1, 1, 0, 1], 4), np.repeat(np.arange(10), 2)
    first, second = rng.uniform(size=(2, 20))
    plan = mil_tutorial.Bootstrap(patient.tolist(), n_resamples=30)
    draws = [np.repeat(np.arange(10), w[::2].astype(int)) for w in plan.weights]
    np.testing.assert_allclose(
        own(names, "paired_bootstrap")(labels, first, second, patient, draws),
        weighted_differences(labels, first, second, plan.weights),
    )


def test_chapter_12_draws_bags_and_smooths_scores(notebooks):
    names = definitions(notebooks, "12")
    digits = np.random.default_rng(0).integers(0, 10, 300)
    for seed, positive in ((1, True), (2, False), (3, True)):
        mine = own(names, "draw_bag")(digits, positive, np.random.default_rng(seed))
        drawn = (np.random.default_rng(seed), np.arange(300), digits == 9, positive, 10.0, 2.0)
        np.testing.assert_array_equal(mine, mnist_bags._draw(*drawn))
    rng = np.random.default_rng(0)
    scores, coords = rng.normal(size=12), rng.uniform(0, 40, (12, 2))
    for radius in (20.0, 60.0):  # all within three of it, beyond which the package looks no more
        mine = own(names, "smooth_scores")(scores, coords, radius)
        np.testing.assert_allclose(mine, smooth_scores(scores, coords, radius))


def test_chapter_13_reads_fields_and_finds_tiles(notebooks, tmp_path):
    openslide = pytest.importorskip("openslide")
    filters = pytest.importorskip("skimage.filters")
    names = definitions(notebooks, "13")
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (512, 768, 3)).astype(np.uint8)
    own(names, "write_slide")(tmp_path / "made.tif", picture, 0.5, (4,))
    handle = openslide.OpenSlide(str(tmp_path / "made.tif"))
    with Slide(tmp_path / "made.tif") as slide:
        assert slide.mpp == pytest.approx(0.5)
        for level, side, size in ((0, 64, 64), (1, 256, 64)):
            mine = own(names, "read_field")(handle, 256, 128, side, level).convert("RGB")
            np.testing.assert_array_equal(np.asarray(mine), slide.read(256, 128, side, size))
        whole = _coords(slide, np.ones((64, 96), bool), 100, 0.0)
        np.testing.assert_array_equal(own(names, "tile_corners")(768, 512, 100), whole)
    values = np.concatenate([rng.normal(20, 5, 900), rng.normal(120, 30, 400)])
    counts = np.bincount(values.clip(0, 255).astype(int), minlength=256)
    theirs = filters.threshold_otsu(hist=(counts, np.arange(256)))
    assert own(names, "otsu_threshold")(counts) == theirs


def test_chapter_15_finds_the_temperature_and_the_auc_of_epochs(notebooks):
    names = definitions(notebooks, "15")
    rng = np.random.default_rng(0)
    labels = np.array([0, 1] * 40)
    for scale in (0.3, 1.0, 6.0):
        logits = scale * (2 * labels - 1 + rng.normal(0, 2, 80))
        mine = own(names, "best_temperature")(labels, logits)
        assert mine == pytest.approx(mil_tutorial.fit_temperature(labels, logits), rel=0.01)
    scores = rng.integers(0, 9, (5, 80)) / 8  # with ties
    truth = [mil_tutorial.auc(labels, row) for row in scores]
    np.testing.assert_allclose(own(names, "aucs")(labels, scores), truth)


def test_chapter_17_builds_the_search_for_copies_the_auc_and_the_queue(notebooks):
    from mil_tutorial.experiment.audit import most_doubtful, near_copies

    names, rng = definitions(notebooks, "17"), np.random.default_rng(0)
    first, second = rng.normal(size=(5, 8)), rng.normal(size=(4, 8))
    second[2] = 3 * first[1]
    for threshold in (0.1, 0.9, 1.1):
        pairs = own(names, "copies_across")(first, second, threshold)
        np.testing.assert_array_equal(pairs, near_copies(first, second, threshold))
    labels, values = np.array([0, 1, 1, 0, 0, 1]), rng.integers(0, 4, 6) / 4
    assert own(names, "rank_auc")(labels, values) == pytest.approx(mil_tutorial.auc(labels, values))
    for n in (1, 4, 6):
        queue = own(names, "doubtful")(labels, values, n)
        np.testing.assert_array_equal(queue, most_doubtful(labels, values, n))
