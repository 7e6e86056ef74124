import io

import numpy as np
import pytest
from PIL import Image

from mil_tutorial import MedicalBagDataset, build_model, predict, scale_attention
from mil_tutorial.widgets.scene import LONGEST_SIDE, crop, scene
from mil_tutorial.widgets.slide_view import SlideView, slide_views

ATTENTION = np.array([0.7, 0.2, 0.1])
COORDS = np.array([[0, 0], [32, 0], [0, 32]])


def picture(height=64, width=96):
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def view(**changes):
    settings = dict(
        name="s1",
        image=picture(),
        attention=ATTENTION,
        coords=COORDS,
        tile_size=32,
        truth=[1, 0, 0],
    )
    return SlideView(**settings | changes)


def numbers(data):
    return np.frombuffer(data, dtype=np.float32)


def test_the_scene_holds_what_the_package_computes():
    drawn = scene(view(scores=[2.0, -1.0, 0.0], probability=0.8), picture())
    for name, values in drawn["values"].items():
        exact = np.frombuffer(values, dtype=np.float64)
        np.testing.assert_array_equal(exact, scale_attention(ATTENTION, name))
        assert drawn["limits"][name] == (exact.min(), exact.max())
    np.testing.assert_array_equal(numbers(drawn["tiles"]).reshape(-1, 2), COORDS)
    np.testing.assert_array_equal(numbers(drawn["scores"]), [2, -1, 0])
    assert drawn["truth"] == bytes([1, 0, 0])
    assert (drawn["width"], drawn["height"], drawn["tile"], drawn["reduced"]) == (96, 64, 32, False)
    sent = np.asarray(Image.open(io.BytesIO(drawn["image"])))
    assert sent.shape == (64, 96, 3)


def test_a_tile_without_score_and_truth_sends_none():
    drawn = scene(view(truth=None), picture())
    assert drawn["truth"] == drawn["scores"] == b""
    assert drawn["probability"] is None


def test_a_large_picture_is_sent_smaller_with_its_tiles():
    for side in [LONGEST_SIDE, LONGEST_SIDE + 1, 3200, 5001]:
        pixels = np.full((side, 64, 3), 200, dtype=np.uint8)
        pixels[32:64, :32] = 20  # one dark tile
        drawn = scene(view(image=pixels, coords=COORDS), pixels)
        sent = np.asarray(Image.open(io.BytesIO(drawn["image"])))
        assert sent.shape == (drawn["height"], drawn["width"], 3)
        assert max(sent.shape) <= LONGEST_SIDE
        assert drawn["reduced"] == (side > LONGEST_SIDE)
        left, top = numbers(drawn["tiles"]).reshape(-1, 2)[2]
        assert drawn["tile"] * side / drawn["height"] == pytest.approx(32, rel=0.01)
        middle = int(top + drawn["tile"] / 2), int(left + drawn["tile"] / 2)
        assert sent[middle].max() < 60


def test_a_crop_has_full_resolution_and_white_off_the_slide():
    pixels = picture()
    cut = np.asarray(Image.open(io.BytesIO(crop(view(), pixels, 0))))
    assert cut.shape == (64, 64, 3)
    np.testing.assert_array_equal(cut[16:, 16:], pixels[:48, :48])
    assert (cut[:16] == 255).all()


def test_pictures_are_loaded_when_they_are_looked_at():
    loaded = []
    lazy = view(image=lambda: loaded.append(1) or picture())
    assert not loaded
    assert lazy.pixels().shape == (64, 96, 3)
    assert loaded == [1]


def test_what_does_not_fit_is_refused_with_the_slide_named():
    for changes, message in [
        ({"coords": None}, "slide s1: coords are None"),
        ({"attention": ATTENTION[:2]}, r"slide s1: coords have shape \(3, 2\), expected \(2, 2\)"),
        ({"attention": [0.5, np.nan, 0.5]}, "slide s1: attention of tile 1 is nan"),
        ({"truth": [1, 0]}, "slide s1: truth has shape"),
        (
            {"scores": [1.0]},
            r"slide s1: score has shape \(1,\), expected \(3,\), one for each tile",
        ),
        ({"scores": [1.0, np.nan, 0.0]}, "slide s1: score of tile 1 is nan"),
        ({"probability": 1.7}, "slide s1: probability is 1.7"),
        ({"tile_size": 0}, "slide s1: tile_size is 0"),
    ]:
        with pytest.raises(ValueError, match=message):
            view(**changes)


def test_tiles_off_the_picture_are_refused_when_it_is_loaded():
    with pytest.raises(ValueError, match="slide s1: tiles reach .* outside"):
        view(image=lambda: picture(32, 32)).pixels()


def test_views_of_a_data_set():
    bags = [(np.random.default_rng(i).normal(size=(3, 4)), i) for i in range(2)]
    truths = [np.array([0, 0, 0]), np.array([1, 0, 0])]
    dataset = MedicalBagDataset(
        bags, coords=[COORDS, COORDS], names=["a", "b"], instance_labels=truths
    )
    predictions = predict(build_model("gated", 4, 8), dataset)
    views = slide_views(dataset, predictions, image_of=lambda name: picture(), tile_size=32)
    assert [v.name for v in views] == ["a", "b"]
    np.testing.assert_array_equal(views[1].attention, predictions.per_bag(predictions.attention)[1])
    assert views[1].probability == pytest.approx(predictions.probabilities[1])
    np.testing.assert_array_equal(views[1].truth, [1, 0, 0])
    without = MedicalBagDataset(bags, names=["a", "b"])
    with pytest.raises(ValueError, match="no coordinates"):
        slide_views(without, predictions, image_of=lambda name: picture(), tile_size=32)
    with pytest.raises(ValueError, match="the predictions are for 2 bags"):
        slide_views(dataset.subset([0]), predictions, image_of=lambda name: picture(), tile_size=32)
