"""R1: the five-block networks of the prostate, chest and retina project (64 px), taken from AntixK/PyTorch-VAE.

Encoder: five 3 x 3 convolutions of stride 2 with batch norm and LeakyReLU, 32 to 512 channels. Decoder: the mirrored
encoder, with transposed convolutions, and a last 3 x 3 convolution. The original ends in a tanh on [-1, 1], which is
replaced by the equivalent sigmoid of twice the value on [0, 1], as the losses expect. One correction: the output has as
many channels as the input; in the original, three channels were compared with one by broadcasting.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from vaebench.interfaces import Shape
from vaebench_vaes.limits import divisible

WIDTHS = (32, 64, 128, 256, 512)


class Encoder(nn.Module):
    def __init__(self, shape: Shape, *_: int) -> None:
        super().__init__()
        self.out = smallest(shape)
        self.blocks = nn.Sequential(*(down(a, b) for a, b in pairwise((shape[0], *WIDTHS))))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(2 * x - 1)


class Decoder(nn.Module):
    def __init__(self, shape: Shape, *_: int) -> None:
        super().__init__()
        self.entry = smallest(shape)
        widths = (*WIDTHS[::-1], WIDTHS[0])
        self.blocks = nn.Sequential(*(up(a, b) for a, b in pairwise(widths)))
        self.last = nn.Conv2d(WIDTHS[0], shape[0], 3, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        return 2 * self.last(self.blocks(h))


def smallest(shape: Shape) -> Shape:
    divisible(32, height=shape[1], width=shape[2])
    return WIDTHS[-1], shape[1] // 32, shape[2] // 32


def down(channels: int, out: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, out, 3, stride=2, padding=1), nn.BatchNorm2d(out), nn.LeakyReLU())


def up(channels: int, out: int) -> nn.Module:
    convolution = nn.ConvTranspose2d(channels, out, 3, stride=2, padding=1, output_padding=1)
    return nn.Sequential(convolution, nn.BatchNorm2d(out), nn.LeakyReLU())
