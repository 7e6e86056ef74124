import json
import re
import shutil
import subprocess

import numpy as np
import pytest
import torch
from torch import nn

from mil_tutorial import MedicalBagDataset, build_model, predict
from mil_tutorial.models.mil import POOLINGS
from mil_tutorial.models.pooling import MeanPooling
from mil_tutorial.widgets.base import WIDGET_VIEW, _static
from mil_tutorial.widgets.what_if import WhatIf

COORDS = [(32 * x, 32 * y) for y in range(3) for x in range(4)]
N = len(COORDS)


def slides(n=N, **changes):
    random = np.random.default_rng(0)
    settings = dict(
        instance_labels=[np.zeros(5, int), np.arange(n) % 3 == 0],
        coords=[COORDS[:5], COORDS[:n]],
        names=["healthy", "ill"],
    )
    bags = [(random.normal(size=(5, 6)), 0), (random.normal(size=(n, 6)), 1)]
    return MedicalBagDataset(bags, **settings | changes)


def picture():
    return np.random.default_rng(0).integers(0, 256, (96, 128, 3), dtype=np.uint8)


def model(pooling="gated", **options):
    torch.manual_seed(0)
    built = build_model(pooling, 6, 8, **options)
    with torch.no_grad():
        for parameter in built.parameters():
            parameter.mul_(3)  # so that weights differ clearly
    return built


def what_if(pooling="gated", dataset=None, **options):
    dataset = dataset or slides()
    return WhatIf(model(pooling, **options), dataset, "ill", image=picture, tile_size=32)


def without(dataset, removed):
    """The second slide as a data set of its own, in which these tiles never were."""
    kept = np.setdiff1d(np.arange(N), removed)
    return MedicalBagDataset([(dataset.instances[1][kept], dataset.labels[1])]), kept


def test_the_answer_is_that_of_predict_for_a_slide_without_these_tiles():
    for pooling in POOLINGS:
        for removed in [[], [3], [11, 0, 5], list(range(1, N))]:
            widget = what_if(pooling, dropout=0.5)
            widget.removed = removed
            rest, kept = without(slides(), removed)
            predictions = predict(model(pooling, dropout=0.5), rest)
            assert widget.logit == pytest.approx(predictions.logits[0], abs=1e-6)
            assert widget.probability == pytest.approx(predictions.probabilities[0], abs=1e-6)
            np.testing.assert_allclose(widget.attention[kept], predictions.attention, atol=1e-6)
            assert (widget.attention[removed] == 0).all()
            assert widget.attention.sum() == pytest.approx(1)
            np.testing.assert_array_equal(widget.left, kept)


def test_image_tiles_go_through_the_encoder_once():
    calls = []

    class Encoder(nn.Module):
        def forward(self, tiles):
            calls.append(len(tiles))
            return tiles.flatten(1)[:, :6]

    random = np.random.default_rng(0)
    bags = [(random.normal(size=(N, 3, 2, 2)), 1)]
    dataset = MedicalBagDataset(bags, coords=[COORDS], names=["ill"])
    built = model(encoder=Encoder())
    widget = WhatIf(built, dataset, "ill", image=picture(), tile_size=32)
    widget.removed = [2, 4]
    widget.remove_hottest(3)
    assert calls == [N]
    assert isinstance(built.encoder, Encoder)


def test_training_the_model_further_does_not_change_the_widget():
    trained = model().train()
    widget = WhatIf(trained, slides(), "ill", image=picture, tile_size=32)
    before = widget.logit
    with torch.no_grad():
        trained.head.bias += 5
    widget.removed = [0]
    widget.removed = []
    assert widget.logit == before
    assert trained.training


def test_removed_takes_arrays_and_tuples():
    for numbers in [np.array([4, 2]), (4, 2), [np.int64(4), 2]]:
        widget = what_if()
        widget.removed = numbers
        assert widget.removed == [4, 2]
        assert [type(number) for number in widget.removed] == [int, int]


def test_an_empty_array_and_a_set_are_taken_too():
    widget = what_if()
    widget.removed = {7, 1}
    assert widget.removed == [1, 7]
    widget.removed = np.array([])
    assert widget.removed == []


