"""The command ``tile``: find the tiles of whole slides that show tissue."""

import argparse

from mil_tutorial.cli.arguments import add_slides, print_outcome, print_warnings, whole_number


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_slides(command)
    command.add_argument(
        "--mpp", type=float, default=0.5, help="resolution of the tiles in µm/px (default: 0.5)"
    )
    command.add_argument(
        "--tile-size",
        type=whole_number,
        default=256,
        help="side of a tile in pixels (default: 256)",
    )
    command.add_argument(
        "--min-tissue",
        type=float,
        default=0.25,
        metavar="SHARE",
        help="keep tiles of which at least this share is tissue, 0 to 1 (default: 0.25)",
    )
    command.add_argument(
        "--threshold",
        type=float,
        metavar="SATURATION",
        help="pixels with a higher saturation, 0 to 255, are tissue (default: chosen by slide)",
    )
    command.add_argument(
        "--slide-mpp",
        type=float,
        metavar="MPP",
        help="µm/px of level 0, for slides whose file does not state it; it is never guessed",
    )
    command.add_argument(
        "--workers",
        type=whole_number,
        default=1,
        help="slides tiled in parallel, one process each (default: 1)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Find the tiles of whole slides that show tissue; write their coordinates and a picture."""
    from mil_tutorial.datasets.wsi.folders import find_slides, tile_slides

    outcome = print_warnings(
        tile_slides,
        find_slides(arguments.slides),
        arguments.out,
        mpp=arguments.mpp,
        tile_size=arguments.tile_size,
        min_tissue=arguments.min_tissue,
        threshold=arguments.threshold,
        slide_mpp=arguments.slide_mpp,
        workers=arguments.workers,
        progress=True,
    )
    return print_outcome(outcome, "tiled", arguments.out)
