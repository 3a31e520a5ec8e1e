"""The diagonal Gaussian that an encoder gives: its draws and its divergence from the prior N(0, I)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

LOWEST, HIGHEST = -30.0, 20.0


@dataclass(frozen=True)
class Posterior:
    """N(mean, exp(logvar)), one row per image; every dimension after the first is summed over."""

    mean: Tensor
    logvar: Tensor

    @classmethod
    def of(cls, statistics: Tensor) -> Posterior:
        """From a head's output, means and log-variances side by side; in float32, the log-variances clamped."""
        mean, logvar = statistics.float().chunk(2, dim=1)
        return cls(mean, logvar.clamp(LOWEST, HIGHEST))

    def draw(self, generator: torch.Generator | None = None) -> Tensor:
        """mean + exp(logvar / 2) * noise, differentiable in both."""
        noise = torch.randn(self.mean.shape, generator=generator, device=self.mean.device)
        return self.mean + (0.5 * self.logvar).exp() * noise

    def kl(self) -> Tensor:
        """1/2 sum(mean² + exp(logvar) - logvar - 1), per image."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - self.logvar - 1).flatten(1).sum(1)
