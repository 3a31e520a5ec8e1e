"""The diagonal Gaussian that an encoder gives: its draws, and what they say of an image's likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vaebench.interfaces import Gaussian, Loss, NotApplicable

LOWEST, HIGHEST = -30.0, 20.0


class Posterior(Gaussian):
    """q(z|x), beside a prior N(0, I)."""

    @classmethod
    def of(cls, statistics: Tensor) -> Posterior:
        """From a head's output, means and log-variances side by side; in float32, the log-variances clamped."""
        mean, logvar = statistics.float().chunk(2, dim=1)
        return cls(mean, logvar.clamp(LOWEST, HIGHEST))

    def draw(self, generator: torch.Generator | None = None) -> Tensor:
        """mean + exp(logvar / 2) * noise, differentiable in both."""
        return self.at(self.noise(generator))

    def noise(self, generator: torch.Generator | None = None) -> Tensor:
        return torch.randn(self.mean.shape, generator=generator, device=self.mean.device)

    def at(self, noise: Tensor) -> Tensor:
        return self.mean + (0.5 * self.logvar).exp() * noise

    def density_at(self, noise: Tensor) -> Tensor:
        """ln q(z|x) per image, z = mean + std * noise."""
        return -0.5 * (noise.square() + self.logvar + math.log(2 * math.pi)).sum(1)

    def densities(self, z: Tensor) -> Tensor:
        """ln of every row's density at every code, by dimension: (codes, rows, D)."""
        squares = (z[:, None].float() - self.mean).square() / self.logvar.exp()
        return -0.5 * (squares + self.logvar + math.log(2 * math.pi))

    def bound(self, likelihood: Callable[[Tensor], Tensor], generator: torch.Generator | None, draws: int) -> Tensor:
        """ln 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x), z_k from q(z|x), per image; `likelihood` gives ln p(x|z). At most
        ln p(x) on average, and nearer for more draws: Burda, Grosse & Salakhutdinov, arXiv 1509.00519."""
        weights = []
        for _ in range(draws):
            noise = self.noise(generator)
            z = self.at(noise)
            weights.append(likelihood(z) + 0.5 * (noise.square() + self.logvar - z.square()).flatten(1).sum(1))
        return torch.stack(weights).logsumexp(0) - math.log(draws)


def require_density(loss: Loss | None) -> Loss:
    """The loss, if it is a density of images. NotApplicable otherwise: ln p(x) has no bound then."""
    if loss is None or not loss.likelihood:
        objective = f"the loss {loss.name}" if loss else "the model's objective"
        raise NotApplicable(f"{objective} is no density of images, so there is no ln p(x) to bound")
    return loss
