"""mean-image: the mean of the training images, whatever the input. Every model must beat this floor to be of any use.

    reconstruction = sample = mean;    code = 0;    score = -ln N(x; mean, per-pixel variance)

The model ignores the input image, so its code is a single zero, which does not even contain the image's brightness.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from vaebench.interfaces import Images, Loss, Model, Shape

QUANTISATION = 1 / (12 * 255**2)
"""Variance of the rounding error of an 8-bit pixel; no model can predict a pixel more precisely."""


class MeanImage(Model):
    name = "mean-image"
    version = 1
    default_loss = None
    stages = ()

    def __init__(self, shape: Shape, loss: Loss | None = None) -> None:
        super().__init__(shape, loss)
        self.register_buffer("mean", torch.zeros(shape))
        self.register_buffer("variance", torch.ones(shape))

    def fit(self, images: Images) -> None:
        total = torch.zeros(self.shape, dtype=torch.float64, device=images.device)
        squares = torch.zeros_like(total)
        for x in images.batches(256):
            total += x.sum(0, dtype=torch.float64)
        mean = total / len(images)
        for x in images.batches(256):
            squares += (x - mean).square().sum(0)
        self.mean.copy_(mean)
        self.variance.copy_((squares / len(images)).clamp_min(QUANTISATION))

    def encode(self, x: Tensor) -> Tensor:
        return x.new_zeros(len(x), 1)

    def decode(self, code: Tensor) -> Tensor:
        return self.mean.repeat(len(code), 1, 1, 1)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return self.mean.repeat(n, 1, 1, 1)

    def scores(self, x: Tensor) -> dict[str, Tensor]:
        pixels = (x - self.mean).square() / self.variance + self.variance.log() + math.log(2 * math.pi)
        return {"nll": 0.5 * pixels.flatten(1).sum(1)}

    def bound(self, x: Tensor, generator: torch.Generator, draws: int) -> Tensor:
        """Return ln p(x) itself, which is known exactly."""
        return -self.scores(x)["nll"]
