"""The command ``tile``: find the tiles of whole slides that show tissue."""

import argparse

from mil_tutorial.cli.arguments import add_slides, print_outcome, print_warnings, whole_number


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    add_slides(command)
    command.add_argument("--mpp", type=float, default=0.5, help="µm/px of the tiles (default: 0.5)")
    command.add_argument(
        "--tile-size", type=whole_number, default=256, help="side in pixels (default: 256)"
    )
    command.add_argument(
        "--min-tissue",
        type=float,
        default=0.25,
        metavar="SHARE",
        help="keep tiles with at least this share of tissue (default: 0.25)",
    )
    command.add_argument(
        "--threshold",
        type=float,
        metavar="SATURATION",
        help="what has more colour than this, 0 to 255, is tissue (default: each slide's own)",
    )
    command.add_argument(
        "--slide-mpp",
        type=float,
        metavar="MPP",
        help="µm/px of level 0, for slides that do not say it; it is never guessed",
    )
    command.add_argument(
        "--workers", type=whole_number, default=1, help="processes, a slide each (default: 1)"
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
