import os
import signal
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from toy_bags import separable

from mil_tutorial import (
    EpochRecord,
    MedicalBagDataset,
    TrainingConfig,
    attention_entropy,
    auc,
    build_model,
    effective_instances,
    fit,
    predict,
)
from mil_tutorial.metrics.attention import entropy_term
from mil_tutorial.training.loop import TrainingRun

CONFIG = TrainingConfig(epochs=6, learning_rate=2e-3, patience=None, batch_size=8)


def model(dropout=0.5):
    torch.manual_seed(0)
    return build_model("gated", 4, 8, dropout=dropout)


def weights(of):
    return torch.cat([p.detach().flatten() for p in of.parameters()])


@pytest.mark.parametrize("pooling", ["max", "mean", "attention", "gated"])
def test_every_pooling_learns_an_easy_task(pooling, train_val):
    torch.manual_seed(0)
    net = build_model(pooling, 4, 16)
    fit(net, *train_val, replace(CONFIG, epochs=60, learning_rate=5e-3), progress=False)
    found = predict(net, separable(60, seed=2))
    assert auc(found.labels, found.probabilities) > 0.95


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
    found = predict(net, train_val[1])
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(found.logits), torch.from_numpy(found.labels)
    )
    assert float(loss) == pytest.approx(losses.min(), abs=1e-6)
    assert not net.training


def test_early_stopping_waits_for_its_patience(train_val):
    config = replace(CONFIG, epochs=200, learning_rate=0.05, patience=4)
    history = fit(model(), *train_val, config, progress=False)
    assert len(history.epochs) == history.best_epoch + 1 + 4 < 200


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_stopped_run_resumes_to_the_same_result(stop_after, train_val, tmp_path):
    config = replace(CONFIG, instances_per_bag=3, class_balance="sampler", entropy_weight=0.2)
    whole = model()
    expected = fit(whole, *train_val, config, progress=False)

    class Killed(Exception):
        pass

    def kill(record):
        if record.epoch + 1 == stop_after:
            raise Killed

    with pytest.raises(Killed):
        fit(
            model(), *train_val, config, checkpoint=tmp_path / "c.pt", on_epoch=kill, progress=False
        )
    resumed = build_model("gated", 4, 8, dropout=0.5)  # other initial weights: they do not matter
    found = fit(resumed, *train_val, config, checkpoint=tmp_path / "c.pt", progress=False)
    assert torch.equal(weights(resumed), weights(whole))
    for name in (f.name for f in fields(EpochRecord) if f.name != "seconds"):
        np.testing.assert_array_equal(found.column(name), expected.column(name))
    assert found.best_epoch == expected.best_epoch


def test_a_finished_run_is_only_restored(train_val, tmp_path):
    first, again = model(), build_model("gated", 4, 8, dropout=0.5)
    fit(first, *train_val, CONFIG, checkpoint=tmp_path / "c.pt", progress=False)
    calls = []
    fit(
        again,
        *train_val,
        CONFIG,
        checkpoint=tmp_path / "c.pt",
        on_epoch=calls.append,
        progress=False,
    )
    assert calls == []
    assert torch.equal(weights(first), weights(again))


KILLED = """
import sys; sys.path[:0] = [{tests!r}, {tests!r} + "/.."]
from test_loop import *
fit(model(), separable(40, seed=0), separable(20, seed=1), replace(CONFIG, epochs=10**6),
    checkpoint={path!r}, on_epoch=lambda r: print(r.epoch, flush=True), progress=False)
"""


def test_a_killed_process_leaves_a_whole_checkpoint(tmp_path):
    path = tmp_path / "c.pt"
    code = KILLED.format(tests=os.path.dirname(__file__), path=str(path))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    for _ in range(30):
        last = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    last = max([last, *map(int, process.stdout.read().split())])
    process.wait()
    config = replace(CONFIG, epochs=10**6)
    run = TrainingRun(model(), separable(40, seed=0), separable(20, seed=1), config)
    run.restore(path)
    assert last <= len(run.history.epochs) - 1 <= last + 1


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


