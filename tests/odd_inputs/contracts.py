"""Arguments of functions and settings."""

import csv
import json
from io import StringIO
from types import SimpleNamespace
from unittest.mock import patch

import numpy as np
import torch
from toy_bags import separable

from mil_tutorial import (
    Affine,
    InstanceSampler,
    TrainingConfig,
    attention_entropy,
    auc,
    build_model,
    calibration_error,
    confidence_interval,
    cut_into_parts,
    false_negative_rate,
    fit,
    forward_in_chunks,
    group_folds,
    instance_auc,
    instance_confusion,
    predict,
    sensitivity_at_specificity,
    share_bags,
    specificity,
)
from mil_tutorial.bags.augmentation import StainJitter
from mil_tutorial.experiment.benchmarks import Benchmark, fixed_split
from mil_tutorial.experiment.run import run_experiment
from mil_tutorial.experiment.tables import escaped, predictions_csv
from mil_tutorial.metrics.attention import smooth_scores
from mil_tutorial.metrics.bootstrap import best_of
from mil_tutorial.metrics.faithfulness import deletion_curve
from mil_tutorial.system.jobs import share_work
from mil_tutorial.training.checkpoints import identify
from odd_inputs.case import Case

LABELS, PROBABILITIES = [0, 1, 1], [0.2, 0.4, 0.9]


def refused(name, function, error):
    """Make a case of a call that is refused."""
    return Case(name, lambda here: function(), error)


def numpy_settings(here):
    """Settings of every kind that NumPy and torch have: JSON and checkpoints take them as plain."""
    drawn = TrainingConfig(
        epochs=np.int64(2),
        batch_size=np.uint8(8),
        instances_per_bag=np.array(3),
        instances_at_once=torch.tensor(5),
        learning_rate=np.float64(0.01),
        weight_decay=np.array(0.25),
        entropy_weight=np.int8(0),
        class_balance=np.str_("none"),
        seed=np.int16(4),
    )
    plain = TrainingConfig(
        epochs=2,
        batch_size=8,
        instances_per_bag=3,
        instances_at_once=5,
        learning_rate=0.01,
        weight_decay=0.25,
        class_balance="none",
        seed=4,
    )
    assert json.loads(drawn.to_json()) == json.loads(plain.to_json())
    model, bags = build_model("gated", 4, 8), separable(4)
    identities = [identify(model, bags, None, config, None) for config in (drawn, plain)]
    assert identities[0] == identities[1]  # so a checkpoint of one is one of the other


def numpy_arguments(here):
    bags = separable(6)
    model = build_model("gated", np.int64(4), np.int32(8), dropout=np.float32(0.5))
    fit(model, bags, separable(6, seed=1), TrainingConfig(epochs=np.int64(1)), progress=False)
    instances, sizes = torch.cat(list(bags.instances)), bags.sizes
    chunked = forward_in_chunks(model, instances, sizes, np.int16(3))
    torch.testing.assert_close(chunked.logits, model.forward_packed(instances, sizes).logits)
    few, same = (InstanceSampler(bags, n, seed) for n, seed in ((np.int64(2), np.uint8(3)), (2, 3)))
    assert all(map(torch.equal, few.indices, same.indices))
    assert predict(model, bags, np.int8(2)).logits.shape == (6,)
    assert share_bags(range(6), sizes.tolist(), np.int64(2)) == share_bags(
        range(6), sizes.tolist(), 2
    )
    assert cut_into_parts(range(6), sizes.tolist(), np.int64(9)) == cut_into_parts(
        range(6), sizes.tolist(), 9
    )


def numpy_numbers_in_metrics(here):
    assert false_negative_rate(LABELS, PROBABILITIES, np.float32(0.5)) == 0.5
    assert specificity(LABELS, PROBABILITIES, np.array(0.5)) == 1
    assert false_negative_rate(LABELS, PROBABILITIES, np.inf) == 1  # nobody is called
    assert calibration_error(LABELS, PROBABILITIES, np.int64(5)) == calibration_error(
        LABELS, PROBABILITIES, 5
    )
    assert instance_confusion([0.1, 0.9], [0, 1], torch.tensor(0.5)) == (1, 0, 0, 1)


def whole_weights(here):
    """One-hot attention that is written with whole numbers."""
    assert attention_entropy([[1, 0, 0], [0, 0, 1]]).tolist() == [0, 0]


def many_equal_winners(here):
    """In 16 bits a count of winners ends at 256 (bfloat16) or 2,048."""
    model = build_model("max_embedding", 4, 8)
    instances, sizes = torch.ones(3000, 4), torch.tensor([2990, 10])
    for precision in (torch.bfloat16, torch.float16):
        with torch.autocast("cpu", precision), torch.no_grad():
            attention = model.forward_packed(instances, sizes).attention
        torch.testing.assert_close(attention, 1 / sizes.repeat_interleave(sizes))


