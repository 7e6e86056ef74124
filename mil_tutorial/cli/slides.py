"""The commands for whole slides: ``tile`` finds the tiles, ``features`` encodes them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mil_tutorial.datasets.wsi.slide_files import Outcome


def tile(arguments: argparse.Namespace) -> int:
    """Find the tiles of whole slides that show tissue; write their coordinates and a picture."""
    from mil_tutorial.datasets.wsi.slide_files import find_slides
    from mil_tutorial.datasets.wsi.tile_many import tile_slides

    outcome = tile_slides(
        find_slides(arguments.slides),
        arguments.out,
        mpp=arguments.mpp,
        tile_size=arguments.tile_size,
        min_tissue=arguments.min_tissue,
        slide_mpp=arguments.slide_mpp,
        workers=arguments.workers,
        progress=True,
    )
    return _tell(outcome, "tiled", arguments.out)


def features(arguments: argparse.Namespace) -> int:
    """Turn the tiles that the command tile found into frozen features, an HDF5 file a slide.

    Processes that a launcher started share the slides.
    """
    import torch

    from mil_tutorial.datasets.wsi.encode_many import encode_slides
    from mil_tutorial.datasets.wsi.slide_files import find_slides
    from mil_tutorial.frozen_encoders import load_frozen_encoder
    from mil_tutorial.processes import this_process

    found = find_slides(arguments.slides)
    processes = this_process()
    device = arguments.device or str(processes.device)
    if device == "cpu" and not arguments.device and torch.cuda.is_available():
        device = "cuda"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # told before any slide is opened
        reason = str(error).splitlines()[0]
        raise ValueError(f"--device {device} cannot be used here ({reason})") from error
    outcome = encode_slides(
        found[processes.rank :: processes.number],
        arguments.tiles,
        arguments.out,
        load_frozen_encoder(arguments.encoder, device),
        batch_size=arguments.batch_size,
        workers=arguments.workers,
        device=device,
        progress=processes.is_main,
    )
    # All end together, and alike: a launcher stops the others when one returns an error.
    outcomes = processes.gather(outcome)
    code = int(any(found.failures for found in outcomes))
    _tell(outcome, "encoded", arguments.out)
    return code


def _tell(outcome: Outcome, done: str, out: Path) -> int:
    """Print what became of many slides; return the exit code."""
    skipped = f", {outcome.skipped} done before" if outcome.skipped else ""
    failed = f", {len(outcome.failures)} failed" if outcome.failures else ""
    print(f"{outcome.made} {done}{skipped}{failed}; in {out}/")
    for failure in outcome.failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if outcome.failures else 0


def add_arguments(one: argparse.ArgumentParser, two: argparse.ArgumentParser) -> None:
    """Declare the arguments of ``tile`` and ``features``."""
    for command in (one, two):
        command.add_argument(
            "slides", nargs="+", type=Path, metavar="SLIDE", help="slides, or folders of slides"
        )
        command.add_argument(
            "--out",
            type=Path,
            required=True,
            metavar="FOLDER",
            help="one .h5 file a slide; slides whose file is there are skipped",
        )
    one.add_argument("--mpp", type=float, default=0.5, help="µm/px of the tiles (default: 0.5)")
    one.add_argument(
        "--tile-size", type=whole_number, default=256, help="side in pixels (default: 256)"
    )
    one.add_argument(
        "--min-tissue",
        type=float,
        default=0.25,
        metavar="SHARE",
        help="keep tiles with at least this share of tissue (default: 0.25)",
    )
    one.add_argument(
        "--slide-mpp",
        type=float,
        metavar="MPP",
        help="µm/px of level 0, for slides that do not say it; it is never guessed",
    )
    one.add_argument(
        "--workers", type=whole_number, default=1, help="processes, a slide each (default: 1)"
    )
    two.add_argument(
        "--tiles",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="what tile wrote; files of CLAM and TRIDENT will do too",
    )
    two.add_argument(
        "--encoder",
        default="resnet18",
        metavar="NAME",
        help="resnet18 (weights are downloaded once) or efficientnet-lite0 (default: resnet18)",
    )
    two.add_argument(
        "--batch-size", type=whole_number, default=32, help="tiles together (default: 32)"
    )
    two.add_argument(
        "--workers",
        type=not_negative,
        default=0,
        help="processes that read tiles; 0 reads in turn with encoding (default: 0)",
    )
    two.add_argument("--device", help="cpu, cuda, mps … (default: cuda where there is one)")


def whole_number(text: str) -> int:
    """Read a positive whole number from the command line."""
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return value


def not_negative(text: str) -> int:
    """Read a whole number from the command line, 0 or more."""
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative; 0 is the least")
    return value
