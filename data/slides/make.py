"""Make the files of ``data/slides``: ``python data/slides/make.py --out data/slides``.

Both cohorts are rendered, cut into tiles and encoded; test slides get a picture and a mask.
"""

import argparse
from pathlib import Path

from mil_tutorial.datasets.rendering.cohort import PROFILES, cohort
from mil_tutorial.datasets.rendering.folder import FolderWriter, new_folder
from mil_tutorial.datasets.slides import FILES

PICTURES = 60  # test slides of the default profile whose pictures ship


def write_shipped(out: Path, pictures: int = PICTURES, progress: bool = True) -> None:
    """Write the files of ``data/slides``; what the folder held before is replaced when all is done.

    Parameters
    ----------
    out : Path
        The folder; its README and scripts stay.
    pictures : int
        How many test slides of the default profile get a picture and a mask.
    progress : bool
        Show progress bars.
    """
    cohorts = {profile: cohort(profile) for profile in PROFILES}
    tests = [spec.slide_id for spec in cohorts["default"] if spec.split == "test"]
    with new_folder(out, replace=True) as folder:
        writer = FolderWriter(folder, tests[:pictures], progress=progress)
        for profile, specs in cohorts.items():
            writer.add(specs, FILES[profile])
        writer.finish()


def main(arguments: list[str] | None = None) -> None:
    """Write the files that ship."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the folder to write")
    parser.add_argument("--images", type=int, default=PICTURES, help="pictures of test slides")
    options = parser.parse_args(arguments)
    write_shipped(options.out, options.images)


if __name__ == "__main__":
    main()
