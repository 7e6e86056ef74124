"""Outputs, memory and disks."""

import errno
import io
import os
import shutil
import signal
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import patch

import torch
from matplotlib.figure import Figure
from toy_bags import separable

from mil_tutorial import TrainingConfig, build_model, fit
from mil_tutorial.__main__ import main
from mil_tutorial.experiment.benchmarks import Benchmark, Split, cross_validation
from mil_tutorial.experiment.report import TABLES, write_report
from mil_tutorial.experiment.run import run_experiment
from mil_tutorial.system.files import partial_path, replacing, save_weights
from mil_tutorial.system.reading import load_weights
from odd_inputs.case import Case, command, compare, feature_folder

NO_MEMORY = RuntimeError(
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: "
    "you tried to allocate 4294967296 bytes.\nError code 12 (Cannot allocate memory)"
)
NO_GPU_MEMORY = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.\nGPU 0")


def out_is(kind: str, here: Path) -> None:
    """A file or a folder lies where the report should go."""
    place = here / "taken"
    if kind == "file":
        place.write_text("")
    elif kind == "below a file":
        place.write_text("")
        place /= "results"
    else:
        (place / kind).mkdir(parents=True)
    before = sorted(here.rglob("*"))
    try:
        compare(*feature_folder(here / "in"), "--out", place)
    finally:
        assert [path for path in sorted(here.rglob("*")) if "in" not in path.parts] == before


def figure_target_is_a_folder(here: Path) -> None:
    (here / "out" / "roc.png" / "mine").mkdir(parents=True)
    printed = compare(*feature_folder(here))
    assert "warning: roc.png was not drawn: " in printed
    assert (here / "out" / "results.json").is_file()
    assert (here / "out" / "roc.png" / "mine").is_dir()


def picture_fails(error: Exception, here: Path) -> None:
    """The numbers stay, and no picture of an earlier run beside them."""
    (here / "out").mkdir()
    (here / "out" / "training.png").write_text("of an earlier run")
    with patch("mil_tutorial.experiment.report.plot_training", side_effect=error):
        printed = compare(*feature_folder(here))
    (line,) = (line for line in printed.splitlines() if line.startswith("warning: training"))
    assert line.startswith("warning: training.png was not drawn: ")
    (written,) = (line for line in printed.splitlines() if line.startswith("Written to"))
    assert "roc.png" in written
    assert "training.png" not in written
    names = {path.name for path in (here / "out").iterdir()}
    assert {"results.json", "predictions.csv", "roc.png"} <= names
    assert "training.png" not in names


def poolings(names: list[str], here: Path) -> None:
    compare(*feature_folder(here), "--poolings", *names)


def disk_fills(target: str, here: Path, *options: object) -> None:
    """The disk is full when something is written."""
    own = feature_folder(here)
    with patch(target, side_effect=OSError(errno.ENOSPC, "No space left on device")):
        compare(*own, *options)


def disk_filled_by_others(here: Path) -> None:
    """The numbers are printed where they cannot be written."""
    console, own = io.StringIO(), feature_folder(here)
    with patch("pathlib.Path.write_text", side_effect=OSError(errno.ENOSPC, "No space left")):
        code, errors = compare_to(console, *own)
    assert (code, errors.count("\n")) == (2, 1)
    assert "| AUC " in console.getvalue()
    assert not (here / "out").exists()


def small_disk(here: Path, *options: object) -> None:
    with patch("mil_tutorial.system.files.shutil.disk_usage", return_value=SimpleNamespace(free=9)):
        compare(*feature_folder(here), *options)


def little_memory(here: Path, *options: object) -> None:
    with patch("mil_tutorial.system.memory.available_memory", return_value=24e6):
        compare(*feature_folder(here), *options)


def memory_runs_out(error: Exception, here: Path) -> None:
    with patch("mil_tutorial.experiment.trials.fit", side_effect=error):
        compare(*feature_folder(here))


def ascii_console(here: Path) -> None:
    console = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    folder, labels = feature_folder(here)
    with redirect_stdout(console):
        renamed = folder.rename(here / "Präparate µ–")
        compare_to(console, renamed, labels)
    text = console.buffer.getvalue().decode("ascii")
    assert r"Pr\xe4parate \xb5\u2013" in text