def formulas_as_names(here):
    names = ["=1+1", "+a", "-5", "@b", "\tc", "plain"]
    test = separable(6)
    test.names, test.groups = names, ["=cmd()", "-p", 7, "p", "p", -8]
    runs = SimpleNamespace(
        probabilities=np.full((1, 6), 0.25),
        threshold=np.full((1, 6), -0.5),
        called_positive=np.ones((1, 6)),
    )
    experiment = SimpleNamespace(
        benchmark=SimpleNamespace(test=test), runs={"max": runs}, seeds=[0], folds=np.zeros((1, 6))
    )
    rows = list(csv.DictReader(StringIO(predictions_csv(experiment), newline="")))
    assert [row["bag"] for row in rows] == [*(f"'{name}" for name in names[:-1]), "plain"]
    assert [row["group"] for row in rows] == ["'=cmd()", "'-p", "7", "p", "p", "-8"]
    assert {row["threshold"] for row in rows} == {"-0.5"}  # a number, not a name


def names_in_markdown(here):
    assert escaped("tumour_01") == "tumour_01"  # emphasis needs the edge of a word
    assert escaped("_x_ a|b *c* <i> `d`\ne") == r"\_x\_ a\|b \*c\* \<i> \`d\` e"


def model(**options):
    return build_model("gated", **({"input_dim": 4, "hidden_dim": 8} | options))


def chunks(at_once):
    return forward_in_chunks(model(), torch.ones(3, 4), torch.tensor([3]), at_once)


def deletions(**options):
    return deletion_curve(model(), torch.randn(4, 4), [0, 1, 2, 3], **options)


def interval(metric=auc, **options):
    return confidence_interval(metric, LABELS, PROBABILITIES, [0, 1, 2], **options)


def experiment(**options):
    sets = [separable(8, seed=seed) for seed in range(3)]
    benchmark = Benchmark("x", "x", sets[2], fixed_split(*sets), 4, 8)
    short = {"seeds": 1, "config": TrainingConfig(epochs=1), "progress": False}
    return run_experiment(benchmark, **(short | options))


def an_unknown_pooling(here):
    with patch("mil_tutorial.experiment.run.share_work", side_effect=AssertionError("trained")):
        experiment(poolings=["max", "median"])


def half_precision_weights(here):
    """The sum of 1,000 of them, taken in half precision, is 0.98."""
    spread = attention_entropy(torch.full((1, 1000), 1e-3).half())
    torch.testing.assert_close(spread, torch.ones(1), atol=1e-3, rtol=0)


