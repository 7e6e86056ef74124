"""Labels, splits and folders."""

from pathlib import Path

from odd_inputs.case import Case, compare, feature_folder


def empty_label(here: Path) -> None:
    folder, labels = feature_folder(here)
    labels.write_text(labels.read_text().replace("slide_03,1,", "slide_03,,"))
    compare(folder, labels)


CASES = [
    Case("an empty label", empty_label, "no label for slide_03"),
]