def test_config_is_frozen():
    with pytest.raises(AttributeError):
        CONFIG.epochs = 7


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be a positive whole number, got 0"),
        ({"epochs": None}, "epochs must be a positive whole number, got None"),
        ({"epochs": 2.5}, "epochs must be a positive whole number, got 2.5"),
        ({"learning_rate": float("nan")}, "learning_rate must be positive, got nan"),
        ({"learning_rate": -1.0}, "learning_rate must be positive"),
        ({"patience": 0}, "patience must be a positive"),
        ({"instances_per_bag": 0}, "instances_per_bag must be a positive"),
        ({"weight_decay": -1.0}, "must not be negative"),
        ({"entropy_weight": float("inf")}, "entropy_weight must be finite, got inf"),
        ({"class_balance": "smote"}, "class_balance is 'smote'; choose"),
    ],
)
def test_bad_config_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **change)


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


def test_a_finished_run_can_go_on_for_more_epochs(train_val, tmp_path):
    short, whole = model(), model()
    fit(short, *train_val, CONFIG, checkpoint=tmp_path / "c.pt", progress=False)
    longer = replace(CONFIG, epochs=9)
    fit(short, *train_val, longer, checkpoint=tmp_path / "c.pt", progress=False)
    fit(whole, *train_val, longer, progress=False)
    assert torch.equal(weights(short), weights(whole))


def test_foreign_and_damaged_checkpoints_are_refused(train_val, tmp_path):
    path = tmp_path / "c.pt"
    fit(model(), *train_val, CONFIG, checkpoint=path, progress=False)

    def resume(net=None, data=train_val, config=CONFIG):
        fit(net or model(), *data, config, checkpoint=path, progress=False)

    with pytest.raises(ValueError, match="written with another seed;"):
        resume(config=replace(CONFIG, seed=9))
    with pytest.raises(ValueError, match="with another batch_size and instances_at_once;"):
        resume(config=replace(CONFIG, batch_size=3, instances_at_once=2))
    with pytest.raises(ValueError, match="written with another training set"):
        resume(data=(separable(40, seed=7), train_val[1]))
    with pytest.raises(ValueError, match="written with another model"):
        resume(net=build_model("mean", 4, 8))
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(ValueError, match=r"c\.pt cannot be read as weights .*truncated"):
        resume()
    torch.save({"weights": 1}, path)
    with pytest.raises(ValueError, match="not a training checkpoint"):
        resume()


@pytest.mark.parametrize("other", ["max", "max_embedding", "mean_instance"])
def test_a_checkpoint_of_one_pooling_is_not_resumed_into_another(other, train_val, tmp_path):
    """Their weights have the same shapes, so the shapes cannot tell."""
    fit(build_model("mean", 4, 8), *train_val, CONFIG, checkpoint=tmp_path / "c.pt", progress=False)
    net = build_model(other, 4, 8)
    with pytest.raises(ValueError, match="written with another model"):
        fit(net, *train_val, CONFIG, checkpoint=tmp_path / "c.pt", progress=False)


def test_stopping_by_hand_leaves_the_best_weights(train_val):
    net, seen = model(), []

    def stop(record):
        seen.append(record)
        if len(seen) == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(net, *train_val, replace(CONFIG, learning_rate=0.05), on_epoch=stop, progress=False)
    assert not net.training
    found = predict(net, train_val[1])
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(found.logits), torch.from_numpy(found.labels)
    )
    assert float(loss) == pytest.approx(min(r.val_loss for r in seen), abs=1e-6)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    from mil_tutorial.system.files import load_weights

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    torch.save(Bomb(), tmp_path / "c.pt")
    with pytest.raises(ValueError, match="holds pickled Python objects, whose code is not run"):
        load_weights(tmp_path / "c.pt")
    assert not (tmp_path / "exploded").exists()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_weights(tmp_path / "none.pt")


def test_predict_keeps_order_and_mode_whatever_the_batch_size(train_val):
    net = model().train()
    one, many = (predict(net, train_val[0], batch_size=size) for size in (1, 7))
    assert net.training
    np.testing.assert_allclose(one.logits, many.logits, atol=1e-6)
    np.testing.assert_allclose(one.attention, many.attention, atol=1e-6)
    assert [len(a) for a in one.per_bag(one.attention)] == train_val[0].sizes.tolist()
    assert all(abs(a.sum() - 1) < 1e-5 for a in one.per_bag(one.attention))
    np.testing.assert_array_equal(one.labels, train_val[0].labels)


