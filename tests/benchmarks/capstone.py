"""How often the audit of chapter 17 points to the flaw that is there.

``python tests/benchmarks/capstone.py`` renders six hospitals with each flaw and with none, audits
them and prints a row for each. Half an hour on one core; it measures no times.
"""

import argparse
import tempfile
from pathlib import Path

from mil_tutorial.datasets.rendering.flaws import FLAWS
from mil_tutorial.datasets.rendering.folder import write_hospital
from mil_tutorial.experiment.audit import audit

HOSPITALS = (("NEW", 0), ("NEW", 1), ("NEW", 2), ("Fir", 3), ("Oak", 4), ("Yew", 5))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=120, help="slides of a hospital")
    parser.add_argument("--hospitals", type=int, default=len(HOSPITALS), help="the first so many")
    options = parser.parse_args()
    print("hospital  flaw      copies  colour AUC            contradicted  distance  model A")
    right = 0
    for name, seed in HOSPITALS[: options.hospitals]:
        for flaw in ("none", *FLAWS):
            with tempfile.TemporaryDirectory() as parent:
                folder = Path(parent) / "new"
                write_hospital(folder, name, options.n, seed, flaw=flaw, progress=False)
                report = audit(folder)
            right += report.alarms() == (() if flaw == "none" else (flaw,))
            print(
                f"{name} {seed}     {flaw:9}{report.near_copies:7}  {report.colour_auc}"
                f"{report.contradicted:14.2f}{report.distance:10.2f}  {report.model_auc}",
                flush=True,
            )
    print(f"right: {right} of {options.hospitals * (1 + len(FLAWS))}")


if __name__ == "__main__":
    main()
