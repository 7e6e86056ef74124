"""What the package computes on a GPU is what it computes on a CPU.

Every test runs with the device ``cuda``, if there is one, and with ``cpu``, where it can show only
that the test itself is sound. ``python -m pytest -m gpu`` runs the first kind alone.
"""

import pytest
import torch
from made_slides import picture, slide  # noqa: F401

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
def device(request):
    return request.param
