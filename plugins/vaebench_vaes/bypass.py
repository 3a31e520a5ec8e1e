"""A linear bypass around encoder and decoder, fitted in closed form before training: probabilistic PCA.

    code = A [f(x), c(x)] + b,    raw = g(z) + logit p(z)

c and p are PCA's encoder and decoder, which do not change after they are fitted. A starts as the identity on c and zero
on the network's features f, and g starts at zero, so the model starts as PCA and learns what PCA misses.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vaebench_vaes.pca import PCA

EDGE = 0.01
"""PCA's reconstruction is kept this far from 0 and 1, where the logit is infinite."""


class BesideEncoder(nn.Module):
    """An encoder whose output concatenates a network's features and PCA's code in one vector."""

    def __init__(self, net: nn.Module, pca: PCA) -> None:
        super().__init__()
        self.net, self.pca = net, pca
        self.out = (math.prod(net.out) + pca.latent,)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.net(x).flatten(1), self.pca.encode(x)], 1)


class BesideDecoder(nn.Module):
    """A decoder of concatenated features and PCA code: the network's raw output plus the logit of PCA's image."""

    def __init__(self, net: nn.Module, pca: PCA) -> None:
        super().__init__()
        self.net, self.pca, self.entry = net, pca, net.entry
        layers = [part for part in net.modules() if isinstance(part, nn.Conv2d | nn.ConvTranspose2d)]
        if not layers:
            raise ValueError("bypass must be false for a network whose decoder has no convolution to set to zero")
        last = layers[-1]
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)

    def forward(self, h: Tensor) -> Tensor:
        features, code = h.split((math.prod(self.entry), self.pca.latent), 1)
        return self.net(features.unflatten(1, self.entry)) + self.pca.decode(code).logit(EDGE)


class FromLatent(nn.Module):
    """The layer that maps a code to the input of a decoder with a bypass."""

    def __init__(self, latent: int, entry: tuple[int, ...]) -> None:
        super().__init__()
        self.linear = nn.Linear(latent, math.prod(entry))

    def forward(self, z: Tensor) -> Tensor:
        return torch.cat([self.linear(z), z], 1)


@torch.no_grad()
def start_as(pca: PCA, head: nn.Linear) -> None:
    """Initialise the layer after a BesideEncoder so that it returns PCA's code and, if the layer has rows for them,
    PCA's log-variances."""
    latent = pca.latent
    head.weight.zero_()
    head.bias.zero_()
    head.weight[:latent, -latent:] = torch.eye(latent)
    if len(head.bias) > latent:
        head.bias[latent:] = (pca.noise / pca.variances).log()
