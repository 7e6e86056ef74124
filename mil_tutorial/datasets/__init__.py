"""Data sets: what ships, what is downloaded, and the user's own features and slides."""

from mil_tutorial.system.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "slides": (
            "TILE",
            "cut_tiles",
            "load_features",
            "load_slides",
            "slide_bags",
            "slide_image",
            "slide_mask",
            "tissue_tiles",
            "write_hospital",
        ),
        "musk": ("load_musk",),
        "mnist": ("load_digits", "mnist_bags"),
        "colon": ("count_nuclei", "load_colon"),
        "npz": ("read_npz",),
        "features.folder": ("read_features",),
        "wsi.slide": ("Slide",),
        "wsi.tile_files": ("Tiles", "read_tiles", "write_features"),
        "wsi.tissue": ("tissue_mask",),
        "wsi.tiling": ("tile_slide",),
        "wsi.extraction": ("extract_features",),
        "wsi.example": ("fetch_example_slide",),
    },
)
