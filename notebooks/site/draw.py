"""Write the diagrams of the chapters and pages to ``notebooks/images``."""

from pathlib import Path

from diagrams import DIAGRAMS

IMAGES = Path(__file__).parents[1] / "images"

if __name__ == "__main__":
    for name, draw in DIAGRAMS.items():
        (IMAGES / f"{name}.svg").write_text(draw().svg(), encoding="utf-8")
