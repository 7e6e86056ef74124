import os
import signal
import threading
import time
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
import torch
from toy_bags import separable

from mil_tutorial import TrainingConfig
from mil_tutorial.experiment.benchmarks import Benchmark, cross_validation
from mil_tutorial.experiment.run import run_experiment
from mil_tutorial.system import jobs as jobs_module
from mil_tutorial.system.jobs import possible_jobs, share_work


def who_and_twice(number):
    time.sleep(0.05)
    return os.getpid(), torch.get_num_threads(), 2 * number


def refuse_seven(number):
    if number == 7:
        raise ValueError("seven is refused")
    time.sleep(0.02)
    return number


def die_in_a_worker(parent):
    if os.getpid() == parent:
        return time.sleep(0.1)
    os._exit(9)


@pytest.mark.parametrize("jobs", [1, 2])
def test_results_come_in_order_and_are_counted(jobs):
    done = []
    results = share_work(who_and_twice, ((i,) for i in range(30)), jobs, lambda: done.append(1))
    assert [value for _, _, value in results] == [2 * i for i in range(30)]
    assert len(done) == 30
    workers = {who for who, _, _ in results}
    assert os.getpid() in workers  # this process works too
    assert len(workers) == jobs


@pytest.mark.parametrize(("jobs", "own"), [(1, 5), (2, 2), (8, 1)])
def test_processes_divide_the_threads(jobs, own):
    before = torch.get_num_threads()
    torch.set_num_threads(5)
    try:
        results = share_work(who_and_twice, ((i,) for i in range(9)), jobs)
        assert torch.get_num_threads() == 5  # again
    finally:
        torch.set_num_threads(before)
    assert {threads for _, threads, _ in results} == {own}


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_error_in_a_task_ends_the_work(jobs):
    taken = []

    def tasks():
        for i in range(10_000):
            taken.append(i)
            yield (i,)

    with pytest.raises(ValueError, match="seven is refused"):
        share_work(refuse_seven, tasks(), jobs)
    assert len(taken) < 20  # tasks are taken as workers become free


def test_no_jobs_are_refused():
    with pytest.raises(ValueError, match="jobs must be a positive whole number, got 0"):
        share_work(refuse_seven, [], 0)


def test_one_job_needs_no_pool(monkeypatch):
    monkeypatch.setattr(jobs_module, "ProcessPoolExecutor", None)  # as where /dev/shm is read-only
    assert share_work(refuse_seven, [(3,), (4,)], 1) == [3, 4]


def test_what_cannot_be_sent_is_named():
    held = partial(refuse_seven, threading.Lock())
    for function, tasks in ((refuse_seven, [(threading.Lock(),)] * 50), (held, [()])):
        with pytest.raises(ValueError, match=r"cannot be sent to another process \(.*lock"):
            share_work(function, tasks, 2)


def test_a_worker_that_ends_early_is_an_error_and_no_hang():
    with pytest.raises(OSError, match="take jobs=1"):
        share_work(die_in_a_worker, [(os.getpid(),)] * 1000, 2)


def test_fewer_tasks_than_jobs():
    for tasks in ([], [(3,)]):
        assert share_work(refuse_seven, tasks, 3) == [number for (number,) in tasks]


@pytest.mark.full
def test_stop_does_not_wait_for_the_workers():
    def stop():
        raise KeyboardInterrupt

    started = time.perf_counter()
    with pytest.raises(KeyboardInterrupt):
        share_work(time.sleep, [(600,), (0.1,)], 2, stop)  # the second is done here
    assert time.perf_counter() - started < 300


@pytest.mark.parametrize(
    ("free", "cores", "jobs"),
    [(9e9, 4, 2), (1e9, 4, 2), (0.5e9, 4, 1), (9e9, 1, 1), (None, 2, 2)],
)
def test_jobs_follow_cores_and_memory(free, cores, jobs, monkeypatch):
    monkeypatch.setattr(jobs_module, "available_memory", lambda: free)
    monkeypatch.setattr(jobs_module, "cpu_count", lambda: cores)
    assert possible_jobs() == jobs


@pytest.mark.full
def test_an_experiment_does_not_depend_on_its_jobs():
    dataset = separable(36, seed=0)
    benchmark = Benchmark(
        "cv",
        "toy",
        dataset,
        cross_validation(dataset, 3),
        input_dim=4,
        hidden_dim=8,
        n_folds=3,
        dropout=0.5,
        config=TrainingConfig(epochs=4),
    )
    one, two = (
        run_experiment(benchmark, poolings=["max", "gated"], seeds=2, jobs=jobs, progress=False)
        for jobs in (1, 2)
    )
    assert one.checksums == two.checksums
    np.testing.assert_array_equal(one.folds, two.folds)
    for name, baseline in one.baselines.items():
        np.testing.assert_array_equal(baseline, two.baselines[name])
    for pooling, runs in one.runs.items():
        other = two.runs[pooling]
        for field in ("probabilities", "called_positive", "entropy", "attention_auc", "score_auc"):
            np.testing.assert_array_equal(getattr(runs, field), getattr(other, field))
        for mine, theirs in zip(runs.histories, other.histories):
            np.testing.assert_array_equal(mine.column("val_loss"), theirs.column("val_loss"))
        for mine, theirs in zip(one.models[pooling].parameters(), two.models[pooling].parameters()):
            assert torch.equal(mine, theirs)


def whether_interrupts_are_held():
    time.sleep(0.5)
    return os.getpid(), signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, [])


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no such mask")
def test_only_this_process_hears_an_interrupt():
    held = dict(share_work(whether_interrupts_are_held, [()] * 2, 2))
    assert held.pop(os.getpid()) is False
    assert list(held.values()) == [True]
    assert whether_interrupts_are_held()[1] is False


def work_on(tasks):
    share_work(wait_long, tasks, 2)


def wait_long(folder):
    (folder / str(os.getpid())).touch()
    time.sleep(300)


def exists(process):
    """Whether a process still runs; one that ended but was not yet collected does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.full
@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="asks Linux for the processes")
def test_workers_end_with_a_killed_parent(tmp_path):
    parent = get_context("spawn").Process(target=work_on, args=([(tmp_path,), (tmp_path,)],))
    parent.start()
    wait_for(lambda: len(list(tmp_path.iterdir())) == 2)
    os.kill(parent.pid, signal.SIGKILL)
    parent.join()
    workers = [int(file.name) for file in tmp_path.iterdir()]
    wait_for(lambda: not any(map(exists, workers)), 20)


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)
