"""R3: the networks of the mammography project (128 px).

Encoder: four blocks of a 3 x 3 convolution, ReLU and 2 x 2 max pooling, with 32 to 256 channels. Decoder: four
transposed 3 x 3 convolutions of stride 2, with ReLU in between.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from vaebench.interfaces import Shape
from vaebench_vaes.limits import divisible

WIDTHS = (32, 64, 128, 256)


class Encoder(nn.Module):
    def __init__(self, shape: Shape, *_: int) -> None:
        super().__init__()
        self.out = smallest(shape)
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(nn.Conv2d(a, b, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2))
                for a, b in pairwise((shape[0], *WIDTHS))
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(x)


class Decoder(nn.Module):
    def __init__(self, shape: Shape, *_: int) -> None:
        super().__init__()
        self.entry = smallest(shape)
        *hidden, last = (
            nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=1)
            for a, b in pairwise((*WIDTHS[::-1], shape[0]))
        )
        self.blocks = nn.Sequential(*(nn.Sequential(layer, nn.ReLU()) for layer in hidden), last)

    def forward(self, h: Tensor) -> Tensor:
        return self.blocks(h)


def smallest(shape: Shape) -> Shape:
    divisible(16, height=shape[1], width=shape[2])
    return WIDTHS[-1], shape[1] // 16, shape[2] // 16
