"""What the answers of the MIL playground's presets say, in ten starts of each."""

import numpy as np
import pytest
from playground_harness import node

from mil_tutorial.widgets.mil_playground_presets import DEFAULTS, PRESETS

pytestmark = pytest.mark.full

TRAIN = """
  const training = newTraining(settings);
  for (let epoch = 0; epoch < 150; epoch++) {
    for (const start of training.starts) trainEpoch(start, training.train, settings.unmasked);
  }
  const { labels, kinds } = training.unseen;
  return training.starts.map(({ model }) => {
    const seen = evaluate(model, training.unseen, settings.unmasked);
    const found = kinds.map((kind, k) => (kind === WITNESS ? seen.attention[k] : 0));
    const positives = labels.reduce((sum, label) => sum + label, 0);
    return { ...seen, onWitnesses: found.reduce((sum, a) => sum + a, 0) / positives };
  });
"""


def aucs(seen):
    return np.array([start["auc"] for start in seen])


@pytest.fixture(scope="module")
def trained():
    """Train a preset with changes; returns what each of ten starts makes of the unseen bags."""

    def train(preset, **changes):
        return node(TRAIN, settings=DEFAULTS | PRESETS[preset]["settings"] | changes)

    return train


def test_max_loses_starts_and_attention_none(trained):
    seen = trained("lost-starts")
    lost = (aucs(seen) < 0.75).sum()
    assert 2 <= lost <= 8
    for start in seen:  # the winners are witnesses, or never are
        assert start["onWitnesses"] < 0.1 if start["auc"] < 0.75 else start["onWitnesses"] > 0.8
    assert f"{lost} of the 10 starts" in PRESETS["lost-starts"]["answer"]
    assert (aucs(trained("lost-starts", pooling="attention")) > 0.95).sum() >= 9


def test_the_mean_wins_where_the_number_of_witnesses_counts(trained):
    mean = aucs(trained("mean-wins", pooling="mean"))
    assert (mean > aucs(trained("mean-wins", pooling="attention")) + 0.05).sum() >= 9
    assert (mean > aucs(trained("mean-wins", pooling="max")) + 0.1).sum() >= 9


def test_the_gate_loses_fewer_starts_to_look_alikes(trained):
    assert (aucs(trained("gate", pooling="gated")) > 0.85).sum() >= 9
    lost = (aucs(trained("gate")) < 0.75).sum()
    assert 2 <= lost <= 8
    assert f"{lost} of 10 starts of attention" in PRESETS["gate"]["answer"]


def test_a_sigmoid_before_the_softmax_flattens_attention_and_not_the_auc(trained):
    broken, right = trained("sigmoid"), trained("sigmoid", squashed=False)
    entropy = np.array([[start["entropy"] for start in seen] for seen in (broken, right)])
    assert ((entropy[0] > 0.95) & (entropy[1] < 0.85)).sum() >= 9
    assert (aucs(broken) > aucs(right) - 0.02).sum() >= 9


def test_unmasked_padding_shows_the_size_and_the_mask_hides_it(trained):
    broken, right = trained("padding"), trained("padding", unmasked=False)
    assert (aucs(broken) < aucs(right) - 0.05).sum() >= 9
    assert (np.array([start["lost"] for start in broken]) > 0.4).sum() >= 9
    assert not any(start["lost"] for start in right)
