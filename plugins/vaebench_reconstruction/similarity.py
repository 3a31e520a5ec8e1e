"""Losses that look at structure: `ms-ssim` (Snell et al., arXiv 1511.06409), `ms-ssim+l1` (Zhao et al., 1511.08861).

    d(x, y) = 1 - prod_j max(c_j, floor)^w_j + sum_j max(floor - c_j, 0),    c_j the similarity of scale j

Where every scale is above the floor, d = 1 - MS-SSIM. A scale below it (structure that is lost or inverted) would have
a gradient of zero or an exploding one; the second sum keeps pulling it up. Scale: d times the number of pixels and
channels P, so beta means what it means for a loss summed over pixels; a published weight w on the KL beside a bare
d (0.00025 in PyTorch-VAE) is beta = w P here.
"""

from __future__ import annotations

from torch import Tensor

from vaebench.interfaces import Loss
from vaebench_reconstruction.ms_ssim import similarities
from vaebench_reconstruction.pixels import per_image

FLOOR = 0.01
"""Low enough to be met early in training, high enough that w c^(w - 1) stays below 10."""


def distance(x: Tensor, y: Tensor) -> Tensor:
    """(B, C, H, W) twice, in [0, 1] -> d of each pair (B,), the mean of its channels'."""
    parts, weights = similarities(x, y)
    # As a sum of logarithms: the gradient of prod() looks for zeros, for which the host would wait at every step.
    similarity = (parts.clamp_min(FLOOR).log() * weights).sum(-1).exp()
    missing = (FLOOR - parts).relu().sum(-1)
    return (1 - similarity + missing).mean(1)


class MsSsim(Loss):
    """P d(x, y). Blind to a uniform shift of brightness in all but the coarsest scale."""

    name = "ms-ssim"
    version = 2
    optimises = ("ms-ssim",)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return target.shape[1:].numel() * distance(target, self.image(raw.float()))


class MsSsimL1(Loss):
    """alpha P d(x, y) + (1 - alpha) sum |x - y|. The paper weights the second sum by a Gaussian; here it is plain."""

    name = "ms-ssim+l1"
    version = 2
    optimises = ("ms-ssim", "l1-error")

    def __init__(self, alpha: float = 0.84) -> None:
        """`alpha` is the share of structure, 0.84 in the paper."""
        super().__init__()
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha is the share of MS-SSIM in ms-ssim+l1, from 0 to 1, not {alpha}")
        self.alpha = alpha

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        image = self.image(raw.float())
        structure = target.shape[1:].numel() * distance(target, image)
        return self.alpha * structure + (1 - self.alpha) * per_image((image - target).abs())
