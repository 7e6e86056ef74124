"""Data sets: what ships, what is downloaded, and the user's own features and slides."""

from mil_tutorial.system.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "slides": ("load_slides", "slide_bags", "slide_image", "slide_mask"),
        "rendering.archive": ("load_features",),
        "rendering.folder": ("write_hospital",),
        "rendering.lesion": ("TILE",),
        "rendering.tiles": ("cut_tiles", "tissue_tiles"),
        "musk": ("load_musk",),
        "mnist": ("load_digits", "mnist_bags"),
        "colon": ("count_nuclei", "load_colon"),
        "tcga": ("TCGA", "load_tcga"),
        "camelyon16": (
            "HeatmapFeatures",
            "Patches",
            "SlideScores",
            "load_camelyon16_heatmap_features",
            "load_camelyon16_patches",
            "load_camelyon16_scores",
        ),
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