def compare_to(console: object, folder: Path, labels: Path) -> tuple[int, str]:
    """Run compare with this standard output; return the exit code and the errors."""
    words = ("compare", "--data", folder, "--labels", labels, "--out", "out", "--seeds", 1)
    err = io.StringIO()
    with patch.object(sys, "stdout", console), redirect_stderr(err):
        code = main([*map(str, words), "--epochs", "1", "--poolings", "max"])
    return code, err.getvalue()


def reader_leaves(here: Path) -> None:
    """As behind "| head -1"."""
    end, start = os.pipe()
    os.close(end)
    with os.fdopen(start, "w") as console:
        assert compare_to(console, *feature_folder(here)) == (141, "")
    assert (here / "out" / "results.json").is_file()


def full_device_as_output(here: Path) -> None:
    if not Path("/dev/full").exists():
        return
    with open("/dev/full", "w") as console:
        code, errors = compare_to(console, *feature_folder(here))
    assert (code, errors) == (2, "error: [Errno 28] No space left on device\n")
    assert (here / "out" / "results.json").is_file()


def no_output(here: Path) -> None:
    assert compare_to(None, *feature_folder(here)) == (0, "")
    assert (here / "out" / "results.json").is_file()


def locked_table(here: Path) -> None:
    """As where a spreadsheet has it open on Windows."""

    def replace(source: Path, goal: Path) -> None:
        if Path(goal).name == "results.csv":
            raise PermissionError(errno.EACCES, "Permission denied", str(goal))
        shutil.move(source, goal)

    with patch("os.replace", replace):
        compare(*feature_folder(here))


def messages_to(console: object, here: Path) -> None:
    folder, labels = feature_folder(here)
    labels.write_text("".join(f"{row.rpartition(',')[0]}\n" for row in labels.open()))  # warns
    words = ("--data", folder, "--labels", labels, "--out", "out", "--seeds", 1, "--epochs", 1)
    with patch.object(sys, "stderr", console), redirect_stdout(io.StringIO()):
        assert main(["compare", *map(str, words), "--poolings", "max"]) == 0
    assert (here / "out" / "results.json").is_file()


def messages_to_a_full_device(here: Path) -> None:
    if Path("/dev/full").exists():
        with open("/dev/full", "w") as console:
            messages_to(console, here)


def stopped_while_drawing(name: str, here: Path) -> None:
    """What is whole stays; what is not is removed."""
    if (number := getattr(signal, name, None)) is None:
        return
    before = signal.signal(number, signal.SIG_DFL)  # nohup ignores SIGHUP, and so would the command
    target = "mil_tutorial.experiment.report.plot_training"
    try:
        with patch(target, side_effect=lambda _: signal.raise_signal(number)):
            stopped = compare_to(io.StringIO(), *feature_folder(here))
        assert signal.getsignal(number) == signal.SIG_DFL
    finally:
        signal.signal(number, before)
    assert stopped == (128 + number, "stopped\n")
    names = {path.name for path in (here / "out").iterdir()}
    assert names == {*TABLES, "roc.png"}


def report_replaces(option: str, name: str, here: Path) -> None:
    """An input lies where the report goes."""
    folder, labels = feature_folder(here)
    (here / name).write_text("mine")
    given = {"--labels": labels, option: here / name}
    words = [str(word) for pair in given.items() for word in pair]
    try:
        command("compare", "--data", folder, *words, "--out", here)
    finally:
        assert (here / name).read_text() == "mine"


def names_what_it_replaces(here: Path) -> None:
    (here / "out").mkdir()
    (here / "out" / "results.csv").write_text("of another program")
    assert "out holds results.csv; the new report will" in compare(*feature_folder(here))


