"""The command ``predict``: a model that ``compare --keep`` wrote, on other slides."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mil_tutorial.cli.arguments import add_out, print_warnings

if TYPE_CHECKING:
    from mil_tutorial.bags.dataset import MedicalBagDataset


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Declare what the command takes."""
    command.add_argument(
        "model", type=Path, metavar="MODEL", help="model-NAME.safetensors of compare --keep"
    )
    command.add_argument(
        "--data",
        required=True,
        metavar="FOLDER",
        help="features of the slides to judge: a folder, or FILE.npz, as for compare",
    )
    command.add_argument(
        "--labels",
        type=Path,
        metavar="FILE.csv",
        help="columns slide and label, optionally patient: how right is the model?",
    )
    command.add_argument(
        "--positive", metavar="NAME", help="which label is 1, if it is not that of training"
    )
    command.add_argument(
        "--slides", type=Path, metavar="FOLDER", help="whole slides; a heat map is drawn on each"
    )
    add_out(command)


def run(arguments: argparse.Namespace) -> int:
    """Judge slides with a kept model; write probabilities, decisions, attention and heat maps."""
    from mil_tutorial.experiment.judged import as_text, draw_heat_maps, write_judged
    from mil_tutorial.experiment.kept_files import load_kept
    from mil_tutorial.experiment.slide_heatmaps import find_slides
    from mil_tutorial.system.files import check_new, check_writable

    out = check_writable(check_new(arguments.out))
    kept = load_kept(arguments.model)
    dataset = print_warnings(_read, arguments, kept.classes)
    slides: dict[str, Path] = {}
    if arguments.slides is not None:
        slides = print_warnings(find_slides, arguments.slides, dataset, arguments.data)
    predictions = print_warnings(kept.predict, dataset)
    about = {"kept_model": arguments.model.name, "data": Path(arguments.data).resolve().name}
    results = write_judged(out, kept, dataset, predictions, about)
    print(as_text(results))
    if slides:
        print_warnings(draw_heat_maps, out, dataset, predictions, slides)
    print(f"Written to {out}/: {', '.join(sorted(path.name for path in out.iterdir()))}")
    if (warning := predictions.shift.warning()) is not None:
        print(f"warning: {warning}", file=sys.stderr)
    return 0


def _read(arguments: argparse.Namespace, classes: tuple[str, str]) -> "MedicalBagDataset":
    """Open the slides to judge, with their labels where they are known."""
    from mil_tutorial.datasets.features.folder import open_folder
    from mil_tutorial.datasets.features.labels import read_labels
    from mil_tutorial.datasets.npz import read_bags
    from mil_tutorial.experiment.judged import match_labels

    data, labels = Path(arguments.data), arguments.labels
    if labels is None and arguments.positive is not None:
        raise ValueError("--positive names a label; give the table of labels too (--labels)")
    if data.suffix.lower() == ".npz" and not data.is_dir():
        if labels is not None:
            raise ValueError(f"--labels is for a folder of features; {data} has its own labels")
        return read_bags(data)
    if labels is None:
        return open_folder(data)
    table = read_labels(labels, arguments.positive, classes=classes)
    return match_labels(open_folder(data), table, labels)
