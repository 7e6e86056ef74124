"""The command ``features``: frozen features of the tiles that ``tile`` wrote."""

import argparse
from pathlib import Path

from mil_tutorial.cli.arguments import (
    add_slides,
    not_negative,
    print_outcome,
    print_warnings,
    whole_number,
)


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_slides(command)
    command.add_argument(
        "--tiles",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="what the command tile wrote, or coordinates from CLAM or TRIDENT",
    )
    command.add_argument(
        "--encoder",
        default="resnet18",
        metavar="NAME",
        help="resnet18 (downloads its weights once) or efficientnet-lite0 (default: resnet18)",
    )
    command.add_argument(
        "--batch-size", type=whole_number, default=32, help="tiles encoded together (default: 32)"
    )
    command.add_argument(
        "--workers",
        type=not_negative,
        default=0,
        help="processes that read tiles in advance; 0: read and encode in turn (default: 0)",
    )
    command.add_argument("--device", help="cpu, cuda, mps, … (default: cuda if available)")


def run(arguments: argparse.Namespace) -> int:
    """Turn the tiles that the command tile wrote into frozen features, an HDF5 file a slide.

    Processes that a launcher started share the slides.
    """
    import torch

    from mil_tutorial.datasets.wsi.folders import encode_slides, find_slides
    from mil_tutorial.models.frozen import check_name, load_frozen_encoder
    from mil_tutorial.system.distributed import this_process
    from mil_tutorial.system.errors import in_a_line

    check_name(arguments.encoder)
    slides = find_slides(arguments.slides)
    processes = this_process()
    device = arguments.device or str(processes.device)
    if device == "cpu" and not arguments.device and torch.cuda.is_available():
        device = "cuda"
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # before any slide is opened
        raise ValueError(f"--device {device} cannot be used here ({in_a_line(error)})") from error
    outcome = print_warnings(
        encode_slides,
        slides[processes.rank :: processes.number],
        arguments.tiles,
        arguments.out,
        arguments.encoder,
        lambda: load_frozen_encoder(arguments.encoder, device),
        batch_size=arguments.batch_size,
        workers=arguments.workers,
        device=device,
        progress=processes.is_main,
    )
    # All end together, and alike: a launcher stops the others when one returns an error.
    outcomes = processes.gather(outcome)
    code = int(any(one.failures for one in outcomes))
    print_outcome(outcome, "encoded", arguments.out)
    return code
