"""The networks to be trained: an MLP like pythae's default, a small convolutional network, and the package's trunk."""

from __future__ import annotations

import math

from torch import Tensor, nn

from vaebench.interfaces import Shape
from vaebench_vaes.backbone import Decoder, Encoder, to_features, to_vector

LATENT = 16


class Net(nn.Module):
    """An encoder from images to means and log-variances, and a decoder from latents to images in [0, 1]."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module) -> None:
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def encode(self, x: Tensor) -> tuple[Tensor, Tensor]:
        mean, logvar = self.encoder(x).chunk(2, dim=1)
        return mean, logvar

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)


def mlp(shape: Shape) -> Net:
    pixels = math.prod(shape)
    down = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 512), nn.ReLU(), nn.Linear(512, 2 * LATENT))
    up = nn.Sequential(nn.Linear(LATENT, 512), nn.ReLU(), nn.Linear(512, pixels), nn.Sigmoid(), nn.Unflatten(1, shape))
    return Net(down, up)


def conv(shape: Shape) -> Net:
    """Return a network of three convolutions that halve the side, with 16 to 64 channels, and their mirror image."""
    channels, height, width = shape
    features = (64, math.ceil(height / 8), math.ceil(width / 8))
    down = nn.Sequential(
        nn.Conv2d(channels, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 64, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(math.prod(features), 2 * LATENT),
    )  # fmt: skip
    up = nn.Sequential(
        nn.Linear(LATENT, math.prod(features)), nn.Unflatten(1, features), nn.ReLU(),
        nn.ConvTranspose2d(64, 32, 4, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(32, 16, 4, stride=2, padding=1), nn.ReLU(),
        nn.ConvTranspose2d(16, channels, 4, stride=2, padding=1), nn.Sigmoid(),
        nn.Upsample((height, width)) if height % 8 or width % 8 else nn.Identity(),
    )  # fmt: skip
    return Net(down, up)


def trunk(shape: Shape, width: int = 8) -> Net:
    """Return the trunk that the package's own variants share."""
    down, up = Encoder(shape, width), Decoder(shape, width)
    return Net(
        nn.Sequential(down, to_vector(down.out, 2 * LATENT)),
        nn.Sequential(to_features(LATENT, up.entry), up, nn.Sigmoid()),
    )


NETWORKS = {"MLP": mlp, "small conv": conv, "trunk, width 8": trunk}
