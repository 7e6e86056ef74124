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
    add_slides(command, required=False)
    command.add_argument(
        "--check",
        type=Path,
        metavar="FOLDER",
        help="encode nothing: look for faults in the feature files of this folder; with SLIDE, "
        "also encode a few tiles of each anew and compare",
    )
    command.add_argument(
        "--tiles",
        type=Path,
        metavar="FOLDER",
        help="what the command tile wrote, or coordinates from CLAM or TRIDENT",
    )
    command.add_argument(
        "--encoder",
        metavar="NAME",
        help="resnet18 (downloads its weights once) or efficientnet-lite0 (default: resnet18, and "
        "with --check what the files state)",
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
    if arguments.check is not None:
        return check(arguments)
    import torch

    from mil_tutorial.datasets.wsi.folders import encode_slides, find_slides
    from mil_tutorial.models.frozen import check_name, load_frozen_encoder
    from mil_tutorial.system.distributed import this_process
    from mil_tutorial.system.errors import in_a_line

    if missing := [name for name in ("slides", "tiles", "out") if not getattr(arguments, name)]:
        text = ", ".join("SLIDE" if name == "slides" else f"--{name}" for name in missing)
        raise ValueError(f"{text} missing; to look at features that exist, give --check FOLDER")
    encoder = arguments.encoder or "resnet18"
    check_name(encoder)
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
        encoder,
        lambda: load_frozen_encoder(encoder, device),
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


def check(arguments: argparse.Namespace) -> int:
    """Print what is wrong with a folder of features; return 1 if anything is."""
    from itertools import chain

    from mil_tutorial.datasets.features.quality import check_features
    from mil_tutorial.datasets.features.reencoding import compare_with_slides
    from mil_tutorial.datasets.wsi.folders import find_slides
    from mil_tutorial.models.frozen import check_name, load_frozen_encoder
    from mil_tutorial.system.findings import print_findings

    if idle := [name for name in ("tiles", "out", "device") if getattr(arguments, name)]:
        raise ValueError(f"--check encodes and writes nothing; leave out --{' and --'.join(idle)}")
    if arguments.encoder:
        check_name(arguments.encoder)
        if not arguments.slides:
            raise ValueError("--check uses --encoder to encode tiles anew; name SLIDE too")
    slides = find_slides(arguments.slides)
    findings = check_features(arguments.check)
    if slides:
        anew = compare_with_slides(arguments.check, slides, load_frozen_encoder, arguments.encoder)
        findings = chain(findings, anew)
    return print_findings(findings)
