"""R4: the networks of a thesis on knee radiographs (256 px), with 8 to 256 channels, and those of its VQ-VAE, with 64,
128 and 256 channels.

Encoder: a 4 x 4 convolution of stride 2, then residual blocks with 4 x 4 convolutions. Decoder: the mirrored encoder,
with transposed convolutions. Two corrections: every layer is trained, whereas the original left the linear layers to
and from the latent at their initial values; and codes are decoded without a tanh, which the original applied in
training but not in sampling. The thesis does not state the padding of every layer in the decoder's blocks; where it is
missing, the padding is chosen so that the sizes match.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from vaebench.interfaces import Shape
from vaebench_vaes.limits import divisible

WIDTHS = (8, 16, 32, 64, 128, 256)
QUANTISED = (64, 128, 256)
SLOPE = 0.2


class Encoder(nn.Module):
    widths = WIDTHS

    def __init__(self, shape: Shape, *_: int) -> None:
        super().__init__()
        widths = self.widths
        self.out = smallest(shape, widths)
        self.first = nn.Sequential(
            nn.Conv2d(shape[0], widths[0], 4, stride=2, padding=1, bias=False), nn.LeakyReLU(SLOPE)
        )
        self.blocks = nn.Sequential(*(Down(a, b) for a, b in pairwise(widths)))

    def forward(self, x: Tensor) -> Tensor:
        return self.blocks(self.first(x))


class Decoder(nn.Module):
    widths = WIDTHS

    def __init__(self, shape: Shape, *_: int) -> None:
        super().__init__()
        widths = self.widths
        self.entry = smallest(shape, widths)
        self.blocks = nn.Sequential(*(Up(a, b) for a, b in pairwise(widths[::-1])))
        self.last = nn.ConvTranspose2d(widths[0], shape[0], 4, stride=2, padding=1)

    def forward(self, h: Tensor) -> Tensor:
        return self.last(self.blocks(h))


class QuantisedEncoder(Encoder):
    widths = QUANTISED


class QuantisedDecoder(Decoder):
    widths = QUANTISED


class Down(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, out, 4, padding=1),
            nn.BatchNorm2d(out),
            nn.LeakyReLU(SLOPE),
            nn.Conv2d(out, out, 4, stride=2, padding=2),
        )
        self.skip = nn.Conv2d(channels, out, 1, stride=2)
        self.after = nn.Sequential(nn.BatchNorm2d(out), nn.LeakyReLU(SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.main(x) + self.skip(x))


class Up(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(channels, out, 4, padding=1),
            nn.BatchNorm2d(out),
            nn.LeakyReLU(SLOPE),
            nn.ConvTranspose2d(out, out, 4, stride=2),
        )
        self.skip = nn.ConvTranspose2d(channels, out, 1, stride=2, output_padding=1)
        self.after = nn.Sequential(nn.BatchNorm2d(out), nn.LeakyReLU(SLOPE))

    def forward(self, x: Tensor) -> Tensor:
        return self.after(self.main(x) + self.skip(x))


def smallest(shape: Shape, widths: tuple[int, ...]) -> Shape:
    divisible(2 ** (len(widths) + 1), height=shape[1], width=shape[2])
    return widths[-1], shape[1] >> len(widths), shape[2] >> len(widths)
