import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from small_runs import CONFIG, interrupt_at, loss_of, model, weights
from toy_bags import separable

from mil_tutorial import (
    MedicalBagDataset,
    attention_entropy,
    auc,
    build_model,
    effective_instances,
    fit,
    predict,
)
from mil_tutorial.training.loop import TrainingRun

FOUR_POOLINGS = ("max", "mean", "attention", "gated")


@pytest.mark.parametrize(
    "pooling",
    [pytest.param(p, marks=() if p == "gated" else pytest.mark.full) for p in FOUR_POOLINGS],
)
def test_every_pooling_learns_an_easy_task(pooling, train_val):
    torch.manual_seed(0)
    net = build_model(pooling, 4, 16)
    fit(net, *train_val, replace(CONFIG, epochs=60, learning_rate=5e-3), progress=False)
    predictions = predict(net, separable(60, seed=2))
    assert auc(predictions.labels, predictions.probabilities) > 0.95


def test_same_seed_same_weights_other_seed_other_weights(train_val):
    runs = []
    for seed in (0, 0, 1):
        runs.append(net := model())
        fit(net, *train_val, replace(CONFIG, seed=seed), progress=False)
    assert torch.equal(weights(runs[0]), weights(runs[1]))
    assert not torch.equal(weights(runs[0]), weights(runs[2]))


def test_fit_leaves_the_global_random_numbers_alone(train_val):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    fit(model_without_reseeding(), *train_val, CONFIG, progress=False)
    assert torch.equal(torch.rand(3), expected)


def model_without_reseeding():
    with torch.random.fork_rng():
        return build_model("mean", 4, 8, dropout=0.5)


def test_the_epoch_with_the_lowest_validation_loss_is_kept(train_val):
    net = model()
    history = fit(net, *train_val, replace(CONFIG, epochs=25, learning_rate=0.05), progress=False)
    losses = history.column("val_loss")
    assert history.best_epoch == losses.argmin()
    assert history.best_epoch < 24, "the case is of no use if the last epoch is the best"
    assert loss_of(net, train_val[1]) == pytest.approx(losses.min(), abs=1e-6)
    assert not net.training


def test_early_stopping_waits_for_its_patience(train_val):
    config = replace(CONFIG, epochs=200, learning_rate=0.05, patience=4)
    history = fit(model(), *train_val, config, progress=False)
    assert len(history.epochs) == history.best_epoch + 1 + 4 < 200


def test_class_balance_by_loss_and_by_sampler():
    train, val = separable(40, seed=0), separable(20, seed=1)
    rare = train.subset([*range(0, 40, 2), 1, 3])  # 20 negative, 2 positive
    assert TrainingRun(model(), rare, val, CONFIG).pos_weight == 10
    assert TrainingRun(model(), rare, val, replace(CONFIG, class_balance="none")).pos_weight == 1
    run = TrainingRun(model(), rare, val, replace(CONFIG, class_balance="sampler"))
    drawn = torch.cat([batch.labels for epoch in range(20) for batch in run._steps(epoch)[1]])
    assert run.pos_weight == 1
    assert len(drawn) == 20 * 22
    assert 0.4 < drawn.mean() < 0.6


def test_order_and_instances_are_new_each_epoch_and_repeat_by_seed(train_val):
    run = TrainingRun(model(), *train_val, replace(CONFIG, instances_per_bag=2))
    first, second, again = (run._order(epoch) for epoch in (0, 1, 0))
    assert first != second
    assert first == again
    assert sorted(first) == list(range(40))
    drawn = [list(run._steps(epoch)[1]) for epoch in (0, 1, 0)]
    assert not torch.equal(drawn[0][0].instances, drawn[1][0].instances)
    assert torch.equal(drawn[0][0].instances, drawn[2][0].instances)
    assert drawn[0][0].sizes.max() == 2


def test_instances_drawn_are_new_each_epoch_for_the_same_bag(train_val):
    run = TrainingRun(model(), *train_val, replace(CONFIG, instances_per_bag=2, batch_size=40))
    of_bag_0 = []
    for epoch in range(6):
        (batch,) = run._steps(epoch)[1]
        at = run._order(epoch).index(0)
        of_bag_0.append(batch.instances.split(batch.sizes.tolist())[at])
    assert len({tuple(x.flatten().tolist()) for x in of_bag_0}) > 1


