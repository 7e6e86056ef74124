"""Attention-based multiple-instance learning for histopathology: the course's helper package.

Names are imported when they are first used, so ``import mil_tutorial`` costs next to nothing.
"""

import sys

from mil_tutorial.system.lazy import MovedModules, lazy_names

__version__ = "0.1.0"

MOVED = {
    "mil_tutorial.splits": "mil_tutorial.bags.splits",
    "mil_tutorial.slide_heatmaps": "mil_tutorial.experiment.slide_heatmaps",
    "mil_tutorial.datasets.labels": "mil_tutorial.datasets.features.labels",
}
sys.meta_path.append(MovedModules(MOVED))  # scripts that were written before there were rooms

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "bags.dataset": ("Bag", "MedicalBagDataset"),
        "bags.batches": ("BagBatch", "collate_fn", "collate_packed", "pack", "pad"),
        "bags.sampling": ("InstanceSampler",),
        "bags.splits": ("check_classes", "check_groups", "group_folds", "standardise"),
        "bags.augmentation": ("Affine",),
        "bags.loading": ("cut_into_parts", "share_bags"),
        "models.pooling": (
            "AttentionPooling",
            "GatedAttentionPooling",
            "MaxPooling",
            "MeanPooling",
            "MeanProbabilityPooling",
            "bag_index",
            "masked_softmax",
            "segment_max",
            "segment_softmax",
            "segment_sum",
        ),
        "models.mil": (
            "MIL",
            "AttentionMIL",
            "GatedAttentionMIL",
            "MILOutput",
            "build_model",
        ),
        "models.chunks": ("forward_in_chunks",),
        "models.encoders": ("LeNetEncoder", "NucleusEncoder"),
        "models.frozen": ("load_frozen_encoder",),
        "models.tile_encoder": ("encode", "load_tile_encoder"),
        "models.trained": ("load_trained_model",),
        "training.config": ("TrainingConfig",),
        "training.history": ("EpochRecord", "History"),
        "training.loop": ("fit",),
        "training.prediction": ("Predictions", "predict"),
        "training.memory": ("bytes_to_predict", "bytes_to_train"),
        "metrics.decisions": (
            "auc",
            "calibration_error",
            "false_negative_rate",
            "sensitivity_at_specificity",
            "specificity",
            "threshold_for_sensitivity",
        ),
        "metrics.calibration": ("fit_temperature", "reliability_curve"),
        "metrics.attention": (
            "attention_entropy",
            "effective_instances",
            "instance_auc",
            "instance_confusion",
        ),
        "metrics.faithfulness": ("aopc", "deletion_curve"),
        "metrics.bootstrap": ("Bootstrap", "best_of", "confidence_interval", "paired_difference"),
        "metrics.intervals": ("Estimate", "auc_standard_error"),
        "pictures.heatmaps": ("plot_attention", "scale_attention"),
        "pictures.stitching": ("stitch_tiles",),
        "pictures.overlays": ("draw_outline", "overlay"),
        "pictures.export": ("save_heat_map",),
        "pictures.geojson": ("save_geojson", "to_geojson"),
        "pictures.style": ("HEAT_MAP", "OUTLINE", "POOLING_COLOURS", "POOLING_MARKERS"),
        "datasets": (
            "TILE",
            "Tiles",
            "extract_features",
            "load_slides",
            "read_tiles",
            "slide_image",
            "tile_slide",
        ),
        "experiment.catalogue": ("load_benchmark",),
        "experiment.run": ("run_experiment",),
        "experiment.baselines": ("TileClassifier", "baseline_probabilities", "fit_tile_classifier"),
        "experiment.learning_curves": ("read_points",),
        "experiment.trials": ("train_one",),
        "experiment.summary": ("Summary",),
        "experiment.tables": ("as_csv", "as_markdown", "as_results"),
        "experiment.figures": (
            "plot_learning_curve",
            "plot_roc",
            "plot_training",
            "plot_witness_rate",
        ),
        "experiment.records": (
            "RECIPES",
            "load_recorded",
            "load_recorded_runs",
            "load_reproductions",
            "table_cells",
        ),
        "experiment.reproductions": (
            "ablation_table",
            "comparison_table",
            "find_reproduction",
            "instance_table",
            "published_numbers",
        ),
        "experiment.audit": (
            "audit",
            "colour_probabilities",
            "fingerprints",
            "hospital_distance",
            "most_doubtful",
            "near_copies",
            "read_colours",
            "second_reading",
            "training_means",
        ),
        "experiment.report": ("write_report",),
        "cli.doctor": ("examine",),
        "system.paths": ("data_dir",),
        "system.memory": ("available_memory",),
        "system.jobs": ("possible_jobs",),
        "system.distributed": ("this_process",),
    },
)
