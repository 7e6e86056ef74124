"""The MIL playground: its JavaScript beside the package, its claims, its Python side."""

import json

import numpy as np
import pytest
import torch
from playground_harness import node
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F

from mil_tutorial.metrics.attention import attention_entropy
from mil_tutorial.models.mil import MIL
from mil_tutorial.models.pooling import (
    AttentionPooling,
    GatedAttentionPooling,
    MaxPooling,
    MeanPooling,
)
from mil_tutorial.widgets.mil_playground import MILPlayground
from mil_tutorial.widgets.mil_playground_bags import point_bags
from mil_tutorial.widgets.mil_playground_presets import CHOICES, DEFAULTS, NUMBERS, PRESETS

SIZES = [3, 7, 5, 4]
LABELS = [0, 1, 1, 0]
STEPS = 5


class Squashed(AttentionPooling):
    def scores(self, embeddings):
        return super().scores(embeddings).sigmoid()


class GatedSquashed(GatedAttentionPooling):
    def scores(self, embeddings):
        return super().scores(embeddings).sigmoid()


def package_model(pooling, squashed):
    layer = {
        "max": MaxPooling,
        "mean": MeanPooling,
        "attention": Squashed if squashed else AttentionPooling,
        "gated": GatedSquashed if squashed else GatedAttentionPooling,
    }[pooling]
    widths = () if pooling in ("max", "mean") else (6, 4)
    return MIL(2, 6, layer(*widths), pool_logits=pooling == "max").double()


def flat(tensors):
    return torch.cat([tensor.detach().flatten() for tensor in tensors]).tolist()


def trained_by_the_package(model, bags, unmasked):
    """Return logits, attention of real points, loss and slopes at first, and weights at the end."""
    labels = torch.tensor(LABELS, dtype=torch.float64)
    sizes = torch.tensor(SIZES)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    first = None
    for _ in range(STEPS):
        if unmasked:
            padded = torch.nn.utils.rnn.pad_sequence(bags, batch_first=True)
            logits, attention = model(padded)
            attention = torch.cat([row[:n] for row, n in zip(attention, SIZES)])
        else:
            logits, attention = model.forward_packed(torch.cat(bags), sizes)
        loss = F.binary_cross_entropy_with_logits(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        slopes = flat(parameter.grad for parameter in model.parameters())
        first = first or [logits.tolist(), attention.tolist(), loss.item(), slopes]
        optimizer.step()
    return [*first, flat(model.parameters())]


TRAINED_IN_NODE = """
  const bags = { points: points.flat(), kinds: [], labels, ends: [0], longest: Math.max(...sizes) };
  for (const n of sizes) bags.ends.push(bags.ends.at(-1) + n);
  const all = labels.map((_, b) => b);
  return cases.map(([pooling, squashed, unmasked, weights]) => {
    const model = newModel({ pooling, squashed, hidden: 6, width: 4 }, Math.random);
    model.values.set(weights);
    const { logits, attention } = evaluate(model, bags, unmasked);
    const loss = lossAndSlopes(model, bags, all, unmasked);
    const slopes = [...model.slopes];
    adamStep(model);
    for (let i = 1; i < steps; i++) {
      lossAndSlopes(model, bags, all, unmasked);
      adamStep(model);
    }
    return [logits, [...attention], loss, slopes, [...model.values]];
  });
"""


def test_the_arithmetic_is_that_of_the_package():
    torch.manual_seed(0)
    bags = [torch.randn(n, 2, dtype=torch.float64) for n in SIZES]
    bags[3][:] = bags[3][0]  # equal points, which share what max pooling gives
    expected, cases = [], []
    for pooling in CHOICES["pooling"]:
        for squashed in (False, True) if pooling in ("attention", "gated") else (False,):
            for unmasked in (False, True):
                model = package_model(pooling, squashed)
                cases.append([pooling, squashed, unmasked, flat(model.parameters())])
                expected.append(trained_by_the_package(model, bags, unmasked))
    points = torch.cat(bags).tolist()
    names = dict(points=points, sizes=SIZES, labels=LABELS, steps=STEPS, cases=cases)
    found = node(TRAINED_IN_NODE, **names)
    assert len(found) == 12
    for case, ours, theirs in zip(cases, found, expected):
        for name, a, b in zip(("logits", "attention", "loss", "slopes", "weights"), ours, theirs):
            np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-9, err_msg=f"{case[:3]} {name}")


