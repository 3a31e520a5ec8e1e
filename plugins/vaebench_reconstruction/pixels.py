"""Losses that compare images pixel by pixel: `bce`, `mse`, `l1`. A network's raw output is the logit of the picture.

The losses are sums over pixels and channels of images in [0, 1], neither averaged nor halved. This scale matters,
because the beta of every VAE is relative to the scale of its loss.
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from vaebench.interfaces import Loss


def per_image(values: Tensor) -> Tensor:
    """Return the sum over each image, (B, C, H, W) -> (B,), in float32 regardless of autocast."""
    return values.float().flatten(1).sum(1)


class Bce(Loss):
    """Binary cross-entropy, -sum [x ln y + (1 - x) ln (1 - y)] with y = sigmoid(raw): a Bernoulli likelihood. It is
    computed from logits, so that it never overflows.

    Its minimum is the entropy of the target, which is above zero for grey pixels."""

    name = "bce"
    version = 1

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return per_image(binary_cross_entropy_with_logits(raw.float(), target.float(), reduction="none"))


class Mse(Loss):
    """Squared error, sum (x - y)^2, without a factor of 1/2: a Gaussian likelihood of variance 1/2, up to a
    constant."""

    name = "mse"
    version = 1
    optimises = ("psnr",)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return per_image((self.image(raw.float()) - target) ** 2)


class L1(Loss):
    """Absolute error, sum |x - y|: a Laplace likelihood of scale 1, up to a constant."""

    name = "l1"
    version = 1
    optimises = ("l1-error",)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return per_image((self.image(raw.float()) - target).abs())
