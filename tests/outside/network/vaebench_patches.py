"""Plugin for vaebench: a network that divides images into patches and applies the same layers to each patch."""

from torch import nn

from vaebench import hookimpl
from vaebench.interfaces import Network


def side_of_patches(shape, grid):
    height, width = shape[1:]
    tiles = (side for side in range(1, height + 1) if height % side == width % side == 0)
    return next(side for side in tiles if max(height, width) <= side * grid)


class Encoder(nn.Sequential):
    def __init__(self, shape, width, grid):
        side, channels = side_of_patches(shape, grid), 8 * width
        super().__init__(nn.Conv2d(shape[0], channels, side, stride=side), nn.GELU(), nn.Conv2d(channels, channels, 1))
        self.out = (channels, shape[1] // side, shape[2] // side)


class Decoder(nn.Sequential):
    def __init__(self, shape, width, grid):
        side, channels = side_of_patches(shape, grid), 8 * width
        super().__init__(nn.GELU(), nn.ConvTranspose2d(channels, shape[0], side, stride=side))
        self.entry = (channels, shape[1] // side, shape[2] // side)


class Patches(Network):
    name, version = "patches", 1
    encoder, decoder = Encoder, Decoder


@hookimpl
def vaebench_networks():
    return [Patches]