def test_a_record_tells_what_the_kept_model_shows(train_val):
    """A bag of one instance is among the bags: its entropy says nothing."""
    train, val = train_val
    val = MedicalBagDataset([*val, (torch.zeros(1, 4), 0)])
    net = model()
    record = fit(net, train, val, CONFIG, progress=False).best
    found = predict(net, val)
    entropy = attention_entropy(found.attention, sizes=found.sizes).numpy()
    several = found.sizes > 1
    rows = {"positive": found.labels == 1, "negative": several & (found.labels == 0)}
    assert record.val_attention_entropy == pytest.approx(entropy[several].mean(), abs=1e-6)
    assert record.val_entropy_positive == pytest.approx(entropy[rows["positive"]].mean(), abs=1e-6)
    assert record.val_entropy_negative == pytest.approx(entropy[rows["negative"]].mean(), abs=1e-6)
    instances = effective_instances(found.attention, sizes=found.sizes).numpy()
    assert record.val_effective_instances == pytest.approx(instances.mean(), abs=1e-5)


def weighted(weight, data, pooling="gated", **changes):
    """Train with an entropy weight; return the model and its history."""
    torch.manual_seed(0)
    net = build_model(pooling, 4, 8, dropout=0.5)
    return net, fit(net, *data, replace(CONFIG, entropy_weight=weight, **changes), progress=False)


def test_an_entropy_weight_of_0_is_as_if_there_were_none(train_val, monkeypatch):
    def refuse(*_):
        raise AssertionError("the term was computed")

    monkeypatch.setattr("mil_tutorial.training.loop.entropy_term", refuse)
    runs = [weighted(0.0, train_val), weighted(-0.0, train_val)]
    plain = model()
    fit(plain, *train_val, CONFIG, progress=False)
    assert all(torch.equal(weights(net), weights(plain)) for net, _ in runs)


@pytest.mark.parametrize("pooling", ["attention", "gated"])
def test_a_positive_entropy_weight_sharpens_and_a_negative_one_spreads(pooling, train_val):
    last = {
        weight: weighted(weight, train_val, pooling, epochs=20)[1].epochs[-1].val_attention_entropy
        for weight in (-0.5, 0.0, 0.5)
    }
    assert last[0.5] < last[0.0] - 0.05
    assert last[-0.5] > last[0.0] + 0.02


def test_the_entropy_term_takes_part_in_training_only(train_val):
    """Losses are recorded without it, so that epochs are chosen by one measure."""
    net, history = weighted(0.5, train_val)
    found = predict(net, train_val[1])
    loss = torch.nn.functional.binary_cross_entropy_with_logits(
        torch.from_numpy(found.logits), torch.from_numpy(found.labels)
    )
    assert history.best.val_loss == pytest.approx(float(loss), abs=1e-6)
    one_batch = {"batch_size": 40, "epochs": 1}
    first = [weighted(w, train_val, **one_batch)[1].epochs[0].train_loss for w in (0.0, 0.5)]
    assert first[0] == first[1]  # taken before the first step


@pytest.mark.parametrize("weight", [-0.3, 0.3])
def test_bags_of_one_instance_add_no_entropy_and_no_nan(weight, train_val):
    single = [(tiles[:1], label) for tiles, label in train_val[0]]
    net, history = weighted(weight, (MedicalBagDataset(single), train_val[1]))
    plain, _ = weighted(0.0, (MedicalBagDataset(single), train_val[1]))
    assert torch.isfinite(weights(net)).all()
    torch.testing.assert_close(weights(net), weights(plain))
    assert np.isfinite(history.column("train_loss")).all()


def test_the_entropy_term_is_the_mean_over_bags_of_several_and_has_its_gradient():
    sizes = torch.tensor([3, 1, 4])
    scores = torch.randn(8, dtype=torch.float64, requires_grad=True)

    def term(s):
        return entropy_term(torch.cat([torch.softmax(x, 0) for x in s.split([3, 1, 4])]), sizes)

    bags = [torch.softmax(x, 0) for x in scores.detach().split([3, 1, 4])]
    truth = [-(a * a.log()).sum() / np.log(len(a)) for a in (bags[0], bags[2])]
    assert term(scores).item() == pytest.approx(float(sum(truth)) / 2)
    assert torch.autograd.gradcheck(term, scores)


@pytest.mark.parametrize("pooling", ["max", "mean", "max_embedding", "mean_instance"])
def test_attention_that_is_not_learnt_takes_no_entropy_weight(pooling, train_val):
    with pytest.raises(ValueError, match="needs attention that is learnt.*no gradient"):
        weighted(0.1, train_val, pooling)


