"""Losses that compare structure: `ms-ssim` (Snell et al., arXiv 1511.06409), `ms-ssim+l1` (Zhao et al., 1511.08861).

    d(x, y) = 1 - prod_j max(c_j, floor)^w_j + sum_j max(floor - c_j, 0),    c_j the similarity of scale j

If the similarity of every scale is above the floor, d = 1 - MS-SSIM. Below the floor (structure that is lost or
inverted), the gradient of a similarity would be zero or explode; the second sum still pulls the similarity up. d is
multiplied by P, the number of pixels times channels, so that beta has its usual meaning for a summed loss. A paper that
adds the KL with weight w to an unscaled d (w = 0.00025 in PyTorch-VAE) corresponds to beta = w P.
"""

from __future__ import annotations

from torch import Tensor

from vaebench.interfaces import Loss
from vaebench_reconstruction.ms_ssim import similarities
from vaebench_reconstruction.pixels import per_image

FLOOR = 0.01
"""The floor of similarities: low enough to be exceeded early in training, and high enough that the gradient w c^(w - 1)
stays below 10."""


def distance(x: Tensor, y: Tensor) -> Tensor:
    """Return d (B,) of each pair of images from two batches (B, C, H, W) in [0, 1], averaged over channels."""
    parts, weights = similarities(x, y)
    # The product is computed as a sum of logarithms, because the gradient of prod() checks for zeros and would make the
    # host wait at every step.
    similarity = (parts.clamp_min(FLOOR).log() * weights).sum(-1).exp()
    missing = (FLOOR - parts).relu().sum(-1)
    return (1 - similarity + missing).mean(1)


class MsSsim(Loss):
    """MS-SSIM loss, P (1 - MS-SSIM), with P the number of pixels times channels; if structure is lost or inverted, a
    penalty is added. Only the coarsest scale is sensitive to a uniform shift of brightness."""

    name = "ms-ssim"
    version = 2
    optimises = ("ms-ssim",)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        return target.shape[1:].numel() * distance(target, self.image(raw.float()))


class MsSsimL1(Loss):
    """Mix of the losses `ms-ssim` and `l1`, weighted by alpha and 1 - alpha. The paper also weights the differences of
    `l1` by a Gaussian window, which is omitted here."""

    name = "ms-ssim+l1"
    version = 2
    optimises = ("ms-ssim", "l1-error")

    def __init__(self, alpha: float = 0.84) -> None:
        """`alpha` is the share of MS-SSIM, 0.84 in the paper."""
        super().__init__()
        if not 0 <= alpha <= 1:
            raise ValueError(f"alpha, the share of MS-SSIM in ms-ssim+l1, must lie between 0 and 1, not {alpha}")
        self.alpha = alpha

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        image = self.image(raw.float())
        structure = target.shape[1:].numel() * distance(target, image)
        return self.alpha * structure + (1 - self.alpha) * per_image((image - target).abs())
