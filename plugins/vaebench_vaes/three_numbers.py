"""three-numbers: the brightness, contrast and sharpness of an image, and nothing else.

    b = mean of x,    c = deviation of x,    s = ln variance of the Laplacian of x
    code = (b, c, s), each standardised over the training images
    reconstruction = b + c (mean image - its mean) / its deviation, clipped to [0, 1]

These numbers are among those that `vaebench data audit` calls shortcuts; they are computed from the mean of an image's
channels. A method that does not beat this floor has not shown that it represents anatomy. Sharpness is not decoded.
"""

from __future__ import annotations

import torch
from torch import Tensor

from vaebench.interfaces import Images, Loss, Model, Shape

LEAST = 1e-8
"""The number that is added to the variance of the Laplacian, so that its logarithm is finite for flat images."""


class ThreeNumbers(Model):
    name = "three-numbers"
    version = 1
    default_loss = None
    stages = ()

    def __init__(self, shape: Shape, loss: Loss | None = None) -> None:
        super().__init__(shape, loss)
        self.register_buffer("pattern", torch.zeros(shape))
        """the mean image, standardised to mean 0 and deviation 1"""
        self.register_buffer("centre", torch.zeros(3))
        self.register_buffer("spread", torch.ones(3))

    def fit(self, images: Images) -> None:
        total = torch.zeros(self.shape, dtype=torch.float64, device=images.device)
        for x in images.batches(256):
            total += x.sum(0, dtype=torch.float64)
        grey = (mean := total / len(images)).mean(0)
        self.pattern.copy_((mean - grey.mean()) / grey.std(correction=0).clamp_min(LEAST))
        numbers = torch.cat([measured(x) for x in images.batches(256)]).double()
        self.centre.copy_(numbers.mean(0))
        self.spread.copy_(numbers.std(0, correction=0).clamp_min(LEAST))

    def encode(self, x: Tensor) -> Tensor:
        return (measured(x) - self.centre) / self.spread

    def decode(self, code: Tensor) -> Tensor:
        brightness, contrast, _ = (code * self.spread + self.centre)[:, :, None, None, None].unbind(1)
        return (brightness + contrast * self.pattern).clamp(0, 1)


def measured(x: Tensor) -> Tensor:
    """Return brightness, contrast and sharpness of each image, (B, 3)."""
    grey = x.mean(1)
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    sharpness = (4 * grey[:, 1:-1, 1:-1] - around).flatten(1).var(1, correction=0)
    flat = grey.flatten(1)
    return torch.stack([flat.mean(1), flat.std(1, correction=0), (sharpness + LEAST).log()], 1)
