"""Two processes, started as a user starts them, against one."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from mil_tutorial.system.distributed import Processes, this_process

pytest.importorskip("accelerate")

TRAIN = """
import sys
from pathlib import Path

import torch
from mil_tutorial import TrainingConfig, build_model, fit
from mil_tutorial.system.distributed import this_process
from mil_tutorial.training.prediction import predict_together

sys.path.insert(0, {tests!r})
from toy_bags import separable

out = Path(sys.argv[1])
epochs = int(sys.argv[2])
torch.manual_seed(this_process().rank)  # other weights in each process, until fit
model = build_model({pooling!r}, 4, 8)
config = TrainingConfig(epochs=epochs, batch_size=7, patience=None, **{options!r})
train, val = separable(40, seed=0), separable(21, seed=1)
checkpoint = out / "run.pt" if {options!r}.get("seed") else None
history = fit(model, train, val, config, checkpoint=checkpoint)
predictions = predict_together(model, val, 4)
torch.save(
    {{
        "losses": [[e.train_loss, e.val_loss] for e in history.epochs],
        "weights": torch.cat([p.detach().flatten() for p in model.parameters()]),
        "predictions": [torch.as_tensor(x) for x in vars(predictions).values()],
    }},
    out / f"result{{this_process().rank}}.pt",
)
"""


def write_script(folder, pooling="gated", **options):
    script = folder / "train.py"
    tests = Path(__file__).parents[1]
    script.write_text(TRAIN.format(tests=str(tests), pooling=pooling, options=options))
    return script


def launch(number, *arguments):
    """Start processes; on a machine without a GPU they talk through gloo."""
    command = [sys.executable, "-m", "accelerate.commands.launch"]
    if number > 1:
        command += ["--multi_gpu", "--num_processes", str(number)]
    command += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    command += ["--main_process_port", "0"] if number > 1 else []
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        [*command, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(number, *arguments):
    process = launch(number, *arguments)
    out, error = process.communicate(timeout=240)
    assert process.returncode == 0, error[-3000:]
    return out


def results(folder, number):
    return [torch.load(folder / f"result{rank}.pt") for rank in range(number)]


@pytest.mark.full
@pytest.mark.parametrize(
    ("pooling", "options"),
    [
        ("gated", {"entropy_weight": 0.1, "schedule": "one_cycle"}),
        ("max", {"class_balance": "sampler", "instances_per_bag": 3, "instances_at_once": 8}),
    ],
)
def test_two_processes_train_as_one(pooling, options, tmp_path):
    """Batches of 7 leave one process with 3 or fewer bags, and the last batch, of 5, is uneven."""
    runs = []
    for number in (1, 2):
        folder = tmp_path / str(number)
        folder.mkdir()
        run(number, write_script(folder, pooling, **options), folder, 5)
        runs.append(results(folder, number))
    (one,), (first, second) = runs
    torch.testing.assert_close(
        torch.tensor(first["losses"]), torch.tensor(one["losses"]), atol=1e-5, rtol=0
    )
    assert torch.equal(first["weights"], second["weights"])
    torch.testing.assert_close(first["weights"], one["weights"], atol=1e-5, rtol=1e-4)
    for ours, others, alone in zip(*(r["predictions"] for r in (first, second, one))):
        assert torch.equal(ours, others)  # every process has the predictions of all
        torch.testing.assert_close(ours, alone, atol=1e-5, rtol=1e-4)


@pytest.mark.full
def test_a_killed_run_of_two_processes_goes_on_to_the_same_weights(tmp_path):
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    epochs = 60
    run(2, write_script(folders[0], seed=3), folders[0], epochs)
    script = write_script(folders[1], seed=3)
    process = launch(2, script, folders[1], epochs)
    checkpoint = folders[1] / "run.pt"
    while not checkpoint.exists():
        assert process.poll() is None
        time.sleep(0.01)
    kill_one(script)
    process.communicate(timeout=60)
    assert process.returncode != 0
    done = len(torch.load(checkpoint)["state"]["epochs"])
    assert 0 < done < epochs
    run(2, script, folders[1], epochs)
    whole, resumed = (results(folder, 2)[0] for folder in folders)
    assert torch.equal(whole["weights"], resumed["weights"])
    assert whole["losses"] == resumed["losses"]


def kill_one(script):
    """Kill the process of rank 1."""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline") as file:
                mine = str(script) in file.read()
            with open(f"/proc/{pid}/environ") as file:
                second = "\0RANK=1\0" in "\0" + file.read()
        except OSError:
            continue
        if mine and second:
            os.kill(int(pid), signal.SIGKILL)
            return
    raise AssertionError("there is no second process")


@pytest.mark.full
def test_compare_writes_one_report_whoever_trains(tmp_path):
    """Without dropout, of which each process has its own."""
    script = tmp_path / "compare.py"
    script.write_text(
        "import sys\n"
        "from mil_tutorial.__main__ import main\n"
        "from mil_tutorial.experiment import catalogue\n"
        "catalogue.DROPOUT = 0\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    arguments = [script, "compare", "--data", "musk1", "--seeds", "1", "--members", "1"]
    arguments += ["--epochs", "2", "--poolings", "gated", "--out"]
    tables = []
    for number in (1, 2):
        out = tmp_path / str(number)
        printed = run(number, *arguments, out)
        assert printed.count("Written to") == 1
        tables.append((out / "results.md").read_text())
    assert tables[0] == tables[1]


@pytest.mark.full
def test_wrong_input_is_an_error_and_no_hang(tmp_path):
    process = launch(2, "-m", "mil_tutorial", "compare", "--data", "musk1", "--jobs", "2",
                     "--out", tmp_path / "out")  # fmt: skip
    _, error = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "error: jobs is 2, but 2 processes were launched" in error
    assert "mil_tutorial/" not in error  # the launcher has a traceback, this package none


@pytest.mark.full
def test_a_process_that_ends_is_one_line_of_the_others(tmp_path):
    script = tmp_path / "leave.py"
    script.write_text(
        "import os, signal, time\n"
        "from mil_tutorial.system.distributed import this_process\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "here = this_process()\n"
        "if here.rank == 1: os._exit(9)\n"
        "time.sleep(1)\n"
        "try:\n"
        "    here.gather(here.rank)\n"
        "except OSError as error:\n"
        "    print('error:', error, flush=True)\n"
    )
    process = launch(2, script)
    out, _ = process.communicate(timeout=60)
    assert "error: process 0 of 2 cannot reach the others" in out


WAIT = """
import signal
import sys
import time
from mil_tutorial.__main__ import _stop
from mil_tutorial.system import distributed

