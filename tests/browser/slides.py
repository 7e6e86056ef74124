"""A cell of two small slides, a model and its views, for widgets to show."""

SLIDES = """
import numpy as np
import torch
from mil_tutorial import EpochRecord, MedicalBagDataset, build_model, predict
from mil_tutorial.widgets import (
    EntropyMonitor,
    FindTheTumour,
    PoolingPlayground,
    SlideExplorer,
    ThresholdExplorer,
    WhatIf,
    slide_views,
)

torch.manual_seed(0)
random = np.random.default_rng(0)
coords = [[32 * x, 32 * y] for y in range(3) for x in range(3)]
dataset = MedicalBagDataset(
    [(random.normal(size=(9, 4)), 1), (random.normal(size=(9, 4)), 0)],
    instance_labels=[[1, 1, 0, 0, 0, 0, 0, 0, 0], [0] * 9],
    coords=[coords, coords],
    names=["ill", "healthy"],
)
model = build_model("gated", 4, 8)
picture = random.integers(0, 256, (96, 96, 3), dtype=np.uint8)
views = slide_views(dataset, predict(model, dataset), image_of=lambda _: picture, tile_size=32)
"""
