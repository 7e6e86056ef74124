"""The command line: ``python -m mil_tutorial COMMAND``.

Exit codes: 0 all went well; 1 the doctor found something wrong, or some slides could not be used;
2 the input cannot be used, and one line says why.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from mil_tutorial.config import CHOICES
from mil_tutorial.slides_command import add_slides_arguments, slides
from mil_tutorial.wsi_commands import add_arguments, features, not_negative, tile, whole_number

SETTINGS = (
    "epochs",
    "batch_size",
    "instances_per_bag",
    "instances_at_once",
    "precision",
    "workers",
)
"""Fields of ``TrainingConfig`` that ``compare`` takes."""


def demo(arguments: argparse.Namespace) -> int:
    """Compare the four poolings on the shipped slides and draw a heat map."""
    from mil_tutorial.demo import run_demo
    from mil_tutorial.tables import markdown

    report = run_demo(arguments.out)
    print(markdown(report.results))
    print(f"Written to {arguments.out}/: {', '.join(report.files)}")
    print(
        f"Look at {arguments.out / 'heatmap.png'} first: the slide, where gated attention looked,\n"
        "and the outline of the tumour it was never shown. One seed is an anecdote; next:\n"
        "  python -m mil_tutorial compare --data slides --seeds 5 --out results\n"
        "  python -m mil_tutorial compare --data slides-hard --seeds 5 --out results-hard"
    )
    return 0


def compare(arguments: argparse.Namespace) -> int:
    """Train and test poolings on a data set with several seeds; write tables and figures."""
    from mil_tutorial.compare import run_compare
    from mil_tutorial.tables import markdown

    report = run_compare(
        arguments.data,
        arguments.out,
        poolings=arguments.poolings,
        seeds=arguments.seeds,
        jobs=arguments.jobs,
        settings={name: getattr(arguments, name) for name in SETTINGS},
        checkpoints=arguments.checkpoints,
        train_bags=arguments.train_bags,
        labels=arguments.labels,
        positive=arguments.positive,
        slides=arguments.slides,
    )
    if report is not None:  # else another process has it
        print(markdown(report.results))
        print(f"Written to {arguments.out}/: {', '.join(report.files)}")
    return 0


def doctor(arguments: argparse.Namespace) -> int:
    """Print versions, device, memory, state of the data and expected run times."""
    from mil_tutorial.doctor import examine

    healthy = True
    for finding in examine():
        mark = "ok " if finding.healthy else "BAD"
        print(f"{mark}  {finding.what:18} {finding.value}", flush=True)
        healthy &= finding.healthy
    return 0 if healthy else 1


def lab(arguments: argparse.Namespace) -> int:
    """Open JupyterLab at a chapter."""
    from mil_tutorial.lab import open_lab

    return open_lab(arguments.chapter)


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    from mil_tutorial import __version__

    top = argparse.ArgumentParser(
        prog="python -m mil_tutorial",
        description="Attention-based multiple-instance learning for histopathology.",
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def add(function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        name, text = function.__name__, function.__doc__
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(function=function)
        return command

    def out(command: argparse.ArgumentParser, default: str | None) -> None:
        text = f"default: {default}" if default else "a folder that does not exist yet"
        path = Path(default) if default else None
        command.add_argument(
            "--out", type=Path, default=path, required=path is None, metavar="FOLDER", help=text
        )

    out(add(demo), "demo")

    one = add(compare)
    one.add_argument(
        "--data",
        default="slides",
        help="slides, slides-hard, musk1, musk2, mnist, colon, FILE.npz, or a FOLDER of features",
    )
    one.add_argument(
        "--labels",
        type=Path,
        metavar="FILE.csv",
        help="for a folder: columns slide and label, perhaps patient and split",
    )
    one.add_argument("--positive", metavar="NAME", help="the label that is 1, where unclear")
    one.add_argument(
        "--slides", type=Path, metavar="FOLDER", help="of whole slides: draws heat maps on some"
    )
    one.add_argument("--seeds", type=whole_number, default=5, help="how many runs (default: 5)")
    out(one, "results")
    one.add_argument(
        "--poolings",
        nargs="+",
        default=["max", "mean", "attention", "gated"],
        metavar="NAME",
        help="of max, mean, attention, gated, max_embedding, mean_instance (default: first four)",
    )
    one.add_argument("--epochs", type=whole_number, help="default: what suits the data")
    one.add_argument("--batch-size", type=whole_number, help="bags a step; default: what suits")
    one.add_argument(
        "--instances-per-bag",
        type=whole_number,
        metavar="N",
        help="train on N instances of a bag, new ones each epoch (default: all)",
    )
    one.add_argument(
        "--instances-at-once",
        type=whole_number,
        metavar="N",
        help="compute on N instances at a time, the same result in less memory (default: all)",
    )
    one.add_argument(
        "--precision",
        choices=CHOICES["precision"],
        help="of the products in training (default: float32, or what the launcher says)",
    )
    one.add_argument(
        "--workers",
        type=not_negative,
        metavar="N",
        help="processes that read training bags ahead (default: 0)",
    )
    one.add_argument(
        "--checkpoints",
        type=Path,
        metavar="FOLDER",
        help="keep the state of every training there; the same command goes on from it",
    )
    one.add_argument(
        "--jobs",
        type=whole_number,
        default=1,
        help="processes that share the trainings, each with half a gigabyte of memory and the "
        "threads of OMP_NUM_THREADS: give one a core (default: 1); the results stay the same",
    )
    one.add_argument("--train-bags", type=whole_number, help="for mnist (default: 100)")

    add(doctor)
    add(lab).add_argument("chapter", nargs="?", metavar="NN", help="its number, such as 05")

    new = add(slides)
    add_slides_arguments(new)
    out(new, None)

    add_arguments(add(tile), add(features))
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    arguments = parser().parse_args(argv)
    several = (os.environ.get("WORLD_SIZE") or "1") != "1"
    who = f"process {os.environ.get('RANK')}: " if several else ""
    if several:
        signal.signal(signal.SIGTERM, _stop)
    try:
        return arguments.function(arguments)
    except (ValueError, OSError, ImportError) as error:
        print(f"{who}error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as reason:
        print(f"{who}stopped{reason}", file=sys.stderr)
        return 130


def _stop(*_: object) -> None:
    """Tell why a launcher stops this process; its own report of it is long."""
    raise KeyboardInterrupt(
        ", because another process ended or the job was cancelled; the same command goes on from "
        "its checkpoints"
    )


if __name__ == "__main__":
    sys.exit(main())