def test_what_cannot_be_removed_is_refused_and_nothing_changes():
    for removed, message in [
        ([12], r"slide ill: removed holds 12, expected the numbers of its 12 tiles, 0 to 11"),
        ([-1], "slide ill: removed holds -1"),
        ([3, 3], "slide ill: removed holds tile 3 twice"),
        (range(12), "slide ill: removed holds all 12 tiles, but one has to stay"),
        (np.zeros(12, bool), r"removed is a mask .*np.flatnonzero\(mask\)"),
        ([1.5], r"removed is \[1.5\], expected a list of whole numbers"),
        (3, "removed is 3, expected a list of whole numbers"),
    ]:
        widget = what_if()
        widget.removed = [5]
        before = widget.get_state()
        with pytest.raises(ValueError, match=message):
            widget.removed = removed
        assert widget.get_state() == before


def test_the_hottest_go_one_after_the_other():
    widget, hottest = what_if(), []
    order = np.argsort(-widget.attention)
    widget.remove_hottest()
    assert widget.removed == [order[0]]
    widget.remove_hottest(3)  # renormalising keeps the order
    assert widget.removed == list(order[:4])
    assert [count for count, _ in widget.history] == [0, 1, 4]
    lowest = what_if("max")
    for _ in range(3):
        hottest.append(int(lowest.attention.argmax()))
        lowest.removed = hottest
    at_once = what_if("max")
    at_once.remove_hottest(3)
    assert at_once.removed == hottest  # of weights that were 0 when it began


def test_random_tiles_repeat_after_a_reset():
    widget = what_if()
    widget.remove_random(4)
    widget.remove_random(4)
    first = widget.removed
    assert len(set(first)) == 8
    widget.reset()
    widget.remove_random(4)
    widget.remove_random(4)
    assert widget.removed == first


def test_the_last_tile_stays():
    for count in [0, -1, 3, 4]:
        widget = what_if()
        widget.removed = list(range(9))
        for remove in (widget.remove_hottest, widget.remove_random):
            with pytest.raises(
                ValueError, match=f"slide ill: {count} tiles to remove, expected 1 to 2"
            ):
                remove(count)
        assert widget.removed == list(range(9))
        widget.remove_hottest(2)
        assert len(widget.left) == 1
        assert widget.attention.max() == 1


def test_undo_goes_back_step_by_step_and_reset_forgets():
    widget = what_if()
    probabilities = [widget.probability]
    for removed in ([1], [1, 2, 3], [2, 3]):
        widget.removed = removed
        probabilities.append(widget.probability)
    assert widget.history == [[0, probabilities[0]], *zip_lists([1, 3, 2], probabilities[1:])]
    widget.undo()
    assert (widget.removed, widget.probability) == ([1, 2, 3], probabilities[2])
    widget.undo()
    widget.removed = [9]
    assert [count for count, _ in widget.history] == [0, 1, 1]
    widget.undo()
    widget.undo()
    assert (widget.removed, widget.history) == ([], [[0, probabilities[0]]])
    widget.undo()
    assert widget.removed == []
    widget.removed = [4]
    widget.removed = []
    widget.reset()
    assert widget.history == [[0, probabilities[0]]]


def zip_lists(*columns):
    return [list(row) for row in zip(*columns)]