signal.signal(signal.SIGTERM, _stop)  # as the command line does

distributed.NOTICE = 2.0
here = distributed.this_process()
print("joined", file=sys.stderr, flush=True)
if here.rank == 1:
    time.sleep(600)
here.gather(here.rank)
"""


def start_waiting(rank, port, log):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "WORLD_SIZE": "2", "RANK": str(rank)}
    environment |= {"LOCAL_WORLD_SIZE": "2", "LOCAL_RANK": str(rank)}
    environment |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port)}
    with log.open("w") as file:
        return subprocess.Popen([sys.executable, "-c", WAIT], env=environment, stderr=file)


@pytest.mark.full
@pytest.mark.parametrize(
    ("number", "joins"),
    [
        (signal.SIGTERM, False),
        (signal.SIGINT, False),
        (signal.SIGTERM, True),
        (signal.SIGINT, True),
    ],
)
def test_a_process_that_waits_in_vain_says_for_whom_and_ends_on_a_signal(number, joins, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path / "stderr.txt"
    waiting = start_waiting(0, port, log)
    other = start_waiting(1, port, tmp_path / "other.txt") if joins else None
    try:
        wanted = r"joined.*waited \d+ s" if joins else r"waited \d+ s"
        deadline = time.monotonic() + 60
        while not re.search(wanted, log.read_text(), re.DOTALL) and time.monotonic() < deadline:
            time.sleep(0.1)
        waiting.send_signal(number)
        assert waiting.wait(timeout=10) == -number
    finally:
        for process in filter(None, (waiting, other)):
            process.kill()
            process.wait()
    notice = re.findall(r"process 0 of 2 has waited \d+ s for process 1 at (.*)", log.read_text())
    assert set(notice) == {f"127.0.0.1:{port}"}
    assert ("joined" in log.read_text()) == joins


def test_a_process_alone_exchanges_nothing():
    alone = this_process()
    assert alone == Processes()
    assert alone.is_main
    assert alone.gather("x") == ["x"]
    layer = torch.nn.Linear(2, 1)
    alone.sum_gradients(layer.parameters())
    assert layer.weight.grad is None


@pytest.mark.full
def test_processes_with_other_bags_are_refused(tmp_path):
    script = write_script(tmp_path)
    text = script.read_text().replace(
        "separable(40, seed=0)", "separable(40, seed=this_process().rank)"
    )
    script.write_text(text)
    process = launch(2, script, tmp_path, 1)
    _, error = process.communicate(timeout=60)
    assert "ValueError: the processes have a different training set" in error


@pytest.mark.full
def test_half_precision_with_a_share_that_is_empty(tmp_path):
    """A bag a step: one of two processes has nothing to compute, nor gradients to scale."""
    script = write_script(tmp_path, precision="float16")
    script.write_text(script.read_text().replace("batch_size=7", "batch_size=1"))
    run(2, script, tmp_path, 1)
    assert torch.isfinite(results(tmp_path, 2)[0]["weights"]).all()
