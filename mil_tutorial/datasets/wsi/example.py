"""A small real slide for trying things out: a region of a haematoxylin and eosin section.

From OpenSlide's test data, in the public domain (CC0).
"""

from pathlib import Path

from mil_tutorial.system.downloads import PublishedFile, fetch

EXAMPLE_SLIDE = PublishedFile(
    "wsi/CMU-1-Small-Region.svs",
    ("https://openslide.cs.cmu.edu/download/openslide-testdata/Aperio/CMU-1-Small-Region.svs",),
    "sha256:ed92d5a9f2e86df67640d6f92ce3e231419ce127131697fbbce42ad5e002c8a7",
)


def fetch_example_slide() -> Path:
    """Return the path of an Aperio slide of 2220 × 2967 pixels, 20×, 0.499 µm a pixel.

    Downloaded once (2 MB) into the user's cache, unless ``wsi/`` in the folder that
    ``MIL_TUTORIAL_DATA`` names has it.

    Raises
    ------
    FileNotFoundError
        When it is not here and cannot be downloaded.
    """
    return fetch(EXAMPLE_SLIDE)
