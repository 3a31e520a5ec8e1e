"""The diagonal Gaussian that an encoder returns: random draws, densities, and bounds on an image's likelihood."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from vaebench.interfaces import Gaussian, Loss, NotApplicable

LOWEST, HIGHEST = -30.0, 20.0


class Posterior(Gaussian):
    """The posterior q(z|x) of a model whose prior is N(0, I)."""

    @classmethod
    def of(cls, statistics: Tensor) -> Posterior:
        """Split a head's output into means and log-variances, in float32, with the log-variances clamped."""
        mean, logvar = statistics.float().chunk(2, dim=1)
        return cls(mean, logvar.clamp(LOWEST, HIGHEST))

    def draw(self, generator: torch.Generator | None = None) -> Tensor:
        """Return mean + exp(logvar / 2) * noise, differentiable in mean and logvar."""
        return self.at(self.noise(generator))

    def noise(self, generator: torch.Generator | None = None) -> Tensor:
        return torch.randn(self.mean.shape, generator=generator, device=self.mean.device)

    def at(self, noise: Tensor) -> Tensor:
        return self.mean + (0.5 * self.logvar).exp() * noise

    def density_at(self, noise: Tensor) -> Tensor:
        """Return ln q(z|x) per image, for z = mean + std * noise."""
        return -0.5 * (noise.square() + self.logvar + math.log(2 * math.pi)).sum(1)

    def densities(self, z: Tensor) -> Tensor:
        """Return the log-density of every row's posterior at every code, per dimension: (codes, rows, D)."""
        squares = (z[:, None].float() - self.mean).square() / self.logvar.exp()
        return -0.5 * (squares + self.logvar + math.log(2 * math.pi))

    def bound(self, likelihood: Callable[[Tensor], Tensor], generator: torch.Generator | None, draws: int) -> Tensor:
        """Return ln 1/K sum_k p(x|z_k) p(z_k) / q(z_k|x) per image, with z_k from q(z|x); `likelihood` returns
        ln p(x|z). On average the bound is at most ln p(x), and it gets closer with more draws: Burda, Grosse &
        Salakhutdinov, arXiv 1509.00519."""
        weights = []
        for _ in range(draws):
            noise = self.noise(generator)
            z = self.at(noise)
            weights.append(likelihood(z) + 0.5 * (noise.square() + self.logvar - z.square()).flatten(1).sum(1))
        return torch.stack(weights).logsumexp(0) - math.log(draws)


def require_density(loss: Loss | None) -> Loss:
    """Return the loss if it is a density of images; raise NotApplicable otherwise, as there is no ln p(x) to bound."""
    if loss is None or not loss.likelihood:
        objective = f"the loss {loss.name}" if loss else "the model's objective"
        raise NotApplicable(f"{objective} is not a density of images, so ln p(x) cannot be bounded")
    return loss