def test_the_entropy_weight_belongs_to_the_run(train_val, tmp_path):
    path = tmp_path / "c.pt"
    fit(model(), *train_val, CONFIG, checkpoint=path, progress=False)
    changed = replace(CONFIG, entropy_weight=0.1)
    with pytest.raises(ValueError, match="written with another entropy_weight"):
        fit(model(), *train_val, changed, checkpoint=path, progress=False)


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


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_a_resumed_schedule_and_augmentation_end_with_the_same_weights(
    schedule, train_val, tmp_path
):
    config = replace(CONFIG, epochs=6, schedule=schedule, keep="last")
    whole, parts = model(), model()
    fit(whole, *train_val, config, augment=jitter, progress=False)
    stop = tmp_path / "run.pt"
    with pytest.raises(KeyboardInterrupt):
        fit(
            parts,
            *train_val,
            config,
            augment=jitter,
            checkpoint=stop,
            on_epoch=interrupt_at(2),
            progress=False,
        )
    fit(parts, *train_val, config, augment=jitter, checkpoint=stop, progress=False)
    assert torch.equal(weights(whole), weights(parts))


def jitter(instances, sizes):
    return instances + 0.1 * torch.randn_like(instances)


RESUMED = """
import sys
sys.path[:0] = [{tests!r}, {tests!r} + "/.."]
from test_loop import CONFIG, fit, jitter, model, replace, separable
fit(model(), separable(40, seed=0), separable(20, seed=1), replace(CONFIG, epochs=3),
    augment=jitter, checkpoint={path!r}, progress=False)
"""


def test_a_function_is_the_same_augmentation_in_another_process(train_val, tmp_path):
    path = tmp_path / "run.pt"
    code = RESUMED.format(tests=os.path.dirname(__file__), path=str(path))
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(ValueError, match="another augmentation"):
        fit(model(), *train_val, CONFIG, augment=interrupt_at, checkpoint=path, progress=False)


def interrupt_at(epoch):
    def stop(record):
        if record.epoch == epoch:
            raise KeyboardInterrupt

    return stop


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


@pytest.mark.parametrize("setting", [{"schedule": "one_cycle"}, {"keep": "last"}])
def test_a_fixed_length_takes_no_patience(setting):
    with pytest.raises(ValueError, match="set patience to None"):
        TrainingConfig(patience=5, **setting)


def test_unknown_schedule():
    with pytest.raises(ValueError, match="schedule is 'cosine'; choose 'constant' or 'one_cycle'"):
        TrainingConfig(schedule="cosine")


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

    def stop(record):
        if record.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(
            model(),
            train,
            None,
            config,
            checkpoint=tmp_path / "run.pt",
            on_epoch=stop,
            progress=False,
        )
    fit(resumed, train, None, config, checkpoint=tmp_path / "run.pt", progress=False)
    assert torch.equal(weights(resumed), weights(alone))


def test_an_epoch_cannot_be_picked_without_validation_bags(train_val):
    with pytest.raises(ValueError, match="val is None, but keep 'best' picks the epoch"):
        fit(model(), train_val[0], None, CONFIG, progress=False)


def test_a_loss_that_is_not_finite_stops_without_validation_bags_too(train_val):
    config = replace(CONFIG, keep="last", learning_rate=1e30)
    with pytest.raises(ValueError, match="the loss is not finite in epoch"):
        fit(model(), train_val[0], None, config, progress=False)


def test_a_checkpoint_of_more_epochs_is_refused(train_val, tmp_path):
    fit(model(), *train_val, CONFIG, checkpoint=tmp_path / "run.pt", progress=False)
    with pytest.raises(ValueError, match="is of a run of 6 epochs, this one has 3"):
        fit(
            model(),
            *train_val,
            replace(CONFIG, epochs=3),
            checkpoint=tmp_path / "run.pt",
            progress=False,
        )


@pytest.mark.parametrize("pooling", ["max", "mean", "gated", "mean_instance"])
@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
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


@pytest.mark.parametrize("entropy_weight", [0.0, 0.2])
@pytest.mark.parametrize("at_once", [1, 3, 12])
def test_parts_and_chunks_train_as_the_whole_batch(at_once, entropy_weight, train_val):
    runs = []
    for limit in (None, at_once):
        net = model(dropout=0.0)
        config = replace(CONFIG, instances_at_once=limit, entropy_weight=entropy_weight)
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