def test_the_plane_shows_what_the_package_gives_at_the_middle_of_each_cell():
    torch.manual_seed(1)
    model = package_model("gated", squashed=False)
    side, edge = 4, 3
    plane = node(
        """const model = newModel({ pooling: "gated", hidden: 6, width: 4 }, Math.random);
           model.values.set(weights);
           const { logits, scores } = scorePlane(model, side, edge);
           return [[...logits], [...scores]];""",
        **dict(weights=flat(model.parameters()), side=side, edge=edge),
    )
    middles = torch.tensor([-2.25, -0.75, 0.75, 2.25], dtype=torch.float64)
    x, y = middles.repeat(side), middles.repeat_interleave(side)  # row by row, from the lowest y
    embeddings = model.embed(torch.stack([x, y], dim=1))
    logits, scores = model.instance_logits(embeddings), model.pooling.scores(embeddings)
    np.testing.assert_allclose(plane, torch.stack([logits, scores]).detach(), rtol=1e-8)


def test_weights_start_as_torch_starts_them_and_have_its_names():
    found = node(
        """return poolings.map((pooling) => {
          const model = newModel({ pooling }, randomFrom(3));
          return Object.entries(model.at).map(([name, { from, size }]) =>
            [name, [...model.values.slice(from, from + size)]]);
        });""",
        poolings=["max", "gated"],
    )
    for pooling, layers in zip((MaxPooling(), GatedAttentionPooling(8, 8)), found):
        state = MIL(2, 8, pooling, pool_logits=True).state_dict()
        assert {name: len(values) for name, values in layers} == {
            name: values.numel() for name, values in state.items()
        }
        for name, values in layers:
            fan_in = state[name.replace("bias", "weight")].shape[1]
            assert max(map(abs, values)) <= fan_in**-0.5
            if len(values) > 8:
                assert np.std(values) == pytest.approx((3 * fan_in) ** -0.5, rel=0.3)


def test_starts_are_trained_in_turn_and_differ_in_weights_and_order():
    settings = DEFAULTS | {"bags": 12}
    weights, epochs, looked_at, orders, loss = node(
        """const training = newTraining(settings);
           const { starts, train } = training;
           const weights = starts.map(({ model }) => model.values[0]);
           const chosen = 3;
           for (let turn = 0; turn < 6 * STARTS; turn++) trainNext(training, chosen);
           const after = (random) => {
             const model = newModel(settings, randomFrom(1));
             trainEpoch({ model, random, epoch: 0 }, train, false);
             return [...model.values];
           };
           const orders = [1, 2].map((seed) => after(randomFrom(seed)));
           const zeros = { model: newModel(settings, () => 0.5), random: randomFrom(1), epoch: 0 };
           return [weights, starts.map(({ epoch }) => epoch),
                   starts.map(({ history }) => history.map(({ epoch }) => epoch)),
                   orders, trainEpoch(zeros, train, false)];""",
        settings=settings,
    )
    assert len(set(weights)) == len(weights) == 10
    assert epochs == [6] * 10
    assert looked_at[3] == [0, 1, 2, 3, 4, 5, 6]
    assert looked_at[0] == looked_at[9] == [0, 5]  # the others after every fifth epoch
    assert orders[0] != orders[1]
    assert loss == pytest.approx(np.log(2), abs=0.02)  # of 10 bags, then of 2, each counts once


def test_entropy_is_that_of_the_points_whatever_padding_takes():
    masked, unmasked = node(
        """const { train } = makeSets(settings);
           const model = newModel({ pooling: "mean" }, randomFrom(1));
           return [false, true].map((unmasked) => evaluate(model, train, unmasked));""",
        settings=DEFAULTS,
    )
    assert masked["entropy"] == pytest.approx(1)
    assert unmasked["entropy"] == pytest.approx(1)  # a mean prefers none
    assert (masked["lost"], unmasked["lost"] > 0.1) == (0, True)


def test_python_and_the_page_make_the_same_bags():
    settings = [DEFAULTS | {"data": data, "lookalikes": 10, "seed": 7} for data in CHOICES["data"]]
    found = node(
        """return settings.map((one) => Object.values(makeSets(one)).map((bags) =>
             [[...bags.points], bags.kinds, bags.ends, bags.labels]));""",
        settings=settings,
    )
    for one, sets in zip(settings, found):
        for bags, (points, kinds, ends, labels) in zip(point_bags(one), sets):
            np.testing.assert_allclose(np.concatenate([bag.points for bag in bags]).ravel(), points)
            assert np.concatenate([bag.kinds for bag in bags]).tolist() == kinds
            assert np.cumsum([len(bag.kinds) for bag in bags]).tolist() == ends[1:]
            assert [bag.label for bag in bags] == labels