CASES = [
    Case("settings drawn with NumPy", numpy_settings),
    Case("arguments drawn with NumPy", numpy_arguments),
    Case("thresholds and bins of NumPy", numpy_numbers_in_metrics),
    Case("weights of whole numbers", whole_weights),
    Case("3,000 equal tiles in half precision", many_equal_winners),
    Case("attention in half precision", half_precision_weights),
    Case("names that are formulas", formulas_as_names),
    Case("names with marks of Markdown", names_in_markdown),
    refused(
        "True epochs",
        lambda: TrainingConfig(epochs=True),
        "^epochs must be a positive whole number, got True$",
    ),
    refused(
        "epochs of an array",
        lambda: TrainingConfig(epochs=np.arange(60)),
        r"got array\(\[ 0, .*…$",
    ),
    refused(
        "a batch of 8.5 bags",
        lambda: TrainingConfig(batch_size=np.float64(8.5)),
        r"batch_size must be .*, got np\.float64\(8\.5\)",
    ),
    refused(
        "NaN patience, as pandas has it",
        lambda: TrainingConfig(patience=np.nan),
        "patience must be a positive whole number, got nan",
    ),
    refused(
        "a negative seed of NumPy",
        lambda: TrainingConfig(seed=np.int64(-1)),
        r"seed must be a whole number, 0 or more, got np\.int64\(-1\)",
    ),
    refused(
        "a learning rate of text",
        lambda: TrainingConfig(learning_rate="1e-3"),
        "learning_rate must be a number, got '1e-3'",
    ),
    refused(
        "NaN weight decay",
        lambda: TrainingConfig(weight_decay=np.float32("nan")),
        "weight_decay must not be negative, got nan",
    ),
    refused("a width of 0", lambda: model(hidden_dim=np.int64(0)), "hidden_dim must be a positive"),
    refused("NaN dropout", lambda: model(dropout=np.nan), "dropout is nan, expected a probability"),
    refused("chunks of nothing", lambda: chunks(0), "at_once must be a positive whole number"),
    refused(
        "batches of no bag",
        lambda: predict(model(), separable(4), 0),
        "batch_size must be a positive whole number, got 0",
    ),
    refused(
        "no instance of a bag",
        lambda: InstanceSampler(separable(4), np.int64(0)),
        "instances per bag must be a positive",
    ),
    refused(
        "no process",
        lambda: share_bags([0, 1], [3, 4], 0),
        "number of processes must be a positive whole number, got 0",
    ),
    refused("an augmentation by NaN", lambda: Affine(degrees=np.nan), "degrees is nan, expected"),
    refused("a negative stain", lambda: StainJitter(-0.1), "deviation is -0.1, expected a finite"),
    refused(
        "NaN threshold",
        lambda: false_negative_rate(LABELS, PROBABILITIES, np.nan),
        r"the threshold is nan, expected a probability in \[0, 1\]",
    ),
    refused(
        "a threshold in percent",
        lambda: specificity(LABELS, PROBABILITIES, 50),
        "the threshold is 50, expected a probability",
    ),
    refused(
        "a wish of NaN",
        lambda: sensitivity_at_specificity(LABELS, PROBABILITIES, np.nan),
        "the wanted specificity is nan",
    ),
    refused(
        "no bins",
        lambda: calibration_error(LABELS, PROBABILITIES, 0),
        "bins must be a positive whole number, got 0",
    ),
    refused("no deletion", lambda: deletions(n_deletions=0), "n_deletions is 0, expected 1 to 3"),
    refused(
        "deletions with no tile at once",
        lambda: deletions(tiles_at_once=0),
        "tiles_at_once must be a positive",
    ),
    refused(
        "a class 2 in the truth",
        lambda: instance_confusion([0.1, 0.9], [0, 2], 0.5),
        "an instance label is 2, expected 0 or 1",
    ),
    refused(
        "a truth of -1 for unknown",
        lambda: instance_auc([[0.1, 0.9], [0.3, 0.1, 0.2]], [[0, 1], [-1, 0, 1]]),
        "bag 1: an instance label is -1",
    ),
    refused(
        "NaN in the truth of a bag of one kind",
        lambda: instance_auc([[0.1, 0.9]], [[1.0, np.nan]]),
        "bag 0: an instance label is nan",
    ),
    refused(
        "truth as words",
        lambda: instance_confusion([0.1, 0.9], ["tumour", "normal"], 0.5),
        "an instance label is tumour, expected 0 or 1",
    ),
    refused(
        "a NaN score",
        lambda: instance_confusion([0.1, np.nan], [0, 1], 0.5),
        "a score is NaN",
    ),
    refused(
        "a NaN threshold of scores",
        lambda: instance_confusion([0.1, 0.9], [0, 1], float("nan")),
        "the threshold is NaN",
    ),
    refused(
        "truth of fewer bags",
        lambda: instance_auc([[0.1, 0.9]] * 3, [[0, 1]] * 2),
        "3 bags of scores, but 2 of labels",
    ),
    refused(
        "negative weights that sum to 1",
        lambda: attention_entropy([0.5, 0.5, 1.5, -0.5], sizes=[2, 2]),
        "attention of bag 1 holds -0.5, expected 0 or more; pass weights after the softmax",
    ),
    refused(
        "NaN weights",
        lambda: attention_entropy([0.5, float("nan")], sizes=[2]),
        "attention of bag 0 sums to nan",
    ),
    refused(
        "an empty bag among the weights",
        lambda: attention_entropy([0.5, 0.5], sizes=[2, 0]),
        "bag 1 of the batch has no real instance",
    ),
    refused(
        "sizes as a mask",
        lambda: model().forward_packed(torch.ones(2, 4), torch.tensor([True, True])),
        "sizes must be a tensor of integers",
    ),
    refused(
        "weights with sizes and a mask",
        lambda: attention_entropy([0.5, 0.5], sizes=[2], mask=[[True, True]]),
        "give it padded .* with mask, or packed .* with sizes",
    ),
    refused(
        "scores as words",
        lambda: instance_confusion(["high", "low"], [0, 1], 0.5),
        "scores are of type <U4, expected numbers",
    ),
    refused(
        "a radius of text",
        lambda: smooth_scores([1.0], [[0, 0]], "3"),
        "radius must be a number, got '3'",
    ),
    refused("a schedule in a list", lambda: TrainingConfig(schedule=np.array(["constant"])), "sch"),
    refused("a background of NaN", lambda: Affine(background=np.nan), "background is nan"),
    refused(
        "NaN tiles to delete",
        lambda: deletion_curve(model(), torch.full((2, 4), np.nan), [0, 1]),
        "the bag: instance 0 holds NaN",
    ),
    refused("no resamples", lambda: interval(n_resamples=0), "n_resamples must be a positive"),
    refused(
        "a seed of a half",
        lambda: interval(calibration_error, seed=0.5),
        "seed must be a whole number, 0 or more, got 0.5",
    ),
    refused(
        "folds with no seed",
        lambda: group_folds([0, 1] * 6, range(12), 3, seed=None),
        "seed must be a whole number, 0 or more, got None",
    ),
    refused("the best of True", lambda: best_of([1, 2], [0, 1], True), "r must be a whole"),
    refused("a start that diverged", lambda: best_of([1, np.nan], [0, 1], 1), "a loss or a value"),
    refused("two and a half jobs", lambda: share_work(abs, [(1,)], 2.5), "jobs must be a positive"),
    refused("an experiment of 0.5 seeds", lambda: experiment(seeds=0.5), "seeds must be a"),
    refused("True models of an ensemble", lambda: experiment(members=True), "members must be a"),
    refused("no poolings", lambda: experiment(poolings=[]), "there are no poolings"),
    Case("an unknown pooling after a known one", an_unknown_pooling, "unknown pooling 'median'"),
]
