"""Losses that are complete negative log-likelihoods with one spread for all pixels: `gaussian`, `laplace`.

Unless it is fixed, the spread is learned with the network. A learned spread balances reconstruction and a VAE's KL by
maximum likelihood instead of by hand (Rybkin, Daniilidis, Levine 2021, "Simple and Effective VAE Training with
Calibrated Decoders"). A loss with a learned spread has one parameter, so a model with several parameter groups must put
`criterion` into the decoder's group. The parameter moves fast enough to follow the error throughout a training run of a
few hundred steps; at the network's learning rate it would lag far behind. As the spread is a parameter, not a statistic
of the batch, an image's loss never depends on the rest of its batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vaebench.interfaces import Loss
from vaebench_reconstruction.pixels import per_image

ROUNDING = 1 / (255 * math.sqrt(12))
"""Standard deviation of the error from rounding to 8 bits, the lower bound of the spread: images are not known more
precisely."""


SPEED = 30.0
"""The factor by which the logarithm of a spread moves faster than other parameters: a spread changes by about 3 % per
step of Adam at a learning rate of 1e-3. The value was chosen among 1, 10, 30, 50 and 100 on validation X-rays by
`benchmarks/scripts/validated.py`."""
QUIET = 1e-3
"""The spread's gradient, a sum over all pixels, is multiplied by this factor. The factor does not change the steps of
Adam; without it, the spread would dominate the norm by which gradients are clipped."""


class Spread(nn.Module):
    """A number above a floor, learned or fixed: floor + exp(SPEED * parameter), whose gradient never vanishes."""

    def __init__(self, start: float, floor: float, learned: bool) -> None:
        super().__init__()
        if not (math.isfinite(start) and start > floor):
            raise ValueError(
                f"the spread {start} is not above {floor:.2g}, the error of rounding to 8 bits; give a larger one"
            )
        self.floor = floor
        self.slow_log = nn.Parameter(torch.tensor(math.log(start - floor) / SPEED), requires_grad=learned)

    def forward(self) -> Tensor:
        log = self.slow_log.float()
        return self.floor + (QUIET * log + (SPEED - QUIET) * log.detach()).exp()


class Gaussian(Loss):
    """Gaussian negative log-likelihood, sum (x - y)^2 / 2v + ln(2 pi v) / 2, with one variance v for all pixels; with v
    fixed at 1/2, this loss is `mse` plus a constant."""

    name = "gaussian"
    version = 2
    optimises = ("psnr",)
    likelihood = True

    def __init__(self, variance: float = 0.2, learned: bool = True) -> None:
        """`variance` is the initial value of v if v is learned, else the fixed value."""
        super().__init__()
        self.variance = Spread(variance, ROUNDING**2, learned)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        v = self.variance()
        return per_image((self.image(raw.float()) - target) ** 2 / (2 * v) + (2 * math.pi * v).log() / 2)

    def facts(self) -> dict[str, float]:
        variance = float(self.variance().detach())
        return {"pixel_variance": variance, "error_weight": 1 / (2 * variance)}


class Laplace(Loss):
    """Laplace negative log-likelihood, sum |x - y| / b + ln 2b, with one scale b for all pixels; with b fixed at 1,
    this loss is `l1` plus a constant."""

    name = "laplace"
    version = 2
    optimises = ("l1-error",)
    likelihood = True

    def __init__(self, scale: float = 0.4, learned: bool = True) -> None:
        """`scale` is the initial value of b if b is learned, else the fixed value."""
        super().__init__()
        self.scale = Spread(scale, ROUNDING, learned)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        b = self.scale()
        return per_image((self.image(raw.float()) - target).abs() / b + (2 * b).log())

    def facts(self) -> dict[str, float]:
        scale = float(self.scale().detach())
        return {"pixel_scale": scale, "error_weight": 1 / scale}