def flipped_bit(here: Path) -> None:
    path = here / "c.pt"
    save_weights({"weights": torch.zeros(5000)}, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    load_weights(path)


def folds_of_one_class(here: Path) -> None:
    """Each bag is tested by a model of its own, so no AUC is defined; all the rest is."""
    bags = separable(12)
    splits = cross_validation(bags, range(12), validated=False)
    config = TrainingConfig(epochs=1, keep="last", patience=None)
    benchmark = Benchmark("x", "x", bags, splits, 4, 8, n_folds=12, config=config)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a division by no pairs
        experiment = run_experiment(benchmark, poolings=["mean"], seeds=1, progress=False)
        report = write_report(experiment, here / "out")
    assert report.results["runs"][0]["auc"] is None
    (row,) = (r for r in (here / "out" / "results.md").open() if r.startswith("| specificity"))
    assert "nan" not in row


def damaged_last_checkpoint(here: Path) -> None:
    (here / "c").mkdir()
    (here / "c" / "attention-seed0-fold4-member0.pt").write_text("damaged")
    with patch("mil_tutorial.experiment.run.share_work", side_effect=AssertionError("trained")):
        compare(*feature_folder(here), "--checkpoints", here / "c")


def checkpoint(spoil: object, here: Path) -> None:
    """A checkpoint was written by something else."""
    path, sets = here / "c.pt", (separable(20, seed=0), separable(20, seed=1))
    resume = partial(fit, config=TrainingConfig(epochs=1), checkpoint=path, progress=False)
    resume(build_model("gated", 4, 8), *sets)
    saved = torch.load(path)
    spoil(saved)
    torch.save(saved, path)
    resume(build_model("gated", 4, 8), *sets)


def left_by_a_killed_run(here: Path) -> None:
    """What no process writes any more is removed, for that file alone."""
    with partial_path(here / "a.h5") as own:
        machine = own.name.split(".")[-2].split("-")[0]
    process = 2**22 + 1  # beyond what Linux numbers
    gone = here / f".a.h5.{machine}-{process}-00ff00ff.partial"
    stay = [
        here / f".b.h5.{machine}-{process}-00ff00ff.partial",
        here / f".a.h5.{machine}-{os.getpid()}-00ff00ff.partial",
        here / f".a.h5.0123abcd-{process}-00ff00ff.partial",
        here / ".a.h5.partial",
    ]
    old = here / ".a.h5.0123abcd-7-00ff00ff.partial"
    for path in (gone, old, *stay):
        path.mkdir()
    os.utime(old, (0, 0))
    with replacing(here / "a.h5") as partial:
        partial.write_text("whole")
    assert sorted(here.iterdir()) == sorted([here / "a.h5", *stay])


def bad_fold_of_a_later_seed(here: Path) -> None:
    sets = [separable(20, seed=seed) for seed in range(3)]

    def splits(seed: int) -> list[Split]:
        val = sets[1] if seed < 2 else sets[1].subset([0, 2])
        return [Split(sets[0], val, sets[2], torch.arange(20).numpy())]

    benchmark = Benchmark("x", "x", sets[2], splits, 4, 8)
    with patch("mil_tutorial.experiment.run.share_work", side_effect=AssertionError("trained")):
        run_experiment(benchmark, seeds=3, progress=False)


def an_empty_figure_is_no_reason_to_stop(here: Path) -> None:
    with (
        patch("mil_tutorial.experiment.report.plot_roc", return_value=Figure((0.001, 0.001))),
        warnings.catch_warnings(),
    ):
        assert "roc.png was not drawn" in compare(*feature_folder(here))


TABLE_AS_FOLDER = "taken/.* is a folder, where the report has a file; move it away"
FULL = r"error: \[Errno 28\] No space left on device: '.*"
OTHER_FORM = r"c\.pt does not hold what a checkpoint of this version holds \(.*delete it"
LOST = r"the report would replace .*/results\.(csv|md); choose another folder"
SHORT = r"memory is short \(.*; the largest bag, slide_\d\d, has 8 instances: take --instances-at"

CASES = [
    Case("results.json is a folder", partial(out_is, "results.json"), TABLE_AS_FOLDER),
    Case("out is a file", partial(out_is, "file"), r"not a writable folder \(.+\)"),
    Case("out is below a file", partial(out_is, "below a file"), "not a writable folder"),
    Case("roc.png is a folder", figure_target_is_a_folder),
    Case("no memory for a picture", partial(picture_fails, MemoryError())),
    Case("a picture in many lines", partial(picture_fails, RuntimeError("a\nb\nc"))),
    Case("a picture of no size", an_empty_figure_is_no_reason_to_stop),
    Case(
        "a disk that fills with tables",
        partial(disk_fills, "pathlib.Path.write_text"),
        FULL + "results.json'",
    ),
    Case("a disk that others fill meanwhile", disk_filled_by_others),
    Case(
        "a disk that fills with checkpoints",
        lambda here: disk_fills("pathlib.Path.write_bytes", here, "--checkpoints", "c"),
        FULL + r"c/attention-seed0-fold0-member0\.pt'",
    ),
    *(
        Case(f"poolings {' '.join(names)}", partial(poolings, names), error)
        for names, error in (
            (["max", "max"], "poolings are max, max; name each that you want once"),
            (["max", "Max"], "unknown pooling 'Max'; choose from max, mean"),
        )
    ),
    Case(
        "a chapter twice",
        lambda here: command("lab", "05", "--allow-root", "6"),
        "got 05 --allow-root 6; name one chapter",
    ),
    Case("a small disk", small_disk, r"out needs about [\d.]+ MB, but 0.0 MB are free there"),
    Case("a locked table", locked_table, r"Permission denied: '.*results\.csv'"),
    Case("a bag beyond the memory", little_memory, r"slide_\d\d has 8 .*--instances-at-once 4096"),
    Case(
        "jobs beyond the memory",
        lambda here: little_memory(here, "--jobs", 2),
        "fewer --jobs take less",
    ),
    Case("no memory in training", partial(memory_runs_out, NO_MEMORY), SHORT),
    Case("no memory of a GPU", partial(memory_runs_out, NO_GPU_MEMORY), SHORT),
    Case(
        "no memory to load PyTorch",
        partial(memory_runs_out, ImportError("libtorch_cpu.so: failed to map segment")),
        r"memory is short \(libtorch_cpu\.so: failed to map",
    ),
    Case("no memory for numpy", partial(memory_runs_out, MemoryError()), SHORT),
    Case("a console that knows ASCII only", ascii_console),
    Case("a reader that leaves", reader_leaves),
    Case("output to a full device", full_device_as_output),
    Case("no output at all", no_output),
    Case("no console for messages", partial(messages_to, None)),
    Case("messages to a full device", messages_to_a_full_device),
    Case("SIGTERM while drawing", partial(stopped_while_drawing, "SIGTERM")),
    Case("SIGHUP while drawing", partial(stopped_while_drawing, "SIGHUP")),
    Case("labels where the report goes", partial(report_replaces, "--labels", "results.csv"), LOST),
    Case("a split where the report goes", partial(report_replaces, "--split", "results.md"), LOST),
    Case("another program's table", names_what_it_replaces),
    Case(
        "a damaged checkpoint of the last fold",
        damaged_last_checkpoint,
        r"fold4-member0\.pt cannot be",
    ),
    Case(
        "weights with a flipped bit", flipped_bit, r"c\.pt .* has another checksum.*write it again"
    ),
    Case("a fold for each bag", folds_of_one_class),
    Case(
        "a checkpoint in the form of a folder",
        lambda here: ((here / "c.pt").mkdir(), load_weights(here / "c.pt")),
        r"c\.pt is not a file",
    ),
    Case(
        "a checkpoint of an earlier version",
        partial(
            checkpoint, lambda saved: saved["identity"].update({"version of mil_tutorial": "0.0.9"})
        ),
        r"c\.pt was written with another version of mil_tutorial; delete it",
    ),
    Case(
        "a checkpoint without optimiser",
        partial(checkpoint, lambda saved: saved["state"].pop("optimisation")),
        OTHER_FORM,
    ),
    Case(
        "a checkpoint of a later version",
        partial(checkpoint, lambda saved: saved["state"]["epochs"][0].update(new=1)),
        OTHER_FORM,
    ),
    Case(
        "a checkpoint whose identity is a list",
        partial(checkpoint, lambda saved: saved.update(identity=["seed"])),
        OTHER_FORM,
    ),
    Case(
        "a checkpoint without epochs",
        partial(checkpoint, lambda saved: saved["state"].update(epochs=None)),
        OTHER_FORM,
    ),
    Case(
        "a checkpoint of other shapes",
        partial(checkpoint, lambda saved: saved["state"].update(best={"w": torch.zeros(3)})),
        OTHER_FORM,
    ),
    Case("left by a killed run", left_by_a_killed_run),
    Case("one class in a fold of the third seed", bad_fold_of_a_later_seed, "val holds label 0"),
]