def in_browser(widget):
    """Return weights, logit and hottest tiles as the page computes them."""
    asked = {
        "rule": widget.rule,
        "removed": widget.removed,
        "scores": np.frombuffer(widget.scene["scores"], np.float32).tolist(),
        "energies": np.frombuffer(widget.scene["energies"], np.float32).tolist(),
    }
    program = f"""{_static("what_if_model.js")}
const {{ rule, removed, scores, energies }} = {json.dumps(asked)};
const found = answerWithout(removed, rule, {{ scores, energies }});
const left = scores.length - removed.length;
const next = hottest(removed, Math.min(3, left - 1), rule, {{ scores, energies }});
console.log(JSON.stringify({{ ...found, weights: Array.from(found.weights), next }}));
"""
    command = ["node", "--input-type=module", "-"]
    done = subprocess.run(command, input=program, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.skipif(shutil.which("node") is None, reason="needs node on the PATH")
def test_the_page_answers_as_the_model_does():
    for pooling in sorted(set(POOLINGS) - {"max_embedding"}):
        widget = what_if(pooling)
        widget.removed = [11, 0, 5]
        found = in_browser(widget)
        assert found["logit"] == pytest.approx(widget.logit, abs=1e-5)
        assert found["probability"] == pytest.approx(widget.probability, abs=1e-5)
        np.testing.assert_allclose(found["weights"], widget.attention, atol=1e-6)
        widget.remove_hottest(3)
        assert found["next"] == widget.removed


def test_where_the_scores_do_not_suffice_the_model_answers():
    class Squared(nn.Module):
        def forward(self, values, sizes):
            return MeanPooling()(values**2, sizes)

    own = model("mean")
    own.pooling = Squared()
    for built in (own, model("max_embedding")):
        widget = WhatIf(built, slides(), "ill", image=picture, tile_size=32)
        assert widget.rule == ""
        widget.set_state({"steps": [[], [3], [3, 1]]})
        assert widget.removed == [3, 1]
        assert widget.answer["steps"] == [[], [3], [3, 1]]
        assert widget.answer["history"] == widget.history
        assert widget.answer["logit"] == widget.logit
        np.testing.assert_array_equal(
            np.frombuffer(widget.answer["weights"], np.float32), widget.attention
        )
    assert what_if("gated").answer == {}


def test_steps_of_the_page_are_taken():
    widget = what_if()
    widget.set_state({"steps": [[], [4], [4, 2]]})
    assert widget.removed == [4, 2]
    assert [count for count, _ in widget.history] == [0, 1, 2]
    widget.undo()
    assert widget.steps == [[], [4]]


def test_it_carries_its_static_twin_which_does_not_tell_the_truth_unasked():
    widget = what_if()
    widget.removed = [0, 5]
    data, _ = widget._repr_mimebundle_()
    assert set(data) == {WIDGET_VIEW, "text/html", "image/png", "text/plain"}
    (alt,) = re.findall(r'<img alt="([^"]*)"', data["text/html"])
    assert alt == data["text/plain"]
    assert "slide ill: the whole slide of 12 tiles" in alt
    assert f"Without 2 of them, marked ×, it has {widget.probability:.3f}" in alt
    hottest = int(widget.attention.argmax())
    assert f"tile {hottest} has the highest weight, {widget.attention.max():.3g}." in alt
    plain = np.asarray(widget.twin().axes[0].images[0].get_array())
    gone = plain[:32, :32].mean(), picture()[:32, :32].mean()
    assert gone[0] > gone[1] + 50  # paler
    np.testing.assert_array_equal(plain[:32, 32:64], picture()[:32, 32:64])
    widget.outline = True
    outlined = np.asarray(widget.twin().axes[0].images[0].get_array())
    assert (outlined != plain).any()


def test_the_twin_of_the_whole_slide_and_of_one_tile():
    widget = what_if()
    assert "Without" not in widget.description()
    assert widget.twin().axes
    widget.remove_hottest(N - 1)
    assert "Of the 1 tile left, tile" in widget.description()
    assert widget.twin().axes
    single = slides(1)
    alone = WhatIf(model(), single, "ill", image=picture, tile_size=32)
    assert alone.attention.tolist() == [1]
    with pytest.raises(ValueError, match="one has to stay"):
        alone.removed = [0]


def test_a_slide_without_truth_has_none_to_outline():
    widget = what_if(dataset=slides(instance_labels=None))
    widget.outline = True
    assert widget.scene["truth"] == b""
    assert widget.twin().axes


def test_what_cannot_be_shown_is_refused():
    for changes, name, message in [
        ({}, "dead", "there is no slide 'dead'; the 2 slides are healthy, ill"),
        ({"names": ["ill", "ill"]}, "ill", "2 slides are called 'ill'"),
        ({"coords": None}, "ill", "slide ill: the data set has no coordinates"),
        ({"coords": [COORDS[:5], [(320, 0)] * N]}, "ill", "slide ill: tiles reach"),
    ]:
        with pytest.raises(ValueError, match=message):
            WhatIf(model(), slides(**changes), name, image=picture, tile_size=32)


def test_features_of_another_width_are_refused():
    with pytest.raises(ValueError, match="slide ill: features have width 6, the model expects 9"):
        WhatIf(build_model("gated", 9, 8), slides(), "ill", image=picture, tile_size=32)