def test_auc_and_entropy_are_the_usual_ones():
    scores, labels = [0.3, 0.1, 0.3, 0.9, 0.2], [0, 0, 1, 1, 1]
    weights = [0.7, 0.2, 0.1, 0.0]
    auc, entropy, alone = node(
        """return [areaUnderCurve(scores, labels), normalisedEntropy(Float64Array.from(weights)),
                   normalisedEntropy([1])];""",
        scores=scores,
        labels=labels,
        weights=weights,
    )
    assert auc == pytest.approx(roc_auc_score(labels, scores))
    sizes = torch.tensor([4])
    theirs = attention_entropy(torch.tensor(weights, dtype=torch.float64), sizes=sizes)
    assert entropy == pytest.approx(theirs.item())
    assert alone == 0


def test_with_the_data_set_size_only_training_bags_show_the_label_in_their_size():
    train, unseen = point_bags(DEFAULTS | {"data": "size", "size": 40})
    assert max(len(b.points) for b in train if not b.label) <= min(
        len(b.points) for b in train if b.label
    )
    sizes = [[len(b.points) for b in unseen if b.label == label] for label in (0, 1)]
    assert max(sizes[0]) > np.median(sizes[1]) > min(sizes[0])


def test_a_link_brings_the_settings_back_and_nonsense_does_no_harm():
    limits = {"choices": CHOICES, "numbers": NUMBERS}
    settings = DEFAULTS | {"data": "ring", "pooling": "gated", "noise": 0.35, "unmasked": True}
    names = dict(settings=settings, presets=PRESETS, defaults=DEFAULTS, limits=limits)
    link, back, odd, none = node(
        """const link = hashOf(settings, "gate", presets, defaults);
           const read = (hash) => settingsOf(hash, presets, defaults, limits);
           const odd = "#playground=no&size=1e9&noise=x&bags=&pooling=sum&data=ring&seed=2.4" +
             "&__proto__=1&constructor=1";
           return [link, read(link), read(odd), read("#a-heading")];""",
        **names,
    )
    assert link.startswith("#playground=gate&")
    assert back == {"preset": "gate", "settings": settings}
    assert odd == {"preset": "", "settings": DEFAULTS | {"size": 60, "data": "ring", "seed": 2}}
    assert none is None


@pytest.mark.parametrize("preset", PRESETS)
def test_the_twin_says_what_it_shows(preset):
    playground = MILPlayground(preset)
    train, _ = playground.bags()
    dots = playground.twin().axes[0].collections
    assert sum(len(dot.get_offsets()) for dot in dots) == sum(len(bag.points) for bag in train)
    words = playground.description()
    assert words.startswith(f"MIL playground: {len(train)} bags of ")
    assert words.endswith(PRESETS[preset]["question"])
    assert all(PRESETS[preset][part] for part in ("title", "question", "answer"))


def test_settings_that_cannot_be_shown_are_refused():
    with pytest.raises(ValueError, match="unknown preset 'gates'; choose from lost-starts"):
        MILPlayground("gates")
    for changes, message in [
        ({"colour": 1}, "unknown setting 'colour'; choose from data"),
        ({"pooling": "sum"}, "pooling is 'sum'; choose from max, mean"),
        ({"size": 500}, "size is 500, expected 6 to 60"),
        ({"noise": float("nan")}, "noise is nan, expected 0 to 1"),
        ({"size": "20"}, "size must be a whole number"),
        ({"bags": 40.5}, "bags must be a whole number"),
    ]:
        with pytest.raises(ValueError, match=message):
            MILPlayground(**changes)
    playground = MILPlayground("gate", seed=3)
    assert playground.settings["lookalikes"] == 40
    playground.settings = {"seed": 4}
    assert playground.settings == DEFAULTS | {"seed": 4}


def test_what_a_page_stores_is_small():
    state = MILPlayground().get_state()
    assert len(state["_esm"]) < 60_000
    assert len(json.dumps({k: v for k, v in state.items() if k not in ("_esm", "_css")})) < 10_000
