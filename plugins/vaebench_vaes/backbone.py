"""The residual convolutional trunk that all variants share: images to a small grid of features, and back.

The encoder has a stem of stride 2, then one residual block per halving until no side is over `grid` pixels
(28 -> 14 -> 7, 64 -> 32 -> 16 -> 8 -> 4), and one more block at this size; channels double from `width` up to eight
times `width`. The decoder mirrors the encoder with nearest-neighbour upsampling. No block works at full resolution.
GroupNorm normalises each image separately, so the network treats real, reconstructed and sampled batches in the same
way, in training and afterwards.
"""

from __future__ import annotations

import math
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vaebench.interfaces import Shape
from vaebench_vaes.limits import at_least

GRID = 7
WIDEST = 8


class Encoder(nn.Module):
    """Maps images in [0, 1] to features of shape `out`."""

    def __init__(self, shape: Shape, width: int, grid: int = GRID) -> None:
        super().__init__()
        levels = plan(shape, width, grid)
        self.out = levels[-1]
        self.stem = nn.Conv2d(shape[0], width, 3, stride=2, padding=1)
        self.blocks = nn.Sequential(*(Block(a[0], b[0], stride=2) for a, b in pairwise(levels)))
        self.bottom = Block(self.out[0], self.out[0])
        self.norm = norm(self.out[0])

    def forward(self, x: Tensor) -> Tensor:
        return self.finish(self.blocks(self.stem(2 * x - 1)))

    def finish(self, h: Tensor) -> Tensor:
        return F.silu(self.norm(self.bottom(h)))


class Decoder(nn.Module):
    """Maps features of shape `entry` to raw output in the image's shape, which a reconstruction loss interprets."""

    def __init__(self, shape: Shape, width: int, grid: int = GRID) -> None:
        super().__init__()
        levels = plan(shape, width, grid)[::-1]
        self.entry, self.size = levels[0], shape[1:]
        self.bottom = Block(self.entry[0], self.entry[0])
        self.blocks = nn.Sequential(*(Block(a[0], b[0], size=b[1:]) for a, b in pairwise(levels)))
        self.norm = norm(width)
        self.last = EnlargingConv(width, shape[0], self.size)

    def forward(self, h: Tensor) -> Tensor:
        return self.last(F.silu(self.norm(self.blocks(self.bottom(h)))))


class Block(nn.Module):
    """Two convolutions with a skip connection. A `stride` of 2 halves height and width; `size` gives the larger height
    and width to which features are upsampled."""

    def __init__(self, channels: int, out: int, stride: int = 1, size: tuple[int, int] | None = None) -> None:
        super().__init__()
        self.norm1, self.conv1 = norm(channels), nn.Conv2d(channels, out, 3, stride=stride, padding=1)
        self.norm2, self.conv2 = norm(out), nn.Conv2d(out, out, 3, padding=1)
        self.pool = nn.AvgPool2d(stride, ceil_mode=True) if stride > 1 else nn.Identity()
        self.skip = nn.Conv2d(channels, out, 1)
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        h = F.silu(self.norm2(self.conv1(F.silu(self.norm1(x)))))
        skip = self.skip(self.pool(x))
        if self.size:
            h, skip = (F.interpolate(each, self.size, mode="nearest") for each in (h, skip))
        return self.conv2(h) + skip


class EnlargingConv(nn.Conv2d):
    """A 3 x 3 convolution of features that are first enlarged to `size` by nearest-neighbour interpolation.

    If the size doubles, the enlarged features are never computed: the four pixels that replace a small pixel depend on
    nine small pixels, each multiplied by the sum of the weights that would fall on its copies. A convolution of the
    small features therefore gives all four pixels as channels (Shi et al., arXiv 1609.05158), in less time.
    """

    sums: Tensor

    def __init__(self, channels: int, out: int, size: tuple[int, int]) -> None:
        super().__init__(channels, out, 3, padding=1)
        self.size = size
        # For the first and the second of two copies: which small pixel each of the three weights falls on.
        rows = torch.tensor([[[1, 0, 0], [0, 1, 1], [0, 0, 0]], [[0, 0, 0], [1, 1, 0], [0, 0, 1]]], dtype=torch.float)
        sums = torch.einsum("ayk,bxl->klabyx", rows, rows).reshape(9, 36)
        self.register_buffer("sums", sums, persistent=False)

    def forward(self, h: Tensor) -> Tensor:
        if self.size != (2 * h.shape[2], 2 * h.shape[3]):
            return super().forward(F.interpolate(h, self.size, mode="nearest"))
        out, channels, *_ = self.weight.shape
        weight = (self.weight.flatten(2) @ self.sums).view(out, channels, 4, 3, 3).transpose(1, 2).flatten(0, 1)
        bias = self.bias[:, None].expand(-1, 4).flatten()
        return F.pixel_shuffle(F.conv2d(h, weight, bias, padding=1), 2)


def plan(shape: Shape, width: int, grid: int = GRID) -> list[Shape]:
    """Return channels, height and width of the features at every level, from the stem to the smallest grid."""
    at_least(1, width=width, grid=grid)
    channels, height, side = shape
    if channels < 1 or min(height, side) < 8:
        raise ValueError(
            f"images must have at least 1 channel and sides of at least 8 pixels, not {channels} x {height} x {side}"
        )
    levels = [(width, -(-height // 2), -(-side // 2))]
    while max(levels[-1][1:]) > grid:
        above = levels[-1]
        levels.append((min(2 * above[0], WIDEST * width), -(-above[1] // 2), -(-above[2] // 2)))
    return levels


def norm(channels: int) -> nn.GroupNorm:
    """Return a GroupNorm with eight channels per group, or gcd(8, channels) if eight does not divide `channels`."""
    return nn.GroupNorm(channels // math.gcd(8, channels), channels)


def trained(*modules: nn.Module) -> list[nn.Parameter]:
    """Return the parameters of these modules that require gradients."""
    return [p for module in modules for p in module.parameters() if p.requires_grad]


def to_vector(entry: tuple[int, ...], size: int) -> nn.Module:
    """Return a layer that maps the trunk's features to a vector."""
    return nn.Sequential(nn.Flatten(), nn.Linear(math.prod(entry), size))


def to_features(size: int, out: Shape) -> nn.Module:
    """Return a layer that maps a vector to the trunk's features."""
    return nn.Sequential(nn.Linear(size, math.prod(out)), nn.Unflatten(1, out))
