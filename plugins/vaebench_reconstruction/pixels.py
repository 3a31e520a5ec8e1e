"""Losses that compare pixel by pixel: `bce`, `mse`, `l1`. The raw output is a logit; the picture is its sigmoid.

Scale, on which every VAE's beta depends: sums over pixels and channels, no mean, no half; images in [0, 1].
"""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from vaebench.interfaces import Loss


def per_image(values: Tensor) -> Tensor:
    """(B, C, H, W) -> (B,), summed in float32 whatever autocast made of the network's output."""
    return values.float().flatten(1).sum(1)


class Bce(Loss):
    """-sum x ln y + (1 - x) ln (1 - y), y = sigmoid(raw): the Bernoulli likelihood, from logits, so it never overflows.

    Its least value is the entropy of the target, above zero for grey pixels."""

    name = "bce"
    version = 1

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return per_image(binary_cross_entropy_with_logits(raw.float(), target.float(), reduction="none"))


class Mse(Loss):
    """sum (x - y)^2, without the half: a Gaussian likelihood of variance 1/2, less its constant."""

    name = "mse"
    version = 1
    optimises = ("psnr",)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return per_image((self.image(raw.float()) - target) ** 2)


class L1(Loss):
    """sum |x - y|: a Laplace likelihood of scale 1, less its constant."""

    name = "l1"
    version = 1
    optimises = ("l1-error",)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return per_image((self.image(raw.float()) - target).abs())
