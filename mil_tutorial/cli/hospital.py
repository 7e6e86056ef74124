"""The command ``hospital``: render one nobody has seen, with a hidden flaw or without."""

import argparse
import re

from mil_tutorial.cli.arguments import add_out, not_negative, whole_number

PLAIN, FLAWED = 40, 120  # slides; splits need more


def run(arguments: argparse.Namespace) -> int:
    """Render the slides of a hospital nobody has seen: pictures, tumour masks, tile features."""
    from mil_tutorial.datasets.rendering.folder import write_hospital

    flawed = arguments.flaw != "none"
    n = arguments.n or (FLAWED if flawed else PLAIN)
    write_hospital(
        arguments.out,
        hospital=arguments.hospital,
        n_slides=n,
        seed=arguments.seed,
        flaw=arguments.flaw,
    )
    print(f"Written to {arguments.out}/: images, masks, slides.csv, slides.npz, SHA256SUMS")
    if flawed:
        place = f"notebooks/{arguments.hospital}-{arguments.seed}"
        print(f"Next: move it to {place} and audit it, as chapter 17 does with these two in its")
        print("first cells (python -m mil_tutorial lab 17)")
    elif n >= 30:  # five folds need patients of both classes in each
        print(f"Next: python -m mil_tutorial compare --data {arguments.out / 'slides.npz'}")
    return 0


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_out(command)
    command.add_argument(
        "--hospital", type=_name, default="NEW", help="its name, letters and digits (default: NEW)"
    )
    command.add_argument(
        "--n",
        type=whole_number,
        help=f"slides to render (default: {FLAWED}; without a flaw {PLAIN})",
    )
    command.add_argument(
        "--seed", type=not_negative, default=0, help="another seed, other slides (default: 0)"
    )
    command.add_argument(
        "--flaw",
        default="hidden",
        metavar="NAME",
        help="the hospital's flaw, for the audit of chapter 17: leak, stain, labels, "
        "shortcut, none, or hidden, where its name and seed choose one of the four "
        "(default: hidden)",
    )


def _name(text: str) -> str:
    """Read a name that may become part of a file's name."""
    if not re.fullmatch(r"\w+", text):
        raise argparse.ArgumentTypeError(f"got {text!r}, expected letters and digits")
    return text
