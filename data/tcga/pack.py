"""Pack a clone of HIPT: ``python data/tcga/pack.py CLONE --out FOLDER``; see README.md."""

import argparse
import sys
from pathlib import Path

from mil_tutorial.datasets.tcga import SUBTYPES
from mil_tutorial.datasets.tcga_files import read_slides, write_packed
from mil_tutorial.system.files import check_writable


def main(arguments: list[str] | None = None) -> int:
    """Read both cohorts, compare them with the published values, and write them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clone", type=Path, help="of github.com/mahmoodlab/HIPT")
    parser.add_argument("--out", type=Path, default=Path("tcga"), help="default: tcga")
    options = parser.parse_args(arguments)
    try:
        check_writable(options.out)  # before the long reading
        cohorts = {cohort: read_slides(cohort, options.clone) for cohort in SUBTYPES}
        for cohort, slides in cohorts.items():
            write_packed(slides, cohort, options.out)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"Written to {options.out}/: {', '.join(map(str.upper, cohorts))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