def test_records_arrive_live(train_val):
    seen = []
    history = fit(model(), *train_val, CONFIG, on_epoch=seen.append, progress=False)
    assert seen == history.epochs
    assert all(0 <= r.val_attention_entropy <= 1 and 0 <= r.val_auc <= 1 for r in seen)
    assert [r.epoch for r in seen] == list(range(6))


def test_progress_bar_counts_epochs(train_val, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    fit(model(), *train_val, CONFIG)
    assert "6/6" in capsys.readouterr().err
    fit(model(), *train_val, CONFIG, progress=False)
    assert capsys.readouterr().err == ""


def test_bad_data_is_named(train_val):
    train, val = train_val
    with pytest.raises(ValueError, match="is in train and in val"):
        fit(model(), train, train.subset(range(10)), CONFIG, progress=False)
    with pytest.raises(ValueError, match="val holds label 0 only"):
        fit(model(), train, val.subset([0, 2]), CONFIG, progress=False)
    with pytest.raises(
        ValueError, match=r"the loss is not finite in epoch \d.*lower learning_rate"
    ):
        fit(model(), train, val, replace(CONFIG, learning_rate=1e30), progress=False)


def test_stopping_by_hand_leaves_the_best_weights(train_val):
    net, seen = model(), []

    def stop(record):
        seen.append(record)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(net, *train_val, replace(CONFIG, learning_rate=0.05), on_epoch=stop, progress=False)
    assert not net.training
    assert loss_of(net, train_val[1]) == pytest.approx(min(r.val_loss for r in seen), abs=1e-6)


def test_a_record_tells_what_the_kept_model_shows(train_val):
    """A bag of one instance is among the bags: its entropy says nothing."""
    train, val = train_val
    val = MedicalBagDataset([*val, (torch.zeros(1, 4), 0)])
    net = model()
    record = fit(net, train, val, CONFIG, progress=False).best
    predictions = predict(net, val)
    entropy = attention_entropy(predictions.attention, sizes=predictions.sizes).numpy()
    several = predictions.sizes > 1
    rows = {"positive": predictions.labels == 1, "negative": several & (predictions.labels == 0)}
    assert record.val_attention_entropy == pytest.approx(entropy[several].mean(), abs=1e-6)
    assert record.val_entropy_positive == pytest.approx(entropy[rows["positive"]].mean(), abs=1e-6)
    assert record.val_entropy_negative == pytest.approx(entropy[rows["negative"]].mean(), abs=1e-6)
    instances = effective_instances(predictions.attention, sizes=predictions.sizes).numpy()
    assert record.val_effective_instances == pytest.approx(instances.mean(), abs=1e-5)


def rates(config, train_val, path=None):
    """Learning rate at the start of each epoch."""
    run = TrainingRun(model(), *train_val, config)
    seen = []
    while not run.history.finished(config):
        seen.append(run.optimizer.param_groups[0]["lr"])
        run.epoch()
    return seen


def test_one_cycle_rises_and_falls(train_val):
    config = replace(CONFIG, epochs=20, schedule="one_cycle")
    seen = rates(config, train_val)
    top = int(np.argmax(seen))
    assert 5 <= top <= 7  # after three tenths
    assert seen[top] == pytest.approx(config.learning_rate, rel=0.05)
    assert seen[0] < config.learning_rate / 20
    assert seen[-1] < config.learning_rate / 20
    assert rates(CONFIG, train_val) == [CONFIG.learning_rate] * CONFIG.epochs


def test_augmentation_changes_training_only(train_val):
    train, val = train_val
    before = train.checksum(), val.checksum()
    seen = []

    def blank(instances, sizes):
        seen.append((len(instances), int(sizes.sum())))
        return torch.zeros_like(instances)

    net = model(dropout=0.0)
    history = fit(net, train, val, replace(CONFIG, epochs=30), augment=blank, progress=False)
    assert (train.checksum(), val.checksum()) == before
    assert all(n == total for n, total in seen)
    assert {sum(n for n, _ in seen[:5])} == {int(train.sizes.sum())}
    assert history.column("train_loss").min() > 0.6  # blank bags cannot be told apart


def test_keep_last_ends_with_the_last_weights(train_val):
    last, best = model(), model()
    train, val = train_val
    wrong = MedicalBagDataset(zip(val.instances, 1 - val.labels))  # the better, the worse
    config = replace(CONFIG, epochs=30, learning_rate=5e-3)
    history = fit(best, train, wrong, config, progress=False)
    fit(last, train, wrong, replace(config, keep="last"), progress=False)
    assert history.best_epoch < 29
    watched = fit(model(), train, wrong, replace(config, keep="last"), progress=False)
    assert watched.best_epoch == 29  # the epoch whose weights are kept
    assert auc(val.labels, predict(last, val).probabilities) > 0.9
    assert not torch.equal(weights(last), weights(best))


def test_without_validation_bags_the_weights_are_those_of_the_last_epoch(train_val, tmp_path):
    train, val = train_val
    config = replace(CONFIG, schedule="one_cycle", keep="last")
    watched, alone, resumed = model(), model(), model()
    fit(watched, train, val, config, progress=False)
    history = fit(alone, train, None, config, progress=False)
    assert torch.equal(weights(alone), weights(watched))
    assert np.isnan(history.column("val_loss")).all()
    assert history.best_epoch == CONFIG.epochs - 1
    assert np.isfinite(history.column("train_loss")).all()

    options = {"checkpoint": tmp_path / "run.pt", "progress": False}
    with pytest.raises(KeyboardInterrupt):
        fit(model(), train, None, config, on_epoch=interrupt_at(2), **options)
    fit(resumed, train, None, config, **options)
    assert torch.equal(weights(resumed), weights(alone))


def test_an_epoch_cannot_be_picked_without_validation_bags(train_val):
    with pytest.raises(ValueError, match="val is None, but keep 'best' picks the epoch"):
        fit(model(), train_val[0], None, CONFIG, progress=False)


def test_a_loss_that_is_not_finite_stops_without_validation_bags_too(train_val):
    config = replace(CONFIG, keep="last", learning_rate=1e30)
    with pytest.raises(ValueError, match="the loss is not finite in epoch"):
        fit(model(), train_val[0], None, config, progress=False)


@pytest.mark.parametrize(
    ("pooling", "precision"),
    [
        *itertools.product(["max", "mean", "gated", "mean_instance"], ["bfloat16"]),
        ("gated", "float16"),
    ],
)
def test_half_precision_trains_nearly_as_float32(pooling, precision, train_val):
    losses = []
    for name in ("float32", precision):
        torch.manual_seed(0)
        net = build_model(pooling, 4, 8)
        history = fit(net, *train_val, replace(CONFIG, precision=name), progress=False)
        losses.append(history.column("val_loss"))
        assert all(p.dtype == torch.float32 for p in net.parameters())
    np.testing.assert_allclose(losses[0], losses[1], atol=0.03)
    assert not np.array_equal(losses[0], losses[1])  # half precision was really used


@pytest.mark.parametrize(("at_once", "entropy_weight"), [(1, 0.2), (3, 0.0), (12, 0.2)])
def test_parts_and_chunks_train_as_the_whole_batch(at_once, entropy_weight, train_val):
    runs = []
    for limit in (None, at_once):
        net = model(dropout=0.0)
        config = replace(CONFIG, epochs=2, instances_at_once=limit, entropy_weight=entropy_weight)
        history = fit(net, *train_val, config, progress=False)
        runs.append((weights(net), history.column("train_loss")))
    torch.testing.assert_close(runs[0][0], runs[1][0], atol=1e-5, rtol=1e-4)
    np.testing.assert_allclose(runs[0][1], runs[1][1], atol=1e-6)


def test_readers_change_nothing(train_val, tmp_path):
    nets = []
    for workers in (0, 1):
        nets.append(net := model())
        fit(net, *train_val, replace(CONFIG, epochs=2, workers=workers), progress=False)
    assert torch.equal(weights(nets[0]), weights(nets[1]))
