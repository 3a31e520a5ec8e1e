"""Losses that compare pixel by pixel: `bce`, `mse`, `l1`. The raw output is a logit; the picture is its sigmoid.

The beta of every VAE depends on the scale of the loss: it is a sum over pixels and channels, neither averaged nor
halved, for images in [0, 1].
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from vaebench.interfaces import Loss


def per_image(values: Tensor) -> Tensor:
    """Return the sum over each image, (B, C, H, W) -> (B,), in float32 regardless of autocast."""
    return values.float().flatten(1).sum(1)


class Bce(Loss):
    """-sum x ln y + (1 - x) ln (1 - y), y = sigmoid(raw): the Bernoulli likelihood, from logits, so it never overflows.

    Its minimum is the entropy of the target, which is above zero for grey pixels."""

    name = "bce"
    version = 1

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return per_image(binary_cross_entropy_with_logits(raw.float(), target.float(), reduction="none"))


class Mse(Loss):
    """sum (x - y)^2, without a factor of 1/2: a Gaussian likelihood of variance 1/2, without its constant."""

    name = "mse"
    version = 1
    optimises = ("psnr",)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return per_image((self.image(raw.float()) - target) ** 2)


class L1(Loss):
    """sum |x - y|: a Laplace likelihood of scale 1, without its constant."""

    name = "l1"
    version = 1
    optimises = ("l1-error",)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return per_image((self.image(raw.float()) - target).abs())
