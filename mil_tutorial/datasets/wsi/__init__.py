"""Whole slides: where the tissue is, its tiles at a given µm/px, and their frozen features.

>>> from mil_tutorial import load_frozen_encoder  # doctest: +SKIP
>>> tiles = tile_slide("slide.svs", mpp=0.5, tile_size=256)  # doctest: +SKIP
>>> encoder = load_frozen_encoder("efficientnet-lite0")  # doctest: +SKIP
>>> extract_features("slide.svs", tiles, encoder, "slide.h5")  # doctest: +SKIP
"""

from mil_tutorial.datasets.wsi.example import fetch_example_slide
from mil_tutorial.datasets.wsi.extraction import extract_features
from mil_tutorial.datasets.wsi.slide import Slide
from mil_tutorial.datasets.wsi.tile_files import Tiles, read_tiles, write_features, write_tiles
from mil_tutorial.datasets.wsi.tiling import tile_slide, tissue_mask

__all__ = [
    "Slide",
    "Tiles",
    "extract_features",
    "fetch_example_slide",
    "read_tiles",
    "tile_slide",
    "tissue_mask",
    "write_features",
    "write_tiles",
]
