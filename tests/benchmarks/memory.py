"""What memory bags of growing size need, beside what ``memory_need`` predicts.

python tests/benchmarks/memory.py [--instances 1000 10000] [--width 1024] [--hidden 128]

Each case runs in a process of its own (Linux only). Peak: the most that was resident, less what was
before the bag was made. The allocator's peak (torch's profiler) counts what torch asked for,
without the bag.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

CASE = """
import json, sys
import torch
from mil_tutorial import MedicalBagDataset, TrainingConfig, build_model, fit, predict

what, n, width, hidden, at_once = sys.argv[1], *map(int, sys.argv[2:])


def status(key):
    with open("/proc/self/status") as file:
        return next(1024 * int(line.split()[1]) for line in file if line.startswith(key))


def bags(*sizes):
    return MedicalBagDataset([(torch.full((n, width), 0.1), i % 2) for i, n in enumerate(sizes)])


def run(dataset):
    model = build_model("gated", width, hidden)
    if what == "predict":
        return predict(model, dataset)
    config = TrainingConfig(epochs=1, batch_size=1, patience=None, keep="last",
                            class_balance="none", instances_at_once=at_once or None)
    return fit(model, dataset, None, config, progress=False)


run(bags(8, 8))  # what is loaded and started at first use
before = status("VmRSS")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # the peak counts from here
run(bags(n) if what == "predict" else bags(n, 1))
found = {"peak": status("VmHWM") - before}
with torch.profiler.profile(profile_memory=True) as profile:
    run(bags(n) if what == "predict" else bags(n, 1))
total = highest = 0
for event in sorted(profile.profiler.kineto_results.events(), key=lambda e: e.start_ns()):
    if event.name() == "[memory]":
        total += event.nbytes()
        highest = max(highest, total)
found["allocated"] = highest - 4 * n * width
print(json.dumps(found))
"""


def measure(what, n, width, hidden, at_once=0):
    """Return the peak in bytes of one case, run in a process of its own."""
    command = [sys.executable, "-c", CASE, what, *map(str, (n, width, hidden, at_once))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def predicted(what, n, width, hidden, at_once=0):
    from mil_tutorial.training.memory import bytes_to_predict, bytes_to_train

    if what == "predict":
        return bytes_to_predict(n, width, hidden)
    return bytes_to_train(n, width, hidden, at_once=at_once or None)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--instances", type=int, nargs="+", default=[1_000, 10_000, 50_000, 100_000]
    )
    parser.add_argument("--width", type=int, default=1024)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--at-once", type=int, default=4096)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rows = []
    names = ("instances", "input MB", "peak MB", "/ input", "predicted / peak", "allocated MB")
    print(" " * 22 + "  ".join(names))
    for what, at_once in (("predict", 0), ("train", 0), ("train", options.at_once)):
        for n in options.instances:
            case = (what, n, options.width, options.hidden, at_once)
            memory = measure(*case)
            size, expected = 4 * n * options.width, predicted(*case)
            name = f"{what}, {at_once} at once" if at_once else what
            row = (f"{n:,}", f"{size / 1e6:.0f}", f"{memory['peak'] / 1e6:.0f}",
                   f"{memory['peak'] / size:.2f}", f"{expected / memory['peak']:.2f}",
                   f"{memory['allocated'] / 1e6:.0f}")  # fmt: skip
            cells = "  ".join(f"{cell:>{len(title)}}" for cell, title in zip(row, names))
            print(f"{name:22}{cells}", flush=True)
            rows.append(
                {"what": name, "instances": n, "input": size, "predicted": expected, **memory}
            )
    if options.json:
        options.json.write_text(json.dumps(rows, indent=2))


if __name__ == "__main__":
    main()
