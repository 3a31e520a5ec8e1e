"""The encoders and decoders of MONAI's AutoencoderKL and VQVAE. MONAI is imported only when a network is built.

The encoder halves height and width as long as both are even and the larger exceeds the requested grid. With a grid of
7, an image of 28 px is reduced to 7 x 7 features, and an image of 64 px to 4 x 4. The number of channels doubles from
level to level, from `width` to at most eight times `width`.
"""

from __future__ import annotations

import math
from importlib import import_module
from types import ModuleType

from torch import Tensor, nn

from vaebench.interfaces import Network, Shape

WIDEST = 8
RESIDUAL = 2
"""The number of residual blocks at each level, in both networks."""


def monai(module: str) -> ModuleType:
    """Import a module of MONAI; raise ValueError if MONAI is not installed."""
    try:
        return import_module(f"monai.networks.nets.{module}")
    except ImportError as error:
        raise ValueError(f"this network needs MONAI: pip install 'vaebench[monai]' ({error})") from error


def levels(shape: Shape, width: int, grid: int) -> list[Shape]:
    """Return channels, height and width of the features at every level, from the image's resolution down."""
    if width < 1:
        raise ValueError(f"width must be at least 1, not {width}")
    found = [(width, *shape[1:])]
    while max(found[-1][1:]) > grid and not any(side % 2 for side in found[-1][1:]):
        channels, *sides = found[-1]
        found.append((min(2 * channels, WIDEST * width), sides[0] // 2, sides[1] // 2))
    return found


class Encoder(nn.Module):
    """One of MONAI's encoders; images in [0, 1] are first scaled to [-1, 1]."""

    def __init__(self, net: nn.Module, out: Shape) -> None:
        super().__init__()
        self.net, self.out = net, out

    def forward(self, x: Tensor) -> Tensor:
        return self.net(2 * x - 1)


class Decoder(nn.Module):
    def __init__(self, net: nn.Module, entry: Shape) -> None:
        super().__init__()
        self.net, self.entry = net, entry

    def forward(self, h: Tensor) -> Tensor:
        return self.net(h)


class MonaiKL(Network):
    """MONAI's AutoencoderKL: residual blocks with GroupNorm, and attention at the lowest resolution."""

    name = "monai-kl"
    version = 1

    @staticmethod
    def encoder(shape: Shape, width: int, grid: int) -> Encoder:
        found = levels(shape, width, grid)
        net = monai("autoencoderkl").Encoder(in_channels=shape[0], out_channels=found[-1][0], **common_kl(found))
        return Encoder(net, found[-1])

    @staticmethod
    def decoder(shape: Shape, width: int, grid: int) -> Decoder:
        found = levels(shape, width, grid)
        net = monai("autoencoderkl").Decoder(in_channels=found[-1][0], out_channels=shape[0], **common_kl(found))
        return Decoder(net, found[-1])


def common_kl(found: list[Shape]) -> dict[str, object]:
    channels = [level[0] for level in found]
    return {
        "spatial_dims": 2,
        "channels": channels,
        "num_res_blocks": [RESIDUAL] * len(channels),
        "norm_num_groups": math.gcd(32, *channels),
        "norm_eps": 1e-6,
        "attention_levels": [False] * len(channels),
        "with_nonlocal_attn": True,
    }


class MonaiVQ(Network):
    """MONAI's VQVAE without its quantiser: strided convolutions and residual units, without normalisation."""

    name = "monai-vq"
    version = 1

    @staticmethod
    def encoder(shape: Shape, width: int, grid: int) -> Encoder:
        found = levels(shape, width, grid)[1:]
        steps = [(2, 4, 1, 1)] * len(found)
        parts = {"in_channels": shape[0], "out_channels": found[-1][0], "downsample_parameters": steps}
        return Encoder(monai("vqvae").Encoder(**parts, **common_vq(found)), found[-1])

    @staticmethod
    def decoder(shape: Shape, width: int, grid: int) -> Decoder:
        found = levels(shape, width, grid)[1:]
        steps = [(2, 4, 1, 1, 0)] * len(found)
        parts = {"in_channels": found[-1][0], "out_channels": shape[0], "upsample_parameters": steps}
        return Decoder(monai("vqvae").Decoder(**parts, output_act=None, **common_vq(found)), found[-1])


def common_vq(found: list[Shape]) -> dict[str, object]:
    """Return the arguments that encoder and decoder share, with one level per halving of the image."""
    if not found:
        raise ValueError("height and width must be even and larger than the grid: monai-vq halves them at least once")
    channels = [level[0] for level in found]
    return {
        "spatial_dims": 2,
        "channels": channels,
        "num_res_layers": RESIDUAL,
        "num_res_channels": channels,
        "dropout": 0.0,
        "act": "RELU",
    }
