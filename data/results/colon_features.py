"""Frozen features of the colon nuclei: what a network that learnt on photographs says of each."""

import torch
from torch.nn import functional as F
from tqdm.auto import tqdm

from mil_tutorial.bags import MedicalBagDataset
from mil_tutorial.models.frozen import load_frozen_encoder

SIDE = 64
"""Pixels to which a patch is enlarged: the network halves its maps five times."""


def colon_features(nuclei: MedicalBagDataset, batch_size: int = 64) -> MedicalBagDataset:
    """Encode the nuclei with EfficientNet-Lite0, whose weights need no download.

    Parameters
    ----------
    nuclei : MedicalBagDataset
        As ``load_colon`` returns them.
    batch_size : int

    Returns
    -------
    MedicalBagDataset
        The same bags with instances (n, 1280).
    """
    encoder = load_frozen_encoder("efficientnet-lite0")
    found = []
    with torch.inference_mode():
        for patches in tqdm(nuclei.instances, "frozen features", unit="image", disable=None):
            parts = [encoder(_enlarged(part)) for part in patches.split(batch_size)]
            found.append(torch.cat(parts).clone())
    return nuclei.with_instances(found)


def _enlarged(patches: torch.Tensor) -> torch.Tensor:
    """Turn patches (n, 3, 27, 27) from 0 to 1 into tiles (n, 64, 64, 3) of bytes."""
    large = F.interpolate(patches, size=SIDE, mode="bilinear", align_corners=False)
    return (large * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
