"""Losses that are whole negative log-likelihoods with one spread for all pixels: `gaussian`, `laplace`.

The spread is learned with the network unless it is fixed, which sets the balance with a VAE's KL by maximum likelihood
instead of by hand (Rybkin, Daniilidis, Levine 2021, "Simple and Effective VAE Training with Calibrated Decoders").
Learned, a loss has one parameter: a model that groups its own must put `criterion` into the decoder's group. It moves
fast enough to follow the error throughout a training of a few hundred steps, where the network's learning rate would
leave it far behind; it is a parameter nevertheless, so an image's loss never depends on the rest of its batch.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from vaebench.interfaces import Loss
from vaebench_reconstruction.pixels import per_image

ROUNDING = 1 / (255 * math.sqrt(12))
"""Standard deviation of rounding to 8 bits: a spread below it is certainty the images do not hold, and stays out."""


SPEED = 30.0
"""How much faster the logarithm of a spread moves than the optimiser's learning rate says: 3 % a step of Adam at 1e-3.
Chosen on validation X-rays by `benchmarks/scripts/validated.py`, run with 1, 10, 30, 50 and 100 here."""
QUIET = 1e-3
"""Its gradient, a sum over all pixels, is scaled by this: Adam does not mind, and a clipped norm is not all its own."""


class Spread(nn.Module):
    """A positive number above a floor, trained or not. Its gradient never dies: floor + exp(SPEED * parameter)."""

    def __init__(self, start: float, floor: float, learned: bool) -> None:
        super().__init__()
        if not (math.isfinite(start) and start > floor):
            raise ValueError(
                f"a spread of {start} is not above {floor:.2g}, what rounding to 8 bits leaves: give a larger one"
            )
        self.floor = floor
        self.slow_log = nn.Parameter(torch.tensor(math.log(start - floor) / SPEED), requires_grad=learned)

    def forward(self) -> Tensor:
        log = self.slow_log.float()
        return self.floor + (QUIET * log + (SPEED - QUIET) * log.detach()).exp()


class Gaussian(Loss):
    """sum (x - y)^2 / 2v + ln(2 pi v) / 2: fixed at v = 1/2, `mse` and a constant."""

    name = "gaussian"
    version = 2
    optimises = ("psnr",)
    likelihood = True

    def __init__(self, variance: float = 0.2, learned: bool = True) -> None:
        """`variance` is where a learned one starts."""
        super().__init__()
        self.variance = Spread(variance, ROUNDING**2, learned)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        v = self.variance()
        return per_image((self.image(raw.float()) - target) ** 2 / (2 * v) + (2 * math.pi * v).log() / 2)

    def facts(self) -> dict[str, float]:
        variance = float(self.variance().detach())
        return {"pixel_variance": variance, "error_weight": 1 / (2 * variance)}


class Laplace(Loss):
    """sum |x - y| / b + ln 2b: fixed at b = 1, `l1` and a constant."""

    name = "laplace"
    version = 2
    optimises = ("l1-error",)
    likelihood = True

    def __init__(self, scale: float = 0.4, learned: bool = True) -> None:
        """`scale` is where a learned one starts."""
        super().__init__()
        self.scale = Spread(scale, ROUNDING, learned)

    def forward(self, raw: Tensor, target: Tensor) -> Tensor:
        b = self.scale()
        return per_image((self.image(raw.float()) - target).abs() / b + (2 * b).log())

    def facts(self) -> dict[str, float]:
        scale = float(self.scale().detach())
        return {"pixel_scale": scale, "error_weight": 1 / scale}
