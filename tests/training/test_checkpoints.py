import os
import signal
import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from small_runs import CONFIG, interrupt_at, jitter, model, weights
from toy_bags import separable

from mil_tutorial import EpochRecord, build_model, fit
from mil_tutorial.training.loop import TrainingRun


def test_a_stopped_run_resumes_to_the_same_result(train_val, tmp_path):
    config = replace(CONFIG, instances_per_bag=3, class_balance="sampler", entropy_weight=0.2)
    whole = model()
    expected = fit(whole, *train_val, config, progress=False)

    for last in (0, 2):
        options = {"checkpoint": tmp_path / f"{last}.pt", "progress": False}
        with pytest.raises(KeyboardInterrupt):
            fit(model(), *train_val, config, on_epoch=interrupt_at(last), **options)
        resumed = build_model("gated", 4, 8, dropout=0.5)  # other weights: they do not matter
        history = fit(resumed, *train_val, config, **options)
        assert torch.equal(weights(resumed), weights(whole))
        for name in (f.name for f in fields(EpochRecord) if f.name != "seconds"):
            np.testing.assert_array_equal(history.column(name), expected.column(name))
        assert history.best_epoch == expected.best_epoch


def test_a_finished_run_is_only_restored(train_val, tmp_path):
    first, again = model(), build_model("gated", 4, 8, dropout=0.5)
    options = {"checkpoint": tmp_path / "c.pt", "progress": False}
    fit(first, *train_val, CONFIG, **options)
    calls = []
    fit(again, *train_val, CONFIG, on_epoch=calls.append, **options)
    assert calls == []
    assert torch.equal(weights(first), weights(again))


def test_a_finished_run_can_go_on_for_more_epochs(train_val, tmp_path):
    short, whole = model(), model()
    fit(short, *train_val, CONFIG, checkpoint=tmp_path / "c.pt", progress=False)
    longer = replace(CONFIG, epochs=9)
    fit(short, *train_val, longer, checkpoint=tmp_path / "c.pt", progress=False)
    fit(whole, *train_val, longer, progress=False)
    assert torch.equal(weights(short), weights(whole))


@pytest.mark.parametrize("schedule", ["constant", "one_cycle"])
def test_a_resumed_schedule_and_augmentation_end_with_the_same_weights(
    schedule, train_val, tmp_path
):
    config = replace(CONFIG, epochs=6, schedule=schedule, keep="last")
    whole, parts = model(), model()
    fit(whole, *train_val, config, augment=jitter, progress=False)
    options = {"augment": jitter, "checkpoint": tmp_path / "run.pt", "progress": False}
    with pytest.raises(KeyboardInterrupt):
        fit(parts, *train_val, config, on_epoch=interrupt_at(2), **options)
    fit(parts, *train_val, config, **options)
    assert torch.equal(weights(whole), weights(parts))


KILLED = """
import sys; sys.path[:0] = [{tests!r}, {tests!r} + "/.."]
from small_runs import *
fit(model(), separable(40, seed=0), separable(20, seed=1), replace(CONFIG, epochs=10**6),
    checkpoint={path!r}, on_epoch=lambda r: print(r.epoch, flush=True), progress=False)
"""


@pytest.mark.full
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


RESUMED = """
import sys
sys.path[:0] = [{tests!r}, {tests!r} + "/.."]
from small_runs import *
fit(model(), separable(40, seed=0), separable(20, seed=1), replace(CONFIG, epochs=3),
    augment=jitter, checkpoint={path!r}, progress=False)
"""


@pytest.mark.full
def test_a_function_is_the_same_augmentation_in_another_process(train_val, tmp_path):
    path = tmp_path / "run.pt"
    code = RESUMED.format(tests=os.path.dirname(__file__), path=str(path))
    for _ in range(2):
        subprocess.run([sys.executable, "-c", code], check=True)
    with pytest.raises(ValueError, match="another augmentation"):
        fit(model(), *train_val, CONFIG, augment=interrupt_at, checkpoint=path, progress=False)


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


def test_a_checkpoint_of_one_pooling_is_not_resumed_into_another(train_val, tmp_path):
    """Their weights have the same shapes, so the shapes cannot tell."""
    fit(build_model("mean", 4, 8), *train_val, CONFIG, checkpoint=tmp_path / "c.pt", progress=False)
    for other in ("max", "max_embedding", "mean_instance"):
        net = build_model(other, 4, 8)
        with pytest.raises(ValueError, match="written with another model"):
            fit(net, *train_val, CONFIG, checkpoint=tmp_path / "c.pt", progress=False)


def test_a_checkpoint_of_more_epochs_is_refused(train_val, tmp_path):
    fit(model(), *train_val, CONFIG, checkpoint=tmp_path / "run.pt", progress=False)
    shorter = replace(CONFIG, epochs=3)
    with pytest.raises(ValueError, match="is of a run of 6 epochs, this one has 3"):
        fit(model(), *train_val, shorter, checkpoint=tmp_path / "run.pt", progress=False)


def test_the_entropy_weight_belongs_to_the_run(train_val, tmp_path):
    path = tmp_path / "c.pt"
    fit(model(), *train_val, CONFIG, checkpoint=path, progress=False)
    changed = replace(CONFIG, entropy_weight=0.1)
    with pytest.raises(ValueError, match="written with another entropy_weight"):
        fit(model(), *train_val, changed, checkpoint=path, progress=False)


def test_code_in_a_checkpoint_is_not_run(tmp_path):
    from mil_tutorial.system.reading import load_weights

    class Bomb:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "exploded"),))

    torch.save(Bomb(), tmp_path / "c.pt")
    with pytest.raises(ValueError, match="holds pickled Python objects, whose code is not run"):
        load_weights(tmp_path / "c.pt")
    assert not (tmp_path / "exploded").exists()
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load_weights(tmp_path / "none.pt")
