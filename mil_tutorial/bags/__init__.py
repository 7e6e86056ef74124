"""Bags: the data set, batches, sampling, splits by patient, augmentation, loading."""
