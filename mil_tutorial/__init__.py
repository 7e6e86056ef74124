"""Attention-based multiple-instance learning for histopathology: the course's helper package.

Names are imported when they are first used, so ``import mil_tutorial`` costs next to nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "bags": ("Bag", "MedicalBagDataset"),
    "batches": ("BagBatch", "collate_fn", "collate_packed", "pack", "pad"),
    "sampling": ("InstanceSampler",),
    "splits": ("check_classes", "check_groups", "group_folds", "standardise"),
    "pooling": (
        "AttentionPooling",
        "GatedAttentionPooling",
        "MaxPooling",
        "MeanPooling",
        "MeanProbabilityPooling",
        "bag_index",
        "masked_softmax",
        "segment_softmax",
    ),
    "models": (
        "MIL",
        "AttentionMIL",
        "GatedAttentionMIL",
        "MILOutput",
        "build_model",
    ),
    "encoders": ("LeNetEncoder", "NucleusEncoder"),
    "config": ("TrainingConfig",),
    "history": ("EpochRecord", "History"),
    "training": ("fit",),
    "prediction": ("Predictions", "predict"),
    "metrics": (
        "auc",
        "calibration_error",
        "false_negative_rate",
        "sensitivity_at_specificity",
        "specificity",
        "threshold_for_sensitivity",
    ),
    "calibration": ("fit_temperature", "reliability_curve"),
    "attention_metrics": (
        "attention_entropy",
        "effective_instances",
        "instance_auc",
        "instance_confusion",
        "mean_attention_entropy",
    ),
    "heatmaps": ("plot_attention", "scale_attention"),
    "stitching": ("stitch_tiles",),
    "overlays": ("overlay",),
    "export": ("save_heat_map",),
    "geojson": ("save_geojson", "to_geojson"),
    "faithfulness": ("aopc", "deletion_curve"),
    "intervals": (
        "Bootstrap",
        "Estimate",
        "auc_standard_error",
        "bootstrap_interval",
        "paired_difference",
    ),
    "starts": ("best_of",),
    "tile_classifier": ("TileClassifier", "fit_tile_classifier"),
    "learning_curves": ("learning_curve", "training_subset"),
    "datasets": ("load_benchmark",),
    "datasets.wsi": ("Tiles", "extract_features", "read_tiles", "tile_slide"),
    "frozen_encoders": ("load_frozen_encoder",),
    "experiment": ("run_experiment",),
    "report": ("write_report",),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'mil_tutorial' has no attribute {name!r}")
    return getattr(import_module(f"mil_tutorial.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
