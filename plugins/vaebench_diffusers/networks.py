"""The encoder and decoder of AutoencoderKL in diffusers; VQModel in diffusers uses the same ones.

diffusers is imported only when a network is built. The encoder halves height and width as long as both are even and the
larger exceeds the requested grid. The number of channels doubles from level to level, from `width` to at most eight
times `width`.
"""

from __future__ import annotations

import math
from importlib import import_module
from types import ModuleType

from torch import Tensor, nn

from vaebench.interfaces import Network, Shape

WIDEST = 8


def diffusers() -> ModuleType:
    """Import the module that contains encoder and decoder; raise ValueError if diffusers is not installed."""
    try:
        from diffusers.utils import import_utils
    except ImportError as error:
        raise ValueError(f"this network needs diffusers: pip install 'vaebench[diffusers]' ({error})") from error
    try:
        import_module("torchvision")
    except (ImportError, RuntimeError):
        # With a CPU build of torch, PyPI's torchvision cannot be imported; without this line, diffusers would try to.
        import_utils._torchvision_available = False
    from diffusers.models.autoencoders import vae

    return vae


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
    def __init__(self, shape: Shape, width: int, grid: int) -> None:
        super().__init__()
        found = levels(shape, width, grid)
        self.out = found[-1]
        kinds, channels = ("DownEncoderBlock2D",) * len(found), tuple(level[0] for level in found)
        self.net = diffusers().Encoder(
            shape[0],
            channels[-1],
            down_block_types=kinds,
            block_out_channels=channels,
            norm_num_groups=math.gcd(32, *channels),
            double_z=False,
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.net(2 * x - 1)


class Decoder(nn.Module):
    def __init__(self, shape: Shape, width: int, grid: int) -> None:
        super().__init__()
        found = levels(shape, width, grid)
        self.entry = found[-1]
        kinds, channels = ("UpDecoderBlock2D",) * len(found), tuple(level[0] for level in found)
        self.net = diffusers().Decoder(
            channels[-1],
            shape[0],
            up_block_types=kinds,
            block_out_channels=channels,
            norm_num_groups=math.gcd(32, *channels),
        )

    def forward(self, h: Tensor) -> Tensor:
        return self.net(h)


class DiffusersKL(Network):
    """diffusers' AutoencoderKL: residual blocks with GroupNorm, and attention at the lowest resolution."""

    name = "diffusers-kl"
    version = 1
    encoder, decoder = Encoder, Decoder
