"""Bags: the data set, batches, sampling, splits by patient, augmentation, loading."""

from mil_tutorial.system.lazy import lazy_names

__getattr__, __dir__, __all__ = lazy_names(
    __name__,
    {
        "dataset": ("Bag", "MedicalBagDataset"),
        "batches": ("BagBatch", "collate_fn", "collate_packed", "pack", "pad"),
        "sampling": ("InstanceSampler",),
        "splits": ("check_classes", "check_groups", "group_folds", "standardise"),
    },
)
